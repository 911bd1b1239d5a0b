/*
 * install.h - what an installation keeps in state_dir: a lock, its id, its
 * own TLS certificate; and the master key beside it.
 */
#ifndef WAXWING_PARENT_INSTALL_H
#define WAXWING_PARENT_INSTALL_H

#include "parent/parent.h"

/*
 * While we may be root: open or make state_dir (0700, user's), take a lock so
 * that no second daemon works on it, and read the master key if that can be.
 */
int install_open(struct parent *, const char *user, struct err *);

/* As the user: make what is missing, the master key, the install id, the TLS
 * certificate; and attach that to the conf. */
int install_load(struct parent *, struct err *);
void install_close(struct parent *);

/* Where a conf names no certificate for IMAP, attach the installation's own;
 * where it names none for SMTP, IMAP's. */
int install_tls(struct parent *, struct conf *, struct err *);

/* Give a file to the user the daemon runs as; no user: nothing to do. */
int install_chown(const char *path, const char *user, struct err *);

#endif
