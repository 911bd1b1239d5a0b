/*
 * body.h - a part's body as text: the one place where transfer encodings and
 * charsets of bodies are undone, for what is searched and for previews.
 *
 * A header is read as Dovecot reads it there: the last Content-Type says
 * whether the body is text, the first in what charset.
 */
#ifndef WAXWING_MAIL_BODY_H
#define WAXWING_MAIL_BODY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"
#include "mail/cte.h"

struct body {
	bool is_text; /* or a message */
	bool is_html;
	bool typed; /* the first Content-Type was met */
	struct str charset;
	enum cte cte;
};

/* Of a part whose header says nothing. */
void body_init(struct body *);

/* A field's raw value on one line, appended to out: line ends go, and a tab
 * behind one is a blank. */
void body_unfold(struct str value, struct buf *out);

/* The next field of its header, the value on one line; a charset's name is
 * kept in the arena.  -1: memory is out. */
int body_field(struct body *, struct str name, struct str value,
    struct arena *);

/* Append its text in UTF-8 to out, with fold made comparable (casemap.h); raw
 * is room to work in, and holds it decoded. */
void body_text(const struct body *, struct str bytes, bool fold,
    struct buf *raw, struct buf *out);

#endif
