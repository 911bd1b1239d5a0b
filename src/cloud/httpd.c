#include "config.h"

#include "cloud/httpd.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/conf.h"
#include "sys/log.h"
#include "sys/tls.h"

/* A browser's cookies would not fit, a client of ours fills a tenth. */
#define HEADER_MAX (16UL * 1024)

/* Beyond this evhttp itself breaks off; up to it the answer is ours. */
#define BODY_READ_MAX (4 * HTTP_BODY_MAX)

/* From the connection or the last answer to the end of the next request. */
#define REQUEST_S 60

/* Without a byte in either direction. */
#define SILENCE_S 30

/* The largest answer, a bundle of all keys of a mailbox. */
#define ANSWER_MAX (8UL * 1024 * 1024)

#define LISTENERS 16

/* All that evhttp knows, and the ones that it does not. */
#define ANY_METHOD 0xffff

#define NO_MEMORY                                   \
	"{\"type\":\"about:blank\",\"status\":500," \
	"\"title\":\"Internal Server Error\"}"

struct httpd {
	struct event_base *base;
	struct evhttp *http; /* owned */
	SSL_CTX *ctx;        /* owned */
	struct evhttp_bound_socket *bound[LISTENERS];
	size_t nbound;
	unsigned open, max;
	bool paused; /* the listeners rest: too many connections */
	http_fn *fn;
	void *arg;
};

/* One connection; it lives as long as its SSL object. */
struct conn {
	struct httpd *httpd; /* NULL once that is going */
	struct event *deadline;
	struct bufferevent *bev; /* borrowed: it owns the SSL object */
	bool nodelay;
};

static int conn_index = -1;

static void
set_listening(struct httpd *h, bool on)
{
	size_t i;

	h->paused = !on;
	for (i = 0; i < h->nbound; i++) {
		if (on)
			(void)evconnlistener_enable(
			    evhttp_bound_socket_get_listener(h->bound[i]));
		else
			(void)evconnlistener_disable(
			    evhttp_bound_socket_get_listener(h->bound[i]));
	}
}

/* OpenSSL lets go of a connection. */
static void
conn_gone(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
    void *argp)
{
	struct conn *c = ptr;

	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (c == NULL)
		return;
	event_free(c->deadline);
	c->httpd->open--;
	if (c->httpd->paused && c->httpd->open < c->httpd->max)
		set_listening(c->httpd, true);
	free(c);
}

/* evhttp notices by itself that the peer is gone. */
static void
conn_late(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	fd = bufferevent_getfd(c->bev);
	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR);
}

static void
conn_rearm(struct conn *c)
{
	struct timeval tv = {REQUEST_S, 0};

	(void)evtimer_add(c->deadline, &tv);
}

/*
 * A connection was accepted.  evhttp would go on without TLS if it got
 * nothing from here, so that without memory there is no way but out.
 */
static struct bufferevent *
conn_new(struct event_base *base, void *arg)
{
	struct httpd *h = arg;
	struct conn *c = NULL;
	SSL *ssl = NULL;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->deadline = evtimer_new(base, conn_late, c)) == NULL ||
	    (ssl = SSL_new(h->ctx)) == NULL ||
	    SSL_set_ex_data(ssl, conn_index, c) != 1 ||
	    (c->bev = bufferevent_openssl_socket_new(base, -1, ssl,
	         BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		log_error("no-memory for=connection");
		exit(1);
	}
	/* HTTP says itself where a message ends. */
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	c->httpd = h;
	if (++h->open >= h->max)
		set_listening(h, false);
	conn_rearm(c);
	return (c->bev);
}

static struct conn *
conn_of(struct evhttp_request *ev)
{
	struct bufferevent *bev;

	bev = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(ev));
	return (SSL_get_ex_data(bufferevent_openssl_get_ssl(bev), conn_index));
}

struct str
http_req_header(const struct http_req *r, const char *name)
{
	const struct evhttp_request *ev = r->evhttp;
	const struct evkeyval *kv;

	for (kv = evhttp_request_get_input_headers(
	         (struct evhttp_request *)(uintptr_t)ev)
	              ->tqh_first;
	     kv != NULL; kv = kv->next.tqe_next)
		if (str_ieq(str_c(kv->key), str_c(name)))
			return (str_trim(str_c(kv->value)));
	return (str_of("", 0));
}

