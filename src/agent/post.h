/*
 * post.h - one signed question to the cloud (RFC 8555 6): the directory and a
 * nonce are got if there are none, the sealer makes the JWS, the answer's
 * nonce is kept for the next.  badNonce is tried again once (6.5).
 */
#ifndef WAXWING_AGENT_POST_H
#define WAXWING_AGENT_POST_H

#include "acme/object.h"
#include "agent/http.h"
#include "agent/state.h"
#include "proto/enrol.h"

/* Which URL: one that the cloud gave, or one of its directory. */
enum post_to {
	POST_URL,
	POST_NEW_ACCOUNT,
	POST_NEW_ORDER,
	POST_REVOKE,
	POST_KEYS,
	POST_LOG,
};

struct post_ask {
	enum post_to to;
	struct jws_req q;   /* but for nonce, and url unless POST_URL; copied */
	const char *accept; /* a literal, or NULL */
	size_t max;         /* bytes of the answer */
};

/*
 * a: status 2xx; or NULL and why not.  problem is the type of the cloud's
 * problem document without its prefix, or empty; retry_after as in http.h.
 */
struct posted {
	const struct http_answer *a;
	struct str problem;
	int64_t retry_after;
};
typedef void post_fn(const struct posted *, const struct err *, void *arg);

struct post;

/* The callback comes once, from the event loop.  NULL with err and no callback
 * when there is no cloud, or memory is out. */
struct post *post_start(struct agent *, const struct post_ask *, post_fn *,
    void *arg, struct err *);
void post_cancel(struct post *); /* accepts NULL */
/* All fail now. */
void post_abandon(struct agent *);

#endif
