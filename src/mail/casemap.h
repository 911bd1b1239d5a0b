/*
 * casemap.h - text made comparable without regard to case
 * (i;unicode-casemap, RFC 5051).
 *
 * Each character becomes its titlecase and is then taken apart once, by its
 * canonical or compatibility decomposition.  That is a little less than the
 * RFC wants, which takes the pieces apart too; it is what Dovecot 2.3 does,
 * and searches have to find the same there and here.
 */
#ifndef WAXWING_MAIL_CASEMAP_H
#define WAXWING_MAIL_CASEMAP_H

#include "base/buf.h"
#include "base/span.h"

/*
 * Append UTF-8 text to out, made comparable.  What is no UTF-8 becomes
 * U+FFFD, one for a run.  Returns whether all of it was UTF-8.
 */
bool casemap_put(struct buf *out, struct str text);

/* The same without changing characters. */
bool casemap_copy(struct buf *out, struct str text);

#endif
