/*
 * preview.h - PREVIEW (RFC 8970): the first words of a message's text.
 *
 * The same as Dovecot 2.3 makes of the same text.  Hostile text is decoded for
 * it, which is the opener's work.
 */
#ifndef WAXWING_MAIL_PREVIEW_H
#define WAXWING_MAIL_PREVIEW_H

#include "base/buf.h"
#include "mail/view.h"

/* Put it into out, which is empty, in UTF-8, without line ends: 0, or -1 if
 * memory or a buffer is full. */
int preview_make(const struct view *, struct buf *out);

#endif
