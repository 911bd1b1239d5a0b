/*
 * take.h - what the operations share that make keys of what the agent fetched
 * from the cloud.
 *
 * Anybody may have made it.  Everything is checked before anything is changed,
 * and then all of it is changed at once; to take the same twice changes
 * nothing.
 */
#ifndef WAXWING_SEALER_TAKE_H
#define WAXWING_SEALER_TAKE_H

#include "base/blob.h"
#include "sealer/whose.h"

/* What an answer brings, until it is kept. */
struct take {
	struct sealer *sealer;
	struct whose whose;
	struct blob *text; /* owned; what came */
	struct key **keys; /* owned, each too: all that came */
	size_t nkeys;
	struct key **fresh; /* owned; those of keys that are not here yet */
	size_t nfresh;
	struct blob *list; /* owned; the answer's first blob */
	struct blob *log;  /* owned; its second, or NULL */
	uint64_t page;     /* the log goes on behind so many entries, or 0 */
};

/* Do the work of an operation and answer it: fn checks and keeps what is in
 * text, at most max bytes, and fills the rest. */
void take_run(struct sealer *, struct ipc *, struct ipc_msg *, size_t max,
    int (*fn)(struct take *, struct err *));

/* Room for n keys. */
int take_room(struct take *, size_t n, struct err *);

/* The keys that are here already, borrowed; and which of them, for at least
 * such a use, has this certificate, or NULL. */
const struct keydb *take_known(struct take *, struct err *);
const struct key *take_held(const struct keydb *,
    const uint8_t fingerprint[FINGERPRINT], unsigned use);

/* The certificate must be the mailbox's and nobody else's. */
int take_check_name(const struct take *, const struct cert *, struct err *);

#endif
