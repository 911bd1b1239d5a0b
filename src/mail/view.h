/*
 * view.h - the text that the client sees of a sealed message.
 *
 * A view is one flat CRLF text: status fields, then the message's outer
 * fields in their order without Content-* and MIME-Version, then the opened
 * entity with its own fields.  Every answer about the message is a span of
 * that text or a rendering of it, so sizes and parts always agree.  Building
 * is deterministic: the same sources give the same bytes.
 */
#ifndef WAXWING_MAIL_VIEW_H
#define WAXWING_MAIL_VIEW_H

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"
#include "mail/part.h"

struct view_tree;

struct view {
	struct blob *text;      /* owned reference */
	struct view_tree *tree; /* owned; its parts, once they were asked for */
};

struct view_source {
	struct str status;   /* our fields, ready, each ending with CRLF */
	struct str wire;     /* the message as the server has it; of it only the
	                      * header is used */
	struct str entity;   /* the opened MIME entity */
	struct str body;     /* what follows it, when entity is only its header;
	                      * saves a copy */
	struct str authserv; /* our authserv-id (RFC 8601 2.5); may be empty */
};

/*
 * Append the view's text to out.  Fields that claim to be ours are dropped
 * from both headers.  The text becomes what IMAP can carry: bare LF becomes
 * CRLF, and NUL becomes 0x80 (RFC 3501 section 9, CHAR8; so does Dovecot).
 * Returns -1 if out is full.
 *
 * rest, where it is not NULL, gets what follows out: the end of body, where
 * that is long and needs no change.  It counts for out's limit.
 */
int view_build(const struct view_source *, struct buf *out, struct str *rest,
    struct err *);

/*
 * The same for a message shown as it is, because it could not be opened: the
 * status fields, then all of wire without fields that claim to be ours.
 */
int view_unopened(struct str status, struct str wire, struct str authserv,
    struct buf *out, struct err *);

/* The same for a message that is shown as it is and nothing else. */
int view_exact(struct str text, struct buf *out, struct str *rest,
    struct err *);

/* A view of this text; takes its own reference. */
struct view *view_new(struct blob *text, struct err *);
void view_free(struct view *); /* accepts NULL */

/*
 * The message as a tree of parts.  It is read when it is first asked for: who
 * wants the text as a whole is not kept waiting.  NULL if there are too many
 * parts, or memory is out.
 */
const struct part *view_root(const struct view *);

/* Bytes of memory that text and tree take. */
size_t view_memory(const struct view *);

static inline struct str
view_text(const struct view *v)
{
	return (blob_str(v->text));
}

#endif
