/*
 * html.h - the words of HTML, for previews.
 *
 * No parser of documents: markup becomes a blank; comments, scripts and styles
 * go; block quotes begin with ">"; character references become what
 * they stand for.
 */
#ifndef WAXWING_MAIL_HTML_H
#define WAXWING_MAIL_HTML_H

#include "base/buf.h"
#include "base/span.h"

/* Append the text of UTF-8 HTML. */
void html_text(struct str html, struct buf *out);

#endif
