#include "config.h"

#include "imap/lex.h"

#include <string.h>

#include "base/num.h"

void
lex_init(struct lex *l)
{
	memset(l, 0, sizeof(*l));
}

/* Keep the last bytes of an unfinished line: "{n+}\r\n" may be cut in two. */
static void
lex_keep(struct lex *l, struct str in)
{
	size_t drop;

	if (in.len >= sizeof(l->tail)) {
		memcpy(l->tail, in.p + in.len - sizeof(l->tail),
		    sizeof(l->tail));
		l->ntail = sizeof(l->tail);
		return;
	}
	if (l->ntail + in.len > sizeof(l->tail)) {
		drop = l->ntail + in.len - sizeof(l->tail);
		memmove(l->tail, l->tail + drop, l->ntail - drop);
		l->ntail -= drop;
	}
	memcpy(l->tail + l->ntail, in.p, in.len);
	l->ntail += in.len;
}

/* Does the line, of which the end is given, announce a literal? */
static bool
lex_announced(struct lex *l, struct str end)
{
	size_t i, digits;

	if (end.len < 5 || memcmp(end.p + end.len - 3, "}\r\n", 3) != 0)
		return (false);
	i = end.len - 3;
	l->nonsync = end.p[i - 1] == '+';
	if (l->nonsync)
		i--;
	for (digits = 0; i > 0 && end.p[i - 1] >= '0' && end.p[i - 1] <= '9';
	     digits++)
		i--;
	if (digits == 0)
		return (false);
	if (digits > 18) {
		/* A brace further to the left no longer matters. */
		l->left = LEX_ABSURD;
		l->binary = false;
		return (true);
	}
	if (i == 0 || end.p[i - 1] != '{')
		return (false);
	l->binary = i > 1 && end.p[i - 2] == '~';
	return (num_parse(str_of(end.p + i, digits), LEX_ABSURD, &l->left));
}

size_t
lex_step(struct lex *l, struct str in, enum lex_event *ev)
{
	const char *lf;
	struct str end;
	size_t n;

	*ev = LEX_TEXT;
	if (in.len == 0)
		return (0);
	if (l->left > 0) {
		n = l->left < in.len ? (size_t)l->left : in.len;
		l->left -= n;
		*ev = LEX_DATA;
		return (n);
	}
	if ((lf = memchr(in.p, '\n', in.len)) == NULL) {
		lex_keep(l, in);
		return (in.len);
	}
	n = (size_t)(lf - in.p) + 1;
	end = str_of(in.p, n);
	if (l->ntail > 0) {
		lex_keep(l, end);
		end = str_of(l->tail, l->ntail);
	}
	*ev = !l->plain && lex_announced(l, end) ? LEX_LITERAL : LEX_LINE;
	l->ntail = 0;
	return (n);
}

bool
lex_line_ok(struct str line, const char **why)
{
	bool quoted = false, escaped = false;
	size_t i;

	if (line.len < 2 || line.p[line.len - 2] != '\r' ||
	    line.p[line.len - 1] != '\n') {
		*why = "lines end with CRLF";
		return (false);
	}
	line.len -= 2;
	for (i = 0; i < line.len; i++)
		switch (line.p[i]) {
		case '\0':
			*why = "NUL is not allowed";
			return (false);
		case '\r':
			*why = "CR without LF";
			return (false);
		case '"':
			quoted = quoted == escaped;
			escaped = false;
			break;
		case '\\':
			escaped = quoted && !escaped;
			break;
		default:
			escaped = false;
		}
	*why = "quoted string without its end";
	return (!quoted);
}

void
tok_init(struct tok *t, struct str in)
{
	t->in = in;
	t->pos = 0;
	t->away = NULL;
	t->naway = 0;
}

bool
tok_end(const struct tok *t)
{
	return (t->pos >= t->in.len);
}

int
tok_peek(const struct tok *t)
{
	return (tok_end(t) ? -1 : (unsigned char)t->in.p[t->pos]);
}

bool
tok_char(struct tok *t, char c)
{
	if (tok_peek(t) != (unsigned char)c)
		return (false);
	t->pos++;
	return (true);
}

/* ATOM-CHAR and "]"; bytes above 0x7f are let through to whom they concern. */
static bool
is_atom(int c)
{
	return (c > 0x20 && c != 0x7f && strchr("(){%*\"\\", c) == NULL);
}

