/*
 * set.h - IMAP sequence sets (RFC 3501 section 9, "sequence-set").
 *
 * A set is a sorted list of ranges of uint32_t that neither overlap nor
 * touch.  "*" is gone after parsing: the caller says what it stands for.  All
 * operations leave their arguments alone and write to a set the caller owns
 * (which must not be an argument).  0 is never a member.
 */
#ifndef WAXWING_BASE_SET_H
#define WAXWING_BASE_SET_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct range {
	uint32_t lo;
	uint32_t hi; /* inclusive */
};

struct set {
	struct range *r; /* owned */
	size_t n;
	size_t cap;
};

void set_init(struct set *);
void set_clear(struct set *); /* frees; empty afterwards */

/*
 * Parse all of text.  star is what "*" stands for; with 0, "*" means nothing
 * exists and ranges reach only what is written.  *has_star (may be NULL)
 * tells whether it appeared.  "5:*" with star 3 is 3:5 (RFC 3501 section 9).
 * Returns -1 on bad syntax or more than LIMIT_SET_RANGES ranges.
 */
int set_parse(struct set *, struct str text, uint32_t star, bool *has_star);

/* Write as a sequence-set; an empty set writes nothing. */
void set_print(const struct set *, struct buf *);

/* The following return -1 only when memory is out. */
int set_add(struct set *, uint32_t lo, uint32_t hi);
int set_remove(struct set *, uint32_t lo, uint32_t hi);
int set_copy(struct set *out, const struct set *a);
int set_minus(struct set *out, const struct set *a, const struct set *b);
int set_and(struct set *out, const struct set *a, const struct set *b);
int set_or(struct set *out, const struct set *a, const struct set *b);

/*
 * The message n of a set of sequence numbers is gone (RFC 3501 7.4.1): drop
 * it and move everything above down by one.
 */
int set_expunge(struct set *, uint32_t n);

bool set_has(const struct set *, uint32_t);
bool set_equal(const struct set *, const struct set *);
uint64_t set_count(const struct set *);

static inline bool
set_empty(const struct set *s)
{
	return (s->n == 0);
}

/* Walk the members: *n = 0 to start; false at the end.  O(log n) a step. */
bool set_next(const struct set *, uint32_t *n);

#endif
