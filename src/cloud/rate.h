/*
 * rate.h - how often somebody may ask (token buckets by key).
 *
 * Bounded: when there are too many keys, all are forgotten, which lets a few
 * ask more than they should rather than refusing anybody.
 */
#ifndef WAXWING_CLOUD_RATE_H
#define WAXWING_CLOUD_RATE_H

#include <stdint.h>

#include "base/span.h"

struct rate;

/* count requests per so many seconds, all of which may come at once. */
struct rate *rate_new(uint64_t count, uint64_t seconds);
void rate_set(struct rate *, uint64_t count, uint64_t seconds);
void rate_free(struct rate *); /* accepts NULL */

/* 0: it may (and is counted); else the seconds to wait before asking again.
 * now is in milliseconds and never goes back. */
unsigned rate_take(struct rate *, struct str key, uint64_t now);

/* The same without counting. */
unsigned rate_wait(struct rate *, struct str key, uint64_t now);

#define RATE_PEER 46 /* INET6_ADDRSTRLEN */

/* Who asks, as a key: an address, or all IPv6 networks of a site, where one
 * machine has as many addresses as it likes. */
struct str rate_peer(const char *peer, char out[RATE_PEER]);

#endif
