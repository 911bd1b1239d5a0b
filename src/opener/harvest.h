/*
 * harvest.h - what a signature that counts brings: the certificate that mail
 * to its signer is to be encrypted to, those that belong to it, and what he can
 * read.
 */
#ifndef WAXWING_OPENER_HARVEST_H
#define WAXWING_OPENER_HARVEST_H

#include "opener/judge.h"
#include "proto/harvest.h"

/* Fill out from a good verdict; its strings point into it and certs.  Nothing
 * if there is no certificate to encrypt to. */
void harvest(const struct verdict *, struct buf *certs, struct harvest *out);

#endif