/* Undo percent encoding; "+" stays: it is common in addresses, and RFC 3986
 * gives it no other meaning. */
static int
percent_decode(struct str s, struct arena *a, struct str *out)
{
	char *to = arena_alloc(a, s.len + 1), hex[3] = "";
	size_t i, n = 0;
	unsigned long c;
	char *end;

	if (to == NULL)
		return (-1);
	for (i = 0; i < s.len; i++) {
		if (s.p[i] != '%') {
			to[n++] = s.p[i];
			continue;
		}
		if (s.len - i < 3)
			return (-1);
		memcpy(hex, s.p + i + 1, 2);
		c = strtoul(hex, &end, 16);
		if (end != hex + 2 || hex[0] == '+' || hex[0] == '-' || c == 0)
			return (-1);
		to[n++] = (char)(unsigned char)c;
		i += 2;
	}
	*out = str_of(to, n);
	return (0);
}

int
http_query(struct str q, const char *name, struct arena *a, struct str *value)
{
	struct str pair, key;
	size_t len, eq;
	int found = 0;

	while (q.len > 0) {
		len = str_find(q, '&');
		pair = str_of(q.p, len);
		q = len < q.len ? str_of(q.p + len + 1, q.len - len - 1)
		                : str_of(q.p + len, 0);
		eq = str_find(pair, '=');
		if (percent_decode(str_of(pair.p, eq), a, &key) != 0)
			return (-1);
		if (!str_eq(key, str_c(name)))
			continue;
		if (found == 1 || eq == pair.len ||
		    percent_decode(str_of(pair.p + eq + 1, pair.len - eq - 1),
		        a, value) != 0)
			return (-1);
		found = 1;
	}
	return (found);
}

void
http_res_header(struct http_res *r, const char *name, const char *fmt, ...)
{
	struct evhttp_request *ev = r->evhttp;
	char value[1024];
	va_list ap;
	char *p;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	for (p = value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '\0';
	(void)evhttp_add_header(evhttp_request_get_output_headers(ev), name,
	    value);
}

static enum http_method
method_of(struct evhttp_request *ev)
{
	enum evhttp_cmd_type cmd = evhttp_request_get_command(ev);

	if (cmd == EVHTTP_REQ_GET)
		return (HTTP_GET);
	if (cmd == EVHTTP_REQ_HEAD)
		return (HTTP_HEAD);
	return (cmd == EVHTTP_REQ_POST ? HTTP_POST : HTTP_OTHER);
}

/* Path and query as they were sent; an absolute form loses its origin. */
static void
target_of(struct evhttp_request *ev, struct http_req *r)
{
	struct str uri = str_c(evhttp_request_get_uri(ev));
	size_t at;

	if (str_istarts(uri, STR("https://"))) {
		uri = str_of(uri.p + 8, uri.len - 8);
		at = str_find(uri, '/');
		uri = str_of(uri.p + at, uri.len - at);
	}
	at = str_find(uri, '?');
	r->path = str_of(uri.p, at);
	r->query = at < uri.len ? str_of(uri.p + at + 1, uri.len - at - 1)
	                        : str_of("", 0);
}

static int
body_of(struct evhttp_request *ev, struct http_req *r)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(ev);
	size_t len = evbuffer_get_length(in);
	const unsigned char *p;

	r->body = str_of("", 0);
	r->too_long = len > HTTP_BODY_MAX;
	if (len == 0 || r->too_long)
		return (0);
	if ((p = evbuffer_pullup(in, -1)) == NULL)
		return (-1);
	r->body = str_of((const char *)p, len);
	return (0);
}

static void
send_answer(struct evhttp_request *ev, struct http_res *res)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(ev);

	if (res->body.failed ||
	    evbuffer_add(out, res->body.data, res->body.len) != 0) {
		res->status = 500;
		res->type = "application/problem+json";
		(void)evbuffer_drain(out, evbuffer_get_length(out));
		(void)evbuffer_add(out, NO_MEMORY, sizeof(NO_MEMORY) - 1);
	}
	if (res->type != NULL)
		http_res_header(res, "Content-Type", "%s", res->type);
	evhttp_send_reply(ev, (int)res->status, NULL, NULL);
}

