/*
 * id.h - what a program says of itself: the arguments of ID (RFC 2971).
 */
#ifndef WAXWING_IMAP_ID_H
#define WAXWING_IMAP_ID_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

/* Section 3.3. */
#define ID_PAIRS 30
#define ID_FIELD 30
#define ID_VALUE 1024

/* A line that every server takes (RFC 2683 section 3.2.1.5), less the words
 * before it. */
#define ID_MAX 7900

struct id_pair {
	struct str field;
	struct str value; /* p is NULL: NIL */
};

struct id {
	struct id_pair pair[ID_PAIRS];
	size_t n;
};

/*
 * Read NIL or a list of pairs; the strings point to args or into the arena.
 * Pairs that exceed the limits, or come a second time, are left out, and so is
 * what cannot stand in a quoted string: nobody has to say all he knows
 * (section 3).  False: it is no such list.
 */
bool id_parse(struct str args, struct arena *, struct id *);

/* The value of a field, or "" if it is not there. */
struct str id_value(const struct id *, const char *field);

/* As arguments, without literals; nothing if there are no pairs, and of many
 * as many as ID_MAX has room for. */
void id_print(const struct id *, struct buf *);

#endif
