/*
 * ca.h - certificates that this cloud gives out, and their revocation.
 *
 * The profile is that of the CA/Browser Forum's S/MIME baseline requirements
 * for mailbox-validated subscribers (smime/issue.h).  Who may have a
 * certificate was decided before.
 */
#ifndef WAXWING_CLOUD_CA_H
#define WAXWING_CLOUD_CA_H

#include <openssl/bio.h>

#include "cloud/cloud.h"

/* One certificate with its issuing authority's, as DER. */
struct ca_cert {
	struct buf der;
	char serial[65]; /* hex */
	char sha256[65]; /* hex, of der */
	int64_t until;
};
void ca_cert_init(struct ca_cert *);
void ca_cert_clear(struct ca_cert *);

/* A serial number: positive, and never shorter (RFC 5280 4.1.2.2), of 126
 * random bits. */
#define CA_SERIAL 16
int ca_serial(uint8_t out[CA_SERIAL], struct err *);

/* A certificate as PEM. */
int ca_put_pem(struct str der, BIO *);

/* Make a certificate for this public key and mailbox; use is CERT_SIGN,
 * CERT_ENCRYPT or both.  Nothing is stored. */
int ca_issue(struct cloud *, EVP_PKEY *, struct str mailbox, unsigned use,
    int64_t now, int64_t lifetime, struct ca_cert *, struct err *);

/* Put it into the store's open transaction, for an account ("" for hosted
 * keys).  id is the certificate's name in URLs. */
int ca_record(struct cloud *, const struct ca_cert *, struct str account_id,
    struct str mailbox, char id[CLOUD_ID], struct err *);

/* The certificate and the issuing authority's as PEM. */
int ca_chain_pem(const struct cloud *, struct str der, struct buf *out,
    struct err *);

/* 1 revoked, 0 not, -1. */
int ca_is_revoked(struct cloud *, struct str serial_hex, struct err *);

/* Revoke: 0, or -1 (ERR_DENIED: it is already). */
int ca_revoke(struct cloud *, struct str serial_hex, int64_t until, int reason,
    int64_t now, struct err *);

/* The CRL as DER, a new one if that is due; valid until the next call. */
int ca_crl(struct cloud *, int64_t now, struct str *der, struct err *);

/* The CRL: GET .../crl, and the issuing authority: GET .../ca. */
void ca_crl_serve(struct cloud *, const struct http_req *, struct http_res *);
void ca_cert_serve(struct cloud *, const struct http_req *, struct http_res *);

/* Make the first CRL and keep it fresh. */
struct revoked *revoked_new(struct cloud *, struct err *);
void revoked_free(struct revoked *); /* accepts NULL */

#endif
