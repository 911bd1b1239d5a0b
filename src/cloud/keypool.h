/*
 * keypool.h - RSA keys made ahead, in a process of their own.
 *
 * Finding two primes takes from a tenth of a second to some seconds, during
 * which the event loop would answer nobody.  So a worker makes keys and the
 * loop keeps a few of them; a process rather than a thread because everything
 * here has one thread, and because it can be killed, niced and left without
 * any descriptor but the one that leads back.
 */
#ifndef WAXWING_CLOUD_KEYPOOL_H
#define WAXWING_CLOUD_KEYPOOL_H

#include <sys/types.h>

#include "cloud/cloud.h"

#define KEYPOOL_MAX 64 /* keys that can be held */

struct keypool;

/* Start the worker, which begins to fill the pool with so many keys of so
 * many bits.  It forgets the cloud's own keys first. */
struct keypool *keypool_new(struct cloud *, unsigned bits, unsigned spare,
    struct err *);
void keypool_free(struct keypool *); /* accepts NULL */

bool keypool_ready(const struct keypool *);
/* The worker; 0 while there is none. */
pid_t keypool_worker(const struct keypool *);

/* Take a key out, as PKCS#8 (the caller wipes it); false if none is ready
 * yet. */
bool keypool_take(struct keypool *, struct buf *pkcs8);

#endif
