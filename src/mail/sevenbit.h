/*
 * sevenbit.h - make an entity 7-bit by transfer encodings (RFC 8551 3.1.3,
 * RFC 2045 section 6), so that a signature over it survives any server.
 */
#ifndef WAXWING_MAIL_SEVENBIT_H
#define WAXWING_MAIL_SEVENBIT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* No byte above 127, no NUL, no line longer than 998 (RFC 5322 2.1.1)? */
bool sevenbit_is(struct str);

/*
 * Append the entity (header, empty line, body) to out with its 8-bit leaves
 * encoded: text becomes quoted-printable, anything else base64.  What cannot
 * be encoded stays as it is: raw 8-bit in headers and between parts, what is
 * signed already, partial messages.  -1: a limit or memory.
 */
int sevenbit_encode(struct str entity, struct buf *out, struct err *);

#endif
