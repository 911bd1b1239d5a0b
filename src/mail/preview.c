#include "config.h"

#include "mail/preview.h"

#include <string.h>

#include "base/limits.h"
#include "mail/body.h"
#include "mail/header.h"
#include "mail/html.h"

/* Characters (RFC 8970 section 3.1: 200, and 256 at most). */
#define PREVIEW_CHARS 200

/* So much of a body is looked at: markup may come long before text. */
#define PREVIEW_BODY (1024UL * 1024)

/* So much of a message is read first: most begin with their text. */
#define PREVIEW_HEAD (256UL * 1024)

/* One of two texts that are made at once. */
struct line {
	struct buf text;
	unsigned left;
	size_t empty; /* its length when there is nothing in it */
};

enum place { AT_LINE, IN_TEXT, IN_QUOTE };

struct preview {
	struct line text;  /* what was written */
	struct line quote; /* what was quoted: taken if there is nothing else */
	enum place place;
	bool blank; /* white space came */
};

/*
 * Of multipart/alternative text/plain, else text/html, else any text, but not
 * within multiparts in it; of other multiparts the first part that has one.
 * Messages do not count, but a part of a digest that does not say what it is
 * does, with all its header.
 */
static const struct part *
find_text(const struct view *v, const struct part *p)
{
	const struct part *child, *found, *html = NULL, *other = NULL;
	bool choose = part_is(p, "multipart/alternative");
	struct field f;

	if (p->kind == PART_LEAF)
		return (part_is(p, "text/") ? p : NULL);
	if (p->kind == PART_MESSAGE)
		return (header_find(span_str(view_text(v).p, p->head),
		            "Content-Type", &f)
		            ? NULL
		            : p);
	for (child = p->child; child != NULL; child = child->next) {
		if ((choose && child->kind == PART_MULTI) ||
		    (found = find_text(v, child)) == NULL)
			continue;
		if (!choose || part_is(found, "text/plain"))
			return (found);
		if (part_is(found, "text/html"))
			html = found;
		else
			other = found;
	}
	return (html != NULL ? html : other);
}

/* How many bytes the character that begins here has. */
static size_t
char_len(struct str s)
{
	size_t n = 1;

	while (n < s.len && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n++;
	return ((unsigned char)s.p[0] < 0x80 ? 1 : n);
}

/* Add a character; false when there is no room for more. */
static bool
add_char(struct preview *p, struct line *l, struct str c)
{
	if (strchr(" \t\r\n\v\f", c.p[0]) != NULL) {
		if (c.p[0] == '\0')
			return (true);
		p->blank |= l->text.len > l->empty;
		if (c.p[0] == '\n')
			p->place = AT_LINE;
		return (true);
	}
	if (l->text.len == l->empty)
		p->blank = false;
	if (p->blank && l->left == 1)
		l->left = 0; /* no blank at the end */
	if (p->blank && l->left > 0) {
		p->blank = false;
		l->left--;
		buf_putc(&l->text, ' ');
	}
	if (l->left > 0) {
		l->left--;
		buf_str(&l->text, c);
	}
	return (l->left > 0);
}

static void
add_text(struct preview *p, struct str s)
{
	size_t n;

	for (; s.len > 0; s = str_of(s.p + n, s.len - n)) {
		n = char_len(s);
		if (str_eq(str_of(s.p, n), STR("\xef\xbb\xbf")))
			continue; /* U+FEFF is no character of its own */
		if (p->place == AT_LINE) {
			p->place = s.p[0] == '>' ? IN_QUOTE : IN_TEXT;
			if (p->place == IN_QUOTE)
				continue;
		}
		if (!add_char(p, p->place == IN_QUOTE ? &p->quote : &p->text,
		        str_of(s.p, n)) &&
		    p->place == IN_TEXT)
			return;
	}
}

/* Decode a part to UTF-8. */
static int
part_text(const struct view *v, const struct part *p, struct body *how,
    struct buf *out)
{
	struct str bytes = span_str(view_text(v).p, p->body);
	struct arena arena;
	struct buf work;
	struct header h;
	struct field f;
	int rc = 0;

	if (bytes.len > PREVIEW_BODY)
		bytes.len = PREVIEW_BODY;
	arena_init(&arena, LIMIT_PARSE);
	buf_init(&work, LIMIT_HEADER + 2 * PREVIEW_BODY);
	body_init(how);
	header_init(&h, span_str(view_text(v).p, p->head));
	while (rc == 0 && header_next(&h, &f)) {
		buf_reset(&work);
		body_unfold(f.value, &work);
		rc = body_field(how, f.name, buf_text(&work), &arena);
	}
	if (rc == 0)
		body_text(how, bytes, false, &work, out);
	if (work.failed || out->failed)
		rc = -1;
	buf_wipe(&work);
	arena_clear(&arena);
	return (rc);
}

/* Of a part: 1, 0 if a longer body could say more, or -1. */
static int
part_preview(const struct view *v, const struct part *part, struct buf *out)
{
	struct preview p = {.text.left = PREVIEW_CHARS,
	    .quote.left = PREVIEW_CHARS - 1,
	    .quote.empty = 1};
	struct buf text, plain;
	struct body how;
	int rc;

	buf_init(&p.text.text, 4 * PREVIEW_CHARS);
	buf_init(&p.quote.text, 4 * PREVIEW_CHARS);
	buf_init(&text, 8 * PREVIEW_BODY);
	buf_init(&plain, 8 * PREVIEW_BODY);
	buf_putc(&p.quote.text, '>');
	rc = part_text(v, part, &how, &text);
	if (rc == 0 && how.is_html) {
		html_text(buf_text(&text), &plain);
		add_text(&p, buf_text(&plain));
	} else if (rc == 0)
		add_text(&p, buf_text(&text));
	if (p.text.text.len == 0 && p.quote.text.len > 1)
		buf_str(out, buf_text(&p.quote.text));
	else
		buf_str(out, buf_text(&p.text.text));
	buf_wipe(&plain);
	buf_wipe(&text);
	buf_wipe(&p.quote.text);
	buf_wipe(&p.text.text);
	if (rc == -1 || out->failed)
		return (-1);
	return (p.text.left == 0);
}

/* Bytes that stay where they are. */
static void
no_release(void *arg)
{
	(void)arg;
}

/*
 * The same out of the beginning of a long text, so that the rest need not be
 * read: 1, or 0 if more of it could say something else.  A text/plain is the
 * one that is chosen, whatever comes after it.
 */
static int
head_preview(const struct view *v, struct buf *out)
{
	struct blob *blob =
	    blob_wrap(view_text(v).p, PREVIEW_HEAD, -1, no_release, NULL);
	struct view *head = blob != NULL ? view_new(blob, NULL) : NULL;
	const struct part *root = head != NULL ? view_root(head) : NULL;
	const struct part *part = root != NULL ? find_text(head, root) : NULL;
	int rc = 0;

	if (part != NULL && part_is(part, "text/plain")) {
		rc = part_preview(head, part, out);
		if (part->body.off + part->body.len < PREVIEW_HEAD)
			rc = rc == 0 ? 1 : rc;
		if (rc != 1)
			buf_reset(out);
	}
	view_free(head);
	blob_unref(blob);
	return (rc == 1);
}

int
preview_make(const struct view *v, struct buf *out)
{
	const struct part *root, *part;

	if (view_text(v).len > PREVIEW_HEAD && head_preview(v, out) == 1)
		return (0);
	if ((root = view_root(v)) == NULL)
		return (-1);
	if ((part = find_text(v, root)) == NULL)
		return (0);
	return (part_preview(v, part, out) == -1 ? -1 : 0);
}
