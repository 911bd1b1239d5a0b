/*
 * acme_auth.h - a POST with a JWS, checked (RFC 8555 6.2 to 6.5), and the
 * answers to it.
 *
 * Whoever is called has a request whose signature, nonce, URL and account
 * hold.  Everything else was answered with a problem document (RFC 7807).
 * Every answer carries a fresh nonce and a link to the directory.
 */
#ifndef WAXWING_CLOUD_ACME_AUTH_H
#define WAXWING_CLOUD_ACME_AUTH_H

#include <jansson.h>

#include "acme/jws.h"
#include "base/clock.h"
#include "cloud/cloud.h"

struct acme_call {
	struct cloud *cloud;
	const struct http_req *req;
	struct http_res *res;
	struct arena *arena;
	struct clock now;
	struct jws jws;
	/* The payload as an object; NULL for POST-as-GET. */
	json_t *payload;
	/* The account's record, NULL if a "jwk" names the key. */
	json_t *account;
	struct str account_id; /* empty then */
	EVP_PKEY *pkey;        /* the key that signed; owned */
	struct str id;         /* what follows the route's path */
};

/* Answers through call->res; a transaction left open is aborted. */
typedef void acme_fn(struct acme_call *);

enum acme_takes {
	ACME_TAKES_KID = 1, /* signed by an account */
	ACME_TAKES_JWK = 2, /* signed by a key that is sent along */
	ACME_TAKES_GET = 4, /* POST-as-GET is allowed */
	ACME_TAKES_OBJECT = 8,
};

/* Check the request and call fn, or answer with a problem. */
void acme_serve(struct cloud *, unsigned takes, struct str id, acme_fn *,
    const struct http_req *, struct http_res *);

/* Answers. */

/* A problem document; type is the word after "urn:ietf:params:acme:error:". */
void acme_refuse(struct http_res *, unsigned status, const char *type,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The problem that an err deserves: serverInternal, which is logged, but for
 * ERR_NOTFOUND. */
void acme_fail(struct acme_call *, const struct err *);
/* rateLimited with Retry-After. */
void acme_limit(struct http_res *, unsigned seconds, const char *what);
/* A JSON object; swallows it.  NULL means that memory is out. */
void acme_answer(struct acme_call *, unsigned status, json_t *);

/* A URL of this server: path, and an id if it is not empty. */
void acme_url(const struct cloud *, const char *path, struct str id,
    struct buf *out);
json_t *acme_url_json(const struct cloud *, const char *path, const char *id);

/* Put a fresh nonce into the answer. */
void acme_put_nonce(struct cloud *, struct http_res *);

/* When this account last proved control of the mailbox (as verb_canonical
 * writes it): 1, 0 if it never did, or -1. */
int acme_validated_at(struct cloud *, struct str account_id, struct str mailbox,
    int64_t *at, struct err *);

/* Did this account prove control of the mailbox (as verb_canonical writes it)
 * so recently that it still counts ([acme] validation)?  1, 0 or -1. */
int acme_validated(struct cloud *, struct str account_id, struct str mailbox,
    int64_t now, struct err *);

/* The member of an object as a str; empty if it is no string. */
struct str acme_member(const json_t *, const char *name);

#endif
