/*
 * word.h - encoded words in fields (RFC 2047).
 *
 * Whatever looks like one is decoded, also inside of other text; white space
 * between two goes.  What is broken stays as it stands.
 */
#ifndef WAXWING_MAIL_WORD_H
#define WAXWING_MAIL_WORD_H

#include "base/buf.h"
#include "base/span.h"

/*
 * Append a field's value (without line ends in it) as UTF-8; with fold it is
 * made comparable (casemap_put()), but for words in unknown charsets.
 */
void word_decode(struct str value, bool fold, struct buf *out);

#endif
