/*
 * pkey.h - what a device makes for itself: P-256 keys, a certificate that
 * vouches for nothing but carries a key, and requests for real ones.
 */
#ifndef WAXWING_SMIME_PKEY_H
#define WAXWING_SMIME_PKEY_H

#include <openssl/types.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A new P-256 key, or NULL. */
EVP_PKEY *pkey_new(struct err *);

/* PKCS#8 (RFC 5958) without encryption; the caller wipes the buffer, which
 * should have room.  get is put's partner. */
int pkey_put(EVP_PKEY *, struct buf *, struct err *);
EVP_PKEY *pkey_get(struct str, struct err *);

/* A self-signed certificate (DER) that says what a content key may be
 * encrypted to: keyUsage keyAgreement.  Valid from "from" for 50 years. */
int pkey_certify(EVP_PKEY *, const char *name, int64_t from, struct buf *out,
    struct err *);

/* A PKCS#10 request (RFC 2986, DER) for a certificate that signs mail of this
 * address: subjectAltName, keyUsage digitalSignature and extKeyUsage
 * emailProtection (RFC 8823 3.3). */
int pkey_request(EVP_PKEY *, const char *address, struct buf *out,
    struct err *);

#endif
