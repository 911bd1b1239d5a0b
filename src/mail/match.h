/*
 * match.h - what SEARCH finds in a message (RFC 3501 6.4.4).
 *
 * A message is read once and turned into its search text (match_build.h):
 * fields with their encoded words decoded, bodies of text and message parts
 * without their transfer encoding, all of it in UTF-8 and made comparable
 * (casemap.h).  A search is then a search for bytes.  What is found is what
 * Dovecot 2.3 finds without a full text index: HTML is searched with its tags,
 * parts that are no text are not searched but for their headers, and nothing is
 * found across two parts.
 *
 * The search text is opaque, and may come from a process that is not trusted:
 * no text does harm.
 */
#ifndef WAXWING_MAIL_MATCH_H
#define WAXWING_MAIL_MATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* Does a search text hold less than the message? */
bool match_is_cut(struct str text);

/*
 * A client's string in its charset ("": UTF-8), made comparable.  -1:
 * ERR_NOTFOUND for an unknown charset (NO [BADCHARSET]), ERR_SYNTAX if the
 * string is none of it (BAD, as Dovecot says).
 */
int match_needle(struct str charset, struct str raw, struct buf *out,
    struct err *);

enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_UNSURE /* not found, but the text was cut (or is broken) */
};

/* TEXT and BODY.  An empty needle is everywhere. */
enum match match_text(struct str text, struct str needle);
enum match match_body(struct str text, struct str needle);

/*
 * The same for a long text, piece by piece, so that others have their turn:
 * false when about so many bytes were looked at and there is more to do.
 * Begin with a place of zeroes.
 */
struct match_at {
	uint32_t part;
	size_t off; /* in it */
};
bool match_some(struct str text, struct str needle, bool body, size_t bytes,
    struct match_at *, enum match *);

/* HEADER, and SUBJECT, FROM, TO, CC, BCC, which look at a tidied value.  An
 * empty needle asks whether the field is there. */
enum match match_field(struct str text, bool tidy, struct str field,
    struct str needle);

#endif
