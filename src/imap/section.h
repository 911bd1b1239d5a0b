/*
 * section.h - BODY[...]<...> (RFC 3501 section 6.4.5).
 *
 * A section is a value, parsed once and good for every message.  Almost every
 * section of a message is one stretch of its text, so the answer is a span;
 * only header subsets have to be made.
 */
#ifndef WAXWING_IMAP_SECTION_H
#define WAXWING_IMAP_SECTION_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"
#include "mail/part.h"

enum section_what {
	SEC_ALL,
	SEC_HEADER,
	SEC_TEXT,
	SEC_MIME,
	SEC_FIELDS,
	SEC_FIELDS_NOT
};

struct section {
	const uint32_t *path; /* 1.2.3 */
	size_t depth;
	enum section_what what;
	const struct str *fields; /* of SEC_FIELDS and SEC_FIELDS_NOT, sorted */
	size_t nfields;
	bool peek;
	bool partial;
	uint64_t from;   /* <from.count> */
	uint64_t count;  /* UINT64_MAX if it was left out, as Dovecot allows */
	struct str name; /* the item's name in the answer, as Dovecot writes
	                  * it: BODY[...] in capitals, <from> without count */
};

/*
 * Parse a whole item "BODY[...]", "BODY.PEEK[...]<0.100>" at the start of s.
 * Strings in a field list may be quoted or literals ("{3}\r\nFoo" or with a
 * plus).  All memory comes from the arena, nothing points to s.  Returns how
 * many bytes were read, or 0 on bad syntax or a full arena.
 */
size_t section_parse(struct str s, struct arena *, struct section *);

/* Write it as section_parse() reads it, ".PEEK" and count included. */
void section_print(const struct section *, struct buf *);

/* Is the name in its list of fields? */
bool section_has_field(const struct section *, struct str name);

/*
 * Find the stretch a section names, partial not yet applied; for header
 * subsets that of the whole header.  False if there is none; the answer is
 * then an empty string, as Dovecot does it.
 */
bool section_find(const struct part *root, const struct section *,
    struct span *out);

#endif
