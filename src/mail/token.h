/*
 * token.h - the words of RFC 5322 section 3.2 and RFC 2045 section 5.1.
 *
 * A scanner over one field value, for the parsers of this room.  Functions
 * return -1 where the grammar is broken, 0 when the value ended after what
 * was read, 1 when more follows; they skip comments and white space behind
 * what they read and append what they read to out.  What counts as broken
 * is what Dovecot takes for broken.
 */
#ifndef WAXWING_MAIL_TOKEN_H
#define WAXWING_MAIL_TOKEN_H

#include "base/buf.h"
#include "base/span.h"

struct token {
	const char *p;
	const char *end;
	struct buf *comment; /* borrowed; gets the last comment, or NULL */
};

void token_init(struct token *, struct str, struct buf *comment);

/* The next byte, or -1 at the end. */
static inline int
token_peek(const struct token *t)
{
	return (t->p < t->end ? (unsigned char)*t->p : -1);
}

bool token_is_atext(int c);

/* Skip white space and comments. */
int token_cfws(struct token *);

int token_atom(struct token *, struct buf *out);
int token_dot_atom(struct token *, struct buf *out);
int token_phrase(struct token *, struct buf *out);

/* At a double quote: a quoted-string, without its quotes and escapes. */
int token_quoted(struct token *, struct buf *out);

/* At an "@": what follows it, a dot-atom or a domain-literal. */
int token_domain(struct token *, struct buf *out);

/* A token of MIME, with dots in it; may be empty. */
int token_mime(struct token *, struct buf *out);

#endif
