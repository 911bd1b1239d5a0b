#include "config.h"

#include "mail/token.h"

#include <string.h>

void
token_init(struct token *t, struct str s, struct buf *comment)
{
	t->p = s.p;
	t->end = s.p + s.len;
	t->comment = comment;
}

/* RFC 5322 3.2.3; bytes beyond ASCII are welcome (RFC 6532). */
bool
token_is_atext(int c)
{
	if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z'))
		return (true);
	return (c > 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* RFC 2045 5.1: a token ends at tspecials; these three of them are atext. */
static bool
is_token(int c)
{
	if (c == '/' || c == '=' || c == '?')
		return (false);
	return (token_is_atext(c) || c == '.');
}

static void
keep(struct buf *out, const char *from, const char *to)
{
	if (out != NULL && to > from)
		buf_put(out, from, (size_t)(to - from));
}

/*
 * Common to comments, quoted strings and domain literals: at a line end, keep
 * what came before it (folding, RFC 5322 3.2.2).  Returns where to go on.
 */
static const char *
unfold(struct buf *out, const char *from, const char *lf)
{
	const char *to = lf;

	if (to > from && to[-1] == '\r')
		to--;
	keep(out, from, to);
	return (lf + 1);
}

/* Is there something after the backslash at p that it can escape? */
static bool
escapes(const char *p)
{
	return (p[1] != '\r' && p[1] != '\n' && p[1] != '\0');
}

static int
more(const struct token *t)
{
	return (t->p < t->end ? 1 : 0);
}

/* At an opening parenthesis. */
static int
skip_comment(struct token *t)
{
	const char *from = ++t->p;
	unsigned level = 1;

	if (t->comment != NULL)
		buf_reset(t->comment);
	for (; t->p < t->end; t->p++) {
		switch (*t->p) {
		case '(':
			level++;
			break;
		case ')':
			if (--level > 0)
				break;
			keep(t->comment, from, t->p);
			t->p++;
			return (more(t));
		case '\n':
			from = unfold(t->comment, from, t->p);
			break;
		case '\\':
			if (t->p + 1 >= t->end) {
				t->p = t->end;
				return (-1);
			}
			if (!escapes(t->p))
				break;
			keep(t->comment, from, t->p);
			from = ++t->p;
			break;
		default:
			break;
		}
	}
	return (-1);
}

int
token_cfws(struct token *t)
{
	for (; t->p < t->end;) {
		switch (*t->p) {
		case ' ':
		case '\t':
		case '\r':
		case '\n':
			t->p++;
			continue;
		case '(':
			if (skip_comment(t) < 0)
				return (-1);
			continue;
		default:
			return (1);
		}
	}
	return (0);
}

int
token_atom(struct token *t, struct buf *out)
{
	const char *from = t->p;

	while (token_is_atext(token_peek(t)))
		t->p++;
	if (t->p == from)
		return (-1);
	keep(out, from, t->p);
	return (token_cfws(t));
}

int
token_dot_atom(struct token *t, struct buf *out)
{
	const char *from;
	int rc;

	for (;;) {
		from = t->p;
		while (token_is_atext(token_peek(t)))
			t->p++;
		if (t->p == from)
			return (-1);
		keep(out, from, t->p);
		if ((rc = token_cfws(t)) <= 0)
			return (rc);
		if (*t->p != '.')
			return (1);
		t->p++;
		buf_putc(out, '.');
		if (token_cfws(t) <= 0)
			return (-1);
	}
}

int
token_quoted(struct token *t, struct buf *out)
{
	const char *from = ++t->p;

	for (; t->p < t->end; t->p++) {
		switch (*t->p) {
		case '"':
			keep(out, from, t->p);
			t->p++;
			return (token_cfws(t));
		case '\n':
			from = unfold(out, from, t->p);
			break;
		case '\\':
			if (t->p + 1 >= t->end) {
				t->p = t->end;
				return (-1);
			}
			if (!escapes(t->p))
				break;
			keep(out, from, t->p);
			from = ++t->p;
			break;
		default:
			break;
		}
	}
	return (-1);
}

/* phrase = 1*word / obs-phrase (RFC 5322 3.2.5, 4.1), white space as one SP. */
int
token_phrase(struct token *t, struct buf *out)
{
	const char *from;
	int c, rc;

	if (t->p >= t->end)
		return (0);
	if (*t->p == '.')
		return (-1);
	for (;;) {
		if (*t->p == '"') {
			rc = token_quoted(t, out);
		} else {
			from = t->p;
			while ((c = token_peek(t)) == '.' || token_is_atext(c))
				t->p++;
			keep(out, from, t->p);
			rc = token_cfws(t);
		}
		if (rc <= 0)
			return (rc);
		c = token_peek(t);
		if (!token_is_atext(c) && c != '"' && c != '.')
			return (token_cfws(t));
		buf_putc(out, ' ');
	}
}

/* RFC 5322 3.4.1; a backslash stays in. */
static int
domain_literal(struct token *t, struct buf *out)
{
	const char *from = t->p++;

	for (; t->p < t->end; t->p++) {
		switch (*t->p) {
		case '[':
			return (-1);
		case ']':
			keep(out, from, t->p + 1);
			t->p++;
			return (token_cfws(t));
		case '\n':
			from = unfold(out, from, t->p);
			break;
		case '\\':
			if (t->p + 1 >= t->end) {
				t->p = t->end;
				return (-1);
			}
			if (escapes(t->p))
				t->p++;
			break;
		default:
			break;
		}
	}
	return (-1);
}

int
token_domain(struct token *t, struct buf *out)
{
	t->p++;
	if (token_cfws(t) <= 0)
		return (-1);
	if (*t->p == '[')
		return (domain_literal(t, out));
	return (token_dot_atom(t, out));
}

int
token_mime(struct token *t, struct buf *out)
{
	const char *from = t->p;

	while (is_token(token_peek(t)))
		t->p++;
	keep(out, from, t->p);
	return (t->p < t->end ? token_cfws(t) : 0);
}
