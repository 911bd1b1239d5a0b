#include "config.h"

#include "proxy/throttle.h"

#include <stdio.h>

#include "unit.h"

static int gone; /* how many were let go */

static void
go(void *arg)
{
	(void)arg;
	gone++;
}

static void
fail(struct throttle *t, const char *peer, const char *login, int times)
{
	int i;

	for (i = 0; i < times; i++)
		throttle_end(throttle_begin(t, peer, login, go, NULL), false);
}

/* Delays grow with failures, end at half a minute, and fade. */
static void
t_delay(void)
{
	static const struct {
		int failures;
		uint64_t after_s;
		uint64_t want_ms;
	} rows[] = {
	    {0, 0, 0},
	    {5, 0, 0},
	    {6, 0, 1000},
	    {7, 0, 2000},
	    {10, 0, 16000},
	    {11, 0, 30000},
	    {40, 0, 30000},
	    {7, 60, 0},
	    {40, 120, 16000},
	    {40, 300, 0},
	    {40, 100000, 0},
	};
	struct event_base *base = event_base_new();
	struct throttle *t;
	struct clock now;
	char name[32];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(name, sizeof(name), "%d after %u s", rows[i].failures,
		    (unsigned)rows[i].after_s);
		unit_row(name);
		t = throttle_new(base);
		fail(t, "10.0.0.1:1", "a@example.org", rows[i].failures);
		now = clock_now();
		now.mono += rows[i].after_s * 1000 + 1;
		CHECK_UINT(
		    throttle_delay(t, "10.0.0.2:1", "a@example.org", now),
		    rows[i].want_ms);
		throttle_free(t);
	}
	event_base_free(base);
}

/* A peer that tries many names is slowed down too, whatever its port. */
static void
t_peer(void)
{
	struct event_base *base = event_base_new();
	struct throttle *t = throttle_new(base);
	char login[32], peer[32];
	int i;

	for (i = 0; i < 22; i++) {
		snprintf(login, sizeof(login), "u%d@example.org", i);
		snprintf(peer, sizeof(peer), "[2001:db8::1]:%d", i);
		fail(t, peer, login, 1);
	}
	CHECK_UINT(
	    throttle_delay(t, "[2001:db8::1]:99", "x@example.org", clock_now()),
	    2000);
	CHECK_UINT(
	    throttle_delay(t, "[2001:db8::2]:99", "x@example.org", clock_now()),
	    0);
	throttle_free(t);
	event_base_free(base);
}

/* Success forgives the login; what was never tried counts neither way. */
static void
t_success(void)
{
	struct event_base *base = event_base_new();
	struct throttle *t = throttle_new(base);

	fail(t, "10.0.0.1:1", "a@example.org", 7);
	throttle_drop(
	    throttle_begin(t, "10.0.0.1:1", "a@example.org", go, NULL));
	CHECK_UINT(
	    throttle_delay(t, "10.0.0.1:1", "a@example.org", clock_now()),
	    2000);
	throttle_end(throttle_begin(t, "10.0.0.1:1", "a@example.org", go, NULL),
	    true);
	CHECK_UINT(
	    throttle_delay(t, "10.0.0.1:1", "a@example.org", clock_now()), 0);
	throttle_end(NULL, true);
	throttle_drop(NULL);
	throttle_free(t);
	event_base_free(base);
}

/* No more than eight of one login at once; the next comes when one ends. */
static void
t_at_once(void)
{
	struct event_base *base = event_base_new();
	struct throttle *t = throttle_new(base);
	struct attempt *a[10];
	int i;

	gone = 0;
	for (i = 0; i < 10; i++)
		a[i] =
		    throttle_begin(t, "10.0.0.1:1", "a@example.org", go, NULL);
	CHECK_INT(gone, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT(gone, 8);
	throttle_end(a[9], false); /* one that waits */
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT(gone, 8);
	throttle_end(a[0], true);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT(gone, 9);
	for (i = 1; i < 9; i++)
		throttle_end(a[i], true);
	throttle_free(t);
	event_base_free(base);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"delays", t_delay},
	    {"peers", t_peer},
	    {"success", t_success},
	    {"at once", t_at_once},
	    {NULL, NULL},
	};

	return (unit_main("t_throttle", tests));
}
