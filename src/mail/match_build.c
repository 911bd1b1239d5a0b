/*
 * A message to its search text.
 */
#include "config.h"

#include "mail/match_build.h"

#include <string.h>

#include "base/limits.h"
#include "mail/addr.h"
#include "mail/body.h"
#include "mail/casemap.h"
#include "mail/header.h"
#include "mail/match_priv.h"
#include "mail/word.h"

/* What of a body may be needed to fill the room: one byte of text is made of
 * three in quoted-printable, of 1.4 in base64.  Where it is made of more
 * (UTF-32), the text is cut a little early. */
#define SHRINK 4

struct builder {
	const char *text;
	size_t max;
	size_t rows; /* of fields */
	uint32_t flags;
	struct buf bytes;
	struct buf fields;
	struct buf parts;
	struct buf line; /* a value without line ends */
	struct buf tidy; /* the same, tidied */
	struct buf body; /* decoded */
	struct buf fold; /* what is on its way to bytes */
	struct arena arena;
	struct arena scratch; /* of one field */
	bool failed;
};

/* Move what was made comparable to the bytes; too much is cut. */
static size_t
add_folded(struct builder *b, uint32_t cut)
{
	size_t room = b->max - b->bytes.len, n = b->fold.len;

	if (b->fold.failed || n > room)
		b->flags |= cut;
	n = n < room ? n : room;
	buf_put(&b->bytes, b->fold.data, n);
	buf_reset(&b->fold);
	return (n);
}

/* A field cut in its lines. */
struct line {
	struct str name;
	struct str middle; /* ":" with blanks before, and one behind */
	struct str value;  /* of the first line */
	struct str more;   /* the lines that continue it */
	bool ended;        /* the last one has its line end */
};

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

static void
split_field(struct str all, struct line *l)
{
	size_t end = str_find(all, '\n'), colon, from;
	struct str first;

	end += end < all.len;
	first = str_chomp(str_of(all.p, end));
	l->more = str_of(all.p + end, all.len - end);
	l->ended = all.p[all.len - 1] == '\n';
	colon = str_find(first, ':');
	if (colon == first.len) {
		/* no field has this name */
		l->name = l->middle = str_of(first.p, 0);
		l->value = first;
		return;
	}
	from = colon + 1;
	if (from < first.len && is_blank(first.p[from]))
		from++;
	while (colon > 0 && is_blank(first.p[colon - 1]))
		colon--;
	l->name = str_of(first.p, colon);
	l->middle = str_of(first.p + colon, from - colon);
	l->value = str_of(first.p + from, first.len - from);
}

/* The value on one line. */
static void
unfold(struct builder *b, const struct line *l)
{
	const char *end = l->more.p + l->more.len;

	buf_reset(&b->line);
	body_unfold(str_of(l->value.p, (size_t)(end - l->value.p)), &b->line);
}

static bool
is_name(struct str name, const char *want)
{
	return (str_ieq(name, str_c(want)));
}

/* White space becomes single blanks. */
static void
squeeze(struct buf *out, struct str s)
{
	bool blank = true;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!is_blank(s.p[i])) {
			blank = false;
			buf_putc(out, s.p[i]);
		} else if (!blank) {
			blank = true;
			buf_putc(out, ' ');
		}
}

/*
 * The value that SUBJECT, FROM, TO, CC and BCC look at, folded; false if it
 * is the plain one.
 */
static bool
tidy_value(struct builder *b, struct str name)
{
	struct addr *list;

	buf_reset(&b->tidy);
	if (is_name(name, "Subject")) {
		squeeze(&b->tidy, buf_text(&b->line));
	} else if (is_name(name, "From") || is_name(name, "To") ||
	           is_name(name, "Cc") || is_name(name, "Bcc")) {
		if (addr_parse(buf_text(&b->line), &b->scratch, &list) == 0)
			addr_write(&b->tidy, list);
		arena_clear(&b->scratch);
	} else {
		return (false);
	}
	b->failed |= b->tidy.failed;
	word_decode(buf_text(&b->tidy), true, &b->fold);
	buf_puts(&b->fold, "\r\n");
	return (true);
}

/* A row for a field of the message's header; its value was just added. */
static void
add_row(struct builder *b, size_t name, size_t nname, size_t value,
    size_t nvalue, struct str raw_name)
{
	size_t off, n = NO_LEN;

	if (b->fields.len / MATCH_FIELD >= b->rows) {
		b->flags |= MATCH_FIELDS_CUT;
		return;
	}
	off = b->bytes.len;
	if (tidy_value(b, raw_name))
		n = add_folded(b, MATCH_CUT | MATCH_FIELDS_CUT);
	match_put32(&b->fields, name);
	match_put32(&b->fields, nname);
	match_put32(&b->fields, value);
	match_put32(&b->fields, nvalue);
	match_put32(&b->fields, off);
	match_put32(&b->fields, n);
}

/* A field's place in the bytes. */
struct place {
	size_t name, nname;
	size_t value, nvalue;
};

static void
add_field(struct builder *b, struct str all, struct body *how, struct place *at,
    struct line *l)
{
	const uint32_t cut = MATCH_CUT | MATCH_FIELDS_CUT;

