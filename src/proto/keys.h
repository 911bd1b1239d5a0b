/*
 * keys.h - OP_KEY_IMPORT, OP_KEY_LIST, OP_KEY_ARRIVED, OP_VERIFY,
 * OP_CERT_IMPORT, OP_CERT_LIST, OP_CERT_APPROVE.
 *
 * OP_KEY_IMPORT: descriptors 0 the p12 file and 1 the passphrase, sealed
 * memfds made by the control client; the sealer reads them.  The answer's
 * blob 0 is a cert_list of the certificates that came with the keys.
 * OP_KEY_LIST, OP_CERT_LIST: request list_req, an account or address (may be
 * empty); the answer is err + blob 0, a JSON array.
 * OP_VERIFY: blob 0 holds certificates as found (PEM, DER, or certs-only
 * CMS), blob 1 (may be missing) what was fetched before, each a string:
 * revocation lists in DER and issuers' certificates; the answer's blob 0 is a
 * cert_list with a verdict each.
 * OP_CERT_IMPORT: body one u8 trust; blob 0 certificates as found; the answer
 * is err + blob 0 JSON of what was taken and refused.
 * OP_CERT_APPROVE: an approve_req; the answer is err + blob 0, that certificate
 * as JSON.
 */
#ifndef WAXWING_PROTO_KEYS_H
#define WAXWING_PROTO_KEYS_H

#include "proto/lookup.h"
#include "proto/rec.h"

struct key_import_req {
	struct str account;
	struct str address;
};

void key_import_req_put(struct buf *, const struct key_import_req *);
int key_import_req_get(struct str, struct key_import_req *, struct err *);

/* The same shape for both: whose keys or certificates; empty: all. */
void list_req_put(struct buf *, struct str whose);
int list_req_get(struct str, struct str *whose, struct err *);

/* A certificate of an address that waits for it may be used. */
struct approve_req {
	struct str address;
	bool named;                       /* else it is the only one */
	uint8_t fingerprint[FINGERPRINT]; /* if named */
};

void approve_req_put(struct buf *, const struct approve_req *);
int approve_req_get(struct str, struct approve_req *, struct err *);

/* Told by the sealer to the proxy: mail sealed to it can be opened now. */
struct key_arrived {
	struct str account;
	struct str issuer_serial; /* DER IssuerAndSerialNumber */
	struct str ski;
};

void key_arrived_put(struct buf *, const struct key_arrived *);
int key_arrived_get(struct str, struct key_arrived *, struct err *);

enum cert_usage { USAGE_ENCRYPT = 1, USAGE_SIGN = 2 };

struct verify_req {
	uint8_t usage;      /* enum cert_usage, or 0: whatever it is for */
	struct str address; /* must be in the certificate; empty: any */
	int64_t time;
	bool manual;     /* imported by hand: an unknown issuer is no error */
	bool revocation; /* a valid list must say that it is not revoked */
};

struct verify_ans {
	struct err err;
	/* Where the list of revocations, or the issuer's certificate, is that
	 * was missing or too old; the verdict is ERR_UNAVAILABLE then. */
	struct str crl;
};

void verify_req_put(struct buf *, const struct verify_req *);
int verify_req_get(struct str, struct verify_req *, struct err *);
void verify_ans_put(struct buf *, const struct verify_ans *);
int verify_ans_get(struct str, struct verify_ans *, struct err *);

/* One certificate with what the verifier read in it. */
struct cert_rec {
	struct err verdict;
	struct str der;
	struct str
	    addresses; /* separated by single spaces, lower case domain */
	struct str subject;
	uint8_t fingerprint[FINGERPRINT];
	uint8_t usage; /* USAGE_ENCRYPT | USAGE_SIGN */
	bool gcm;
	bool oaep;
	int64_t not_before;
	int64_t not_after;
};

/* A list is simply one cert_rec after the other: put appends, get advances
 * (0 end, 1 one read, -1 malformed). */
void cert_rec_put(struct buf *, const struct cert_rec *);
int cert_rec_get(struct rec *, struct cert_rec *, struct err *);

/* How pub/ keys its entries (sys/db): "a" address -> cert_rec list, newest
 * first; "f" fingerprint -> cert_rec.  Written by agent, read by others. */
#define PUB_BY_ADDRESS     "a"
#define PUB_BY_FINGERPRINT "f"
/* "t" fingerprint address -> {u8 enum trust, u64 when it was learned}. */
#define PUB_TRUST "t"
/* The agent's own: "l" address -> what the directory said, "c" URL -> a list
 * of revocations or an issuer's certificate. */
#define PUB_LOOKED "l"
#define PUB_CRL    "c"

/*
 * How key/ keys its records: purpose, SHA-256 of the account, fingerprint of
 * the certificate.  So all keys of an account for one purpose have a prefix of
 * their own; one that may do both is there twice.  The value is
 * crypt_seal()ed, under crypt_derive("keys" subkey, KEYLABEL_OPEN or
 * KEYLABEL_SIGN, account) and with key_id_aad(), and holds smime's key_put().
 * The account is the canonical login, in lower case.
 */
enum key_purpose { KEY_OPENS = 'o', KEY_SIGNS = 's' };

/*
 * Besides them key/ holds what enrolment needs (sealer/device.h), which only
 * the sealer reads: kind, SHA-256 of the account, and a digest: of the cloud's
 * URL for DEVICE_KEYS, of URL, zero byte and mailbox for the next two, of the
 * certificate for the last.  The value is crypt_seal()ed under KEYLABEL_DEVICE
 * and bound to the same as in key_id_aad().  ('i' and 'n' are the sealer's
 * indexes.)
 */
enum device_kind {
	DEVICE_KEYS = 'd',    /* ACME account key and transport key */
	DEVICE_PENDING = 'p', /* the signing key that waits for a certificate */
	DEVICE_MAILBOX = 'm', /* log head seen, nonces, current signing key */
	DEVICE_RETIRED = 'r', /* the certificate of an earlier signing key */
};

struct key_id {
	char b[1 + 32 + FINGERPRINT];
};

/* Both return the key as a str that points into id; the first is the prefix
 * to walk by.  account is the SHA-256 (crypt_sha256) of the account. */
struct str key_id_prefix(struct key_id *, enum key_purpose,
    const uint8_t account[32]);
struct str key_id_make(struct key_id *, enum key_purpose,
    const uint8_t account[32], const uint8_t fingerprint[FINGERPRINT]);

/* The fingerprint in a key found by a walk; false if it is no such key. */
bool key_id_fingerprint(struct str id, uint8_t fingerprint[FINGERPRINT]);

/* What the seal of the value binds: purpose, account, fingerprint. */
void key_id_aad(struct buf *, enum key_purpose, struct str account,
    const uint8_t fingerprint[FINGERPRINT]);

#endif
