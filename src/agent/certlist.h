/*
 * certlist.h - the certificates of one address, as pub/ keeps them: cert_rec
 * after cert_rec (proto/keys.h), the newest first.  Pure.
 */
#ifndef WAXWING_AGENT_CERTLIST_H
#define WAXWING_AGENT_CERTLIST_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/keys.h"

/* Certificates kept of one address: two a year for eight years. */
#define CERTLIST_MAX 16

/* An address as pub/ spells it: lower case.  out has LIMIT_ADDRESS bytes.
 * -1 with ERR_SYNTAX if it is none. */
int certlist_address(struct str, char *out, struct str *low, struct err *);

/* Does a cert_rec name this address? */
bool certlist_names(const struct cert_rec *, struct str address);

/* out = c, then the old ones without c, CERTLIST_MAX in all.  -1 with err if
 * old is malformed or out too small. */
int certlist_add(struct str old, const struct cert_rec *c, struct buf *out,
    struct err *);

/* One with what is known besides. */
struct certlist_item {
	struct cert_rec c; /* borrowed from the list */
	uint8_t trust;     /* enum trust */
};

/* Read a list into at most CERTLIST_MAX items; trust is left to the caller.
 * -1 with err if it is malformed. */
int certlist_read(struct str, struct certlist_item *, size_t *n, struct err *);

/*
 * The one to encrypt to at a time: accepted, for encryption, valid; most
 * trusted, then the latest start of validity, then the newest.  NULL: none.
 */
const struct certlist_item *certlist_best(const struct certlist_item *,
    size_t n, int64_t at);

/* The newest that could be used if it were not pending.  NULL: none. */
const struct certlist_item *certlist_waits(const struct certlist_item *,
    size_t n, int64_t at);

/* Could one have been used in the LIMIT_CERT_RECENT_S before? */
bool certlist_recent(const struct certlist_item *, size_t n, int64_t at);

/*
 * How far a certificate goes that came with signed mail: it is used if it is
 * the one in use, if there is none, or if that one came the same way and is in
 * the last third of its life, when it is renewed.  Else it is pending.
 */
enum trust certlist_harvest(const struct certlist_item *, size_t n,
    const uint8_t fingerprint[FINGERPRINT], int64_t at);

#endif
