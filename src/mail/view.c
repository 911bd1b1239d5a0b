#include "config.h"

#include "mail/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "mail/header.h"
#include "mail/splice.h"
#include "mail/status.h"

struct view_tree {
	struct part *root; /* in the arena; NULL: not read, or it cannot be */
	bool read;
	struct arena arena;
};

/* What is shorter is copied. */
#define REST_MIN (64UL * 1024)

/* Copy with CRLF for every bare LF.  s begins at the start of a line. */
static void
put_lines(struct buf *out, struct str s)
{
	const char *from = s.p, *p = s.p, *end, *lf;

	if (s.len == 0)
		return; /* perhaps no pointer to add to */
	end = s.p + s.len;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p = lf + 1;
		if (lf > s.p && lf[-1] == '\r')
			continue;
		buf_put(out, from, (size_t)(lf - from));
		buf_puts(out, "\r\n");
		from = p;
	}
	buf_put(out, from, (size_t)(end - from));
}

static void
put_text(struct buf *out, struct str s)
{
	size_t start = out->len;
	char *p;

	put_lines(out, s);
	if (out->failed)
		return;
	while (start < out->len &&
	       (p = memchr(out->data + start, '\0', out->len - start)) != NULL)
		*p = (char)0x80;
}

static void
put_field(struct buf *out, const struct field *f)
{
	put_text(out, f->all);
	if (f->all.p[f->all.len - 1] != '\n')
		buf_puts(out, "\r\n");
}

/*
 * Must a field of the header stay away?  Those that claim to be ours must; and
 * a first line that begins with white space, for it would continue the status
 * fields in front of it.
 */
static bool
is_unwanted(const struct field *f, struct str authserv)
{
	return (f->all.p[0] == ' ' || f->all.p[0] == '\t' ||
	        status_claims(f, authserv));
}

static void
put_outer(struct buf *out, struct str wire, struct str authserv)
{
	struct header h;
	struct field f;

	header_init(&h, wire);
	while (header_next(&h, &f))
		if (!splice_is_entity(f.name) && !is_unwanted(&f, authserv))
			put_field(out, &f);
}

/* A header and what follows it, without unwanted fields. */
static void
put_whole(struct buf *out, struct str text, struct str authserv)
{
	struct header h;
	struct field f;
	size_t from = 0;

	header_init(&h, text);
	while (header_next(&h, &f)) {
		if (!is_unwanted(&f, authserv))
			continue;
		put_text(out,
		    str_of(text.p + from, (size_t)(f.all.p - text.p) - from));
		from = h.pos;
	}
	put_text(out, str_of(text.p + from, text.len - from));
}

static void
put_entity(struct buf *out, struct str entity, struct str authserv)
{
	/* White space would continue the field that stands before: there is
	 * no header then, and all of it is body. */
	if (entity.len > 0 && (entity.p[0] == ' ' || entity.p[0] == '\t')) {
		buf_puts(out, "\r\n");
		put_text(out, entity);
		return;
	}
	put_whole(out, entity, authserv);
}

static int
check(const struct buf *out, struct err *err)
{
	if (!out->failed)
		return (0);
	err_set(err, ERR_LIMIT, "view is larger than allowed");
	return (-1);
}

/* Would put_text() change nothing? */
static bool
is_ready(struct str s)
{
	const char *p = s.p, *end = s.p + s.len, *lf;

	if (memchr(s.p, '\0', s.len) != NULL)
		return (false);
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (lf == s.p || lf[-1] != '\r')
			return (false);
		p = lf + 1;
	}
	return (true);
}

/* The last of it, which may stay where it is. */
static int
put_last(struct buf *out, struct str s, struct str *rest, struct err *err)
{
	if (rest != NULL)
		*rest = STR("");
	if (rest == NULL || s.len < REST_MIN || out->failed || !is_ready(s))
		put_text(out, s);
	else if (s.len > out->max - out->len)
		out->failed = true;
	else
		*rest = s;
	return (check(out, err));
}

int
view_build(const struct view_source *src, struct buf *out, struct str *rest,
    struct err *err)
{
	buf_str(out, src->status);
	put_outer(out, src->wire, src->authserv);
	put_entity(out, src->entity, src->authserv);
	return (put_last(out, src->body, rest, err));
}

int
view_unopened(struct str status, struct str wire, struct str authserv,
    struct buf *out, struct err *err)
{
	buf_str(out, status);
	put_whole(out, wire, authserv);
	return (check(out, err));
}

int
view_exact(struct str text, struct buf *out, struct str *rest, struct err *err)
{
	return (put_last(out, text, rest, err));
}

struct view *
view_new(struct blob *text, struct err *err)
{
	struct view *v;

	if ((v = calloc(1, sizeof(*v))) == NULL ||
	    (v->tree = calloc(1, sizeof(*v->tree))) == NULL) {
		free(v);
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	v->text = blob_ref(text);
	arena_init(&v->tree->arena, LIMIT_PARSE);
	return (v);
}

const struct part *
view_root(const struct view *v)
{
	struct view_tree *t = v->tree;

	if (!t->read)
		t->root =
		    part_parse(view_text(v), &t->arena, &part_limits, NULL);
	t->read = true;
	return (t->root);
}

size_t
view_memory(const struct view *v)
{
	return (sizeof(*v) + sizeof(*v->tree) + blob_len(v->text) +
	        v->tree->arena.used);
}

void
view_free(struct view *v)
{
	if (v == NULL)
		return;
	arena_clear(&v->tree->arena);
	blob_unref(v->text);
	free(v->tree);
	free(v);
}
