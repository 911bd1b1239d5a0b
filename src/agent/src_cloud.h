/*
 * src_cloud.h - the cloud's directory (RFC 4387) as a source of certificates.
 *
 * What it answers is verified, revocation included, and put into pub/ with
 * how long it may be used; the caller reads it there.  The same address is
 * never asked twice at once.
 */
#ifndef WAXWING_AGENT_SRC_CLOUD_H
#define WAXWING_AGENT_SRC_CLOUD_H

#include "agent/state.h"

/* err ERR_OK: pub/ has the answer, whatever it is. */
typedef void src_cloud_fn(const struct err *, void *arg);

/*
 * Ask for an address (lower case).  done NULL: in the background.  The
 * callback comes once, from the event loop, in less than LIMIT_LOOKUP_MS.
 * -1 with err, and no callback: it cannot be asked now.
 */
int src_cloud_ask(struct agent *, struct str address, src_cloud_fn *done,
    void *arg, struct err *);

/* Give up all; whoever waits is told so. */
void src_cloud_abandon(struct agent *);

#endif
