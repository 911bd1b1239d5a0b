/*
 * install.h - what an installation keeps in state_dir: a lock, its id, its
 * own TLS certificate; and the master key beside it.
 */
#ifndef WAXWING_PARENT_INSTALL_H
#define WAXWING_PARENT_INSTALL_H

#include "parent/parent.h"

/*
 * Open or make state_dir (0700), the install id and the master key.  What is
 * made belongs to user if that is given.  Takes a lock so that no second
 * daemon works on the same state.
 */
int install_open(struct parent *, const char *user, struct err *);
void install_close(struct parent *);

/* Where the conf names no certificate for IMAP, attach the installation's own
 * (made at the first start); where it names none for SMTP, IMAP's.  user as
 * above. */
int install_tls(struct parent *, struct conf *, const char *user, struct err *);

/* Give a file to the user the daemon runs as; no user: nothing to do. */
int install_chown(const char *path, const char *user, struct err *);

#endif
