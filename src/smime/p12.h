/*
 * p12.h - PKCS#12 files (RFC 7292): old kinds of encryption are read, new ones
 * read and written.
 *
 * RC2 and the like are needed for files of old programs; they come from
 * OpenSSL's legacy provider, loaded into a context of its own only for that.
 */
#ifndef WAXWING_SMIME_P12_H
#define WAXWING_SMIME_P12_H

#include "base/buf.h"
#include "smime/cert.h"
#include "smime/keydb.h"

struct p12_key {
	EVP_PKEY *pkey;
	struct cert *cert;
};

struct p12 {
	struct p12_key *keys; /* owned; every private key with its cert */
	size_t nkeys;
	struct cert **others; /* owned; the certificates without a key here */
	size_t nothers;
};

/*
 * Read a file.  The passphrase is UTF-8 and may be empty.  ERR_DENIED means
 * a wrong passphrase; ERR_NOTFOUND that there is no key with a certificate.
 */
int p12_read(struct p12 *, struct str file, struct str pass,
    struct cert_cache *, struct err *);
void p12_clear(struct p12 *);

/* Write a file with these keys, their certificates and chains: PBES2 with
 * AES-256 and a MAC with SHA-256.  The passphrase is UTF-8 and not empty. */
int p12_write(const struct key *const *keys, size_t n, struct str pass,
    struct buf *out, struct err *);

#endif
