/*
 * sandbox.h - what every role gives up first.
 */
#ifndef WAXWING_SYS_SANDBOX_H
#define WAXWING_SYS_SANDBOX_H

#include "base/err.h"

enum role { ROLE_PARENT, ROLE_PROXY, ROLE_OPENER, ROLE_SEALER, ROLE_AGENT };

const char *role_name(enum role);

/*
 * Drop to user (when root; the parent keeps root only until its ports are
 * bound), no-new-privs, dumpable 0, no core, umask 077, rlimits for the role.
 * user NULL or not root: no change of user.
 */
int sandbox_enter(enum role, const char *user, struct err *);

/* The same for a program that is no role of waxwingd: no rlimits but that
 * against cores. */
int sandbox_drop(const char *user, struct err *);

#endif
