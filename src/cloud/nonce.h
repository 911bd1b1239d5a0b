/*
 * nonce.h - anti-replay nonces (RFC 8555 6.5).
 *
 * A nonce is a counter with a MAC under a key that lives as long as the
 * process, so none has to be stored until it is used; which of the newest
 * were used is a bit each.  An older one is no longer good, and a restart
 * ends all: clients try again with the nonce of the refusal.
 */
#ifndef WAXWING_CLOUD_NONCE_H
#define WAXWING_CLOUD_NONCE_H

#include <stdint.h>

#include "base/buf.h"

/* How many of the newest can still be used. */
#define NONCE_WINDOW (1UL << 20)

struct nonces;

struct nonces *nonces_new(void);
void nonces_free(struct nonces *); /* accepts NULL */

/* A fresh one, base64url. */
int nonce_make(struct nonces *, struct buf *out);

/* True once for each nonce that was made. */
bool nonce_use(struct nonces *, struct str);

#endif
