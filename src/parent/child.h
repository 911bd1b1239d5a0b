/*
 * child.h - one role's process: started, fed, watched, started again.
 */
#ifndef WAXWING_PARENT_CHILD_H
#define WAXWING_PARENT_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "parent/parent.h"
#include "sys/ipc.h"
#include "sys/sandbox.h"

/* A child that dies is started again after so long; twice as long each time
 * unless it lived for CHILD_STABLE_MS. */
#define CHILD_BACKOFF_MIN_MS 100
#define CHILD_BACKOFF_MAX_MS 30000
#define CHILD_STABLE_MS      60000

/* Starting takes longer only if something hangs. */
#define CHILD_START_MS 30000

enum child_state {
	CHILD_DOWN,     /* no process; perhaps one will start by the timer */
	CHILD_STARTING, /* not all of OP_START and OP_CONF is answered */
	CHILD_UP,
	CHILD_ENDING, /* the process is told to go, or lost its link */
};

/* The proxy waits for a link to this opener. */
struct waiter {
	STAILQ_ENTRY(waiter) next;
	uint32_t id;
};

struct child {
	TAILQ_ENTRY(child) next;
	struct parent *parent;
	enum role role;
	char *account; /* owned; an opener of the pool; "" for all others */
	enum child_state state;
	pid_t pid;           /* 0: none */
	struct ipc *link;    /* owned; NULL: none */
	struct event *timer; /* owned: start again, or kill */
	unsigned backoff_ms; /* 0: never died */
	bool crashed;        /* the last process ended without being told */
	uint64_t started;    /* monotonic ms */
	/* of the pool */
	uint64_t used; /* monotonic ms: had work, or began to wait */
	bool polled;   /* asked whether it is idle, and has not answered */
	STAILQ_HEAD(, waiter) waiters;
};

/* Add one to the parent's list, not started.  NULL: out of memory. */
struct child *child_new(struct parent *, enum role, const char *account);

/* Take it from the list and free it; there must be no process. */
void child_free(struct child *);

/* Start, or do nothing if it is on its way. */
void child_start(struct child *);

/* Start when its backoff is over. */
void child_start_later(struct child *);

/* Ask it to go; and make it. */
void child_stop(struct child *);
void child_kill(struct child *);

/* Its process was reaped. */
void child_exited(struct child *, int status);

/* Give it the parent's conf (again). */
void child_conf(struct child *);

/* Put a link between two that are up. */
void child_join(struct child *, struct child *);

/* The answer to OP_PEER, for whoever asks it; arg is the child. */
ipc_answer_fn child_joined;

/* For "role=%s" in the log: "sealer", "opener account=5@example.org"; two of
 * them at a time. */
const char *child_name(const struct child *);

/* "opener", "verifier", ...; "up", ... */
const char *child_word(const struct child *);
const char *child_state_name(enum child_state);

/* Is it an opener of the pool?  (The verifier is none.) */
bool child_pooled(const struct child *);

#endif
