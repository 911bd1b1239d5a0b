/*
 * pending.h - answers that are awaited: id -> callback, with a deadline.
 *
 * Ids count up and are not used again before 2^32 others were.  A callback
 * runs once at most: with the answer, with ERR_TIMEOUT at its deadline, or
 * with the reason given to pending_fail(); never after pending_forget().
 */
#ifndef WAXWING_SYS_PENDING_H
#define WAXWING_SYS_PENDING_H

#include <event2/event.h>
#include <stdint.h>

#include "sys/ipc.h"

struct pending;

struct pending *pending_new(struct event_base *);
void pending_free(struct pending *); /* accepts NULL; calls nobody */

/* Remember a callback for op's answer; returns its id, 0 without memory. */
uint32_t pending_add(struct pending *, uint16_t op, uint64_t deadline_ms,
    ipc_answer_fn *, void *arg);

void pending_forget(struct pending *, uint32_t id);

/*
 * An answer came in: calls its callback, or nobody if the id was forgotten.
 * False if something else than msg's op was asked under that id.  The callback
 * may free the pending.
 */
bool pending_answer(struct pending *, struct ipc_msg *);

/* Nobody will answer any more: call all callbacks, oldest first.  They may
 * call pending_forget(), but must not free the pending. */
void pending_fail(struct pending *, const struct err *);

size_t pending_count(const struct pending *);

#endif
