/*
 * ctype.h - the values of MIME fields (RFC 2045 section 5, RFC 2183, RFC 2231).
 *
 * Parameters are kept as Dovecot shows them in BODYSTRUCTURE: continuations
 * of RFC 2231 are joined, their charset and percent encoding stay.  Broken
 * values are read as far as they make sense.
 */
#ifndef WAXWING_MAIL_CTYPE_H
#define WAXWING_MAIL_CTYPE_H

#include "base/arena.h"
#include "base/span.h"

struct ctype_param {
	struct str name;
	struct str value;
};

struct ctype {
	struct str type;    /* "" if the value is broken */
	struct str subtype; /* likewise; a disposition has none */
	struct ctype_param *params;
	size_t nparams;
	bool valid; /* type and subtype are well-formed */
};

/* Content-Type.  All parsers return -1 only when the arena is full. */
int ctype_parse(struct str value, struct arena *, struct ctype *);

/* Content-Disposition: the token is in type; valid tells if there is one. */
int ctype_disposition(struct str value, struct arena *, struct ctype *);

/* Content-Transfer-Encoding: a token, or p NULL if there is none. */
int ctype_encoding(struct str value, struct arena *, struct str *out);

/* Content-Language: a list of tags, possibly empty. */
int ctype_languages(struct str value, struct arena *, struct str **out,
    size_t *n);

/* Is it type/subtype, without regard to case?  "multipart/" matches all. */
bool ctype_is(const struct ctype *, const char *name);

/* The raw value of a parameter, or p NULL. */
struct str ctype_param(const struct ctype *, const char *name);

/*
 * A parameter decoded: name, or the name* of RFC 2231 with its percent
 * encoding undone (the charset is ignored).  *out.p is NULL if there is none.
 */
int ctype_param_decoded(const struct ctype *, const char *name, struct arena *,
    struct str *out);

#endif
