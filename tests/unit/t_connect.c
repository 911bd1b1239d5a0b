/* How connections begin: names, refusals, TLS from the start and later. */

#include "config.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "streamends.h"
#include "sys/tls.h"

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
	w.c.s = stream_connect(w.base, NULL, "example.invalid", 1, NULL,
	    &ends_ops, &w.c, &err);
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
			    ends_accept, NULL);
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
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("connect", tests));
}
