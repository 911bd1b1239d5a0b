/*
 * ownmail.h - a message that an account sealed to itself: a draft, the copy
 * of what was sent.
 *
 * Inside the encryption stands the message as a message/rfc822 entity, so
 * that other S/MIME programs with the key can read it, and in that entity's
 * header a marker: an HMAC under a key derived from the private key that opens
 * the message.  Every device that holds that key can make and check it, and
 * nobody else: who only knows the certificate can seal to it, but what he
 * sealed has no marker that holds and is shown as anybody's mail.
 *
 * The marker covers each byte of the message and, if it has one, the Message-ID
 * outside, so that neither can be taken for another's.  Where the message lies
 * is not covered: COPY and MOVE must not break it.
 */
#ifndef WAXWING_SMIME_OWNMAIL_H
#define WAXWING_SMIME_OWNMAIL_H

#include "smime/algo.h"
#include "smime/keydb.h"

/*
 * Append what may be stored of message, sealed to key: all of it is inside,
 * outside stand From, Date and Message-ID, and "[...]" for the subject.  The
 * cipher is the caller's choice; an authenticated one gets OAEP.
 */
int ownmail_seal(const struct key *, struct str message,
    const struct algo_cipher *, struct buf *out, struct err *);

/*
 * Is entity, which key opened and which is all that wire holds, such a
 * message?  Then *message is its bytes.  Compares in constant time.
 */
bool ownmail_get(const struct key *, struct str wire, struct str entity,
    struct str *message);

#endif
