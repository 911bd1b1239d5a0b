/*
 * renew.h - when certificates are renewed, and when a failed step is tried
 * again.  Pure.
 */
#ifndef WAXWING_AGENT_RENEW_H
#define WAXWING_AGENT_RENEW_H

#include <stdint.h>

/* How long a validation of the mailbox is good for the key service (30 days),
 * less some days. */
#define RENEW_VALIDATION_S ((int64_t)25 * 24 * 3600)

/*
 * At two thirds of the lifetime, give or take a twentieth of it as the random
 * number says, so that not all whose certificates began on one day come on
 * another.
 */
int64_t renew_at(int64_t not_before, int64_t not_after, uint32_t random);

/* Seconds until the try after so many failed ones: doubling from 2 to an hour,
 * give or take a quarter. */
int64_t renew_backoff(unsigned tries, uint32_t random);

/* Seconds until something that takes its time is looked at again. */
int64_t renew_poll(unsigned polls);

#endif
