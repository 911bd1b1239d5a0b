/*
 * throttle.h - failed logins are slowed down, per peer address and per login.
 *
 * The first few failures of a peer and of a login are free (a client with a
 * new password opens five connections); then each attempt waits, from one
 * second up to half a minute.  A count is halved with every minute.  No more
 * than a few attempts of one login run at once, so that many in parallel gain
 * nothing.
 */
#ifndef WAXWING_PROXY_THROTTLE_H
#define WAXWING_PROXY_THROTTLE_H

#include <event2/event.h>

#include "base/clock.h"
#include "base/span.h"

struct throttle;
struct attempt;

struct throttle *throttle_new(struct event_base *);
void throttle_free(struct throttle *); /* accepts NULL */

/*
 * Begin an attempt of login (canonical) from peer ("address:port": the port is
 * not looked at).  go(arg) is called when it may be carried out, never before
 * this returns.  NULL when out of memory.
 */
struct attempt *throttle_begin(struct throttle *, const char *peer,
    const char *login, void (*go)(void *arg), void *arg);

/* The attempt is over: the server said yes or no.  Frees it; accepts NULL.  A
 * session that dies while the server is asked says no. */
void throttle_end(struct attempt *, bool success);

/* It was never carried out (the server cannot be reached): counts neither
 * way.  Frees it; accepts NULL. */
void throttle_drop(struct attempt *);

/* How long an attempt that begins now would wait, in milliseconds. */
uint64_t throttle_delay(const struct throttle *, const char *peer,
    const char *login, struct clock now);

#endif
