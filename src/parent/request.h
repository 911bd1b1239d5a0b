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
#include "sys/ipc.h"
#include "sys/sandbox.h"

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

/* --- for the commands --- */

/* An argument, "" if it is not there. */
const char *request_arg(const struct request *, const char *name);

/* Ask a role, with the request's descriptors if it has any; fn's arg is the
 * request.  If that cannot be done the request is done. */
void request_ask(struct request *, enum role, uint16_t op, struct str body,
    uint64_t ms, ipc_answer_fn *fn);

/* The err of an answer; the JSON of its blob 0 into *json if wanted. */
void request_answer(struct ipc_msg *, const struct err *, struct err *why,
    json_t **json);

/* The answer is the role's own. */
ipc_answer_fn request_passed;

void request_fail(struct request *, enum err_code, const char *text);

#endif
