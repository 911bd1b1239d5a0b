/*
 * lookup.h - OP_LOOKUP: may we seal to this address?
 *
 * Certificates are named by fingerprint (SHA-256 of the DER): the verified
 * certificate itself is in pub/, which the agent writes and the sealer reads.
 */
#ifndef WAXWING_PROTO_LOOKUP_H
#define WAXWING_PROTO_LOOKUP_H

#include "proto/rec.h"

#define FINGERPRINT 32

enum lookup_state {
	LOOKUP_USABLE,
	LOOKUP_NONE,  /* every source said there is none */
	LOOKUP_ERROR, /* a source did not answer */
};

struct lookup_req {
	struct str address;
};

struct lookup_ans {
	struct err err;
	uint8_t state; /* enum lookup_state */
	bool recent;   /* usable at some time in the last 180 days */
	uint8_t fingerprint[FINGERPRINT]; /* LOOKUP_USABLE */
	bool gcm;                         /* known to read AES-256-GCM */
	bool oaep;                        /* known to read RSA-OAEP */
	int64_t not_after;
	uint8_t trust; /* enum trust */
	/* One that came with signed mail waits to be approved. */
	bool pending;
	uint8_t waits[FINGERPRINT];
};

enum trust {
	TRUST_MANUAL,
	TRUST_VERIFIED,   /* an enrolment here brought it */
	TRUST_DISCOVERED, /* a directory named it */
	TRUST_HARVESTED,  /* it came with mail that he signed */
	TRUST_PENDING,    /* likewise, but another one is in use: not used */
};

void lookup_req_put(struct buf *, const struct lookup_req *);
int lookup_req_get(struct str, struct lookup_req *, struct err *);
void lookup_ans_put(struct buf *, const struct lookup_ans *);
int lookup_ans_get(struct str, struct lookup_ans *, struct err *);

#endif
