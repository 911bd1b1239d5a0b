/*
 * envelope.h - the structure of EnvelopedData (RFC 5652 6.1) and
 * AuthEnvelopedData (RFC 5083 2.1), without any key.
 */
#ifndef WAXWING_SMIME_ENVELOPE_H
#define WAXWING_SMIME_ENVELOPE_H

#include "smime/cms.h"
#include "smime/der.h"

#define GCM_TAG_LEN 16

/* All strs are pieces of the message, or of held where BER was rewritten. */
struct envelope {
	struct str recipients; /* contents of the SET */
	const struct algo_cipher *cipher;
	size_t key_len;
	unsigned rc2_bits; /* RC2's effective key length */
	struct str iv;
	struct der_item content; /* maybe in pieces */
	size_t content_len;
	struct str aad;     /* authAttrs as SET, or empty */
	struct str mac;     /* GCM_TAG_LEN octets, AEAD only */
	struct buf held[4]; /* owned */
};

/* Take a ContentInfo apart: its type and what is inside its [0]. */
int content_info(struct str der, struct str *type, struct der *in);

/* Say in the one text for it that decryption failed; returns -1. */
int cms_cannot_open(struct err *);

int envelope_read(struct str der, struct envelope *, struct err *);
void envelope_clear(struct envelope *);

/* The item, rewritten into held as DER if it is not; false: malformed. */
bool plain_item(struct der_item *, struct buf *held);

#endif
