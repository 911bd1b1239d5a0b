/*
 * httpd.h - HTTP/1.1 over TLS for a handful of small requests.
 *
 * libevent's evhttp on bufferevent_openssl.  A request is read whole before
 * its handler is called, and answered when the handler returns.  Bounded are
 * the header, the body, the connections, and the time that a connection may
 * take for its next request.
 *
 * Every request that can be read at all is the handler's to answer or refuse,
 * whatever its method.  What evhttp cannot read (no HTTP, a header that is too
 * long, a body that is announced far above the limit) it answers itself, with
 * a page of HTML, and closes the connection; this version of it lets nobody
 * else do so.
 */
#ifndef WAXWING_CLOUD_HTTPD_H
#define WAXWING_CLOUD_HTTPD_H

#include <event2/event.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* A JWS with the largest thing that is asked, a chain of certificates. */
#define HTTP_BODY_MAX (64UL * 1024)

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

struct http_req {
	enum http_method method;
	struct str path;  /* as sent, without the query */
	struct str query; /* without "?"; empty if there is none */
	struct str type;  /* Content-Type */
	struct str body;
	bool too_long;      /* more than HTTP_BODY_MAX; body is empty then */
	const char *peer;   /* address, without port */
	const void *evhttp; /* for http_req_header() */
};

/* A field of the request; empty if it is not there. */
struct str http_req_header(const struct http_req *, const char *name);

/* The value of a query's parameter, percent-decoded into the arena: 1, 0 if it
 * is not there, -1 if it is malformed or there twice. */
int http_query(struct str query, const char *name, struct arena *,
    struct str *value);

/* An answer in the making: 200 without a body at first.  If the body failed, a
 * problem document (RFC 7807) says that the server cannot answer now. */
struct http_res {
	unsigned status;
	const char *type; /* Content-Type; static; NULL: no body */
	struct buf body;
	void *evhttp; /* for http_res_header() */
};

/* Add a field; control characters end the value. */
void http_res_header(struct http_res *, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

typedef void http_fn(const struct http_req *, struct http_res *, void *arg);

struct httpd;

struct httpd_conf {
	const char *listen;   /* CONF_LISTEN's words */
	struct str cert, key; /* PEM */
	unsigned connections; /* at most so many at once */
};

/* Binds at once; answers when the loop runs. */
struct httpd *httpd_new(struct event_base *, const struct httpd_conf *,
    http_fn *, void *arg, struct err *);
/* From now on another certificate and another limit, for new connections. */
int httpd_set(struct httpd *, struct str cert, struct str key,
    unsigned connections, struct err *);
void httpd_free(struct httpd *); /* accepts NULL */

#endif