	split_field(all, l);
	unfold(b, l);
	if (body_field(how, l->name, buf_text(&b->line), &b->arena) == -1)
		b->failed = true;
	at->name = b->bytes.len;
	casemap_put(&b->fold, l->name);
	at->nname = add_folded(b, cut);
	buf_str(&b->fold, l->middle);
	add_folded(b, cut);
	at->value = b->bytes.len;
	word_decode(buf_text(&b->line), true, &b->fold);
	at->nvalue = add_folded(b, cut);
	if (l->ended) {
		buf_puts(&b->fold, "\r\n");
		at->nvalue += add_folded(b, cut);
	}
	b->failed |= b->line.failed;
}

/* Tidied values stand behind the part, so that they are not found as text:
 * the places of the fields that need it are kept until then. */
static void
add_header(struct builder *b, struct str head, struct body *how, bool root,
    struct buf *places)
{
	struct header h;
	struct field f;
	struct place at;
	struct line l;

	header_init(&h, head);
	while (header_next(&h, &f) && !b->failed) {
		add_field(b, f.all, how, &at, &l);
		if (root && places->len / sizeof(at) < b->rows + 1)
			buf_put(places, &at, sizeof(at));
	}
	if (h.pos < head.len) {
		buf_puts(&b->fold, "\r\n");
		add_folded(b, MATCH_CUT);
	}
}

static void
add_body(struct builder *b, struct str body, const struct body *how)
{
	size_t room = b->max - b->bytes.len;

	if (body.len / SHRINK > room) {
		body.len = room * SHRINK;
		b->flags |= MATCH_CUT;
	}
	body_text(how, body, true, &b->body, &b->fold);
	b->failed |= b->body.failed;
	add_folded(b, MATCH_CUT);
}

/* The rows of the header, now that its part is complete. */
static void
add_rows(struct builder *b, struct str head, struct buf *places)
{
	struct header h;
	struct field f;
	struct place at;
	struct line l;
	size_t i;

	header_init(&h, head);
	for (i = 0; header_next(&h, &f) && !b->failed; i++) {
		if (i == places->len / sizeof(at))
			break;
		memcpy(&at, places->data + i * sizeof(at), sizeof(at));
		split_field(f.all, &l);
		unfold(b, &l);
		add_row(b, at.name, at.nname, at.value, at.nvalue, l.name);
	}
}

static void
add_part(struct builder *b, const struct part *p, struct buf *places)
{
	struct body how;
	struct str head = span_str(b->text, p->head);
	size_t from = b->bytes.len, nhead;

	body_init(&how);
	add_header(b, head, &how, p->parent == NULL, places);
	nhead = b->bytes.len - from;
	/* What lies deeper than parts are looked for is one text: then it can
	 * be found, and one such message does not spoil all searches. */
	if (p->child == NULL && (how.is_text || p->truncated) && !b->failed)
		add_body(b, span_str(b->text, p->body), &how);
	match_put32(&b->parts, from);
	match_put32(&b->parts, b->bytes.len - from);
	match_put32(&b->parts, nhead);
	if (p->parent == NULL)
		add_rows(b, head, places);
}

static void
write_all(struct builder *b, struct buf *out)
{
	match_put32(out, MATCH_MAGIC);
	match_put32(out, b->flags);
	match_put32(out, b->fields.len / MATCH_FIELD);
	match_put32(out, b->parts.len / MATCH_PART);
	buf_str(out, buf_text(&b->fields));
	buf_str(out, buf_text(&b->parts));
	buf_str(out, buf_text(&b->bytes));
	b->failed |= b->bytes.failed || b->fields.failed || b->parts.failed ||
	             out->failed;
}

int
match_build(const struct view *v, size_t max, struct buf *out, struct err *err)
{
	struct builder b = {.text = view_text(v).p, .max = max};
	const struct part *root = view_root(v), *p;
	struct buf places;
	size_t len = view_text(v).len;

	if (root == NULL) {
		err_set(err, ERR_LIMIT, "too many parts");
		return (-1);
	}
	b.rows = max > MATCH_TEXT ? MATCH_ROWS : MATCH_FIELDS;
	/* Of what is on its way not less than the room can be lost, however
	 * much it grows when characters are taken apart: the longest that is
	 * added at once is as long as the message. */
	buf_init(&b.bytes, max);
	buf_init(&b.fields, b.rows * MATCH_FIELD);
	buf_init(&b.parts, (size_t)MATCH_PARTS * MATCH_PART);
	buf_init(&b.line, len + 1);
	/* "@," becomes "<MISSING_MAILBOX@MISSING_DOMAIN>, " */
	buf_init(&b.tidy, len * 20 + 1024);
	buf_init(&b.body, len + 16);
	buf_init(&b.fold, max + len + 1024);
	buf_init(&places, (b.rows + 1) * sizeof(struct place));
	arena_init(&b.arena, LIMIT_PARSE);
	arena_init(&b.scratch, LIMIT_PARSE);
	for (p = root; p != NULL && !b.failed; p = part_after(root, p))
		add_part(&b, p, &places);
	write_all(&b, out);
	arena_clear(&b.scratch);
	arena_clear(&b.arena);
	buf_wipe(&places);
	buf_wipe(&b.fold);
	buf_wipe(&b.body);
	buf_wipe(&b.tidy);
	buf_wipe(&b.line);
	buf_wipe(&b.parts);
	buf_wipe(&b.fields);
	buf_wipe(&b.bytes);
	if (!b.failed)
		return (0);
	err_set(err, ERR_LIMIT, "no search text can be made");
	return (-1);
}
