/*
 * keydb.h - the private keys of one account, in memory.
 *
 * A key is a private key with its certificate, chain and purpose.  How it
 * lies on disk (wrapped) is the role's affair; key_put and key_get make and
 * read the plain record.
 */
#ifndef WAXWING_SMIME_KEYDB_H
#define WAXWING_SMIME_KEYDB_H

#include "base/buf.h"
#include "smime/cert.h"

struct key {
	char *address;       /* owned; the mailbox it belongs to */
	unsigned use;        /* CERT_SIGN, CERT_ENCRYPT or both */
	struct cert *cert;   /* a reference */
	struct cert **chain; /* references; issuer first */
	size_t nchain;
	EVP_PKEY *pkey; /* a reference */
};

/*
 * Make a key.  chain is searched for cert's issuers, in any order; what does
 * not belong is left out.  use is what the certificate allows of it.  NULL
 * with ERR_CRYPTO if pkey is not cert's key, ERR_DENIED if nothing is left
 * of use.
 */
struct key *key_new(struct str address, unsigned use, struct cert *,
    struct cert *const *chain, size_t nchain, EVP_PKEY *, struct err *);
void key_free(struct key *); /* accepts NULL */

/*
 * The record: magic, address, use, issuer, serial, SKI, validity,
 * certificate, chain, PKCS#8.  The caller wipes the buffer.  Read by
 * key_get.
 */
int key_put(const struct key *, struct buf *, struct err *);

/* Read a record of key_put. */
struct key *key_get(struct str record, struct cert_cache *, struct err *);

/* The facts of a record without the private key; the strs point into it. */
struct key_head {
	struct str address;
	unsigned use;
	struct str issuer, serial, ski;
	int64_t from, until;
	struct str cert;
};
int key_peek(struct str record, struct key_head *, struct err *);

struct keydb;

struct keydb *keydb_new(void);
void keydb_free(struct keydb *); /* accepts NULL */

/* Swallow a key, even when it fails.  A key with the same certificate is
 * replaced. */
int keydb_add(struct keydb *, struct key *);

size_t keydb_count(const struct keydb *);
const struct key *keydb_at(const struct keydb *, size_t);

/* The decryption key that a RecipientInfo names, whatever its validity: old
 * mail stays readable.  NULL if it is not here. */
const struct key *keydb_for(const struct keydb *, const struct rid *);

/* The key of address for one purpose that is valid at a time, the one that
 * stays valid longest if there are several; NULL if none. */
const struct key *keydb_find(const struct keydb *, struct str address,
    enum cert_use, int64_t at);

#endif
