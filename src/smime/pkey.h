/*
 * pkey.h - the private keys that a device makes for itself.
 */
#ifndef WAXWING_SMIME_PKEY_H
#define WAXWING_SMIME_PKEY_H

#include <openssl/types.h>

#include "base/buf.h"
#include "base/err.h"

/* A new P-256 key, or NULL. */
EVP_PKEY *pkey_new(struct err *);

/* PKCS#8 (RFC 5958) without encryption; the caller wipes the buffer, which
 * should have room.  get is put's partner. */
int pkey_put(EVP_PKEY *, struct buf *, struct err *);
EVP_PKEY *pkey_get(struct str, struct err *);

#endif
