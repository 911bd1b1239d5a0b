#include "config.h"

#include "mail/header.h"

#include <string.h>

/* A longer name is none: the line is taken for a value, as Dovecot does. */
#define NAME_MAX_LEN 1000

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

/* Where the line at pos ends, its line end included. */
static size_t
line_end(struct str text, size_t pos)
{
	const char *lf = memchr(text.p + pos, '\n', text.len - pos);

	return (lf != NULL ? (size_t)(lf - text.p) + 1 : text.len);
}

static struct str
without_eol(struct str s)
{
	if (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	else
		return (s);
	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	return (s);
}

/*
 * Blanks after the colon are skipped, but only on the first line; of a value
 * that is nothing but blanks, just one is.
 */
static size_t
value_start(struct str line, size_t colon)
{
	size_t i = colon + 1;

	while (i < line.len && is_blank(line.p[i]))
		i++;
	if (i == line.len && i > colon + 1)
		return (colon + 2);
	return (i);
}

static void
field_split(struct field *f, struct str first)
{
	struct str whole = without_eol(f->all);
	size_t colon, len, from;

	first = without_eol(first);
	f->name = str_of(first.p, 0);
	f->value = whole;
	if ((colon = str_find(first, ':')) == first.len)
		return;
	for (len = colon; len > 0 && is_blank(first.p[len - 1]);)
		len--;
	if (len > NAME_MAX_LEN)
		return;
	f->name.len = len;
	from = value_start(first, colon);
	f->value = str_of(whole.p + from, whole.len - from);
}

void
header_init(struct header *h, struct str text)
{
	h->text = text;
	h->pos = 0;
}

bool
header_next(struct header *h, struct field *f)
{
	size_t start = h->pos, end;
	struct str first;

	if (start >= h->text.len)
		return (false);
	end = line_end(h->text, start);
	first = str_of(h->text.p + start, end - start);
	if (without_eol(first).len == 0)
		return (false);
	while (end < h->text.len && is_blank(h->text.p[end]) &&
	       h->text.p[end - 1] == '\n')
		end = line_end(h->text, end);
	f->all = str_of(h->text.p + start, end - start);
	field_split(f, first);
	h->pos = end;
	return (true);
}

size_t
header_len(struct str text)
{
	struct header h;
	struct field f;

	header_init(&h, text);
	while (header_next(&h, &f))
		;
	return (h.pos < text.len ? line_end(text, h.pos) : text.len);
}

bool
field_is(const struct field *f, const char *name)
{
	return (f->name.len > 0 && str_ieq(f->name, str_c(name)));
}

void
field_put(const struct field *f, struct buf *out)
{
	buf_str(out, f->all);
	if (f->all.p[f->all.len - 1] != '\n')
		buf_puts(out, "\r\n");
}

bool
header_find(struct str text, const char *name, struct field *f)
{
	struct header h;

	header_init(&h, text);
	while (header_next(&h, f))
		if (field_is(f, name))
			return (true);
	return (false);
}

size_t
header_count(struct str text, const char *name)
{
	struct header h;
	struct field f;
	size_t n = 0;

	header_init(&h, text);
	while (header_next(&h, &f))
		if (field_is(&f, name))
			n++;
	return (n);
}

struct str
header_unfold(struct str value, struct arena *arena)
{
	struct str out = {NULL, 0};
	char *p;
	size_t i, n = 0;

	value = str_trim(value);
	if ((p = arena_alloc(arena, value.len + 1)) == NULL)
		return (out);
	for (i = 0; i < value.len; i++) {
		if (value.p[i] == '\n' ||
		    (value.p[i] == '\r' && i + 1 < value.len &&
		        value.p[i + 1] == '\n'))
			continue;
		p[n++] = value.p[i];
	}
	return (str_of(p, n));
}
