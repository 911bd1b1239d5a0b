/*
 * recipients.h - the certificates a mail is to be sealed to, by fingerprint.
 *
 * They come from pub/, where the agent writes only what the verifier took.
 * What is not there, is not what its name says, or may not be encrypted to
 * now fails the whole request: a mail is never sealed to fewer people, or to
 * other ones, than it was asked for.
 */
#ifndef WAXWING_SEALER_RECIPIENTS_H
#define WAXWING_SEALER_RECIPIENTS_H

#include "proto/lookup.h"
#include "smime/cms.h"
#include "sys/db.h"

struct recipients {
	struct cms_recipient *list; /* owned; what smime wants */
	struct cert **certs;        /* owned; the references behind it */
	size_t n;
	size_t max;
	bool oaep;
	int64_t at;
};

/* Room for max; -1 when memory is out. */
int recipients_init(struct recipients *, size_t max, bool oaep, int64_t at,
    struct err *);
void recipients_clear(struct recipients *);

/* Add one of ours.  One that is there already is not added again. */
int recipients_add(struct recipients *, struct cert *, struct err *);

/* Add those that pub/ has under these fingerprints. */
int recipients_read(struct recipients *, struct db *pub, struct cert_cache *,
    const uint8_t (*fingerprints)[FINGERPRINT], size_t n, struct err *);

#endif
