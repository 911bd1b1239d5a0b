/*
 * p12.h - reading PKCS#12 files (RFC 7292), old kinds of encryption and new.
 *
 * RC2 and the like are needed for files of old programs; they come from
 * OpenSSL's legacy provider, loaded into a context of its own only for that.
 */
#ifndef WAXWING_SMIME_P12_H
#define WAXWING_SMIME_P12_H

#include "smime/cert.h"

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

#endif
