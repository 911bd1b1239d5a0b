/*
 * header.h - the fields of a header (RFC 5322 section 2.2).
 *
 * A header is walked line by line as it stands: a field is its first line and
 * the lines after it that begin with white space.  Nothing is ever refused.
 * A line without a colon is a field without a name, and its value is the
 * whole line; that is what Dovecot makes of it.  The header ends with its
 * first empty line or with the text.  Lines may end with CRLF or LF.
 */
#ifndef WAXWING_MAIL_HEADER_H
#define WAXWING_MAIL_HEADER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

struct field {
	struct str name;  /* without the blanks before the colon */
	struct str value; /* raw: after the colon and one blank, folds kept,
	                   * without the last line end */
	struct str all;   /* the whole field with its line ends */
};

struct header {
	struct str text;
	size_t pos; /* where the next line begins */
};

void header_init(struct header *, struct str text);

/* The next field; false at the end of the header. */
bool header_next(struct header *, struct field *);

/* How many bytes of text the header takes, its empty line included. */
size_t header_len(struct str text);

/* The first field of that name; false if there is none. */
bool header_find(struct str text, const char *name, struct field *);

/* How many fields of that name there are. */
size_t header_count(struct str text, const char *name);

/* Is it this name (without regard to case)? */
bool field_is(const struct field *, const char *name);

/* Append a whole field, with the line end that a last one may lack. */
void field_put(const struct field *, struct buf *out);

/*
 * The value on one line: line ends go, white space around the whole is
 * trimmed (RFC 5322 2.2.3).  p is NULL when memory is out.
 */
struct str header_unfold(struct str value, struct arena *);

#endif
