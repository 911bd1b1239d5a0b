/*
 * thread_priv.h - the trees of REFERENCES, for the thread*.c files.
 */
#ifndef WAXWING_IMAP_THREAD_PRIV_H
#define WAXWING_IMAP_THREAD_PRIV_H

#include "imap/thread.h"

/* An identifier that was met; node 0 is none. */
struct node {
	const struct thread_key *key; /* NULL: there is no such message */
	uint32_t parent;
	bool above; /* it was somebody's parent */
	/* what is left after pruning: */
	uint32_t child;
	uint32_t next;
};

struct root {
	uint32_t node;
	uint32_t number; /* to sort by, after date */
	int64_t date;
	uint32_t self;   /* its place in the list, from 1 */
	uint32_t parent; /* the place of the root it belongs under by its
	                  * subject, or 0 */
	bool reply;
	bool dummy;  /* no message of its own */
	bool ignore; /* a dummy without children, or joined to another */
};

struct writer;

struct forest {
	struct node *nodes; /* owned */
	uint32_t n;         /* the last one */
	struct root *roots; /* owned */
	uint32_t nroots;
	uint32_t *order; /* owned: room to sort children */
	uint32_t *ids;   /* owned, while messages are linked: their nodes, */
	size_t linked;   /* so many of which are, ... */
	size_t at;       /* ... those of the next from here on */
	uint64_t steps;  /* done so far */
	unsigned stage;  /* of forest_by_subject() */
	struct writer *writer; /* owned, while it is written */
};

void forest_add_child(struct forest *, uint32_t parent, uint32_t child);

/* The children of a node in their order, written to out; how many. */
uint32_t forest_children(const struct forest *, uint32_t node, uint32_t *out);

/* Steps (4) and (5) of REFERENCES, a part of them: 1 there is more, 0, -1. */
int forest_by_subject(struct forest *);

/* What REFS does instead. */
int forest_by_newest(struct forest *);

/* Write it, a part of it: 1 there is more, 0, -1. */
int forest_render(struct forest *, struct buf *out);
void forest_render_end(struct forest *);

#endif
