/*
 * crypt.h - the symmetric half: digests, HMAC, HKDF, AES-256-GCM over EVP.
 */
#ifndef WAXWING_SYS_CRYPT_H
#define WAXWING_SYS_CRYPT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define CRYPT_KEY    32 /* bytes of a key */
#define CRYPT_DIGEST 32 /* bytes of a SHA-256 digest */

struct crypt_key {
	uint8_t k[CRYPT_KEY];
};

void crypt_key_wipe(struct crypt_key *);

/* Read a master key: a regular file of exactly 32 bytes, mode 0600 or
 * stricter, owned by the caller or root.  With make, a missing file is made
 * (O_EXCL, fsync). */
int crypt_key_load(const char *path, bool make, struct crypt_key *,
    struct err *);

/* HKDF-SHA-256 (RFC 5869): out = expand(extract(key), label 0x00 context). */
int crypt_derive(const struct crypt_key *key, const char *label,
    struct str context, struct crypt_key *out);

/* The same with raw parts, for whoever must match a standard. */
int crypt_hkdf(struct str ikm, struct str salt, struct str info, void *out,
    size_t n);

int crypt_sha256(struct str, uint8_t out[CRYPT_DIGEST]);

/* The same of a text that comes in pieces.  new is NULL when memory is out;
 * end gives the digest and frees. */
struct crypt_hash;
struct crypt_hash *crypt_hash_new(void);
void crypt_hash_free(struct crypt_hash *); /* accepts NULL */
int crypt_hash_put(struct crypt_hash *, const void *, size_t);
int crypt_hash_end(struct crypt_hash *, uint8_t out[CRYPT_DIGEST]);

int crypt_hmac(const struct crypt_key *, struct str, uint8_t out[CRYPT_DIGEST]);
int crypt_random(void *, size_t);
/* Constant-time. */
bool crypt_equal(const void *, const void *, size_t);

/* AES-256-GCM with a random nonce: out = nonce, ciphertext, tag.  aad binds
 * the record to its place (key, account, purpose). */
int crypt_seal(const struct crypt_key *, struct str aad, struct str plain,
    struct buf *out, struct err *);
/* Returns -1 with ERR_CRYPTO and nothing in out unless the tag holds. */
int crypt_open(const struct crypt_key *, struct str aad, struct str sealed,
    struct buf *out, struct err *);

#endif
