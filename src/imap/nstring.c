#include "config.h"

#include "imap/nstring.h"

/* From so many escapes on a literal is as short. */
#define ESCAPES_MAX 4

static bool
is_eol(char c)
{
	return (c == '\r' || c == '\n');
}

static bool
is_space(char c)
{
	return (is_eol(c) || c == ' ' || c == '\t');
}

static void
put_literal(struct buf *out, struct str s)
{
	buf_printf(out, "{%zu}\r\n", s.len);
	buf_str(out, s);
}

void
nstring_put_quoted(struct buf *out, struct str s)
{
	size_t i;
	char c;

	buf_putc(out, '"');
	for (i = 0; i < s.len; i++) {
		c = s.p[i];
		if (is_eol(c) || (unsigned char)c >= 0x80)
			continue;
		if (c == '"' || c == '\\')
			buf_putc(out, '\\');
		buf_putc(out, c);
	}
	buf_putc(out, '"');
}

static bool
fits_quoted(struct str s)
{
	unsigned escapes = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (is_eol(s.p[i]) || (unsigned char)s.p[i] >= 0x80)
			return (false);
		if ((s.p[i] == '"' || s.p[i] == '\\') &&
		    escapes++ >= ESCAPES_MAX)
			return (false);
	}
	return (true);
}

void
nstring_put(struct buf *out, struct str s)
{
	if (s.p == NULL)
		buf_puts(out, "NIL");
	else if (fits_quoted(s))
		nstring_put_quoted(out, s);
	else
		put_literal(out, s);
}

/* A line end that is not followed by white space becomes a space. */
void
nstring_put_unfolded(struct buf *out, struct str s)
{
	struct buf flat;
	size_t i;

	if (s.p == NULL ||
	    (str_find(s, '\r') == s.len && str_find(s, '\n') == s.len)) {
		nstring_put(out, s);
		return;
	}
	buf_init(&flat, s.len);
	for (i = 0; i < s.len; i++) {
		if (!is_eol(s.p[i]))
			buf_putc(&flat, s.p[i]);
		else if (i + 1 < s.len && !is_space(s.p[i + 1]))
			buf_putc(&flat, ' ');
	}
	if (flat.failed)
		out->failed = true;
	nstring_put(out, buf_text(&flat));
	buf_clear(&flat);
}

/* Can s go out between quotes as it stands? */
static bool
is_tidy(struct str s)
{
	bool space = true;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] == ' ' ? space : is_space(s.p[i]))
			return (false);
		if (s.p[i] == '"' || s.p[i] == '\\' ||
		    (unsigned char)s.p[i] >= 0x80)
			return (false);
		space = s.p[i] == ' ';
	}
	return (!space || s.len == 0);
}

void
nstring_put_text(struct buf *out, struct str s)
{
	struct buf flat;
	size_t i;

	if (is_tidy(s)) {
		buf_putc(out, '"');
		buf_str(out, s);
		buf_putc(out, '"');
		return;
	}
	buf_init(&flat, s.len + 1);
	for (i = 0; i < s.len; i++) {
		if (!is_space(s.p[i]))
			buf_putc(&flat, s.p[i]);
		else if (flat.len > 0 && flat.data[flat.len - 1] != ' ')
			buf_putc(&flat, ' ');
	}
	if (flat.len > 0 && flat.data[flat.len - 1] == ' ')
		flat.len--;
	if (flat.failed)
		out->failed = true;
	if (flat.len == 0)
		buf_puts(out, "\"\"");
	else
		put_literal(out, buf_text(&flat));
	buf_clear(&flat);
}