bool
tok_atom(struct tok *t, struct str *out)
{
	size_t from = t->pos;

	while (is_atom(tok_peek(t)))
		t->pos++;
	*out = str_of(t->in.p + from, t->pos - from);
	return (out->len > 0);
}

bool
tok_flag(struct tok *t, struct str *out)
{
	size_t from = t->pos;
	struct str word;

	if (tok_char(t, '\\') && !tok_char(t, '*') && !tok_atom(t, &word)) {
		t->pos = from;
		return (false);
	}
	if (t->pos == from)
		return (tok_atom(t, out));
	*out = str_of(t->in.p + from, t->pos - from);
	return (true);
}

bool
tok_number(struct tok *t, uint64_t max, uint64_t *out)
{
	size_t n;

	n = num_lead(str_of(t->in.p + t->pos, t->in.len - t->pos), max, out);
	t->pos += n;
	return (n > 0);
}

/* At a double quote: find the other; *escapes says how many "\" are inside. */
static bool
tok_quoted(struct tok *t, struct str *inside, size_t *escapes)
{
	size_t i;

	*escapes = 0;
	for (i = t->pos + 1; i < t->in.len; i++) {
		if (t->in.p[i] == '"') {
			*inside = str_of(t->in.p + t->pos + 1, i - t->pos - 1);
			t->pos = i + 1;
			return (true);
		}
		if (t->in.p[i] == '\\') {
			i++;
			++*escapes;
		}
	}
	return (false);
}

bool
tok_literal(struct tok *t, struct str *out, size_t *nth)
{
	size_t from = t->pos, i;
	uint64_t n;

	tok_char(t, '~');
	if (!tok_char(t, '{') || !tok_number(t, LEX_ABSURD, &n))
		goto no;
	tok_char(t, '+');
	if (!tok_char(t, '}') || !tok_char(t, '\r') || !tok_char(t, '\n'))
		goto no;
	*nth = SIZE_MAX;
	for (i = 0; i < t->naway; i++)
		if (t->away[i] == t->pos) {
			*nth = i;
			*out = str_of("", 0);
			return (true);
		}
	if (n > t->in.len - t->pos)
		goto no;
	*out = str_of(t->in.p + t->pos, (size_t)n);
	t->pos += (size_t)n;
	return (true);
no:
	t->pos = from;
	return (false);
}

bool
tok_string(struct tok *t, struct arena *arena, struct str *out)
{
	size_t from = t->pos, escapes, nth, i, n;
	struct str raw;
	char *p;

	if (tok_peek(t) != '"') {
		if (tok_literal(t, out, &nth) && nth == SIZE_MAX)
			return (true);
		t->pos = from;
		return (false);
	}
	if (!tok_quoted(t, &raw, &escapes))
		return (false);
	if (escapes == 0) {
		*out = raw;
		return (true);
	}
	if ((p = arena_alloc(arena, raw.len)) == NULL) {
		t->pos = from;
		return (false);
	}
	for (i = n = 0; i < raw.len; i++) {
		if (raw.p[i] == '\\')
			i++;
		p[n++] = raw.p[i];
	}
	*out = str_of(p, n);
	return (true);
}

bool
tok_astring(struct tok *t, struct arena *arena, struct str *out)
{
	int c = tok_peek(t);

	if (c == '"' || c == '{' || c == '~')
		if (tok_string(t, arena, out))
			return (true);
	return (tok_atom(t, out));
}

/* The next piece of a value; depth counts the lists that are open. */
static bool
tok_piece(struct tok *t, size_t *depth)
{
	size_t escapes, nth;
	struct str word;

	switch (tok_peek(t)) {
	case '(':
		t->pos++;
		++*depth;
		return (true);
	case ')':
		if (*depth == 0)
			return (false);
		t->pos++;
		--*depth;
		return (true);
	case ' ':
		t->pos++;
		return (*depth > 0);
	case '"':
		return (tok_quoted(t, &word, &escapes));
	case '{':
		return (tok_literal(t, &word, &nth));
	default:
		return (tok_flag(t, &word));
	}
}

bool
tok_value(struct tok *t, struct str *out)
{
	size_t from = t->pos, depth = 0;

	do {
		if (!tok_piece(t, &depth)) {
			t->pos = from;
			return (false);
		}
	} while (depth > 0);
	*out = str_of(t->in.p + from, t->pos - from);
	return (true);
}
