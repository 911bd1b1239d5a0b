/*
 * challenge.h - is this mail the challenge of the pinned cloud (RFC 8823 3.1)?
 *
 * The mail has to be signed as a whole (multipart/signed or opaque), by a
 * certificate of the sender that chains to the cloud's own authority, with its
 * header protected (RFC 9788); what it says is read from the protected fields
 * alone.  That a challenge may be signed by DKIM instead is not used.
 */
#ifndef WAXWING_OPENER_CHALLENGE_H
#define WAXWING_OPENER_CHALLENGE_H

#include "base/arena.h"
#include "proto/enrol.h"
#include "smime/chain.h"

/*
 * Fill token1, message_id and reply_to of ans, from the arena.  cloud holds
 * what is pinned of the cloud and nothing else.  -1 with ERR_DENIED (it is no
 * such challenge), ERR_UNTRUSTED (the signature does not count), ERR_CRYPTO
 * (it does not match), ERR_SYNTAX, ERR_MEMORY.
 */
int challenge_check(struct str mail, const struct challenge_check_req *,
    const struct anchors *cloud, struct cert_cache *, struct arena *,
    struct challenge_check_ans *ans, struct err *);

#endif
