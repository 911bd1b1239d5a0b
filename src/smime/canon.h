/*
 * canon.h - the canonical form of text (RFC 8551 3.1.1): lines end with CRLF.
 */
#ifndef WAXWING_SMIME_CANON_H
#define WAXWING_SMIME_CANON_H

#include "base/buf.h"

/* Is every CR followed by LF and every LF preceded by CR? */
bool canon_is(struct str);

/* Append s with every CR, LF and CRLF as CRLF. */
void canon_put(struct str, struct buf *out);

#endif
