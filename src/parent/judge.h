/*
 * judge.h - what of a conf only this machine can tell: is there who is named?
 */
#ifndef WAXWING_PARENT_JUDGE_H
#define WAXWING_PARENT_JUDGE_H

#include "sys/conf.h"

/* Is there an upstream, and, for root, the user to become?  -1 with the words
 * of conf_load() if not. */
int judge_conf(const struct conf *, struct err *);

/* Can TLS be done with the files that the conf named, which are read?  What
 * the proxy finds at its start, for who only asks. */
int judge_files(const struct conf *, struct err *);

/*
 * The unix_users that this machine does not know: false after the last one.
 * That is no reason not to start, as who left is let in nowhere.  *pos = 0 to
 * begin.
 */
bool judge_users(const struct conf *, size_t *pos, struct err *);

#endif
