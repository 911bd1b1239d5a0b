/*
 * part.h - the MIME tree of a message (RFC 2045, RFC 2046).
 *
 * Nodes hold spans of the text and nothing else of it.  The tree is the one
 * that Dovecot builds of the same text: a boundary matches by prefix, an
 * unfinished multipart ends with the text, Content-* fields count only in
 * MIME parts and where MIME-Version or Content-Type says so.  No text is
 * refused; at a limit a subtree becomes a leaf.
 */
#ifndef WAXWING_MAIL_PART_H
#define WAXWING_MAIL_PART_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum part_kind { PART_LEAF, PART_MULTI, PART_MESSAGE };

struct part {
	struct part *parent; /* NULL for the message itself */
	struct part *next;   /* sibling */
	struct part *child;  /* first child, NULL for a leaf; the message in a
	                      * PART_MESSAGE is its only child */
	struct span head;    /* header with its closing blank line */
	struct span body;
	size_t lines; /* line ends in body */
	enum part_kind kind;
	bool mime;      /* its Content-* fields count */
	bool digest;    /* multipart/digest: children default to message */
	bool truncated; /* a leaf because a limit was met */

	/* Its media type as Content-Type or the default says, e.g. "text" and
	 * "plain"; both "" if Content-Type is broken.  In the arena. */
	struct str type;
	struct str subtype;
};

struct part_limits {
	size_t depth; /* nesting below the root */
	size_t parts; /* nodes in all */
};

/* LIMIT_MIME_DEPTH and LIMIT_MIME_PARTS. */
extern const struct part_limits part_limits;

/*
 * Parse a whole message, or a MIME entity.  The tree lives in the arena;
 * NULL (ERR_LIMIT) only when that is full.
 */
struct part *part_parse(struct str text, struct arena *,
    const struct part_limits *, struct err *);

/* Is it of this type ("text/plain"; "text/" matches all of them)? */
bool part_is(const struct part *, const char *type);

/*
 * The node after p when the tree below root is walked parents first, or NULL;
 * start with p = root.
 */
struct part *part_after(const struct part *root, const struct part *p);

/* Head and body together: they touch. */
struct span part_whole(const struct part *);

#endif
