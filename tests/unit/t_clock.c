#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit.h"

static void
test_now(void)
{
	struct clock a, b;
	time_t t = time(NULL);

	(void)unsetenv("WAXWING_CLOCK");
	a = clock_now();
	b = clock_now();
	CHECK(b.mono >= a.mono);
	CHECK(b.mono - a.mono < 10000);
	CHECK(a.wall >= t && a.wall - t < 10);
}

#ifdef WAXWING_TEST_HOOKS
static void
test_hook(void)
{
	const char *name = "t_clock.offset";
	FILE *f = fopen(name, "we");
	int64_t t = (int64_t)time(NULL);
	struct clock c;

	CHECK(f != NULL);
	if (f == NULL)
		return;
	(void)fputs("86400000\nignored\n", f);
	(void)fclose(f);
	(void)setenv("WAXWING_CLOCK", name, 1);
	c = clock_now();
	CHECK(c.wall - t >= 86400000 && c.wall - t < 86400010);
	(void)unlink(name);
	c = clock_now();
	CHECK(c.wall - t < 10);
}
#endif

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"now", test_now},
#ifdef WAXWING_TEST_HOOKS
	    {"hook", test_hook},
#endif
	    {NULL, NULL},
	};

	return (unit_main("t_clock", tests));
}
