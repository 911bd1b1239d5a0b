/*
 * keyhouse.h - a cloud in one process without any network, for the tests of
 * its key service and directory.
 *
 * It has keys of its own, a store, and requests that come from nowhere.
 */
#ifndef WAXWING_TESTS_UNIT_KEYHOUSE_H
#define WAXWING_TESTS_UNIT_KEYHOUSE_H

#include "acme/kms.h"
#include "cloud/cloud.h"
#include "smime/keydb.h"
#include "unit.h"

/* Somebody with an account, and the transport key of the device. */
struct person {
	EVP_PKEY *account; /* owned */
	char id[CLOUD_ID];
	struct keydb *keys; /* owned; the transport key */
	const struct cert *transport;
};

struct keyhouse {
	struct cloud cloud;
	char dir[32];
	void *evhttp; /* the request and answer now */
	struct http_res res;
};

/* kinds: the [kms] keys that are made.  Ends the program if it cannot. */
void house_open(struct keyhouse *, const char *kind);
void house_close(struct keyhouse *);

/* Move the wall clock: seconds from the real one. */
void house_clock(const struct keyhouse *, int64_t offset);

void person_open(struct keyhouse *, struct person *);
void person_clear(struct person *);
/* The person proves control of a mailbox now. */
void person_proves(struct keyhouse *, const struct person *,
    const char *mailbox);

/* POST a payload to a path; the status. */
unsigned house_post(struct keyhouse *, const struct person *, const char *path,
    struct str payload);
/* GET /search?QUERY with a field of the request or NULL; the status. */
unsigned house_search(struct keyhouse *, const char *query, const char *field,
    const char *value);

/* A field of the last answer, or "". */
const char *house_field(const struct keyhouse *, const char *name);
/* Is text somewhere in the last answer? */
bool house_says(const struct keyhouse *, const char *text);

/* Ask for keys; the status.  The words: "create", "rotate", "log". */
unsigned house_ask(struct keyhouse *, const struct person *,
    const char *mailbox, const char *words, uint64_t from);

/* The last answer as a bundle; false after a failed check. */
bool house_bundle(struct keyhouse *, struct arena *, struct kms_bundle *);

/* The private key of a bundle's entry as the person opens it; the caller's. */
EVP_PKEY *person_opens(const struct person *, const struct kms_key *);

/* Revoke a certificate. */
void house_revoke(struct keyhouse *, struct str cert_der);

#endif
