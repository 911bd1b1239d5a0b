/*
 * challenge.h - is this mail the challenge of the pinned cloud (RFC 8823 3.1)?
 *
 * The mail has to be signed as a whole (multipart/signed or opaque), by a
 * certificate of the sender that chains to the cloud's own authority, with its
 * header protected (RFC 9788); what it says is read from the protected fields
 * alone.  Of a cloud that the conf says signs its challenges so, a DKIM
 * signature of the sender's domain over the whole mail is as good; of no other,
 * since whoever has that domain's DNS or mail server could make one.
 */
#ifndef WAXWING_OPENER_CHALLENGE_H
#define WAXWING_OPENER_CHALLENGE_H

#include "base/arena.h"
#include "proto/enrol.h"
#include "smime/chain.h"

/* What is believed. */
struct challenge_trust {
	const struct anchors *cloud; /* pinned of the cloud, and nothing else */
	struct cert_cache *cache;
	bool dkim;
};

/*
 * Fill token1, message_id and reply_to of ans, from the arena.  -1 with
 * ERR_DENIED (it is no such challenge), ERR_UNTRUSTED (the signature does not
 * count), ERR_CRYPTO (it does not match), ERR_SYNTAX, ERR_MEMORY, or
 * ERR_UNAVAILABLE: then key is the record that is missing.
 */
int challenge_check(struct str mail, const struct challenge_check_req *,
    const struct challenge_trust *, struct arena *,
    struct challenge_check_ans *ans, struct err *);

#endif
