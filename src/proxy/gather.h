/*
 * gather.h - one FETCH response, or one result of a search, collected for a
 * job.
 *
 * The text with small literals in it is held in memory, up to
 * LIMIT_RESPONSE_TEXT; a message's body goes to a memfd, and so does whatever
 * else is large: a hostile mail's header may be.
 */
#ifndef WAXWING_PROXY_GATHER_H
#define WAXWING_PROXY_GATHER_H

#include "base/arena.h"
#include "base/blob.h"
#include "base/buf.h"
#include "imap/resp.h"
#include "proxy/ahead.h"
#include "sys/crypt.h"
#include "sys/memfd.h"
#include "sys/stream.h"

/* Large literals in one response: we ask for one. */
#define GATHER_AWAY 4
/* Literals up to this stay in the text, if they are no bodies. */
#define GATHER_HERE (64UL * 1024)

struct gather {
	uint32_t seq;
	unsigned joined; /* from so many more */
	bool bodies;
	bool results; /* no FETCH */
	struct buf text;
	size_t away[GATHER_AWAY]; /* offsets in text */
	struct blob *blobs[GATHER_AWAY];
	size_t naway;
	uint8_t digests[GATHER_AWAY][CRYPT_DIGEST]; /* SHA-256 of each */
	struct memfd *body;      /* owned; being filled, ... */
	struct crypt_hash *hash; /* owned; ... its digest made, ... */
	struct ahead *ahead;     /* owned; ... and the opener told */
	struct account *account; /* whose opener; NULL: none is told */
	struct arena arena;      /* for the items */
};

struct gather *gather_new(uint32_t seq, bool bodies, struct account *);
struct gather *gather_new_results(void);
void gather_free(struct gather *); /* accepts NULL */

/* Bytes of the response, as lex_step() divides them; left is the length of
 * the literal announced.  -1 with the reason at a limit. */
int gather_put(struct gather *, enum lex_event, struct str, uint64_t left,
    struct err *);

/* Find an item by its name; prefix: by how it begins. */
bool gather_find(struct gather *, struct str name, bool prefix,
    struct resp_item *);

/* The same for what a server says in few words, such as flags: its value is
 * all there, none of it kept apart. */
bool gather_words(struct gather *, struct str name, struct resp_item *);

/* What an item that is not NIL says, borrowed; or as a memfd, a reference, with
 * its SHA-256.  NULL with the reason. */
struct str gather_str(const struct gather *, const struct resp_item *);
struct blob *gather_blob(const struct gather *, const struct resp_item *,
    uint8_t digest[CRYPT_DIGEST], struct err *);

/* Does it hold anything made of the message's bytes? */
bool gather_bytes(struct gather *);

/* Two that are about one message, as if the server had said it at once (first
 * what b says).  NULL: no, or out of memory. */
struct gather *gather_join(const struct gather *a, const struct gather *b);

/* UID's value, or 0. */
uint32_t gather_uid(struct gather *);

/* Is it whole and well-formed? */
bool gather_ok(struct gather *);

/* It was not for the job: as it came, to the client. */
void gather_pass(struct gather *, struct stream *);

/* It was, but if it told flags that were not asked for, they are not. */
void gather_pass_flags(struct gather *, struct stream *);

#endif
