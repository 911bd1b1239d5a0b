#include "config.h"

#include "cloud/plain.h"

#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "cloud/ca.h"
#include "cloud/kms_paths.h"
#include "cloud/listen.h"
#include "sys/log.h"
#include "sys/stream.h"

#define LISTENERS 16

/* Clients at once; each is answered as soon as it has asked. */
#define SESSIONS_MAX 64

/* A request has some hundred bytes. */
#define REQUEST_MAX 4096

/* To ask, or without a byte that moves; and to take a long list. */
#define IDLE_S 10
#define SEND_S 300

/* As over TLS. */
#define AGE_S 3600

#define PORT 80

struct plain {
	struct cloud *cloud;
	struct evconnlistener *listeners[LISTENERS];
	size_t nlisteners;
	LIST_HEAD(, session) sessions;
	unsigned nsessions;
};

struct session {
	LIST_ENTRY(session) link;
	struct plain *p;
	struct stream *stream; /* owned */
	struct event *late;    /* owned */
	bool answered;
};

static void
session_free(struct session *s)
{
	LIST_REMOVE(s, link);
	s->p->nsessions--;
	stream_free(s->stream);
	if (s->late != NULL)
		event_free(s->late);
	free(s);
}

/* Its time begins anew. */
static int
allow(struct session *s, int seconds)
{
	struct timeval tv = {seconds, 0};

	return (evtimer_add(s->late, &tv));
}

static void
answer(struct session *s, const char *status, const char *type, struct str body,
    bool head)
{
	s->answered = true;
	stream_pause(s->stream);
	stream_printf(s->stream,
	    "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n",
	    status, body.len);
	if (type != NULL)
		stream_printf(s->stream,
		    "Content-Type: %s\r\nCache-Control: public, max-age=%d\r\n",
		    type, AGE_S);
	stream_str(s->stream, STR("\r\n"));
	if (!head)
		stream_str(s->stream, body);
	stream_want_drained(s->stream);
	(void)allow(s, SEND_S);
}

static void
serve(struct session *s, struct str path, bool head)
{
	struct cloud *c = s->p->cloud;
	struct str der;
	struct err err;

	if (str_eq(path, STR(CA_PATH)))
		answer(s, "200 OK", "application/pkix-cert",
		    cert_facts(c->keys.issuing)->der, head);
	else if (!str_eq(path, STR(CRL_PATH)))
		answer(s, "404 Not Found", NULL, STR(""), head);
	else if (ca_crl(c, clock_now().wall, &der, &err) == 0)
		answer(s, "200 OK", "application/pkix-crl", der, head);
	else
		answer(s, "503 Service Unavailable", NULL, STR(""), head);
}

/* The next word of the request line; false if there is none. */
static bool
next_word(struct str *line, struct str *word)
{
	size_t n = str_find(*line, ' ');

	*word = str_of(line->p, n);
	n += n < line->len ? 1 : 0;
	*line = str_of(line->p + n, line->len - n);
	return (word->len > 0);
}

/* RFC 9112 3: what is asked. */
static void
take_line(struct session *s, struct str line)
{
	struct str verb, path, version;
	bool head;

	if (!next_word(&line, &verb) || !next_word(&line, &path) ||
	    !next_word(&line, &version) || line.len > 0 ||
	    !str_istarts(version, STR("HTTP/1."))) {
		answer(s, "400 Bad Request", NULL, STR(""), false);
		return;
	}
	head = str_eq(verb, STR("HEAD"));
	if (head || str_eq(verb, STR("GET")))
		serve(s, str_of(path.p, str_find(path, '?')), head);
	else
		answer(s, "405 Method Not Allowed", NULL, STR(""), false);
}

/* Where the header ends: an empty line; in.len if it does not. */
static size_t
header_end(struct str in)
{
	size_t i;

	for (i = 0; i + 1 < in.len; i++)
		if (in.p[i] == '\n' &&
		    (in.p[i + 1] == '\n' ||
		        (in.p[i + 1] == '\r' && i + 2 < in.len &&
		            in.p[i + 2] == '\n')))
			return (i);
	return (in.len);
}

