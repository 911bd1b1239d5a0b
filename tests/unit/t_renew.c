#include "config.h"

#include "agent/renew.h"
#include "unit.h"

#define DAY INT64_C(86400)

static void
t_at(void)
{
	uint32_t r;
	int64_t at, least = INT64_MAX, most = 0;

	for (r = 0; r < 4000000000U; r += 9999991U) {
		at = renew_at(1000, 1000 + 90 * DAY, r);
		if (at < least)
			least = at;
		if (at > most)
			most = at;
	}
	unit_row("around two thirds");
	CHECK(least >= 1000 + 55 * DAY && least < 1000 + 58 * DAY);
	CHECK(most <= 1000 + 65 * DAY && most > 1000 + 62 * DAY);
	unit_row("before it ends, however short it lives");
	CHECK(renew_at(100, 101, 77) <= 101);
	CHECK_INT(renew_at(100, 100, 77), 100);
	CHECK_INT(renew_at(100, 50, 77), 50);
}

static void
t_backoff(void)
{
	unsigned tries;
	int64_t s;

	for (tries = 1; tries < 200; tries++) {
		s = renew_backoff(tries, tries * 2654435761U);
		CHECK(s >= 1 && s <= 3600 * 5 / 4);
	}
	unit_row("grows");
	CHECK(renew_backoff(10, 0) > renew_backoff(5, 0));
	unit_row("polls");
	CHECK_INT(renew_poll(0), 1);
	CHECK_INT(renew_poll(1000000), 30);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"at", t_at},
	    {"backoff", t_backoff},
	    {NULL, NULL},
	};

	return (unit_main("renew", tests));
}
