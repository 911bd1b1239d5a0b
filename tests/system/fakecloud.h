/*
 * fakecloud.h - tests/lib/fakecloud.py as a child of a test.
 */
#ifndef WAXWING_TESTS_SYSTEM_FAKECLOUD_H
#define WAXWING_TESTS_SYSTEM_FAKECLOUD_H

#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"

struct fakecloud {
	pid_t pid;
	FILE *to, *from;
	char dir[300]; /* absolute */
	char url[100];
};

/* Start one whose files lie in the directory NAME; -1 if it does not come up
 * in some seconds. */
int fakecloud_start(struct fakecloud *, const char *name);
/* It is gone as if its machine were; its files stay. */
void fakecloud_stop(struct fakecloud *);
/* And those too. */
void fakecloud_remove(struct fakecloud *);

/* Lines for its standard input, each of which is waited for. */
void fakecloud_say(struct fakecloud *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* How it shall lie; "" ends all lies. */
void fakecloud_plan(struct fakecloud *, const char *lines);

/* A file of it, with NUL behind. */
void fakecloud_read(struct fakecloud *, const char *name, struct buf *);
void fakecloud_write(struct fakecloud *, const char *name, const char *text);

/* How many requests were there that begin so ("GET /crl")?  Then forget. */
unsigned fakecloud_requests(struct fakecloud *, const char *begin);
void fakecloud_forget(struct fakecloud *);

#endif
