/*
 * role.h - the ritual that all roles share.
 *
 * A role's x_main() describes itself in a struct role_ops and calls
 * role_run(), which enters the sandbox, makes the event loop, opens the link
 * to the parent and answers what the parent asks of every role.  What is left
 * to the role are its own operations:
 *
 *	static const struct role_peer peers[] = {
 *		{ ROLE_PROXY, op_proxy_to_sealer, on_proxy_asks, NULL, NULL },
 *		{ .allow = NULL },
 *	};
 *	static const struct role_ops ops = {
 *		.role = ROLE_SEALER,
 *		.from_parent = op_parent_to_sealer,
 *		.start = sealer_start,
 *		.conf = sealer_conf,
 *		.request = on_parent_asks,
 *		.peers = peers,
 *	};
 *
 *	int
 *	sealer_main(int parent_fd)
 *	{
 *		struct sealer s = { 0 };
 *
 *		return (role_run(&ops, parent_fd, &s));
 *	}
 *
 * In order: start (once), conf (once, then at each reload), peers come and go,
 * requests, stop, end.  A role whose parent is gone stops as if it were told.
 */
#ifndef WAXWING_ROLE_ROLE_H
#define WAXWING_ROLE_ROLE_H

#include <event2/event.h>
#include <jansson.h>

#include "base/err.h"
#include "sys/conf.h"
#include "sys/crypt.h"
#include "sys/ipc.h"
#include "sys/sandbox.h"

/* Subkeys that one role may get. */
#define ROLE_KEYS 4

/* A role's stop may take so long before it is ended. */
#define ROLE_STOP_MS 4000

/* What a role is handed; all of it lives until end() returned. */
struct self {
	const struct role_ops *ops;
	void *arg; /* what role_run() was given: the role's own state */
	struct event_base *base;
	struct ipc *parent;
	struct conf *conf; /* replaced at reload, so never kept */
	char *account;     /* an opener's; "" for all others */
	char *install_id;  /* 16 hex digits */
	char *state_dir;
	/* In the order in which proto/start.h names them for the role; the
	 * role wipes them when it has derived its own. */
	struct crypt_key keys[ROLE_KEYS];
	size_t nkeys;
	bool stopping;
};

/* Another role that may be linked to this one. */
struct role_peer {
	enum role role;
	const uint16_t *allow;   /* what it may ask; ends a table when NULL */
	ipc_request_fn *request; /* arg is the struct self */
	/* The link is there (a new one replaces the old, after its down()).
	 * NULL: nothing to do. */
	void (*up)(struct self *, struct ipc *, struct str account);
	/* The link is gone, and is freed by the caller. */
	void (*down)(struct self *, struct ipc *);
};

struct role_ops {
	enum role role;
	/* One of op_parent_to_x: what request() gets is in there. */
	const uint16_t *from_parent;
	/* self is filled but for conf.  -1: the parent logs err, gives up. */
	int (*start)(struct self *, struct err *);
	/* self->conf is new; old (NULL the first time) is freed afterwards.
	 * -1: the role goes on with the old one. */
	int (*conf)(struct self *, const struct conf *old, struct err *);
	/* The parent asks something that is not common to all roles. */
	ipc_request_fn *request; /* arg is the struct self */
	/* What "waxwingctl status" tells: members put into an object. */
	void (*status)(struct self *, json_t *);
	/* Begin to stop.  True: done; false: role_end() will be called. */
	bool (*stop)(struct self *);
	/* The loop has ended: free everything.  Links are freed afterwards. */
	void (*end)(struct self *);
	const struct role_peer *peers; /* NULL: none */
};
/* All callbacks but from_parent may be NULL. */

/* Runs until the parent says stop or goes away; returns the exit status. */
int role_run(const struct role_ops *, int parent_fd, void *arg);

/* Stopping is done: leave the loop. */
void role_end(struct self *);

/* The link to another role (an opener: any account's), or NULL. */
struct ipc *role_link(struct self *, enum role);

/* Another role breaks the rules, or answers nothing any more: the parent kills
 * it and starts another. */
void role_accuse(struct self *, enum role);

/* The same, if it owes an answer and has sent nothing for so long.  For those
 * who gave up waiting: one that is only slow answers others meanwhile. */
void role_check(struct self *, enum role, uint64_t ms);

/* Work was done; a request of a peer is, anyway.  When there is none for some
 * seconds, memory that it has left free goes back to the system. */
void role_worked(struct self *);

/* Answer a request with nothing but an err (NULL: ERR_OK). */
void role_answer_err(struct ipc *, const struct ipc_msg *, const struct err *);

/* Answer with err, and as blob 0 a JSON value (swallowed; NULL: only err). */
void role_answer_json(struct ipc *, uint16_t op, uint32_t id,
    const struct err *, json_t *);

#endif
