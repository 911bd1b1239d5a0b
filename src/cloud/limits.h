/*
 * limits.h - how often who may ask what: the rates of the conf.
 */
#ifndef WAXWING_CLOUD_LIMITS_H
#define WAXWING_CLOUD_LIMITS_H

#include "cloud/cloud.h"

/* Set all rates as the conf says; what was counted so far stays.  After a
 * failure some may be missing. */
int limits_set(struct cloud *, const struct conf *, struct err *);
void limits_clear(struct cloud *);

#endif
