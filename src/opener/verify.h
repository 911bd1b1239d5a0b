/*
 * verify.h - what the verifier does for the agent: read certificates that
 * came from anywhere, and say which hold.
 */
#ifndef WAXWING_OPENER_VERIFY_H
#define WAXWING_OPENER_VERIFY_H

#include "proto/keys.h"
#include "smime/chain.h"

/*
 * Append a cert_rec for each certificate in found to out.  With q->manual a
 * person vouches for them: then a chain is not asked for.  -1 if nothing in
 * it can be read.
 */
int verify_certs(struct str found, const struct verify_req *q,
    const struct anchors *, struct cert_cache *, struct buf *out, struct err *);

#endif
