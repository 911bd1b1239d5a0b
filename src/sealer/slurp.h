/*
 * slurp.h - read a descriptor that somebody else opened, to its end, with a
 * limit and a deadline, without ever blocking.
 *
 * It may be a file or the end of a pipe that nobody writes to.
 */
#ifndef WAXWING_SEALER_SLURP_H
#define WAXWING_SEALER_SLURP_H

#include <event2/event.h>

#include "base/buf.h"
#include "base/err.h"

struct slurp;

/* All of it, or text NULL and why not.  The slurp is gone afterwards. */
typedef void slurp_fn(const struct str *text, const struct err *, void *arg);

/*
 * Swallows fd.  The callback comes from the event loop, never from here; the
 * text is wiped after it.  NULL (no callback) with err if it cannot start.
 */
struct slurp *slurp_start(struct event_base *, int fd, size_t max,
    unsigned deadline_ms, slurp_fn *, void *arg, struct err *);

/* No callback comes any more.  Accepts NULL. */
void slurp_cancel(struct slurp *);

#endif
