/*
 * store.h - pub/: certificates of others, by address and by fingerprint (the
 * layout is in proto/keys.h, because the sealer reads it too).
 */
#ifndef WAXWING_AGENT_STORE_H
#define WAXWING_AGENT_STORE_H

#include "agent/certlist.h"

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

/* The certificates of an address (lower case) with their trust: at most
 * CERTLIST_MAX items, which borrow from text.  0, or -1. */
int store_find(struct store *, struct str address, struct buf *text,
    struct certlist_item *, size_t *n, struct err *);

/* How far a certificate is trusted for an address: 1, 0 unknown, -1. */
int store_trust(struct store *, const uint8_t fingerprint[FINGERPRINT],
    struct str address, uint8_t *trust, struct err *);

/* Call f for every certificate; non-zero stops. */
typedef int store_fn(const struct cert_rec *, void *arg);
int store_walk(struct store *, store_fn *, void *arg, struct err *);

#endif
