/*
 * proc.h - starting a role: the same program again, with -x ROLE.
 *
 * The child gets its end of a SOCK_SEQPACKET pair as descriptor PROC_LINK,
 * standard error, and nothing else: no other descriptor, /dev/null as standard
 * input and output, no environment (but what the test hooks need), default
 * signals.  The program is held open from the start, so that one replaced on
 * disk meanwhile does not mix versions.
 */
#ifndef WAXWING_SYS_PROC_H
#define WAXWING_SYS_PROC_H

#include <sys/types.h>

#include "base/err.h"
#include "sys/sandbox.h"

#define PROC_LINK 3

/* What each role's room exports: runs until it is told to stop and returns
 * the exit status. */
typedef int role_fn(int parent_fd);

/* Remember this program.  Call it before anything else can replace it. */
int proc_init(struct err *);

/* Start a role; *link is the caller's end, non-blocking.  -1 with err. */
pid_t proc_start(enum role, int *link, struct err *);

/* A pair of connected ends for two roles, close-on-exec and non-blocking. */
int proc_pair(int fds[2], struct err *);

/* The role that a word names, or -1. */
int role_parse(const char *word, enum role *);

#endif
