/* Both ends of real loopback connections in one event loop. */

#include "config.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/stream.h"
#include "sys/tls.h"
#include "unit.h"

/* One end: what it saw, and what it shall do when it sees something. */
struct end {
	struct stream *s;
	struct buf got;
	int ready;
	int inputs;
	int drained;
	int closed;
	enum err_code code;
	char text[240];
	bool keep; /* leave input where it is */
	void (*on_ready)(struct end *);
	void (*on_input)(struct end *);
	void (*on_drained)(struct end *);
	void (*on_closed)(struct end *);
	bool freed;
};

struct world {
	struct event_base *base;
	struct event *guard;
	struct event *listener;
	struct resolv *resolv;
	int lfd;
	uint16_t port;
	SSL_CTX *server; /* certificate for localhost and 127.0.0.1 */
	SSL_CTX *client; /* trusts it */
	SSL_CTX *accept_ctx;
	SSL_CTX *other; /* trusts another */
	struct end c;
	struct end d; /* the accepted end */
	bool late;
} w;

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

static const struct stream_ops ops = {ready, input, drained, closed};

static void
on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	w.late = true;
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct err err;
	int a;

	(void)what;
	(void)arg;
	if ((a = accept(fd, NULL, NULL)) < 0 || w.d.s != NULL) {
		(void)close(a);
		return;
	}
	w.d.s = stream_accept(w.base, a, w.accept_ctx, &ops, &w.d, &err);
}

/* Run the loop until *what reaches n; false after 5 s. */
static bool
wait_for(const int *what, int n)
{
	struct timeval tv = {.tv_sec = 5};

	w.late = false;
	(void)event_add(w.guard, &tv);
	while (*what < n && !w.late)
		(void)event_base_loop(w.base, EVLOOP_ONCE);
	(void)event_del(w.guard);
	return (*what >= n);
}

static bool
wait_len(const struct buf *b, size_t n)
{
	struct timeval tv = {.tv_sec = 10};

	w.late = false;
	(void)event_add(w.guard, &tv);
	while (b->len < n && !w.late)
		(void)event_base_loop(w.base, EVLOOP_ONCE);
	(void)event_del(w.guard);
	return (b->len == n);
}

/* Let the loop run for a while, whatever happens. */
static int
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

static void
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
	    event_new(w.base, w.lfd, EV_READ | EV_PERSIST, on_accept, NULL);
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

static void
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

static void
dial(const char *host, SSL_CTX *ctx)
{
	struct err err;

	w.c.s = stream_connect(w.base, w.resolv, host, w.port, ctx, &ops, &w.c,
	    &err);
	CHECK(w.c.s != NULL);
	CHECK(w.c.ready == 0);
}

/* Both ends ready, in clear or under TLS. */
static bool
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

/* n bytes in which a displaced piece shows. */
static char *
pattern(size_t n)
{
	char *p = malloc(n);
	size_t i;

	if (p == NULL)
		abort();
	for (i = 0; i < n; i++)
		p[i] = (char)((i * 7 + i / 251) & 0xff);
	return (p);
}

static void
test_hello(void)
{
	static const char *const names[] = {"clear", "tls"};
	int tls;

	for (tls = 0; tls <= 1; tls++) {
		unit_row(names[tls]);
		if (pair(tls != 0)) {
			CHECK(stream_peer_is_loopback(w.d.s));
			CHECK(
			    strncmp(stream_peer(w.d.s), "127.0.0.1:", 10) == 0);
			stream_write(w.c.s, "hel", 3);
			stream_str(w.c.s, STR("lo "));
			stream_printf(w.c.s, "%s\r\n", "you");
			stream_secret(w.c.s, STR("secret"));
			CHECK(wait_len(&w.d.got, 17));
			CHECK_BUF(&w.d.got, "hello you\r\nsecret");
			/* gathered, so it came at once */
			CHECK_INT(w.d.inputs, 1);
			stream_finish(w.c.s);
			w.c.s = NULL;
			CHECK(wait_for(&w.d.closed, 1));
			CHECK_INT(w.d.code, ERR_OK);
		}
		teardown();
	}
}

static void
test_refused(void)
{
	setup();
	event_del(w.listener);
	(void)close(w.lfd);
	dial("127.0.0.1", NULL);
	CHECK(wait_for(&w.c.closed, 1));
	CHECK_INT(w.c.code, ERR_UNAVAILABLE);
	CHECK(
	    strstr(w.c.text, "cannot connect to 127.0.0.1 port ") == w.c.text);
	CHECK(strstr(w.c.text, "Connection refused") != NULL);
	CHECK_INT(w.c.ready, 0);
	w.lfd = -1;
	teardown();
}

