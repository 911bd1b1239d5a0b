/*
 * ports.h - the listening sockets: bound here, or taken from systemd
 * (LISTEN_FDS, sd_listen_fds(3)), and kept while the daemon lives.
 */
#ifndef WAXWING_PARENT_PORTS_H
#define WAXWING_PARENT_PORTS_H

#include <sys/queue.h>

#include "parent/parent.h"
#include "proto/start.h"

struct port {
	TAILQ_ENTRY(port) next;
	enum listen_kind kind;
	char *name; /* owned; as the conf spells it */
	int fd;     /* owned */
};

/*
 * Open all that the conf names.  Sockets from systemd replace a kind's
 * addresses; they are told apart by FileDescriptorName= imap, imaps, smtp or
 * smtps.
 */
int ports_open(struct parent *, struct err *);
void ports_close(struct parent *);

/* Where a reload cannot follow: true if b wants other sockets than a. */
bool ports_differ(const struct conf *a, const struct conf *b);

/* Tell systemd (sd_notify(3)), if it started us. */
void ports_notify(const char *state);

#endif
