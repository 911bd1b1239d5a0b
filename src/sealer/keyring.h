/*
 * keyring.h - the accounts' keys in memory, read from the key store when they
 * are first needed and again when it changed.
 */
#ifndef WAXWING_SEALER_KEYRING_H
#define WAXWING_SEALER_KEYRING_H

#include "sealer/keystore.h"

/* Accounts held at once; a few KiB each. */
#define KEYRING_ACCOUNTS 1000

struct keyring;

/* store and certs must outlive it. */
struct keyring *keyring_new(struct keystore *, struct cert_cache *);
void keyring_free(struct keyring *); /* accepts NULL */

/*
 * The keys of an account (maybe none), borrowed until the next call.  *bad
 * is how many records could not be read, told once per reading.
 */
const struct keydb *keyring_get(struct keyring *, struct str account,
    size_t *bad, struct err *);

/* Could some of those just got not be read?  Then what is missing is not
 * known to be missing, and nothing may go out in clear for want of it. */
bool keyring_lacks(const struct keyring *, struct str account);

#endif
