/*
 * parent.h - the process that starts all others.
 *
 * It reads the conf, binds the ports, holds the master key, starts the roles,
 * hands each what it may have, links them, and starts again what dies.  It
 * takes no mail and parses no certificate.
 */
#ifndef WAXWING_PARENT_PARENT_H
#define WAXWING_PARENT_PARENT_H

#include <event2/event.h>
#include <sys/queue.h>

#include "base/err.h"
#include "sys/conf.h"
#include "sys/crypt.h"
#include "sys/log.h"

/* sysexits.h: "something was found in an unconfigured or misconfigured
 * state" */
#define EXIT_CONF 78

struct child;
struct control;
struct port;
TAILQ_HEAD(child_list, child);
TAILQ_HEAD(port_list, port);

struct parent {
	struct event_base *base; /* owned */
	const char *conf_path;   /* of the command line */
	struct conf *conf;       /* owned */
	struct crypt_key master; /* all other keys are derived from it */
	bool have_master;
	struct err no_master;       /* why not */
	char install_id[17];        /* 16 hex digits */
	char *state_dir;            /* owned; a reload does not move it */
	int lock;                   /* on state_dir, held while we live */
	struct port_list ports;     /* owned */
	struct child_list children; /* owned; the pool's openers come last */
	struct control *control;    /* owned */
	struct event *signals[4];   /* owned */
	struct event *timer;        /* owned: the end of a slow stop */
	struct event *poll;         /* owned: somebody waits for an opener */
	size_t listens;             /* OP_LISTEN that are not answered */
	int background;             /* tell it when ready; -1: nobody waits */
	int status;                 /* to exit with */
	bool ready;                 /* once: all roles stood */
	bool stopping;
};

/* Run with a conf file until stopped; returns the exit status. */
int parent_run(const char *conf_path, bool foreground);

/* waxwingd -n: read and judge the conf; returns the exit status. */
int parent_check(const char *conf_path);

/* Stop all roles, then leave with status. */
void parent_stop(struct parent *, int status);

/* A child answered its conf: it can be linked and used. */
void parent_child_up(struct child *);
/* Its process ended (it was reaped; its link is gone). */
void parent_child_gone(struct child *);
/* It answered OP_START or OP_CONF with no. */
void parent_child_refused(struct child *, uint16_t op, const struct err *);

/* The one child of a role without account, or NULL. */
struct child *parent_child(struct parent *, enum role);

/* The opener of an account, or NULL. */
struct child *parent_opener(struct parent *, struct str account);

#endif
