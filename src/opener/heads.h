/*
 * heads.h - which header fields of the two headers a reader sees.
 *
 * The outer header is the server's and anybody's; the opened entity brings a
 * header of its own.  Fields other than Content-* in it count only where its
 * Content-Type carries hp= (RFC 9788 2.1.1): then they replace outer ones of
 * the same name.  Without hp= they would only double what stands outside, so
 * they are dropped.
 */
#ifndef WAXWING_OPENER_HEADS_H
#define WAXWING_OPENER_HEADS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Is no CR alone in the header?  It ends a line for some clients, which would
 * see fields, another From for instance, where we see none. */
bool heads_clear(struct str text);

/* The one address of the only From field, in the arena; empty if there is no
 * such thing. */
struct str heads_from(struct str header, struct arena *);

struct heads_ask {
	struct str wire;   /* only its header is used */
	struct str entity; /* only its header is used */
	bool protected;    /* protect_kind() says that the entity does */
	bool from_outer;   /* keep the outer From, Reply-To the inner */
};

/*
 * Write the outer header without fields that the entity replaces (no empty
 * line), and the entity's own header with its empty line.  -1 if a buffer is
 * full.
 */
int heads_merge(const struct heads_ask *, struct buf *outer, struct buf *inner,
    struct err *);

#endif