static void
on_request(struct evhttp_request *ev, void *arg)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	struct conn *c = conn_of(ev);
	struct httpd *h = arg;
	struct http_req req = {.evhttp = ev};
	struct http_res res = {.status = 200, .evhttp = ev};
	char *peer = NULL;
	ev_uint16_t port;
	int one = 1;

	if (!c->nodelay) {
		(void)setsockopt(bufferevent_getfd(c->bev), IPPROTO_TCP,
		    TCP_NODELAY, &one, sizeof(one));
		c->nodelay = true;
	}
	conn_rearm(c);
	evhttp_connection_get_peer(evcon, &peer, &port);
	req.peer = peer != NULL ? peer : "";
	req.type = http_req_header(&req, "Content-Type");
	target_of(ev, &req);
	buf_init(&res.body, ANSWER_MAX);
	req.method = method_of(ev);
	/* its body may be still to come, and evhttp would not know it */
	if (req.method == HTTP_OTHER)
		http_res_header(&res, "Connection", "close");
	if (body_of(ev, &req) != 0)
		res.body.failed = true;
	else
		h->fn(&req, &res, h->arg);
	send_answer(ev, &res);
	buf_wipe(&res.body);
}

static int
bind_all(struct httpd *h, const char *words, struct err *err)
{
	char host[CONF_HOST];
	struct str word;
	size_t pos = 0;
	uint16_t port;

	while (conf_word(words, &pos, &word)) {
		if (h->nbound == LISTENERS ||
		    conf_hostport(word, host, &port) != 0) {
			err_set(err, ERR_SYNTAX, "cannot listen on %.*s",
			    (int)word.len, word.p);
			return (-1);
		}
		if (strcmp(host, "localhost") == 0)
			(void)strcpy(host, "127.0.0.1");
		h->bound[h->nbound] =
		    evhttp_bind_socket_with_handle(h->http, host, port);
		if (h->bound[h->nbound] == NULL) {
			err_set(err, ERR_IO, "cannot listen on %s port %u",
			    host, (unsigned)port);
			return (-1);
		}
		h->nbound++;
	}
	if (h->nbound > 0)
		return (0);
	err_set(err, ERR_SYNTAX, "no address to listen on");
	return (-1);
}

int
httpd_set(struct httpd *h, struct str cert, struct str key,
    unsigned connections, struct err *err)
{
	SSL_CTX *ctx = tls_server(cert, key, err);

	if (ctx == NULL)
		return (-1);
	/* a bufferevent waits for the socket, not for what OpenSSL has read
	 * ahead of it: a body would lie there until the timeout */
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_free(h->ctx); /* connections hold theirs */
	h->ctx = ctx;
	h->max = connections;
	if (h->paused != (h->open >= h->max))
		set_listening(h, h->open < h->max);
	return (0);
}

struct httpd *
httpd_new(struct event_base *base, const struct httpd_conf *conf, http_fn *fn,
    void *arg, struct err *err)
{
	struct httpd *h;

	if (conn_index < 0)
		conn_index =
		    SSL_get_ex_new_index(0, NULL, NULL, NULL, conn_gone);
	if (conn_index < 0 || (h = calloc(1, sizeof(*h))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the HTTP server");
		return (NULL);
	}
	h->base = base;
	h->fn = fn;
	h->arg = arg;
	if (httpd_set(h, conf->cert, conf->key, conf->connections, err) != 0)
		goto fail;
	if ((h->http = evhttp_new(base)) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the HTTP server");
		goto fail;
	}
	evhttp_set_bevcb(h->http, conn_new, h);
	evhttp_set_gencb(h->http, on_request, h);
	evhttp_set_timeout(h->http, SILENCE_S);
	evhttp_set_max_headers_size(h->http, (ev_ssize_t)HEADER_MAX);
	evhttp_set_max_body_size(h->http, (ev_ssize_t)BODY_READ_MAX);
	evhttp_set_allowed_methods(h->http, ANY_METHOD);
	evhttp_set_default_content_type(h->http, NULL);
	if (bind_all(h, conf->listen, err) == 0)
		return (h);
fail:
	httpd_free(h);
	return (NULL);
}

void
httpd_free(struct httpd *h)
{
	if (h == NULL)
		return;
	h->paused = false;
	if (h->http != NULL)
		evhttp_free(h->http);
	SSL_CTX_free(h->ctx);
	/* bufferevents are freed by the loop, a turn later, and look here */
	(void)event_base_loop(h->base, EVLOOP_NONBLOCK);
	free(h);
}
