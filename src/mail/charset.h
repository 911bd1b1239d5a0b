/*
 * charset.h - text in any charset to UTF-8, as Dovecot takes it.
 *
 * The C library reads the tables of a charset from its folder of modules when
 * it meets the first text in it: that is the only file that is opened here.
 */
#ifndef WAXWING_MAIL_CHARSET_H
#define WAXWING_MAIL_CHARSET_H

#include "base/buf.h"
#include "base/span.h"

/* Is that a name of UTF-8, or of US-ASCII, which is a part of it? */
bool charset_is_utf8(struct str name);

enum charset_result {
	CHARSET_OK,
	CHARSET_INVALID, /* with U+FFFD for what was no text */
	CHARSET_UNKNOWN  /* nothing was appended */
};

/*
 * Append text to out; with fold it is made comparable (casemap_put()).  An
 * unfinished character at the end is left out, and makes it invalid.
 */
enum charset_result charset_put(struct str name, struct str text, bool fold,
    struct buf *out);

#endif
