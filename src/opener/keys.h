/*
 * keys.h - the account's decryption keys and what the user trusts by hand, as
 * an opener reads them.
 *
 * key/ belongs to the sealer, pub/ to the agent; both are opened read-only,
 * when they are there.  A changed transaction id means: read again.
 */
#ifndef WAXWING_OPENER_KEYS_H
#define WAXWING_OPENER_KEYS_H

#include "smime/keydb.h"
#include "sys/crypt.h"
#include "sys/db.h"

struct keys;

/* account and key may be a verifier's: empty, NULL. */
struct keys *keys_new(const char *state_dir, const char *account,
    const struct crypt_key *open_key, struct err *);
void keys_free(struct keys *); /* accepts NULL */

/* The keys as they are now; never NULL.  err (may be NULL) tells of records
 * that could not be read. */
const struct keydb *keys_now(struct keys *, struct cert_cache *, struct err *);

/*
 * Is this one of the account's own encryption certificates, published lately
 * and its key not here?  Another device of the user's made it, and the key
 * follows.  For open_ctx; arg is the keys.
 */
bool keys_awaited(const struct rid *, void *arg);

/* Was this certificate imported by hand?  For judge_ask; arg is the keys. */
bool keys_pinned(const unsigned char sha256[32], struct str address, void *arg);

#endif
