/*
 * certdb.h - certificates of others by address, in memory.
 *
 * The records on disk and who may write them are not this module's affair.
 */
#ifndef WAXWING_SMIME_CERTDB_H
#define WAXWING_SMIME_CERTDB_H

#include "smime/cert.h"

/* Where a certificate came from, weakest first (a stronger one wins). */
enum cert_trust {
	TRUST_HARVESTED,
	TRUST_DISCOVERED,
	TRUST_VERIFIED,
	TRUST_MANUAL,
};

struct known_cert {
	char *address;     /* owned; lower-case domain */
	struct cert *cert; /* a reference */
	enum cert_trust trust;
	unsigned caps; /* enum algo_cap: the certificate's and its mails' */
};

struct certdb;

struct certdb *certdb_new(void);
void certdb_free(struct certdb *); /* accepts NULL */

/* Remember; takes its own reference.  The same certificate for the same
 * address is updated: capabilities are joined, trust never falls. */
int certdb_add(struct certdb *, struct str address, struct cert *,
    enum cert_trust, unsigned caps);

/* The best certificate to encrypt to address at a time: highest trust, then
 * latest start of validity.  NULL if there is none that is usable. */
const struct known_cert *certdb_find(const struct certdb *, struct str address,
    int64_t at);

#endif
