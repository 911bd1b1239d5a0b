/*
 * chain.h - does a certificate hold (RFC 5280 6, RFC 8550 4)?
 *
 * Path validation against anchors the administrator named, at a time the
 * caller names.  No network: intermediates and revocation lists are handed
 * in.
 */
#ifndef WAXWING_SMIME_CHAIN_H
#define WAXWING_SMIME_CHAIN_H

#include "base/buf.h"
#include "smime/cert.h"

struct anchors;

struct anchors *anchors_new(void);
void anchors_free(struct anchors *);              /* accepts NULL */
int anchors_add(struct anchors *, struct cert *); /* takes its own ref */
/* Every CERTIFICATE in a PEM text; returns how many, -1 on a bad one. */
int anchors_add_pem(struct anchors *, struct cert_cache *, struct str text,
    struct err *);

struct chain_ask {
	const struct anchors *anchors;
	struct cert *const *extra; /* intermediates, untrusted */
	size_t nextra;
	int64_t at;         /* seconds since the epoch */
	enum cert_use use;  /* CERT_SIGN or CERT_ENCRYPT */
	struct str address; /* must be in the certificate; empty: not asked */
	/* Must a list of its issuer, valid at that time, say that the
	 * certificate is not revoked (RFC 5280 6.3)? */
	bool revocation;
	struct str crls; /* such lists in DER, one after the other */
};

/* 0 if it holds; -1 with ERR_UNTRUSTED and the reason if not, or with
 * ERR_UNAVAILABLE if only the list is missing or too old.  With revocation
 * asked, an issuer's certificate that is missing is ERR_NOTFOUND. */
int chain_verify(struct cert *, const struct chain_ask *, struct err *);

/* Where the certificate's issuer publishes its list (RFC 5280 4.2.1.13): the
 * first http or https URL, appended to out.  -1 if it names none. */
int chain_crl_url(const struct cert *, struct buf *out);
/* Where its issuer's certificate is (4.2.2.1, caIssuers), likewise. */
int chain_issuer_url(const struct cert *, struct buf *out);

#endif
