/*
 * turn.h - an event loop that a test turns by hand.
 */
#ifndef WAXWING_TESTS_UNIT_TURN_H
#define WAXWING_TESTS_UNIT_TURN_H

#include <event2/event.h>

#include <stdbool.h>

/* How long something is waited for that has to come. */
#define TURN_PATIENCE_MS 20000

/* Whatever happens within that time. */
static inline void
turn_ms(struct event_base *base, unsigned ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000,
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	(void)event_base_loopexit(base, &tv);
	(void)event_base_dispatch(base);
}

/* Until something has happened so many times.  False: it has not, or more
 * often than that. */
static inline bool
turn_until(struct event_base *base, const unsigned *what, unsigned n)
{
	unsigned ms;

	for (ms = 0; *what < n && ms < TURN_PATIENCE_MS; ms += 10)
		turn_ms(base, 10);
	turn_ms(base, 10);
	return (*what == n);
}

#endif
