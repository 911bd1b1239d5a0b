/*
 * issue.h - a certificate authority's side: certificates and CRLs (RFC 5280).
 *
 * Whoever asks decides what is certified; here is how it is written down.  All
 * append DER to out.  Serial numbers are big-endian bytes, 8 to 20 of them,
 * from a random generator (at least 64 bits of it: S/MIME BR 7.1), the first
 * one from 0x01 to 0x7f.  Times are seconds since the epoch, both ends
 * included.  URLs are http, as they must work without the certificates they
 * are about; an empty one leaves its extension out.
 */
#ifndef WAXWING_SMIME_ISSUE_H
#define WAXWING_SMIME_ISSUE_H

#include "base/buf.h"
#include "smime/cert.h"

/* Who signs. */
struct issuer {
	const struct cert *cert;
	EVP_PKEY *pkey;
};

struct issue_terms {
	struct str serial;
	int64_t from, until;
	struct str crl_url;
	struct str ca_url; /* where the issuer's own certificate is */
};

/* 825 days (S/MIME BR 6.3.2), for certificates of mailboxes. */
#define ISSUE_MAIL_MAX (INT64_C(825) * 86400)

/* The policy of mailbox-validated strict certificates (S/MIME BR 7.1.6.1). */
#define ISSUE_MAIL_POLICY "2.23.140.1.5.1.3"

/*
 * For a mailbox, by the mailbox-validated strict profile of the CA/Browser
 * Forum's S/MIME baseline requirements (7.1.2.3), with sMIMECapabilities as
 * RFC 4262 says when it may encrypt.  use is CERT_SIGN, CERT_ENCRYPT or both;
 * subject is a public key that csr_check_key takes.  ERR_DENIED for what the
 * profile forbids.
 */
int issue_mail(const struct issuer *, EVP_PKEY *subject, struct str address,
    unsigned use, const struct issue_terms *, struct buf *out, struct err *);

/* A root: self-signed, for certificates and CRLs. */
int issue_root(EVP_PKEY *, struct str name, const struct issue_terms *,
    struct buf *out, struct err *);

/* An issuing authority below it, for mail only, with no other below. */
int issue_authority(const struct issuer *, EVP_PKEY *subject, struct str name,
    const struct issue_terms *, struct buf *out, struct err *);

/* For a TLS server: names are DNS names or IP addresses in text. */
int issue_tls(const struct issuer *, EVP_PKEY *subject, const struct str *names,
    size_t n, const struct issue_terms *, struct buf *out, struct err *);

/*
 * Self-signed and trusted by being known: a device's transport key
 * (CERT_ENCRYPT), the key service's signing key (CERT_SIGN).
 */
int issue_self(EVP_PKEY *, struct str name, unsigned use,
    const struct issue_terms *, struct buf *out, struct err *);

/* Why a certificate was revoked (RFC 5280 5.3.1); those that the S/MIME BR 4.9
 * and RFC 8555 7.6 leave over. */
enum crl_reason {
	CRL_UNSPECIFIED = 0,
	CRL_KEY_COMPROMISE = 1,
	CRL_AFFILIATION_CHANGED = 3,
	CRL_SUPERSEDED = 4,
	CRL_CESSATION = 5,
	CRL_PRIVILEGE_WITHDRAWN = 9,
};
bool crl_reason_known(uint64_t);

struct crl_row {
	struct str serial;
	int64_t at;
	enum crl_reason reason;
};

struct crl_ask {
	uint64_t number; /* larger than the last one's */
	int64_t at, next;
	const struct crl_row *rows;
	size_t nrows;
};
int issue_crl(const struct issuer *, const struct crl_ask *, struct buf *out,
    struct err *);

#endif