/* A name that evdns answers from its hosts file, without any server. */
static void
test_names(void)
{
	struct err err;

	setup();
	dial("LOCALHOST", NULL);
	CHECK(wait_for(&w.c.ready, 1));
	teardown();

	setup();
	w.c.s = stream_connect(w.base, NULL, "example.invalid", 1, NULL, &ops,
	    &w.c, &err);
	CHECK(w.c.s == NULL);
	teardown();

	/* cancelled while the question is out */
	setup();
	dial("waxwing.invalid", NULL);
	stream_free(w.c.s);
	w.c.s = NULL;
	(void)run_ms(5);
	CHECK_INT(w.c.closed, 0);
	teardown();
}

/* A name server that knows one name: A 127.0.0.1, no AAAA. */
static void
on_question(evutil_socket_t fd, short what, void *arg)
{
	static const uint8_t answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0,
	    4, 127, 0, 0, 1};
	struct sockaddr_storage from;
	socklen_t flen = sizeof(from);
	uint8_t m[600];
	size_t end = 12;
	ssize_t n;
	bool known;

	(void)what;
	(void)arg;
	n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &flen);
	if (n < 17)
		return;
	while (end < (size_t)n && m[end] != 0)
		end += 1U + m[end];
	end += 5; /* the root, type, class */
	/* evdns plays with the case, to be harder to forge answers for */
	known = str_ieq(str_of((char *)m + 13, 4), STR("mail"));
	m[2] = 0x81;
	m[3] = known ? 0x80 : 0x83; /* NXDOMAIN */
	m[7] = 0;
	if (known && m[end - 3] == 1) {
		m[7] = 1;
		memcpy(m + end, answer, sizeof(answer));
		end += sizeof(answer);
	}
	m[8] = m[9] = m[10] = m[11] = 0;
	(void)sendto(fd, m, end, 0, (struct sockaddr *)&from, flen);
}

static void
test_dns(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	struct evdns_base *dns;
	struct event *ev;
	char where[40];
	int fd;

	setup();
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&sin, &len) == 0);
	ev = event_new(w.base, fd, EV_READ | EV_PERSIST, on_question, NULL);
	(void)event_add(ev, NULL);
	dns = resolv_base(w.resolv);
	(void)evdns_base_clear_nameservers_and_suspend(dns);
	evdns_base_search_clear(dns);
	(void)snprintf(where, sizeof(where), "127.0.0.1:%u",
	    (unsigned)ntohs(sin.sin_port));
	CHECK(evdns_base_nameserver_ip_add(dns, where) == 0);
	(void)evdns_base_resume(dns);

	dial("mail.waxwing.test", NULL);
	CHECK(wait_for(&w.c.ready, 1));
	CHECK(strncmp(stream_peer(w.c.s), "127.0.0.1:", 10) == 0);
	stream_free(w.c.s);
	memset(&w.c, 0, sizeof(w.c));
	dial("nowhere.waxwing.test", NULL);
	CHECK(wait_for(&w.c.closed, 1));
	CHECK_INT(w.c.code, ERR_UNAVAILABLE);
	CHECK(
	    strstr(w.c.text, "cannot find nowhere.waxwing.test: ") == w.c.text);
	event_free(ev);
	(void)close(fd);
	teardown();
}

/* The certificate is for localhost, waxwing.test, 127.0.0.1 and ::1. */
static void
test_verify(void)
{
	static const struct {
		const char *name;
		const char *host;
		bool other;
		bool ok;
	} rows[] = {
	    {"name", "localhost", false, true},
	    {"address", "127.0.0.1", false, true},
	    {"wrong address", "127.0.0.2", false, false},
	    {"untrusted", "localhost", true, false},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		setup();
		/* all of 127/8 must reach the listener */
		w.accept_ctx = w.server;
		if (strcmp(rows[i].host, "127.0.0.2") == 0) {
			struct sockaddr_in sin = {.sin_family = AF_INET};
			int fd = socket(AF_INET, SOCK_STREAM, 0);

			sin.sin_port = htons(w.port);
			sin.sin_addr.s_addr = htonl(0x7f000002);
			CHECK(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ==
			      0);
			CHECK(listen(fd, 5) == 0);
			event_free(w.listener);
			(void)close(w.lfd);
			w.lfd = fd;
			w.listener = event_new(w.base, fd, EV_READ | EV_PERSIST,
			    on_accept, NULL);
			(void)event_add(w.listener, NULL);
		}
		dial(rows[i].host, rows[i].other ? w.other : w.client);
		if (rows[i].ok) {
			CHECK(wait_for(&w.c.ready, 1));
			CHECK_INT(w.c.closed, 0);
		} else {
			CHECK(wait_for(&w.c.closed, 1));
			CHECK_INT(w.c.ready, 0);
			CHECK_INT(w.c.code, ERR_UNTRUSTED);
		}
		teardown();
	}
}

