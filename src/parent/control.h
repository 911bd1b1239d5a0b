/*
 * control.h - the control socket.
 *
 * Each line is a JSON object {"command": NAME, ...}, answered by one line:
 * {"ok": true, "result": ...} or {"ok": false, "code": WORD, "error": TEXT}.
 * Files come as descriptors with the line that needs them.  Who asks is known
 * by SO_PEERCRED: root and the daemon's user may do all, others what concerns
 * the accounts whose [account] unix_user they are.
 */
#ifndef WAXWING_PARENT_CONTROL_H
#define WAXWING_PARENT_CONTROL_H

#include "parent/parent.h"

/* Bind the socket; while we are still root it is given to user. */
int control_open(struct parent *, const char *user, struct err *);

/* The roles are ready: answer. */
void control_start(struct parent *);

/* The conf has changed: who may connect follows it. */
void control_reload(struct parent *);

void control_close(struct parent *); /* none is no error */

#endif
