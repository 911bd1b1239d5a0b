/*
 * transport.h - how a content key gets to a recipient.
 *
 * RSA PKCS#1 v1.5 and OAEP (RFC 3370 4.2, RFC 3560), and ephemeral-static
 * ECDH (RFC 5753).
 */
#ifndef WAXWING_SMIME_TRANSPORT_H
#define WAXWING_SMIME_TRANSPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "smime/cms.h"
#include "smime/recipient.h"

/* Content keys are no longer than this. */
#define CEK_MAX 32

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

/* Is it key agreement, which raises EnvelopedData's version (RFC 5652 6.1)? */
bool transport_agrees(const struct cms_recipient *);

#endif