/* STARTTLS with another name than the certificate's. */
static void
test_wrong_name(void)
{
	struct err err;

	if (pair(false)) {
		CHECK(stream_starttls_server(w.d.s, w.server, &err) == 0);
		CHECK(stream_starttls_client(w.c.s, w.client, "imap.example",
		          &err) == 0);
		CHECK(wait_for(&w.c.closed, 1));
		CHECK_INT(w.c.code, ERR_UNTRUSTED);
		CHECK(strstr(w.c.text, "hostname mismatch") != NULL);
		CHECK(wait_for(&w.d.closed, 1));
		CHECK_INT(w.d.ready, 1);
	}
	teardown();
}

static void
server_turns(struct end *e)
{
	struct err err;

	if (stream_has_tls(e->s) || e->got.len < 10)
		return;
	stream_str(e->s, STR("220 go\r\n"));
	CHECK(stream_starttls_server(e->s, w.server, &err) == 0);
	/* goes inside, not before */
	stream_str(e->s, STR("later"));
}

static void
client_turns(struct end *e)
{
	struct err err;

	if (stream_has_tls(e->s) || e->got.len < 8)
		return;
	CHECK(stream_starttls_client(e->s, w.client, "localhost", &err) == 0);
}

static void
test_starttls(void)
{
	if (pair(false)) {
		w.d.on_input = server_turns;
		w.c.on_input = client_turns;
		stream_str(w.c.s, STR("STARTTLS\r\n"));
		CHECK(wait_for(&w.c.ready, 2));
		CHECK(wait_for(&w.d.ready, 2));
		CHECK(stream_has_tls(w.c.s) && stream_has_tls(w.d.s));
		CHECK(wait_len(&w.c.got, 13));
		CHECK_BUF(&w.c.got, "220 go\r\nlater");
		stream_str(w.c.s, STR("EHLO\r\n"));
		CHECK(wait_len(&w.d.got, 16));
		CHECK_BUF(&w.d.got, "STARTTLS\r\nEHLO\r\n");
		CHECK_INT(w.c.closed + w.d.closed, 0);
	}
	teardown();
}

/* Reads its line only, as a session does, then turns. */
static void
server_line(struct end *e)
{
	struct err err;

	if (stream_has_tls(e->s)) {
		buf_str(&e->got, stream_peek(e->s, SIZE_MAX / 2));
		stream_consume(e->s, stream_input_len(e->s));
		return;
	}
	stream_consume(e->s, 10);
	stream_str(e->s, STR("220 go\r\n"));
	CHECK(stream_starttls_server(e->s, w.server, &err) == 0);
	CHECK_UINT(stream_input_len(e->s), 0);
}

/* CVE-2011-0411: what follows STARTTLS in clear must not count as said
 * inside; and the same by a man in the middle towards the client. */
static void
test_injection(void)
{
	unit_row("server");
	if (pair(false)) {
		w.d.keep = true;
		w.d.on_input = server_line;
		w.c.on_input = client_turns;
		stream_str(w.c.s, STR("STARTTLS\r\nRSET\r\nMAIL evil\r\n"));
		CHECK(wait_for(&w.d.ready, 2));
		CHECK(wait_for(&w.c.ready, 2));
		CHECK_UINT(stream_input_len(w.d.s), 0);
		stream_str(w.c.s, STR("EHLO\r\n"));
		CHECK(wait_len(&w.d.got, 6));
		CHECK_BUF(&w.d.got, "EHLO\r\n");
	}
	teardown();

	unit_row("client");
	if (pair(false)) {
		struct err err;

		w.c.keep = true;
		stream_str(w.d.s, STR("220 go\r\n250 evil\r\n"));
		CHECK(wait_for(&w.c.inputs, 1));
		CHECK_UINT(stream_input_len(w.c.s), 18);
		CHECK(stream_starttls_server(w.d.s, w.server, &err) == 0);
		stream_consume(w.c.s, 8);
		CHECK(stream_starttls_client(w.c.s, w.client, "localhost",
		          &err) == 0);
		CHECK(wait_for(&w.c.ready, 2));
		CHECK_UINT(stream_input_len(w.c.s), 0);
		w.c.keep = false;
		stream_str(w.d.s, STR("250 good\r\n"));
		CHECK(wait_len(&w.c.got, 10));
		CHECK_BUF(&w.c.got, "250 good\r\n");
	}
	teardown();
}

