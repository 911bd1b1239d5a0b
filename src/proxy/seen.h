/*
 * seen.h - what fixes the bytes of a view, on disk for ever.
 *
 * For each sealed message (account, upstream, mailbox, UIDVALIDITY, UID): when
 * it was first seen, the digest of its wire text, its From, the status fields
 * as they were made then, and the digest of the view.  A view that is built
 * again is checked against it, so that a client that reads in pieces or from
 * several devices always finds the same bytes.
 *
 * Keys are HMACs and values AES-256-GCM under the proxy's "seen" subkey.
 * What was put is synced by seen_commit() before the first answer that uses
 * it.
 */
#ifndef WAXWING_PROXY_SEEN_H
#define WAXWING_PROXY_SEEN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "sys/crypt.h"

struct seen;

/* The name of one message. */
struct seen_key {
	uint8_t k[CRYPT_DIGEST];
};

struct seen_name {
	struct str login;
	struct str domain;  /* of its upstream */
	struct str mailbox; /* under the name it had first (boxname.h) */
	uint32_t uidvalidity;
	uint32_t uid;
};

/* -1: out of memory. */
int seen_key_make(const struct crypt_key *, const struct seen_name *,
    struct seen_key *);

struct seen_rec {
	int64_t first_seen;
	uint32_t version; /* VIEW_VERSION */
	uint8_t wire[CRYPT_DIGEST];
	uint8_t view[CRYPT_DIGEST];
	bool other_from;
	uint8_t result; /* enum open_result */
	uint32_t keys;  /* seen_keys() then */
	bool unopened;  /* clients were given it unopened once */
	struct str from;
	struct str status;
};

struct seen *seen_open(const char *state_dir, const struct crypt_key *,
    struct err *);
void seen_close(struct seen *); /* accepts NULL; commits */

/* 1 found (its strings are in hold), 0 not there, -1 error. */
int seen_get(struct seen *, const struct seen_key *, struct seen_rec *,
    struct buf *hold, struct err *);
int seen_put(struct seen *, const struct seen_key *, const struct seen_rec *,
    struct err *);

/* Its UID is gone, or it is to be made anew. */
int seen_drop(struct seen *, const struct seen_key *, struct err *);

/* How many keys came to an account so far: what was shown unopened before the
 * last one is not fixed any more. */
uint32_t seen_keys(struct seen *, struct str login);
int seen_key_came(struct seen *, struct str login, struct err *);

/*
 * Whose is this ciphertext?  Remembers the From under which the account saw
 * it first.  1 if that was another one than from, else 0; -1 error.
 */
int seen_other_from(struct seen *, struct str login,
    const uint8_t content[CRYPT_DIGEST], struct str from, struct err *);

/* Remember a name for ever, and was it remembered?  1, 0 or -1. */
int seen_mark(struct seen *, struct str name, struct err *);
int seen_marked(struct seen *, struct str name, struct err *);

/* Something else to be kept under a name of its own: what it is now (1, 0 or
 * -1), and what it shall be; an empty value removes it. */
int seen_kept(struct seen *, struct str name, struct buf *value, struct err *);
int seen_keep(struct seen *, struct str name, const struct buf *value,
    struct err *);

/* Sync what was put.  Cheap when there is nothing.  What could not be written
 * is tried again by the next one, and -1 until it was. */
int seen_commit(struct seen *, struct err *);

/* After that: is there nothing about this one that still has to be? */
bool seen_written(const struct seen *, const struct seen_key *);

#endif
