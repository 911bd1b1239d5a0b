/*
 * house.h - a parent for tests: it starts real roles, asks them what parent
 * and proxy would ask, and waits for the answer.
 */
#ifndef WAXWING_TESTS_SYSTEM_HOUSE_H
#define WAXWING_TESTS_SYSTEM_HOUSE_H

#include <sys/types.h>

#include "base/blob.h"
#include "base/buf.h"
#include "proto/lookup.h"
#include "sys/crypt.h"
#include "sys/ipc.h"
#include "sys/proc.h"
#include "unit.h"

/* One role and the links to it. */
struct tenant {
	enum role role;
	pid_t pid;
	struct ipc *parent;
	struct ipc *proxy; /* as if we were the proxy */
	struct ipc *agent; /* as if we were the agent */
	unsigned told;     /* how often it told the proxy something */
	unsigned accused[ROLE_AGENT + 1]; /* how often it had a role killed */
};

struct house {
	struct event_base *base;
	char dir[64]; /* everything lies in it */
	struct crypt_key root;
};

/* An answer, as it came. */
struct reply {
	bool done;
	struct err err; /* of the link, or the one the answer begins with */
	struct buf body;
	struct blob *blob; /* the first descriptor, or NULL */
	struct blob *more; /* the second */
};

/* Make the directory, and the conf in it. */
void house_open(struct house *, const char *conf);
/* Remove the directory and all in it. */
void house_close(struct house *);

/* "point action" lines for sys/fault.h; "" ends them. */
void house_faults(struct house *, const char *lines);

/* Start a role (account "": none) and tell it the conf.  0 or -1. */
int tenant_start(struct house *, struct tenant *, enum role, role_fn *,
    const char *account);
/* SIGTERM and wait; accepts one that is dead.  Returns the wait status. */
int tenant_stop(struct tenant *);

/* Link two tenants to each other, or one to us as its proxy or agent. */
void house_link(struct house *, struct tenant *, struct tenant *);
void house_proxy(struct house *, struct tenant *);
void house_agent(struct house *, struct tenant *);

/* Play a role towards a tenant: what it may ask goes to fn. */
struct ipc *house_play(struct house *, struct tenant *, enum role,
    const uint16_t *allow, ipc_request_fn *fn, void *arg);

/* Ask and do not wait; then wait (at most some seconds). */
void reply_ask(struct reply *, struct ipc *, uint16_t op, struct str body,
    const int *fds, size_t nfds);
void reply_wait(struct house *, struct reply *);
void reply_clear(struct reply *);

/* Ask an agent for an address, and wait.  What is in the answer is gone but
 * for numbers. */
struct lookup_ans house_look_up(struct house *, struct ipc *agent,
    const char *address);

/* A text with NUL behind it of a file below the directory; "" if none. */
void house_read(struct house *, const char *name, struct buf *);
void house_write(struct house *, const char *name, struct str);
/* A shell command in the directory, with printf's formats; its status. */
int house_run(struct house *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

#endif
