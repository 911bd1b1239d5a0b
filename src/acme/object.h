/*
 * object.h - the JSON objects of ACME (RFC 8555 7.1) and problem documents
 * (RFC 7807), as the agent reads them and the cloud writes them.
 *
 * Reading is bounded (ACME_JSON_MAX bytes, depth 8, no duplicate members) and
 * tolerant of members it does not know, as RFC 8555 asks of clients.  Strings
 * are copied into the arena.
 */
#ifndef WAXWING_ACME_OBJECT_H
#define WAXWING_ACME_OBJECT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define ACME_JSON_MAX   (256UL * 1024)
#define ACME_JSON_DEPTH 8

/* Strict and bounded: NULL with ERR_LIMIT or ERR_SYNTAX. */
json_t *acme_json(struct str text, size_t max, struct err *);
/* Compact, members sorted: the same value gives the same bytes. */
int acme_json_put(const json_t *, struct buf *out);

struct acme_directory {
	struct str new_nonce;
	struct str new_account;
	struct str new_order;
	struct str revoke_cert;
	struct str key_change;
	struct str kms_keys; /* ours: "waxwingKeys"; empty if there is none */
	struct str kms_log;  /* ours: "waxwingReleaseLog" */
	struct str search;   /* ours: "waxwingSearch", the RFC 4387 URL */
};
int acme_directory_get(struct str text, struct arena *, struct acme_directory *,
    struct err *);

enum acme_status {
	ACME_PENDING,
	ACME_READY,
	ACME_PROCESSING,
	ACME_VALID,
	ACME_INVALID,
	ACME_DEACTIVATED,
	ACME_EXPIRED,
	ACME_REVOKED,
};
const char *acme_status_word(enum acme_status);
int acme_status_parse(struct str, enum acme_status *);

struct acme_order {
	enum acme_status status;
	struct str identifier;    /* the one "email" identifier's value */
	struct str authorization; /* URL of the only one */
	struct str finalize;
	struct str certificate; /* empty until valid */
	struct str problem;     /* "error" as one line, or empty */
};
int acme_order_get(struct str text, struct arena *, struct acme_order *,
    struct err *);

/* The email-reply-00 challenge of an authorization (RFC 8823 3). */
struct acme_authz {
	enum acme_status status;
	struct str identifier;
	struct str challenge; /* URL */
	struct str token2;    /* token-part2 */
	struct str from;
	enum acme_status challenge_status;
	struct str problem; /* the challenge's error, or empty */
};
int acme_authz_get(struct str text, struct arena *, struct acme_authz *,
    struct err *);

struct acme_problem {
	struct str
	    type; /* without "urn:ietf:params:acme:error:" if it has it */
	struct str detail;
};
int acme_problem_get(struct str text, struct arena *, struct acme_problem *,
    struct err *);

/* Same scheme, host and port as the base URL (which is https)? */
bool acme_same_origin(struct str url, struct str base);

#endif