static void
on_input(struct stream *stream, void *arg)
{
	struct session *s = arg;
	struct str in = stream_peek(stream, REQUEST_MAX);
	size_t n;

	if (s->answered)
		return;
	if (header_end(in) == in.len) {
		if (in.len >= REQUEST_MAX)
			answer(s, "431 Request Header Fields Too Large", NULL,
			    STR(""), false);
		return;
	}
	n = str_find(in, '\n');
	if (n > 0 && in.p[n - 1] == '\r')
		n--;
	take_line(s, str_of(in.p, n));
}

static void
on_ready(struct stream *stream, void *arg)
{
	(void)stream;
	(void)arg;
}

static void
on_closed(struct stream *stream, const struct err *err, void *arg)
{
	(void)stream;
	(void)err;
	session_free(arg);
}

static void
on_drained(struct stream *stream, void *arg)
{
	struct session *s = arg;

	stream_finish(stream);
	s->stream = NULL;
	session_free(s);
}

static const struct stream_ops ops = {on_ready, on_input, on_drained,
    on_closed};

/* A byte now and then is no request. */
static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	session_free(arg);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int salen, void *arg)
{
	struct plain *p = arg;
	struct session *s;
	struct err err;

	(void)l;
	(void)sa;
	(void)salen;
	if (p->nsessions >= SESSIONS_MAX ||
	    (s = calloc(1, sizeof(*s))) == NULL) {
		(void)close(fd);
		return;
	}
	s->p = p;
	LIST_INSERT_HEAD(&p->sessions, s, link);
	p->nsessions++;
	s->stream = stream_accept(p->cloud->base, fd, NULL, &ops, s, &err);
	s->late = evtimer_new(p->cloud->base, on_late, s);
	if (s->stream == NULL || s->late == NULL || allow(s, IDLE_S) != 0)
		session_free(s);
	else
		stream_timeout(s->stream, IDLE_S, IDLE_S);
}

struct plain *
plain_new(struct cloud *c, struct err *err)
{
	const char *words = conf_str(c->conf, "cloud", "listen_http");
	struct plain *p;
	struct str word;
	size_t pos = 0;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for HTTP");
		return (NULL);
	}
	p->cloud = c;
	LIST_INIT(&p->sessions);
	while (words != NULL && conf_word(words, &pos, &word)) {
		if (p->nlisteners == LISTENERS ||
		    (p->listeners[p->nlisteners] =
		            listen_tcp(c->base, word, on_accept, p)) == NULL) {
			err_set(err, ERR_IO, "cannot listen for HTTP on %.*s",
			    (int)word.len, word.p);
			plain_free(p);
			return (NULL);
		}
		p->nlisteners++;
	}
	return (p);
}

void
plain_free(struct plain *p)
{
	struct session *s;

	if (p == NULL)
		return;
	while (p->nlisteners > 0)
		evconnlistener_free(p->listeners[--p->nlisteners]);
	while ((s = LIST_FIRST(&p->sessions)) != NULL)
		session_free(s);
	free(p);
}

void
plain_url(const struct cloud *c, const char *path, struct buf *out)
{
	const char *words = conf_str(c->conf, "cloud", "listen_http");
	char host[CONF_HOST] = "", unused[CONF_HOST];
	uint16_t port = PORT;
	struct str word, scheme;
	size_t pos = 0;

	(void)conf_url(str_c(c->url), &scheme, host, &port);
	port = PORT;
	if (words != NULL && conf_word(words, &pos, &word))
		(void)conf_hostport(word, unused, &port);
	buf_printf(out, strchr(host, ':') != NULL ? "http://[%s]" : "http://%s",
	    host);
	if (port != PORT)
		buf_printf(out, ":%u", port);
	buf_puts(out, path);
}
