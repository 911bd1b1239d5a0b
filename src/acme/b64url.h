/*
 * b64url.h - base64url without padding (RFC 7515 2).
 */
#ifndef WAXWING_ACME_B64URL_H
#define WAXWING_ACME_B64URL_H

#include "base/buf.h"
#include "base/span.h"

void b64url_encode(struct str, struct buf *out);

/* -1, and out as it was, unless s is exactly base64url without padding whose
 * unused bits are zero. */
int b64url_decode(struct str s, struct buf *out);

#endif
