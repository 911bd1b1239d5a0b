#include "config.h"

#include "opener/defang.h"

#include <string.h>

#include "base/limits.h"
#include "mail/ctype.h"
#include "mail/header.h"
#include "mail/part.h"
#include "mail/splice.h"

/*
 * The text is an attacker's who wants some client to find a part where we
 * find none: what stays as it is must read the same to everybody.
 */
struct defang {
	struct str text;
	struct arena arena;
	struct buf *out;
};

/* The first and only field of that name; false if there are several. */
static bool
only_field(struct str head, const char *name, struct field *f)
{
	if (header_count(head, name) > 1)
		return (false);
	if (!header_find(head, name, f))
		f->value = str_of("", 0);
	return (true);
}

/* Parts of a body that is encoded are seen by some clients only. */
static bool
is_identity(struct defang *d, struct str head)
{
	struct field f;
	struct str coding;

	if (!only_field(head, "Content-Transfer-Encoding", &f))
		return (false);
	if (f.value.len == 0)
		return (true);
	return (ctype_encoding(f.value, &d->arena, &coding) == 0 &&
	        coding.p != NULL &&
	        (str_ieq(coding, STR("7bit")) || str_ieq(coding, STR("8bit")) ||
	            str_ieq(coding, STR("binary"))));
}

/* A boundary that needs no thought: the same with quotes and without. */
static bool
is_simple(struct str boundary)
{
	static const char good[] = "'+_,-./=? ";
	size_t i;
	char c;

	if (boundary.len == 0 || boundary.len > 70 ||
	    boundary.p[boundary.len - 1] == ' ')
		return (false);
	for (i = 0; i < boundary.len; i++) {
		c = ascii_lower(boundary.p[i]);
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    memchr(good, c, sizeof(good) - 1) == NULL)
			return (false);
	}
	return (true);
}

/* Its boundary, if there is one way only to read the type. */
static bool
multi_boundary(struct defang *d, const struct part *p, struct str *boundary)
{
	struct str head = span_str(d->text.p, p->head);
	struct ctype ct;
	struct field f;
	size_t i, n = 0;

	if (p->child == NULL || !only_field(head, "Content-Type", &f) ||
	    !is_identity(d, head) || !str_istarts(f.value, STR("multipart/")) ||
	    str_find(f.value, '(') < f.value.len ||
	    ctype_parse(f.value, &d->arena, &ct) == -1)
		return (false);
	for (i = 0; i < ct.nparams; i++)
		if (str_istarts(ct.params[i].name, STR("boundary")))
			n++;
	*boundary = ctype_param(&ct, "boundary");
	return (n == 1 && boundary->p != NULL && is_simple(*boundary));
}

static bool
is_text(struct defang *d, const struct part *p)
{
	const struct str want = STR("text/plain");
	struct str head = span_str(d->text.p, p->head);
	struct field f;

	if (p->kind != PART_LEAF || p->truncated || !part_is(p, "text/plain") ||
	    !only_field(head, "Content-Type", &f))
		return (false);
	return (f.value.len == 0 ||
	        (str_istarts(f.value, want) &&
	            (f.value.len == want.len ||
	                memchr("; \t\r\n", f.value.p[want.len], 5) != NULL)));
}

/* The part with another type; its encoding stays true. */
static void
put_attachment(struct defang *d, const struct part *p)
{
	struct header h;
	struct field f;

	header_init(&h, span_str(d->text.p, p->head));
	while (header_next(&h, &f)) {
		if (splice_is_entity(f.name) && !field_is(&f, "MIME-Version") &&
		    !field_is(&f, "Content-Transfer-Encoding"))
			continue;
		buf_str(d->out, f.all);
		if (f.all.p[f.all.len - 1] != '\n')
			buf_puts(d->out, "\r\n");
	}
	buf_puts(d->out, "Content-Type: application/octet-stream\r\n"
	                 "Content-Disposition: attachment\r\n\r\n");
	buf_str(d->out, span_str(d->text.p, p->body));
}

/*
 * A multipart is written anew from its parts, LIMIT_MIME_DEPTH deep at most:
 * what stands before, between and behind them might be parts to others.
 */
static void
put_part(struct defang *d, const struct part *p)
{
	const struct part *child;
	struct str boundary;

	if (p->kind != PART_MULTI || !multi_boundary(d, p, &boundary)) {
		if (is_text(d, p))
			buf_str(d->out, span_str(d->text.p, part_whole(p)));
		else
			put_attachment(d, p);
		return;
	}
	buf_str(d->out, span_str(d->text.p, p->head));
	for (child = p->child; child != NULL; child = child->next) {
		buf_puts(d->out, child == p->child ? "--" : "\r\n--");
		buf_str(d->out, boundary);
		buf_puts(d->out, "\r\n");
		put_part(d, child);
	}
	buf_puts(d->out, "\r\n--");
	buf_str(d->out, boundary);
	buf_puts(d->out, "--\r\n");
}

static int
put_root(struct defang *d, struct err *err)
{
	const struct part *root, *p;
	size_t n = 0;

	root = part_parse(d->text, &d->arena, &part_limits, err);
	if (root == NULL)
		return (-1);
	for (p = root; p != NULL; p = part_after(root, p))
		n++;
	/* beyond the limit others see parts that we do not */
	if (n >= part_limits.parts)
		put_attachment(d, root);
	else
		put_part(d, root);
	return (0);
}

/* Line ends as they are read by those who take a CR alone for one. */
static void
put_lines(struct buf *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.len, *cr;

	while (p < end && (cr = memchr(p, '\r', (size_t)(end - p))) != NULL) {
		buf_put(out, p, (size_t)(cr - p));
		buf_puts(out, "\r\n");
		p = cr + 1;
		if (p < end && *p == '\n')
			p++;
	}
	buf_put(out, p, (size_t)(end - p));
}

int
defang(struct str entity, struct buf *out, struct err *err)
{
	struct defang d = {.out = out};
	struct buf lines;
	int rc = -1;

	buf_init(&lines, out->max);
	if (buf_room(&lines, entity.len) != NULL)
		put_lines(&lines, entity);
	arena_init(&d.arena, LIMIT_PARSE);
	d.text = buf_text(&lines);
	if (lines.failed)
		err_set(err, ERR_LIMIT, "view is larger than allowed");
	else if ((rc = put_root(&d, err)) == 0 && out->failed) {
		err_set(err, ERR_LIMIT, "view is larger than allowed");
		rc = -1;
	}
	arena_clear(&d.arena);
	buf_wipe(&lines);
	return (rc);
}
