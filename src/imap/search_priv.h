/*
 * search_priv.h - writing keys, for the search_*.c files.
 */
#ifndef WAXWING_IMAP_SEARCH_PRIV_H
#define WAXWING_IMAP_SEARCH_PRIV_H

#include "imap/search.h"

struct search_printer {
	struct buf *out;
	struct buf *lits; /* offsets of literals, or NULL */
	bool plus;        /* LITERAL+ */
	size_t away;      /* bytes in literals: not of the line */
};

/* A string: quoted if it can be. */
void search_put_string(struct search_printer *, struct str);

/* One key; an AND in parentheses. */
void search_put(struct search_printer *, const struct search_node *);

/* A node and its siblings. */
void search_put_list(struct search_printer *, const struct search_node *);

#endif
