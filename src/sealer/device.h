/*
 * device.h - what enrolment keeps in the key store.
 *
 * Per account and cloud: the device's two keys, made once and never changed.
 * Per mailbox of it: the signing key that waits for its certificate, what was
 * last seen of the release log, and the nonces of our questions.
 */
#ifndef WAXWING_SEALER_DEVICE_H
#define WAXWING_SEALER_DEVICE_H

#include <openssl/types.h>

#include "acme/kms.h"
#include "sealer/keystore.h"

#define DEVICE_NONCE 32

/* Whose and where; all borrowed. */
struct device_of {
	struct keystore *store;
	struct str account; /* canonical */
	struct str url;     /* [cloud] url */
	struct str address; /* the mailbox, in lower case; maybe empty */
};

struct device {
	EVP_PKEY *account;  /* owned; the ACME account key */
	struct key *opener; /* owned; the transport key with its certificate */
};

/* The device's keys: 1, 0 if there are none and make is not asked, -1.  New
 * ones are on disk before they are returned. */
int device_get(const struct device_of *, bool make, int64_t now,
    struct device *, struct err *);
void device_clear(struct device *);

/* The pending signing key of the mailbox, in the same way. */
int device_pending(const struct device_of *, bool make, EVP_PKEY **,
    struct err *);
/* Between keystore_begin() and keystore_commit(). */
int device_pending_drop(const struct device_of *, struct err *);

enum device_ask { ASK_KEYS, ASK_LOG, ASK_KINDS };

struct device_mailbox {
	struct kms_head head; /* of the release log, as seen last */
	/* how far the log was read by pages, which began at its beginning */
	struct kms_head paged;
	bool signs; /* is there an enrolled signing key? */
	uint8_t signing[FINGERPRINT];
	struct device_asked {
		bool is; /* a question was asked; its answer may come again */
		struct kms_head from; /* what of the log it told that we know */
		uint8_t nonce[DEVICE_NONCE];
	} asked[ASK_KINDS];
};

/* All zero if there is nothing yet. */
int device_mailbox_get(const struct device_of *, struct device_mailbox *,
    struct err *);
int device_mailbox_put(const struct device_of *, const struct device_mailbox *,
    struct err *);

/* The certificate of a signing key that was replaced. */
int device_retire(const struct device_of *, const struct cert *, struct err *);
/* 1 (appended to out as DER), 0, -1. */
int device_retired(const struct device_of *,
    const uint8_t fingerprint[FINGERPRINT], struct buf *out, struct err *);

#endif