/* No handshake comes of what is no ClientHello. */
static void
test_no_tls(void)
{
	struct err err;

	setup();
	w.accept_ctx = w.server;
	dial("localhost", NULL);
	CHECK(wait_for(&w.c.ready, 1));
	stream_str(w.c.s, STR("a1 LOGIN me secret\r\n"));
	CHECK(wait_for(&w.d.closed, 1));
	CHECK_INT(w.d.code, ERR_PEER);
	CHECK_INT(w.d.ready + w.d.inputs, 0);
	CHECK(stream_starttls_server(w.d.s, w.server, &err) == -1);
	teardown();
}

#define BIG (8UL * 1024 * 1024)

static void
pause_often(struct end *e)
{
	if (e->inputs % 3 == 0)
		stream_pause(e->s);
}

/* Megabytes arrive whole however often the reader pauses; while it does,
 * nothing is read and the loop rests. */
static void
test_pause(void)
{
	static const char *const names[] = {"clear", "tls"};
	size_t before;
	int tls, i, turns;
	char *p = pattern(BIG);

	for (tls = 0; tls <= 1; tls++) {
		unit_row(names[tls]);
		if (!pair(tls != 0)) {
			teardown();
			continue;
		}
		w.d.on_input = pause_often;
		stream_write(w.c.s, p, BIG);
		for (i = 0; w.d.got.len < BIG && i < 10000; i++) {
			CHECK(run_ms(1) > 0);
			stream_pause(w.d.s);
			before = w.d.got.len;
			if (i < 3) {
				turns = run_ms(20);
				CHECK_UINT(w.d.got.len, before);
				CHECK(turns < 20);
			}
			stream_resume(w.d.s);
		}
		stream_resume(w.d.s);
		CHECK(wait_len(&w.d.got, BIG));
		CHECK(w.d.got.len == BIG && memcmp(w.d.got.data, p, BIG) == 0);
		teardown();
	}
	free(p);
}

/* Input left in the buffer is given again on resume, and to a new owner. */
static void
test_kept_input(void)
{
	if (pair(true)) {
		w.d.keep = true;
		stream_str(w.c.s, STR("abc"));
		CHECK(wait_for(&w.d.inputs, 1));
		stream_pause(w.d.s);
		stream_str(w.c.s, STR("def"));
		(void)run_ms(10);
		CHECK_INT(w.d.inputs, 1);
		stream_resume(w.d.s);
		CHECK(wait_for(&w.d.inputs, 2));
		while (stream_input_len(w.d.s) < 6)
			CHECK(wait_for(&w.d.inputs, w.d.inputs + 1));
		CHECK_STR(stream_peek(w.d.s, 6), "abcdef");
		w.d.keep = false;
		stream_set_ops(w.d.s, &ops, &w.d);
		CHECK(wait_len(&w.d.got, 6));
	}
	teardown();
}

static int released;

static void
release(void *arg)
{
	free(arg);
	released++;
}

static void
test_blob(void)
{
	static const char *const names[] = {"clear", "tls"};
	char *p, *copy = pattern(BIG);
	struct blob *b;
	int tls;

	for (tls = 0; tls <= 1; tls++) {
		unit_row(names[tls]);
		if (!pair(tls != 0)) {
			teardown();
			continue;
		}
		released = 0;
		p = pattern(BIG);
		b = blob_wrap(p, BIG, -1, release, p);
		stream_str(w.c.s, STR("{8}\r\n"));
		stream_blob(w.c.s, b, span_of(0, 10));
		stream_blob(w.c.s, b, span_of(10, BIG - 20));
		stream_blob(w.c.s, b, span_of(BIG - 10, 1000));
		stream_str(w.c.s, STR(")\r\n"));
		blob_unref(b);
		CHECK_INT(released, 0);
		CHECK_UINT(stream_output_len(w.c.s), BIG + 8);
		stream_want_drained(w.c.s);
		CHECK(wait_len(&w.d.got, BIG + 8));
		CHECK_INT(released, 1);
		CHECK_INT(w.c.drained, 1);
		CHECK(memcmp(w.d.got.data + 5, copy, BIG) == 0);
		teardown();
	}
	/* a blob that is never sent is let go too */
	unit_row("unsent");
	if (pair(false)) {
		released = 0;
		p = pattern(BIG);
		b = blob_wrap(p, BIG, -1, release, p);
		stream_blob(w.c.s, b, span_of(0, BIG));
		blob_unref(b);
		stream_free(w.c.s);
		w.c.s = NULL;
		CHECK_INT(released, 1);
	}
	teardown();
	free(copy);
}

