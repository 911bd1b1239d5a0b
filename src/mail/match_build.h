/*
 * match_build.h - the search text of a message (match.h): where it is made.
 *
 * Transfer encodings and charsets of hostile mail are decoded for it, which is
 * the opener's work.
 */
#ifndef WAXWING_MAIL_MATCH_BUILD_H
#define WAXWING_MAIL_MATCH_BUILD_H

#include "base/buf.h"
#include "base/err.h"
#include "mail/view.h"

/* Text of one message that is kept for searching: a book has 1 MiB. */
#define MATCH_TEXT (2UL * 1024 * 1024)

/* To look into a message at full length. */
#define MATCH_WHOLE (512UL * 1024 * 1024)

/* Fields of its header that can be searched one by one; of all of it when it
 * is looked into at full length. */
#define MATCH_FIELDS 4000

/* How much longer than its text a search text may be: the same. */
#define MATCH_EXTRA       (256UL * 1024)
#define MATCH_EXTRA_WHOLE (8UL * 1024 * 1024)

/*
 * Append the search text of a message to out, with at most max bytes of text;
 * longer ones are cut, and say so.  -1: out is full or memory is out.
 */
int match_build(const struct view *, size_t max, struct buf *out, struct err *);

#endif
