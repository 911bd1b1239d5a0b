/*
 * preview.h - PREVIEW (RFC 8970): the first words of a message's text.
 *
 * The same as Dovecot 2.3 makes of the same text.
 */
#ifndef WAXWING_IMAP_PREVIEW_H
#define WAXWING_IMAP_PREVIEW_H

#include "base/buf.h"
#include "mail/view.h"

/* Write the item's value, a string: 0, or -1 if memory or a buffer is full. */
int render_preview(const struct view *, struct buf *out);

#endif
