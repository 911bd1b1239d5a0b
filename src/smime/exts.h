/*
 * exts.h - making the extensions of certificates, requests and CRLs (RFC 5280
 * 4.2), for csr.c and issue.c.
 *
 * A list of extensions is NULL while empty and freed by exts_free.  All but
 * that return whether it worked; OpenSSL's queue says why not.
 */
#ifndef WAXWING_SMIME_EXTS_H
#define WAXWING_SMIME_EXTS_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

typedef STACK_OF(X509_EXTENSION) exts;

void exts_free(exts *); /* accepts NULL */

/* Any extension by its NID and the structure that OpenSSL has for it. */
bool exts_add(exts **, int nid, void *value, bool critical);

/* keyUsage, critical, of what a key of that kind may do; use is enum
 * cert_use. */
bool exts_usage(exts **, EVP_PKEY *, unsigned use);

/* extKeyUsage with one purpose: NID_email_protect or NID_server_auth. */
bool exts_purpose(exts **, int purpose);

/*
 * subjectAltName with one mailbox: rfc822Name, or SmtpUTF8Mailbox for a local
 * part that is not ASCII (RFC 9598).  Critical for an empty subject (RFC 5280
 * 4.2.1.6).
 */
bool exts_address(exts **, struct str address, bool critical);

/* subjectAltName with the names of a server: IP addresses in text, or DNS
 * names. */
bool exts_hosts(exts **, const struct str *names, size_t n);

/* An extension whose value is DER already. */
bool exts_raw(exts **, int nid, struct str der);

/* subjectKeyIdentifier (RFC 7093 2 method 1) and authorityKeyIdentifier. */
bool exts_subject_key(exts **, const X509 *);
bool exts_authority_key(exts **, X509 *issuer);

/* cRLDistributionPoints, authorityInfoAccess with caIssuers: one URL each. */
bool exts_crl(exts **, struct str url);
bool exts_ca_issuers(exts **, struct str url);

/* certificatePolicies with one policy, in dots. */
bool exts_policy(exts **, const char *oid);

/* Is it an address that fits here: one "@", no blanks or controls, an ASCII
 * domain?  -1 (ERR_UNSUPPORTED) if not. */
int exts_check_address(struct str address, struct err *);

/* A Name with the address as commonName; empty if it is longer than the 64
 * characters that fit there (RFC 5280 A.1).  NULL when memory is out. */
X509_NAME *exts_name(struct str common_name);

/* The digest that goes with a key's signature. */
const EVP_MD *exts_digest(EVP_PKEY *);

#endif
