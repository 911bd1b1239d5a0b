#include "config.h"

#include "imap/section.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "imap/nstring.h"

#define UNLIMITED UINT64_MAX

/* What is parsed, and where the echo of it grows. */
struct parse {
	struct str in;
	size_t pos;
	struct arena *arena;
	struct section *sec;
	struct buf echo;
};

static bool
skip(struct parse *p, const char *word)
{
	struct str rest = {p->in.p + p->pos, p->in.len - p->pos};
	struct str want = str_c(word);

	if (!str_istarts(rest, want))
		return (false);
	p->pos += want.len;
	return (true);
}

static int
peek(const struct parse *p)
{
	return (p->pos < p->in.len ? (unsigned char)p->in.p[p->pos] : -1);
}

static bool
is_digit(int c)
{
	return (c >= '0' && c <= '9');
}

/* One number, as large as it may be; too large is as good as the largest. */
static bool
number(struct parse *p, uint64_t max, uint64_t *out)
{
	size_t start = p->pos;

	while (is_digit(peek(p)))
		p->pos++;
	if (p->pos == start)
		return (false);
	if (!num_parse(str_of(p->in.p + start, p->pos - start), max, out))
		*out = max;
	return (true);
}

/* "1.2.3" or "1.2.3." in front of a word. */
static bool
path(struct parse *p)
{
	size_t start = p->pos, n = 0, i;
	uint32_t *nums;
	uint64_t num;

	for (i = p->pos;
	     i < p->in.len &&
	     (is_digit((unsigned char)p->in.p[i]) || p->in.p[i] == '.');
	     i++)
		if (p->in.p[i] == '.')
			n++;
	if ((nums = arena_array(p->arena, n + 1, sizeof(*nums))) == NULL)
		return (false);
	p->sec->path = nums;
	while (is_digit(peek(p))) {
		if (!number(p, UINT32_MAX, &num))
			return (false);
		nums[p->sec->depth++] = (uint32_t)num;
		if (peek(p) != '.')
			break;
		p->pos++;
		if (peek(p) == ']')
			return (false);
	}
	buf_put(&p->echo, p->in.p + start, p->pos - start);
	/* A word must come behind a dot, and nothing else may. */
	return (
	    p->sec->depth == 0 || peek(p) == ']' || p->in.p[p->pos - 1] == '.');
}

static bool
is_atom(int c)
{
	return (c > 0x20 && c < 0x7f && strchr("(){%*\"\\", c) == NULL);
}

static bool
quoted(struct parse *p, struct buf *out)
{
	int c;

	for (p->pos++; (c = peek(p)) != '"'; p->pos++) {
		if (c == '\\') {
			p->pos++;
			c = peek(p);
			if (c != '"' && c != '\\')
				return (false);
		}
		if (c < 0 || c == '\r' || c == '\n')
			return (false);
		buf_putc(out, (char)c);
	}
	p->pos++;
	return (true);
}

static bool
literal(struct parse *p, struct buf *out)
{
	uint64_t n;

	p->pos++;
	if (!number(p, SIZE_MAX, &n))
		return (false);
	(void)skip(p, "+");
	if (!skip(p, "}\r\n") || n > p->in.len - p->pos)
		return (false);
	buf_put(out, p->in.p + p->pos, (size_t)n);
	p->pos += (size_t)n;
	return (true);
}

static char
upper(char c)
{
	return (c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
}

/*
 * A field name in capitals; what cannot stand in a quoted string goes, as it
 * does in Dovecot, which reads its own echo.
 */
static bool
field_name(struct parse *p, struct buf *word, struct str *out)
{
	size_t i, n = 0, start = p->pos;
	bool atom = false, ok = true;

	buf_reset(word);
	if (peek(p) == '"') {
		ok = quoted(p, word);
	} else if (peek(p) == '{') {
		ok = literal(p, word);
	} else {
		atom = true;
		while (is_atom(peek(p)))
			p->pos++;
		buf_put(word, p->in.p + start, p->pos - start);
		ok = word->len > 0 && !str_ieq(buf_text(word), STR("NIL"));
	}
	if (!ok || word->failed)
		return (false);
	for (i = 0; i < word->len; i++) {
		char c = word->data[i];

		if (c == '\0')
			return (false);
		if (c != '\r' && c != '\n' && (unsigned char)c < 0x80)
			word->data[n++] = upper(c);
	}
	word->len = n;
	if (atom)
		buf_str(&p->echo, buf_text(word));
	else
		nstring_put_quoted(&p->echo, buf_text(word));
	*out = arena_str(p->arena, buf_text(word));
	return (out->p != NULL);
}

static int
name_cmp(const void *pa, const void *pb)
{
	const struct str *a = pa, *b = pb;
	size_t i;
	char ca, cb;

	for (i = 0; i < a->len && i < b->len; i++) {
		ca = upper(a->p[i]);
		cb = upper(b->p[i]);
		if (ca != cb)
			return (ca < cb ? -1 : 1);
	}
	if (a->len == b->len)
		return (0);
	return (a->len < b->len ? -1 : 1);
}

/* "(name name)", kept sorted. */
static bool
field_list(struct parse *p)
{
	struct str *names;
	struct buf word;
	size_t n = 0, i, max = 1;
	bool ok = true;

	if (!skip(p, " ("))
		return (false);
	buf_puts(&p->echo, " (");
	for (i = p->pos; i < p->in.len; i++)
		if (p->in.p[i] == ' ')
			max++;
	if ((names = arena_array(p->arena, max, sizeof(*names))) == NULL)
		return (false);
	buf_init(&word, p->in.len);
	while (ok && n < max) {
		if ((ok = field_name(p, &word, &names[n])))
			n++;
		if (!ok || !skip(p, " "))
			break;
		buf_putc(&p->echo, ' ');
	}
	buf_clear(&word);
	if (!ok || !skip(p, ")"))
		return (false);
	buf_putc(&p->echo, ')');
	qsort(names, n, sizeof(*names), name_cmp);
	p->sec->fields = names;
	p->sec->nfields = n;
	return (true);
}

static bool
word(struct parse *p)
{
	static const struct {
		const char *name;
		enum section_what what;
	} words[] = {
	    /* longer ones before their beginnings */
	    {"HEADER.FIELDS.NOT", SEC_FIELDS_NOT},
	    {"HEADER.FIELDS", SEC_FIELDS},
	    {"HEADER", SEC_HEADER},
	    {"TEXT", SEC_TEXT},
	    {"MIME", SEC_MIME},
	};
	size_t i;

	if (peek(p) == ']') {
		p->sec->what = SEC_ALL;
		return (true);
	}
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!skip(p, words[i].name))
			continue;
		p->sec->what = words[i].what;
		buf_puts(&p->echo, words[i].name);
		if (p->sec->what == SEC_FIELDS ||
		    p->sec->what == SEC_FIELDS_NOT)
			return (field_list(p));
		return (p->sec->what != SEC_MIME || p->sec->depth > 0);
	}
	return (false);
}

