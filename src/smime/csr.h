/*
 * csr.h - certification requests (PKCS#10, RFC 2986) for one mailbox.
 *
 * What is asked for stands in an extensionRequest (RFC 2985 5.4.2): the address
 * in subjectAltName, what the key is for in keyUsage (RFC 8823 3.3).
 */
#ifndef WAXWING_SMIME_CSR_H
#define WAXWING_SMIME_CSR_H

#include "base/buf.h"
#include "smime/cert.h"

/* A request with an RSA key has 1 to 3 KiB. */
#define CSR_MAX ((size_t)16 * 1024)

/* More addresses than anybody's order has; then it does not match anyway. */
#define CSR_ADDRESSES 8

/* Make one, as DER.  use is CERT_SIGN, CERT_ENCRYPT or both. */
int csr_make(EVP_PKEY *, struct str address, unsigned use, struct buf *out,
    struct err *);

struct csr {
	EVP_PKEY *pkey;                 /* a reference */
	unsigned use;                   /* CERT_SIGN, CERT_ENCRYPT or both */
	char *addresses[CSR_ADDRESSES]; /* owned; each once */
	size_t naddresses;
};

/*
 * Read one.  Refused: a signature that is not the key's (ERR_CRYPTO) or is by
 * MD5 or SHA-1, a key that is weak or of a kind we do not certify
 * (ERR_UNTRUSTED), names other than mail addresses, other purposes than mail,
 * key usages besides RFC 8823's, a CA's request (ERR_DENIED).  Without keyUsage
 * it asks for both uses.
 */
int csr_get(struct str der, struct csr *, struct err *);
void csr_clear(struct csr *);

/* 0 if it asks for exactly this address, else ERR_DENIED (RFC 8555 7.4). */
int csr_check(const struct csr *, struct str address, struct err *);

/* Is it a key that we certify: RSA of 2048 to 8192 bits with a sane exponent,
 * P-256, P-384 or P-521?  ERR_UNTRUSTED if not. */
int csr_check_key(EVP_PKEY *, struct err *);

#endif
