#include "config.h"

#include "streamends.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/tls.h"

struct world w;

static void
ready(struct stream *s, void *arg)
{
	struct end *e = arg;

	(void)s;
	e->ready++;
	if (e->on_ready != NULL)
		e->on_ready(e);
}

static void
input(struct stream *s, void *arg)
{
	struct end *e = arg;
	struct str c;

	e->inputs++;
	while (!e->keep && stream_input_len(s) > 0) {
		c = stream_chunk(s);
		buf_str(&e->got, c);
		stream_consume(s, c.len);
	}
	if (e->on_input != NULL)
		e->on_input(e);
}

static void
drained(struct stream *s, void *arg)
{
	struct end *e = arg;

	(void)s;
	e->drained++;
	if (e->on_drained != NULL)
		e->on_drained(e);
}

static void
closed(struct stream *s, const struct err *err, void *arg)
{
	struct end *e = arg;

	(void)s;
	e->closed++;
	e->code = err->code;
	memcpy(e->text, err->text, sizeof(e->text));
	if (e->on_closed != NULL)
		e->on_closed(e);
}

const struct stream_ops ends_ops = {ready, input, drained, closed};

static void
on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	w.late = true;
}

void
ends_accept(evutil_socket_t fd, short what, void *arg)
{
	struct err err;
	int a;

	(void)what;
	(void)arg;
	if ((a = accept(fd, NULL, NULL)) < 0 || w.d.s != NULL) {
		(void)close(a);
		return;
	}
	w.d.s = stream_accept(w.base, a, w.accept_ctx, &ends_ops, &w.d, &err);
}

bool
wait_for(const int *what, int n)
{
	struct timeval tv = {.tv_sec = 20};

	w.late = false;
	(void)event_add(w.guard, &tv);
	while (*what < n && !w.late)
		(void)event_base_loop(w.base, EVLOOP_ONCE);
	(void)event_del(w.guard);
	return (*what >= n);
}

bool
wait_len(const struct buf *b, size_t n)
{
	struct timeval tv = {.tv_sec = 20};

	w.late = false;
	(void)event_add(w.guard, &tv);
	while (b->len < n && !w.late)
		(void)event_base_loop(w.base, EVLOOP_ONCE);
	(void)event_del(w.guard);
	return (b->len == n);
}

int
run_ms(int ms)
{
	struct timeval tv = {.tv_usec = ms * 1000L};
	int turns = 0;

	w.late = false;
	(void)event_add(w.guard, &tv);
	for (; !w.late; turns++)
		(void)event_base_loop(w.base, EVLOOP_ONCE);
	return (turns);
}

static SSL_CTX *
make_server(struct buf *cert)
{
	struct err err;
	struct buf key;
	SSL_CTX *ctx;

	buf_init(&key, 10000);
	buf_init(cert, 10000);
	if (tls_make_local("waxwing.test", cert, &key, &err) != 0)
		abort();
	ctx = tls_server(buf_text(cert), buf_text(&key), &err);
	buf_wipe(&key);
	return (ctx);
}

void
setup(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	struct buf cert;
	struct err err;
	SSL_CTX *unused;

	memset(&w, 0, sizeof(w));
	(void)signal(SIGPIPE, SIG_IGN);
	w.base = event_base_new();
	w.guard = event_new(w.base, -1, 0, on_guard, NULL);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w.lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(w.lfd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(w.lfd, 5) != 0 ||
	    getsockname(w.lfd, (struct sockaddr *)&sin, &len) != 0)
		abort();
	w.port = ntohs(sin.sin_port);
	w.listener =
	    event_new(w.base, w.lfd, EV_READ | EV_PERSIST, ends_accept, NULL);
	(void)event_add(w.listener, NULL);
	unused = make_server(&cert);
	w.other = tls_client(buf_text(&cert), &err);
	SSL_CTX_free(unused);
	buf_clear(&cert);
	w.server = make_server(&cert);
	w.client = tls_client(buf_text(&cert), &err);
	buf_clear(&cert);
	w.resolv = resolv_new(w.base, &err);
	if (w.server == NULL || w.client == NULL || w.resolv == NULL)
		abort();
	buf_init(&w.c.got, 100UL * 1024 * 1024);
	buf_init(&w.d.got, 100UL * 1024 * 1024);
}

void
teardown(void)
{
	if (!w.c.freed)
		stream_free(w.c.s);
	if (!w.d.freed)
		stream_free(w.d.s);
	resolv_free(w.resolv);
	(void)run_ms(1);
	buf_clear(&w.c.got);
	buf_clear(&w.d.got);
	event_free(w.listener);
	event_free(w.guard);
	(void)close(w.lfd);
	SSL_CTX_free(w.server);
	SSL_CTX_free(w.client);
	SSL_CTX_free(w.other);
	event_base_free(w.base);
}

void
dial(const char *host, SSL_CTX *ctx)
{
	struct err err;

	w.c.s = stream_connect(w.base, w.resolv, host, w.port, ctx, &ends_ops,
	    &w.c, &err);
	CHECK(w.c.s != NULL);
	CHECK(w.c.ready == 0);
}

bool
pair(bool tls)
{
	setup();
	w.accept_ctx = tls ? w.server : NULL;
	dial("localhost", tls ? w.client : NULL);
	return (CHECK(wait_for(&w.c.ready, 1)) &&
	        CHECK(wait_for(&w.d.ready, 1)) &&
	        CHECK(stream_has_tls(w.c.s) == tls) &&
	        CHECK(stream_has_tls(w.d.s) == tls));
}