/* "<from.count>"; Dovecot takes "<from>" too. */
static bool
partial(struct parse *p)
{
	if (!skip(p, "<"))
		return (true);
	p->sec->partial = true;
	p->sec->count = UNLIMITED;
	if (!number(p, INT64_MAX, &p->sec->from))
		return (false);
	if (skip(p, ".") && !number(p, INT64_MAX, &p->sec->count))
		return (false);
	buf_printf(&p->echo, "<%ju>", (uintmax_t)p->sec->from);
	return (skip(p, ">"));
}

static bool
item(struct parse *p)
{
	if (!skip(p, "BODY"))
		return (false);
	p->sec->peek = skip(p, ".PEEK");
	if (!skip(p, "["))
		return (false);
	buf_puts(&p->echo, "BODY[");
	if (!path(p) || !word(p) || !skip(p, "]"))
		return (false);
	buf_putc(&p->echo, ']');
	return (partial(p));
}

size_t
section_parse(struct str s, struct arena *arena, struct section *sec)
{
	struct parse p = {.in = s, .arena = arena, .sec = sec};
	bool ok;

	memset(sec, 0, sizeof(*sec));
	buf_init(&p.echo, s.len * 3 + 64);
	ok = item(&p) && !p.echo.failed;
	if (ok) {
		sec->name = arena_str(arena, buf_text(&p.echo));
		ok = sec->name.p != NULL;
	}
	buf_clear(&p.echo);
	return (ok ? p.pos : 0);
}

void
section_print(const struct section *sec, struct buf *out)
{
	struct str name = sec->name;
	size_t body = strlen("BODY");

	if (name.len < body)
		return;
	buf_put(out, name.p, body);
	if (sec->peek)
		buf_puts(out, ".PEEK");
	name = str_of(name.p + body, name.len - body);
	if (sec->partial && sec->count != UNLIMITED) {
		buf_put(out, name.p, name.len - 1);
		buf_printf(out, ".%ju>", (uintmax_t)sec->count);
		return;
	}
	buf_str(out, name);
}

bool
section_has_field(const struct section *sec, struct str name)
{
	return (
	    sec->nfields > 0 && bsearch(&name, sec->fields, sec->nfields,
	                            sizeof(*sec->fields), name_cmp) != NULL);
}

/*
 * Follow one number of a section path.  In a message that is no multipart 1
 * means the message's own body (RFC 9051 6.4.5).  Dovecot takes a last 1
 * behind any other leaf as well, and 0 for 1 in a multipart.
 */
static const struct part *
part_step(const struct part *p, uint32_t n, bool last)
{
	if (p->kind == PART_MULTI) {
		for (p = p->child; p != NULL && n > 1; n--)
			p = p->next;
	} else if (n != 1 || (!last && p->kind != PART_MESSAGE)) {
		return (NULL);
	}
	if (p != NULL && p->kind == PART_MESSAGE && !last)
		p = p->child;
	return (p);
}

bool
section_find(const struct part *root, const struct section *sec,
    struct span *out)
{
	const struct part *p = root;
	size_t i;

	*out = span_of(0, 0);
	for (i = 0; i < sec->depth; i++)
		if ((p = part_step(p, sec->path[i], i + 1 == sec->depth)) ==
		    NULL)
			return (false);
	switch (sec->what) {
	case SEC_ALL:
		*out = sec->depth == 0 ? part_whole(p) : p->body;
		return (true);
	case SEC_MIME:
		*out = p->head;
		return (sec->depth > 0);
	case SEC_HEADER:
	case SEC_TEXT:
	case SEC_FIELDS:
	case SEC_FIELDS_NOT:
		if (sec->depth > 0) {
			if (p->kind != PART_MESSAGE)
				return (false);
			p = p->child;
		}
		*out = sec->what == SEC_TEXT ? p->body : p->head;
		return (true);
	}
	return (false);
}
