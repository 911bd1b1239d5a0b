/*
 * turn.h - work that takes turns with others.
 */
#ifndef WAXWING_PROXY_TURN_H
#define WAXWING_PROXY_TURN_H

#include <event2/event.h>

/* Go on when all others had their turn: by a timer, for what is made active by
 * hand (event_active) comes before all sockets. */
static inline void
turn_later(struct event *e)
{
	static const struct timeval at_once = {0, 0};

	(void)event_add(e, &at_once);
}

#endif
