/*
 * store.h - pub/: certificates of others, by address and by fingerprint (the
 * layout is in proto/keys.h, because the sealer reads it too).
 */
#ifndef WAXWING_AGENT_STORE_H
#define WAXWING_AGENT_STORE_H

#include "agent/certlist.h"

/* A list of a hundred thousand revocations. */
#define CRL_MAX ((size_t)4 * 1024 * 1024)

struct store;

/* Open (make) STATE_DIR/pub. */
struct store *store_open(const char *state_dir, struct err *);
void store_close(struct store *); /* accepts NULL */

/*
 * Remember a certificate that the verifier accepted for all its addresses,
 * on disk when it returns 0.  Trust never falls.  Refused: one that was not
 * accepted, or that names no address (ERR_UNTRUSTED).
 */
int store_put(struct store *, const struct cert_rec *, enum trust, int64_t now,
    struct err *);

/* The same with what c says its owner can read, whatever was known before. */
int store_put_as_is(struct store *, const struct cert_rec *, enum trust,
    int64_t now, struct err *);

/* A certificate that is kept is trusted for an address as if it had been
 * imported by hand. */
int store_approve(struct store *, const uint8_t fingerprint[FINGERPRINT],
    struct str address, int64_t now, struct err *);

/* The certificates of an address (lower case) with their trust: at most
 * CERTLIST_MAX items, which borrow from text.  0, or -1. */
int store_find(struct store *, struct str address, struct buf *text,
    struct certlist_item *, size_t *n, struct err *);

/* How far a certificate is trusted for an address: 1, 0 unknown, -1. */
int store_trust(struct store *, const uint8_t fingerprint[FINGERPRINT],
    struct str address, uint8_t *trust, struct err *);

/* How a directory answered for an address when it was asked last. */
struct looked {
	bool found;
	int64_t at;    /* when it answered */
	int64_t fresh; /* until then it need not be asked again */
	int64_t ended; /* when it last went from found to not found; or 0 */
	uint8_t fingerprint[FINGERPRINT]; /* found: which one */
	struct str etag;
};

/* 1 (etag borrows from text), 0 never asked, -1. */
int store_looked(struct store *, struct str address, struct buf *text,
    struct looked *, struct err *);
int store_put_looked(struct store *, struct str address, const struct looked *,
    struct err *);

/* A list of revocations (RFC 5280 5) by its URL. */
struct crl_rec {
	int64_t at;    /* when it was fetched, or found unchanged */
	int64_t fresh; /* until then it need not be fetched again */
	struct str etag;
	struct str der;
};

int store_crl(struct store *, struct str url, struct buf *text,
    struct crl_rec *, struct err *);
int store_put_crl(struct store *, struct str url, const struct crl_rec *,
    struct err *);
/* Call f for each list; non-zero stops. */
typedef int store_crl_fn(struct str url, const struct crl_rec *, void *arg);
int store_walk_crls(struct store *, store_crl_fn *, void *arg, struct err *);

/* Call f for every certificate; non-zero stops. */
typedef int store_fn(const struct cert_rec *, void *arg);
int store_walk(struct store *, store_fn *, void *arg, struct err *);

#endif