static void
forward(struct end *e)
{
	/* the accepted end sends back what came */
	stream_move(e->s, e->s, stream_input_len(e->s));
}

static void
test_move(void)
{
	char *p = pattern(BIG);

	if (pair(true)) {
		w.d.keep = true;
		w.d.on_input = forward;
		stream_write(w.c.s, p, BIG);
		CHECK(wait_len(&w.c.got, BIG));
		CHECK(memcmp(w.c.got.data, p, BIG) == 0);
	}
	teardown();
	free(p);
}

static void
test_timeout(void)
{
	static const char *const names[] = {"clear", "tls"};
	int tls;

	for (tls = 0; tls <= 1; tls++) {
		unit_row(names[tls]);
		if (pair(tls != 0)) {
			/* a paused stream does not time out */
			stream_timeout(w.c.s, 1, 0);
			stream_timeout(w.d.s, 1, 0);
			stream_pause(w.c.s);
			CHECK(wait_for(&w.d.closed, 1));
			CHECK_INT(w.d.code, ERR_TIMEOUT);
			CHECK_INT(w.c.closed, 0);
		}
		teardown();
	}
	unit_row("write");
	if (pair(false)) {
		char *p = pattern(BIG);

		stream_pause(w.d.s);
		stream_timeout(w.c.s, 0, 1);
		stream_write(w.c.s, p, BIG);
		CHECK(wait_for(&w.c.closed, 1));
		CHECK_INT(w.c.code, ERR_TIMEOUT);
		free(p);
	}
	teardown();
	unit_row("off again");
	if (pair(false)) {
		stream_timeout(w.c.s, 1, 0);
		(void)run_ms(5);
		stream_timeout(w.c.s, 0, 0);
		(void)run_ms(999);
		(void)run_ms(200);
		CHECK_INT(w.c.closed, 0);
	}
	teardown();
}

static void
free_it(struct end *e)
{
	stream_free(e->s);
	e->freed = true;
}

static void
free_other(struct end *e)
{
	stream_free(e == &w.c ? w.d.s : w.c.s);
	(e == &w.c ? &w.d : &w.c)->freed = true;
}

/* Each callback may free its own stream or another. */
static void
test_free(void)
{
	int tls;

	for (tls = 0; tls <= 1; tls++) {
		unit_row(tls ? "in ready, tls" : "in ready");
		setup();
		w.accept_ctx = tls ? w.server : NULL;
		w.c.on_ready = free_it;
		dial("localhost", tls ? w.client : NULL);
		CHECK(wait_for(&w.c.ready, 1));
		CHECK(wait_for(&w.d.closed, 1));
		CHECK_INT(w.c.closed, 0);
		teardown();

		unit_row(tls ? "in input, tls" : "in input");
		if (pair(tls != 0)) {
			w.d.on_input = free_it;
			stream_str(w.c.s, STR("x"));
			CHECK(wait_for(&w.c.closed, 1));
		}
		teardown();

		unit_row(tls ? "in drained, tls" : "in drained");
		if (pair(tls != 0)) {
			w.c.on_drained = free_it;
			stream_str(w.c.s, STR("x"));
			stream_want_drained(w.c.s);
			CHECK(wait_for(&w.d.closed, 1));
			CHECK_BUF(&w.d.got, "x");
		}
		teardown();

		unit_row(tls ? "in closed, tls" : "in closed");
		if (pair(tls != 0)) {
			w.d.on_closed = free_it;
			stream_free(w.c.s);
			w.c.s = NULL;
			CHECK(wait_for(&w.d.closed, 1));
		}
		teardown();

		unit_row(tls ? "the other's, tls" : "the other's");
		if (pair(tls != 0)) {
			w.d.on_input = free_other;
			stream_str(w.c.s, STR("x"));
			CHECK(wait_for(&w.d.closed, 1));
			CHECK_INT(w.c.closed, 0);
		}
		teardown();
	}
}

