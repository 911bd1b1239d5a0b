/*
 * jws.h - JSON Web Signature in its flattened JSON form (RFC 7515 7.2.2) as
 * ACME uses it (RFC 8555 6.2), JWK (RFC 7517) and its thumbprint (RFC 7638).
 *
 * Two algorithms: ES256 for P-256 keys and RS256 for RSA keys.  The algorithm
 * has to be the key's; "none" and MACs are never accepted (RFC 8555 6.2).
 */
#ifndef WAXWING_ACME_JWS_H
#define WAXWING_ACME_JWS_H

#include <openssl/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* What is signed along with the payload. */
struct jws_head {
	struct str nonce; /* empty: none (the inner JWS of keyChange) */
	struct str url;
	struct str kid; /* empty: the key itself is put in as "jwk" */
};

/* Write a JWS over payload (empty: POST-as-GET, RFC 8555 6.3). */
int jws_sign(EVP_PKEY *, const struct jws_head *, struct str payload,
    struct buf *out, struct err *);

/* A JWS as read; strings in the arena or in the text. */
struct jws {
	struct str alg; /* "ES256" or "RS256" */
	struct jws_head head;
	EVP_PKEY *jwk;        /* owned; NULL when a kid names the key */
	struct str payload;   /* decoded */
	struct str input;     /* what was signed */
	struct str signature; /* decoded */
};

/*
 * Read one without checking its signature.  Refused with ERR_SYNTAX: critical
 * extensions, a header that is not protected, several signatures, both or
 * neither of jwk and kid, no url, a nonce that is no base64url (whether there
 * must be one is the caller's to say).  ERR_UNSUPPORTED: another algorithm
 * (badSignatureAlgorithm); ERR_UNTRUSTED: a key that we do not take, below RSA
 * 2048 for instance (badPublicKey); ERR_LIMIT: too long or too deep.
 */
int jws_parse(struct str text, struct arena *, struct jws *, struct err *);
void jws_clear(struct jws *);

/* 0 if the signature is pkey's and alg is pkey's kind; else ERR_CRYPTO, or
 * ERR_UNTRUSTED for a key that we do not take. */
int jws_verify(const struct jws *, EVP_PKEY *, struct err *);

/* The public key as a JWK object, members in the order of RFC 7638.  jwk_get
 * gives ERR_UNTRUSTED for a key that we do not take (RSA of other than 2048 to
 * 8192 bits, another curve, a point beside it), ERR_SYNTAX for a private key
 * or what is none. */
int jwk_put(EVP_PKEY *, struct buf *out, struct err *);
EVP_PKEY *jwk_get(struct str json, struct err *);

/* SHA-256 thumbprint, base64url. */
int jwk_thumbprint(EVP_PKEY *, struct buf *out, struct err *);

#endif
