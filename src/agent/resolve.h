/*
 * resolve.h - find the certificate to seal to for an address.
 *
 * What is in pub/ comes first; the cloud's directory is asked only when
 * nothing there is fresh enough.  What it gives is verified and put into pub/
 * before it counts, so that the sealer finds it there.
 */
#ifndef WAXWING_AGENT_RESOLVE_H
#define WAXWING_AGENT_RESOLVE_H

#include "agent/state.h"
#include "proto/lookup.h"

/* The verdict: err and all.  Called once, now or later. */
typedef void resolve_fn(const struct lookup_ans *, void *arg);

void resolve(struct agent *, struct str address, resolve_fn *, void *arg);

#endif
