/*
 * taken.h - what follows when keys were taken into the key store: whoever
 * brought them gets their certificates, and the proxy learns what it can have
 * opened now.
 */
#ifndef WAXWING_SEALER_TAKEN_H
#define WAXWING_SEALER_TAKEN_H

#include "base/blob.h"
#include "role/role.h"
#include "smime/keydb.h"

/* The certificates as a cert_list (proto/keys.h). */
struct blob *taken_one(const struct key *, struct err *);
struct blob *taken_list(struct key *const *keys, size_t n, struct err *);

/* OP_KEY_ARRIVED for each that opens mail; nothing if there is no proxy: when
 * it comes it asks the opener anyway. */
void taken_tell(struct self *, struct str account, struct key *const *keys,
    size_t n);

#endif
