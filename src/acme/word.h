/*
 * word.h - encoded words (RFC 2047, with the language of RFC 2231 5), as far
 * as a challenge's Subject may hold them (RFC 8823 3.1 point 1).
 */
#ifndef WAXWING_ACME_WORD_H
#define WAXWING_ACME_WORD_H

#include "base/arena.h"
#include "base/span.h"

/* The text of an unfolded value.  -1 for a charset other than UTF-8 and
 * US-ASCII, for a broken word, or when memory is out. */
int word_text(struct str value, struct arena *, struct str *out);

#endif
