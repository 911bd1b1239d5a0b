/*
 * release.h - the log of released keys: one hash chain a mailbox (acme/kms.h).
 *
 * An entry is never changed and none is ever taken away.  Each is kept with
 * the hash that the chain has behind it, so that what is read can be checked
 * and a head can be told for any place.
 */
#ifndef WAXWING_CLOUD_RELEASE_H
#define WAXWING_CLOUD_RELEASE_H

#include "acme/kms.h"
#include "base/arena.h"
#include "cloud/store.h"

/* One entry to be: what happened, for whom. */
struct release {
	const char *what;      /* "create", "release", "rotate", "renew" */
	const char *time;      /* as people and machines read it */
	struct str account;    /* the account key's thumbprint */
	const char *transport; /* base64url SHA-256 of the certificate */
	size_t keys;           /* how many went out */
};

/* How many entries there are, and the hash behind the last: an empty log has
 * size 0 and a hash of zeros. */
int release_head(struct store *, struct str mailbox, struct kms_head *,
    struct err *);

/* Append, in the store's open transaction; one in each. */
int release_add(struct store *, struct str mailbox, const struct release *,
    struct err *);

/*
 * The entries from number from on (the first is 0), at most max of them, and
 * the head behind the last one.  With from beyond the end there is none, and
 * the head is the log's own.  ERR_CRYPTO if the chain does not hold: somebody
 * changed the store.
 */
int release_read(struct store *, struct str mailbox, uint64_t from, size_t max,
    struct arena *, struct str **log, size_t *n, struct kms_head *,
    struct err *);

#endif
