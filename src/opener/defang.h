/*
 * defang.h - content whose integrity nothing vouches for.
 *
 * CBC lets an attacker splice text of his own around ciphertext that he
 * cannot read, so that the reader's client sends the plaintext to him
 * (EFAIL).  Where no signature inside covers it, only text/plain is shown as
 * it is; every other leaf becomes an attachment of no particular type.
 */
#ifndef WAXWING_OPENER_DEFANG_H
#define WAXWING_OPENER_DEFANG_H

#include "base/buf.h"
#include "base/err.h"

/* Append the harmless entity to out. */
int defang(struct str entity, struct buf *out, struct err *);

#endif
