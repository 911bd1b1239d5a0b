/*
 * http.h - HTTPS to one origin: libcurl's multi interface on libevent.
 *
 * The only trust is the file that the conf names, every URL must be of the
 * same origin, and nothing is followed: no redirect, no proxy, no other
 * protocol.  An answer has a deadline and a largest size.  Connections are
 * kept and used again.  Names are resolved in threads of libcurl's.
 */
#ifndef WAXWING_AGENT_HTTP_H
#define WAXWING_AGENT_HTTP_H

#include <event2/event.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct http;
struct http_req;

/* url: "https://HOST[:PORT]"; ca: anchors in PEM.  Both are copied. */
struct http *http_new(struct event_base *, const char *url, struct str ca,
    struct err *);
/* Requests under way are forgotten.  Accepts NULL; not from a callback. */
void http_free(struct http *);

/* As it was given. */
const char *http_url(const struct http *);

enum http_verb { HTTP_GET, HTTP_HEAD, HTTP_POST };

struct http_ask {
	enum http_verb verb;
	struct str url;
	struct str body;    /* HTTP_POST */
	const char *type;   /* of body */
	const char *accept; /* NULL: anything */
	struct str etag;    /* empty: ask unconditionally */
	uint64_t deadline_ms;
	size_t max; /* bytes of the answer's body */
};

/* Any status but a redirection.  Fields that were not sent are empty; all is
 * borrowed for the call. */
struct http_answer {
	unsigned status;
	struct str body;
	struct str type;
	struct str nonce; /* Replay-Nonce (RFC 8555 6.5.1) */
	struct str location;
	struct str etag;
	int64_t retry_after; /* seconds from now; -1: not said */
	int64_t max_age;     /* Cache-Control; 0 with no-store; -1: not said */
};

/* Until when an answer may be used: max_age, or usual if it is -1, but within
 * bounds; all in seconds. */
int64_t http_fresh(int64_t now, int64_t max_age, int64_t usual, int64_t least,
    int64_t most);

/* The answer; or NULL and ERR_UNTRUSTED (its certificate), ERR_TIMEOUT,
 * ERR_UNAVAILABLE (cannot be reached), ERR_LIMIT (too large), ERR_PEER. */
typedef void http_fn(const struct http_answer *, const struct err *, void *arg);

/*
 * Ask.  The callback comes once, from the event loop, and the request is gone
 * with it.  NULL with err, and no callback: ERR_DENIED for a URL of another
 * origin, ERR_MEMORY.
 */
struct http_req *http_start(struct http *, const struct http_ask *, http_fn *,
    void *arg, struct err *);

/* No callback comes any more.  Accepts NULL. */
void http_cancel(struct http_req *);

#endif