/* All that was written arrives before the end, also when the reader is slow
 * and has unread bytes of its own under way. */
static void
test_finish(void)
{
	char *p = pattern(BIG);
	int tls;

	for (tls = 0; tls <= 1; tls++) {
		unit_row(tls ? "tls" : "clear");
		if (pair(tls != 0)) {
			stream_str(w.c.s, STR("nobody reads this"));
			stream_pause(w.d.s);
			(void)run_ms(5);
			stream_write(w.d.s, p, BIG);
			stream_finish(w.d.s);
			w.d.s = NULL;
			CHECK(wait_for(&w.c.closed, 1));
			CHECK_INT(w.c.code, ERR_OK);
			CHECK_UINT(w.c.got.len, BIG);
		}
		teardown();
	}
	unit_row("at once");
	setup();
	dial("localhost", NULL);
	CHECK(wait_for(&w.c.ready, 1));
	CHECK(w.d.s != NULL);
	stream_str(w.d.s, STR("* BYE\r\n"));
	stream_finish(w.d.s);
	w.d.s = NULL;
	CHECK(wait_for(&w.c.closed, 1));
	CHECK_BUF(&w.c.got, "* BYE\r\n");
	CHECK_INT(w.c.code, ERR_OK);
	teardown();
	free(p);
}

static void
answer(struct end *e)
{
	stream_str(e->s, STR("bye"));
	stream_finish(e->s);
	e->freed = true;
}

/* A peer that has closed its half may still be told something. */
static void
test_half_closed(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	char text[16] = "";
	int fd;

	setup();
	w.d.on_closed = answer;
	sin.sin_port = htons(w.port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	CHECK(write(fd, "hi", 2) == 2);
	CHECK(shutdown(fd, SHUT_WR) == 0);
	CHECK(wait_for(&w.d.closed, 1));
	CHECK_INT(w.d.code, ERR_OK);
	CHECK_BUF(&w.d.got, "hi");
	(void)run_ms(5);
	CHECK(read(fd, text, sizeof(text)) == 3);
	CHECK(memcmp(text, "bye", 3) == 0);
	CHECK(read(fd, text, sizeof(text)) == 0);
	(void)close(fd);
	teardown();
}

/* A TLS peer that just goes: an end if nothing is half read. */
static void
test_cut(void)
{
	unit_row("between lines");
	if (pair(true)) {
		stream_str(w.c.s, STR("line\r\n"));
		CHECK(wait_len(&w.d.got, 6));
		stream_free(w.c.s);
		w.c.s = NULL;
		CHECK(wait_for(&w.d.closed, 1));
		CHECK_INT(w.d.code, ERR_OK);
	}
	teardown();
	unit_row("in a line");
	if (pair(true)) {
		w.d.keep = true;
		stream_str(w.c.s, STR("half"));
		CHECK(wait_for(&w.d.inputs, 1));
		stream_free(w.c.s);
		w.c.s = NULL;
		CHECK(wait_for(&w.d.closed, 1));
		CHECK_INT(w.d.code, ERR_PEER);
	}
	teardown();
}

/* EOF is seen only after a pause, and after the bytes before it. */
static void
test_eof_paused(void)
{
	if (pair(true)) {
		stream_pause(w.d.s);
		stream_str(w.c.s, STR("last words"));
		stream_finish(w.c.s);
		w.c.s = NULL;
		(void)run_ms(20);
		CHECK_INT(w.d.closed, 0);
		stream_resume(w.d.s);
		CHECK(wait_for(&w.d.closed, 1));
		CHECK_BUF(&w.d.got, "last words");
		CHECK_INT(w.d.code, ERR_OK);
	}
	teardown();
}

static const struct unit_test tests[] = {
    {"hello", test_hello},
    {"refused", test_refused},
    {"names", test_names},
    {"dns", test_dns},
    {"verify", test_verify},
    {"wrong name", test_wrong_name},
    {"starttls", test_starttls},
    {"injection", test_injection},
    {"no tls", test_no_tls},
    {"pause", test_pause},
    {"kept input", test_kept_input},
    {"blob", test_blob},
    {"move", test_move},
    {"timeout", test_timeout},
    {"free", test_free},
    {"finish", test_finish},
    {"half closed", test_half_closed},
    {"cut", test_cut},
    {"eof while paused", test_eof_paused},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("stream", tests));
}
