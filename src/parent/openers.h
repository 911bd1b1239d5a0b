/*
 * openers.h - the pool of openers, each bound to one account for its life.
 */
#ifndef WAXWING_PARENT_OPENERS_H
#define WAXWING_PARENT_OPENERS_H

#include "parent/child.h"

/* What the proxy asks of the parent: OP_OPENER. */
ipc_request_fn openers_request;

/* An opener is up: give the proxy its end of the link. */
void openers_up(struct child *);

/* An opener's process ended. */
void openers_gone(struct child *);

/* The proxy's process ended: nobody waits any more. */
void openers_forget_waiters(struct parent *);

/* The openers stay within their number: those longest idle go. */
void openers_trim(struct parent *);

#endif
