/*
 * txt.h - look up one TXT record in the DNS (RFC 1035).
 *
 * By datagrams to the name servers of the conf, or the system's; some tries,
 * each with a new id and port.  What does not answer the question is not read.
 */
#ifndef WAXWING_AGENT_TXT_H
#define WAXWING_AGENT_TXT_H

#include <event2/event.h>

#include "base/err.h"

struct txt;

/* The text, or NULL and why: ERR_NOTFOUND, there is no such record;
 * ERR_UNAVAILABLE.  The look-up is gone. */
typedef void txt_fn(const struct str *text, const struct err *, void *arg);

/* servers: a list of ADDRESS:PORT, or NULL.  NULL with err if it cannot
 * begin. */
struct txt *txt_start(struct event_base *, const char *servers, struct str name,
    txt_fn *done, void *arg, struct err *);
void txt_cancel(struct txt *); /* accepts NULL; done is not called */

#endif
