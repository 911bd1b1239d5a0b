/*
 * facts.h - what is known of sealed messages, kept on disk so that listing
 * and searching them opens none.
 *
 * For each message (account, upstream, mailbox, UIDVALIDITY, UID) what FETCH
 * answers of its view without the body (RFC 3501 7.4.2), its security facts
 * and its search text; for each mailbox which UIDs are known and which of
 * them are sealed.  All of it can be made again, so nothing here ever fails a
 * command: errors are logged where they end, and a caller goes on without.
 *
 * Encrypted under a key of its own (factdb.h), bounded in bytes; what was not
 * used for longest goes.
 */
#ifndef WAXWING_PROXY_FACTS_H
#define WAXWING_PROXY_FACTS_H

#include "base/set.h"
#include "mail/view.h"
#include "proxy/msgname.h"
#include "sys/crypt.h"

struct facts;
struct open_ans;

/* The longest header that is kept. */
#define FACTS_HEADER_MAX (32UL * 1024)

/* The rendered items of a message together. */
#define FACTS_ITEMS_MAX (512UL * 1024)

struct facts_rec {
	uint64_t size;     /* of the view */
	struct str header; /* its whole header with the empty line; "": it is
	                    * longer than FACTS_HEADER_MAX */
	/* values of the items of that name, ready to send */
	struct str envelope;
	struct str body;
	struct str structure;
	struct str preview; /* "": unknown */
	int64_t sent;       /* the day in its Date field, see mail/date.h */
	uint8_t result;     /* enum open_result */
	uint8_t cipher;     /* enum open_cipher */
	uint8_t sign;       /* enum open_sign */
	bool has_text;      /* facts_text() has its search text */
};

/* The key is the proxy's "seen" subkey; this has one derived from it.  NULL
 * only when memory is out. */
struct facts *facts_open(const char *state_dir, const struct crypt_key *,
    struct err *);
void facts_close(struct facts *); /* accepts NULL; writes what waits */
void facts_limit(struct facts *, uint64_t bytes);

/* 1 found (its strings are in hold), 0 not there, -1 error.  All functions
 * accept a NULL facts: then nothing is there. */
int facts_get(struct facts *, const struct msg_name *, struct facts_rec *,
    struct buf *hold, struct err *);
/* Is there probably one?  Cheaper; it may be void all the same. */
bool facts_has(struct facts *, const struct msg_name *);
/* The search text, appended to out. */
int facts_text(struct facts *, const struct msg_name *, struct buf *out,
    struct err *);
/* has_text follows from text: "" is none. */
int facts_put(struct facts *, const struct msg_name *, const struct facts_rec *,
    struct str text, struct err *);

/* What a view, its first words (p NULL: unknown) and an opener's answer tell,
 * to be put.  Strings are in hold.  -1: they are too large to be kept. */
int facts_of_view(const struct view *, struct str preview,
    const struct open_ans *, struct facts_rec *, struct buf *hold);

/* The day for SENTBEFORE, SENTON and SENTSINCE. */
int64_t facts_sent(const struct view *);

/* A message is gone, or was another one than it seemed. */
void facts_drop(struct facts *, const struct msg_name *);
/* Those of all UIDVALIDITYs but this one (0: of all).  Done bit by bit. */
void facts_drop_mailbox(struct facts *, const struct account *,
    struct str mailbox, uint32_t keep);
void facts_drop_all(struct facts *);
/* A key came: what could not be opened before is not known any more. */
void facts_drop_unopened(struct facts *, const struct account *);

/* What was found out about the UIDs of a mailbox. */
struct facts_classes {
	struct set known;
	struct set sealed;
	struct set exist; /* all there were, or empty */
	uint32_t uidnext; /* when there were these */
	uint32_t uidvalidity;
};
void facts_classes_clear(struct facts_classes *);

/* Of this CLASSIFIER_VERSION (the name's uid does not matter): 1, 0 or -1.
 * Those of another UIDVALIDITY are not there, and with them goes what was known
 * of its messages; only that UIDVALIDITY and what was sealed are told.  With 0
 * it is of whatever UIDVALIDITY it has. */
int facts_classes_get(struct facts *, const struct msg_name *,
    struct facts_classes *, struct err *);
int facts_classes_put(struct facts *, const struct msg_name *,
    const struct facts_classes *, struct err *);

/* Write what was put, and make room; cheap when there is nothing to do.
 * Called every few seconds, and when many were put. */
void facts_commit(struct facts *);
/* Does anything wait for that?  So much that it should be soon? */
bool facts_waiting(const struct facts *);
bool facts_full(const struct facts *);

/* For status: bytes kept, and messages. */
uint64_t facts_bytes(const struct facts *);
uint64_t facts_count(const struct facts *);

#endif
