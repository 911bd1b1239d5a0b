/*
 * imapload.h - a blocking IMAP client that measures: operations per second
 * over one server port, with several connections at once.
 */
#ifndef WAXWING_TESTS_IMAPLOAD_H
#define WAXWING_TESTS_IMAPLOAD_H

#include <stddef.h>

struct target {
	const char *name; /* "direct", "waxwing", "nginx" */
	int port;         /* on 127.0.0.1, plain text */
};

struct login {
	const char *user;
	const char *pass;
};

/* One timed operation, run "times" times on each of "workers" connections. */
struct operation {
	const char *name;
	const char *mailbox; /* selected first; NULL: login and logout are the
	                      * operation */
	const char *command; /* without its tag */
	int workers;
	int times;
};

/* Operations per second, or -1 with a line on standard error. */
double imapload_run(const struct target *, const struct login *,
    const struct operation *);

/*
 * Fill a mailbox over target with count messages of about size bytes each
 * (plain text); made if missing, left alone if it has that many already.
 */
int imapload_fill(const struct target *, const struct login *,
    const char *mailbox, int count, size_t size);

#endif
