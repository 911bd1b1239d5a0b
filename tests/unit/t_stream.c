/* How bytes go through a connection, and how it ends. */

#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "streamends.h"

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

/* Input left in the buffer is given again on resume. */
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
		stream_pause(w.d.s);
		stream_resume(w.d.s);
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
