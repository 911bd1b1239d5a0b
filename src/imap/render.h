/*
 * render.h - FETCH items made of a view (RFC 3501 section 7.4.2).
 *
 * All output is byte for byte what Dovecot 2.3 writes for the same text.
 */
#ifndef WAXWING_IMAP_RENDER_H
#define WAXWING_IMAP_RENDER_H

#include "base/buf.h"
#include "imap/caps.h"
#include "imap/section.h"
#include "mail/view.h"

/* How one FETCH item is answered. */
enum item_source {
	FROM_SERVER, /* flags, dates, ids: the server knows */
	FROM_VIEW,   /* anything made of the message's bytes */
};

struct item_kind {
	const char *name;
	enum item_source source;
	/* Writes the value only.  NULL for items of the server, for those
	 * that are another name of a section, and for PREVIEW, which is made
	 * where the view is (mail/preview.h). */
	int (*render)(const struct view *, struct buf *);
	const struct section *section; /* RFC822 and its kin, or NULL */
	uint32_t ext;                  /* the extension it belongs to, or 0 */
};

static inline bool
item_is_preview(const struct item_kind *kind)
{
	return (kind->ext == EXT_PREVIEW);
}

/*
 * The row of an item (RFC822.PEEK of Outlook included), or NULL.  BODY[...]
 * is parsed by section_parse(); "BODY" without brackets is here.
 */
const struct item_kind *item_find(struct str name);

/* The values of the rows: 0, or -1 if the buffer is full. */
int render_size(const struct view *, struct buf *);
int render_envelope(const struct view *, struct buf *);
int render_body(const struct view *, struct buf *);
int render_structure(const struct view *, struct buf *);

/*
 * The bytes of a section with its partial applied.  They are either in the
 * view's text (*made stays empty, *out names them) or, for header subsets,
 * appended to made (*out names them there).  Returns 1 for made, 0 for the
 * view's text (an empty span if there is no such section), -1 if made is
 * full.
 */
int section_bytes(const struct view *, const struct section *, struct span *out,
    struct buf *made);

/*
 * Append one whole "NAME value" to out: literals for sections ("BODY[] {3}"),
 * rendered values for the rest.  For tests and small things; the proxy sends
 * large spans without a copy.
 */
int render_section(const struct view *, const struct section *,
    struct buf *out);

#endif
