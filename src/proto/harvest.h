/*
 * harvest.h - what a signature that counts brings of its signer: told by an
 * opener in its answer, and by the proxy to the agent (OP_HARVEST, no answer).
 */
#ifndef WAXWING_PROTO_HARVEST_H
#define WAXWING_PROTO_HARVEST_H

#include "proto/lookup.h"

/* All certificates of one signature, in PEM. */
#define HARVEST_MAX (24UL * 1024)

struct harvest {
	struct str address; /* the signer's: From, and in the certificate */
	/* The one that the signer wants mail encrypted to (RFC 8551 2.5.3), or
	 * the signing one if it is for both; zeros: any of those below. */
	uint8_t fingerprint[FINGERPRINT];
	bool caps; /* he said what he can read (RFC 8551 2.5.2), among it: */
	bool gcm;
	bool oaep;
	struct str certs; /* PEM; empty: there is nothing */
};

void harvest_put(struct buf *, const struct harvest *);
void harvest_get(struct rec *, struct harvest *);

#endif
