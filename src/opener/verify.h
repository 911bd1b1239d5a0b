/*
 * verify.h - what the verifier does for the agent: read certificates that
 * came from anywhere, and say which hold.
 */
#ifndef WAXWING_OPENER_VERIFY_H
#define WAXWING_OPENER_VERIFY_H

#include "proto/keys.h"
#include "smime/chain.h"

/* What is judged besides the certificates. */
struct verify_with {
	const struct verify_req *q;
	const struct anchors *anchors;
	struct cert_cache *cache;
	struct str fetched; /* strings: CRLs in DER, issuers' certificates */
};

/*
 * Append a cert_rec for each certificate in found to out.  With q->manual a
 * person vouches for them: then a chain is not asked for.  crl gets the URL
 * of a list of revocations, or of an issuer's certificate,
 * that was missing.  -1 if nothing in it can be
 * read.
 */
int verify_certs(struct str found, const struct verify_with *, struct buf *out,
    struct buf *crl, struct err *);

#endif
