/*
 * rekey.h - the key under which hosted keys are kept, and its replacement.
 *
 * kek is the file of the key; the store knows a digest of it once it was
 * replaced.  A new one is first a file of its own, kek.new; then all hosted
 * keys are under it, in one commit that also changes the digest; then the file
 * takes its place.  So wherever that ends, one of the two files is the key.
 */
#ifndef WAXWING_CLOUD_REKEY_H
#define WAXWING_CLOUD_REKEY_H

#include "cloud/cloud.h"

/* Keep the state for this process alone: a file descriptor that holds it until
 * it is closed, or -1. */
int rekey_lock(const struct conf *, struct err *);

/* Finish what was broken off, and see that the key is the store's; the store
 * is open. */
int rekey_settle(struct cloud *, struct err *);

#endif
