/*
 * listener.h - a listening socket that the parent bound, and what is made of
 * the connections that arrive there.
 */
#ifndef WAXWING_PROXY_LISTENER_H
#define WAXWING_PROXY_LISTENER_H

#include "base/err.h"
#include "proto/start.h"
#include "proxy/proxy.h"

/* Swallows fd.  -1 with the reason. */
int listener_add(struct proxy *, enum listen_kind, struct str name, int fd,
    struct err *);
void listener_close_all(struct proxy *);

/*
 * A connection was accepted: make a session of it.  Swallows fd; on failure
 * it logs and closes.  tls: implicit TLS.  In imap_session.c, smtp_session.c.
 */
void imap_session_start(struct proxy *, int fd, bool tls);
void smtp_session_start(struct proxy *, int fd, bool tls);

#endif
