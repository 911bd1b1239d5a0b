/*
 * hosted.h - encryption keys that the cloud keeps for mailboxes.
 *
 * A mailbox has a list of certificates, newest first; the first one is what
 * others encrypt to.  A certificate that is renewed keeps its key, a rotation
 * makes a new one, and nothing ever leaves the list: old mail names old
 * certificates.  Private keys lie in the store sealed under the
 * key-encryption key, bound to the mailbox and to their id.
 */
#ifndef WAXWING_CLOUD_HOSTED_H
#define WAXWING_CLOUD_HOSTED_H

#include "acme/kms.h"
#include "cloud/cloud.h"

/* One certificate of the list; strs in the arena. */
struct hosted_cert {
	struct str key; /* its id */
	struct str der;
	struct str serial; /* hex */
	int64_t from, until;
};

struct hosted {
	struct str mailbox; /* canonical; borrowed */
	struct hosted_cert *certs;
	size_t n;
};

/* Where the store has the lists, by mailbox. */
#define HOSTED_TABLE "hosted"

/* The list as it is committed; empty if the mailbox has no keys. */
int hosted_load(struct cloud *, struct str mailbox, struct arena *,
    struct hosted *, struct err *);

/* How it is with the newest certificate. */
enum hosted_state {
	HOSTED_NONE, /* there is none yet */
	HOSTED_GOOD,
	HOSTED_DUE,     /* two thirds of its time are over, or all of it */
	HOSTED_REVOKED, /* its key is not to be used any more */
};
int hosted_state(struct cloud *, const struct hosted *, int64_t now,
    enum hosted_state *, struct err *);

/* Put all keys of the list, under another key-encryption key, into the store's
 * open transaction. */
int hosted_reseal(struct cloud *, const struct hosted *,
    const struct crypt_key *to, struct err *);

/*
 * A new key with its certificate, or a new certificate for the newest key:
 * put into the list, the store's open transaction and the directory.
 * ERR_UNAVAILABLE: no key is ready, ask again soon.  ERR_LIMIT: the list is
 * full.
 */
int hosted_make(struct cloud *, struct hosted *, struct arena *, int64_t now,
    struct err *);
int hosted_renew(struct cloud *, struct hosted *, struct arena *, int64_t now,
    struct err *);

/* The private key of one of them as PKCS#8; the caller wipes it. */
int hosted_open(struct cloud *, const struct hosted *,
    const struct hosted_cert *, struct buf *pkcs8, struct err *);

#endif
