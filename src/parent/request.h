/*
 * request.h - one command that came in by the control socket, until it is
 * answered.
 */
#ifndef WAXWING_PARENT_REQUEST_H
#define WAXWING_PARENT_REQUEST_H

#include <jansson.h>
#include <sys/types.h>

#include "base/buf.h"
#include "parent/parent.h"

/* A p12 file and the passphrase. */
#define REQUEST_FDS 2

struct conn;

struct request {
	struct parent *parent;
	struct conn *conn;    /* NULL: the asker went away meanwhile */
	json_t *args;         /* owned; the object of the line */
	uid_t uid;            /* who asks */
	bool privileged;      /* root or the daemon's user */
	int fds[REQUEST_FDS]; /* owned; -1: taken */
	size_t nfds;
	/* what a command in steps remembers */
	char *account;  /* owned */
	char *address;  /* owned */
	json_t *result; /* owned; grows until it is the answer */
	unsigned waiting;
};

/* Carry out the command that args name.  It ends with request_done(). */
void request_run(struct request *);

/* Answer, and free the request.  err NULL or ERR_OK: it went well, and result
 * (swallowed; NULL: null) is the answer. */
void request_done(struct request *, const struct err *, json_t *result);

#endif
