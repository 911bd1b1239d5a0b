/*
 * sweep.h - forget orders and authorizations that have long been over.
 *
 * Certificates, accounts and revocations stay.
 */
#ifndef WAXWING_CLOUD_SWEEP_H
#define WAXWING_CLOUD_SWEEP_H

#include "cloud/cloud.h"

struct sweep;

/* Sweeps now and then from here on. */
struct sweep *sweep_new(struct cloud *, struct err *);
void sweep_free(struct sweep *); /* accepts NULL */

#endif
