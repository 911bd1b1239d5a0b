/*
 * listen.h - a listener on a word of a CONF_LISTEN option.
 */
#ifndef WAXWING_CLOUD_LISTEN_H
#define WAXWING_CLOUD_LISTEN_H

#include <event2/listener.h>

#include "base/span.h"

/* Bind and accept; NULL if that cannot be done.  The caller frees it. */
struct evconnlistener *listen_tcp(struct event_base *, struct str word,
    evconnlistener_cb, void *arg);

#endif
