/*
 * kms.h - the key service's objects, as cloud, sealer and agent share them.
 *
 * The service is asked with JWS as in ACME (kid = the ACME account), and only
 * by an account that validated the mailbox less than 30 days ago.
 *
 * POST waxwingKeys, payload:
 *	{"mailbox": ADDRESS,
 *	 "transport": base64url DER certificate of the device's transport key,
 *	 "nonce": base64url of 16 to 32 random bytes,
 *	 "from": how many entries of the release log the device has seen,
 *	 "create": true to make a key if there is none whose newest certificate
 *	 is good, or "rotate": true for a new one}
 * answer, application/pkcs7-mime: CMS SignedData (DER) by the KMS key over a
 * JSON bundle:
 *	{"mailbox", "transport": base64url SHA-256 of the certificate,
 *	 "nonce",
 *	 "log": [ENTRY, ...]	entries from "from" on, as many as fit,
 *	 "head": {"size": n, "hash": hex} behind the last of them,
 *	 "more": true		if the log goes on there; else it is left out,
 *	 "keys": [{"certificate": base64url DER,
 *	           "chain": [base64url DER, ...],
 *	           "key": base64url AuthEnvelopedData of the PKCS#8 to the
 *	                  transport key}, ...]}
 * newest first, all there ever were.
 *
 * POST waxwingReleaseLog, payload {"mailbox", "nonce", "from": n}: SignedData
 * over {"mailbox", "nonce", "log", "head", "more"}.  A long log is read page
 * by page, each asked for from the head that the one before had.
 *
 * The release log is one hash chain per mailbox.  An ENTRY is a string that
 * holds JSON ({"n", "time", "what": "create"|"release"|"rotate"|"renew",
 * "account": thumbprint, "transport": base64url SHA-256, "keys": count; "n"
 * of the first is 0, "time" is RFC 3339); hash n = SHA-256(hash n-1, the
 * string's bytes), hash 0 = 32 zero bytes; head.size is how many entries there
 * are.  A key whose certificate was renewed is in the list once for each of
 * its certificates, since mail names them.
 */
#ifndef WAXWING_ACME_KMS_H
#define WAXWING_ACME_KMS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define KMS_BUNDLE_MAX (4UL * 1024 * 1024)
#define KMS_KEYS_MAX   100   /* keys of one mailbox: two a year for 50 years */
#define KMS_LOG_MAX    10000 /* entries in one answer */
#define KMS_HASH       32

struct kms_head {
	uint64_t size;
	uint8_t hash[KMS_HASH];
};

struct kms_ask {
	struct str mailbox;
	struct str transport; /* DER certificate */
	struct str nonce;     /* raw */
	uint64_t from;
	bool create;
	bool rotate;
};
int kms_ask_put(const struct kms_ask *, struct buf *out);
/* Strings are decoded into the arena. */
int kms_ask_get(struct str json, struct arena *, struct kms_ask *,
    struct err *);

struct kms_key {
	struct str cert;   /* DER */
	struct str *chain; /* DER, issuer first */
	size_t nchain;
	struct str key; /* AuthEnvelopedData */
};

struct kms_bundle {
	struct str mailbox;
	struct str transport; /* SHA-256, raw */
	struct str nonce;     /* raw */
	struct str *log;      /* entries as they are hashed */
	size_t nlog;
	struct kms_head head;
	bool more; /* the log does not end with head */
	struct kms_key *keys;
	size_t nkeys;
};
int kms_bundle_put(const struct kms_bundle *, struct buf *out);
int kms_bundle_get(struct str json, struct arena *, struct kms_bundle *,
    struct err *);

/* One entry more: hash = SHA-256(hash, entry). */
int kms_log_step(struct kms_head *, struct str entry);

/* Do these entries lead from the head seen to the one told?  ERR_UNTRUSTED:
 * the log was rolled back or rewritten. */
int kms_log_extends(const struct kms_head *seen, const struct str *log,
    size_t nlog, const struct kms_head *told, struct err *);

#endif
