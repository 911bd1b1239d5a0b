/*
 * jwk.h - what jws.c needs of jwk.c besides jws.h.
 */
#ifndef WAXWING_ACME_JWK_H
#define WAXWING_ACME_JWK_H

#include <jansson.h>

#include "acme/jws.h"

/* Like jwk_get, from JSON that is parsed already. */
EVP_PKEY *jwk_read(const json_t *, struct err *);

/* -1 (ERR_UNTRUSTED) unless it is P-256, or RSA of a size we take. */
int jwk_check(EVP_PKEY *, struct err *);

#endif
