/*
 * clock.h - time, handed in.
 *
 * wall is seconds since the epoch, mono milliseconds that never jump.  Pure
 * rooms get times as values; roles own a clock.  With --enable-test-hooks the
 * environment variable WAXWING_CLOCK names a file whose first line is added
 * to the wall clock in seconds, so that tests run years in seconds.
 */
#ifndef WAXWING_BASE_CLOCK_H
#define WAXWING_BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t wall;
	uint64_t mono;
};

struct clock clock_now(void);

#endif
