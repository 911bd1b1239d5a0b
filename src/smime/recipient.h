/*
 * recipient.h - reading RecipientInfos (RFC 5652 6.2): key transport and key
 * agreement, others are passed over.
 */
#ifndef WAXWING_SMIME_RECIPIENT_H
#define WAXWING_SMIME_RECIPIENT_H

#include "smime/der.h"
#include "smime/keydb.h"

/* What one RecipientInfo holds for one recipient; pieces of the message. */
struct recipient {
	struct rid rid;
	bool agree;             /* ECDH */
	struct str oid;         /* keyEncryptionAlgorithm */
	struct der_item params; /* its parameters */
	struct str encrypted_key;
	struct str point; /* ECDH: the originator's ephemeral public key */
	struct str ukm;   /* ECDH: may be empty */
};

/* A walk over the contents of RecipientInfos. */
struct recipient_walk {
	struct der infos;
	struct der keys;        /* what is left of a KeyAgreeRecipientInfo */
	struct recipient agree; /* its common part */
};

void recipient_walk(struct recipient_walk *, struct str infos);
/* The next one of a kind that we know: 1, 0 at the end, -1 malformed. */
int recipient_next(struct recipient_walk *, struct recipient *);

#endif
