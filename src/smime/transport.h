/*
 * transport.h - how a content key gets to a recipient.
 *
 * KeyTransRecipientInfo (RFC 5652 6.2.1) with RSA PKCS#1 v1.5 and OAEP, and
 * KeyAgreeRecipientInfo (6.2.2) with ephemeral-static ECDH (RFC 5753).
 */
#ifndef WAXWING_SMIME_TRANSPORT_H
#define WAXWING_SMIME_TRANSPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "smime/cms.h"
#include "smime/der.h"

/* Content keys are no longer than this. */
#define CEK_MAX 32

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

/*
 * Recover the content key of len bytes.  -1 only for what can be told from
 * the message and the kind of key alone.  If the private key operation fails
 * or gives something of another length, the key is random: who sent the
 * message must not learn which it was (RFC 3218 2.3.2).
 */
int transport_unwrap(const struct recipient *, EVP_PKEY *, unsigned char *cek,
    size_t len, struct err *);

/* Append the RecipientInfo that carries the key to a recipient. */
int transport_wrap(const struct cms_recipient *, const unsigned char *cek,
    size_t len, struct buf *out, struct err *);

/* Will its RecipientInfo name the key by version 2 or above rules?  True for
 * key agreement, which raises EnvelopedData's version to 2. */
bool transport_agrees(const struct cms_recipient *);

#endif
