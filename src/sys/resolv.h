/*
 * resolv.h - names by evdns; never getaddrinfo in the loop.
 */
#ifndef WAXWING_SYS_RESOLV_H
#define WAXWING_SYS_RESOLV_H

#include <event2/event.h>
#include <sys/socket.h>

#include "base/err.h"

struct resolv;
struct evdns_base;

struct resolv *resolv_new(struct event_base *, struct err *);
void resolv_free(struct resolv *);
struct evdns_base *resolv_base(struct resolv *);

/* The system's name servers, at most max; how many.  If it names none, the one
 * on this machine. */
size_t resolv_servers(struct event_base *, struct sockaddr_storage *,
    size_t max);

/* Is this host, a name or a literal, loopback ("localhost", 127/8, ::1)? */
bool resolv_is_loopback(const char *host);

#endif
