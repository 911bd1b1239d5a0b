#include "config.h"

#include "mail/part.h"

#include <string.h>

#include "base/limits.h"
#include "mail/ctype.h"
#include "mail/header.h"

/* RFC 2046 5.1.1 allows 70; Dovecot cuts here. */
#define BOUNDARY_MAX 80

const struct part_limits part_limits = {LIMIT_MIME_DEPTH, LIMIT_MIME_PARTS};

/* A multipart that is open. */
struct bound {
	struct bound *outer;
	struct part *part;
	struct part **tail; /* where its next child is hung */
	struct str text;
	bool last; /* the line found last had "--" behind it */
};

struct parse {
	struct str text;
	struct arena *arena;
	const struct part_limits *limits;
	struct part *cur;
	struct bound *bounds; /* innermost first */
	size_t depth;
	size_t parts;
	size_t pos;   /* the start of a line, or the end */
	size_t lines; /* line ends before pos */

	/* Where a part ends if the line at pos is a boundary.  That is pos,
	 * or before the line end in front of it where a header ended there:
	 * the line end belongs to the boundary (RFC 2046 5.1.1).  Dovecot
	 * leaves it to the parent of the part with that header, though. */
	size_t edge;
	size_t edge_lines;
	const struct part *cut; /* if edge is not pos: whose header it was */
};

/* What a header says of its part. */
struct entity {
	bool typed;
	struct str boundary; /* p NULL if there is none */
};

static struct part *
part_add(struct parse *p, struct part **where)
{
	struct part *part;

	if ((part = arena_alloc(p->arena, sizeof(*part))) == NULL)
		return (NULL);
	part->parent = p->cur;
	*where = part;
	p->cur = part;
	p->parts++;
	return (part);
}

/* Go to the next line. */
static bool
next_line(struct parse *p)
{
	const char *lf;

	lf = memchr(p->text.p + p->pos, '\n', p->text.len - p->pos);
	if (lf == NULL) {
		p->pos = p->text.len;
		return (false);
	}
	p->pos = (size_t)(lf - p->text.p) + 1;
	p->lines++;
	return (true);
}

/* Count the lines that are passed. */
static void
move_to(struct parse *p, size_t pos)
{
	while (p->pos < pos)
		(void)next_line(p);
	p->pos = pos;
}

static void
set_edge(struct parse *p)
{
	p->edge = p->pos;
	p->edge_lines = p->lines;
}

/*
 * Is the line at pos the boundary of an open multipart?  Only its beginning
 * has to match (RFC 2046 5.1.1); of several that do, the longest wins, and
 * then the innermost.
 */
static struct bound *
bound_here(struct parse *p)
{
	struct str line = {p->text.p + p->pos, p->text.len - p->pos};
	struct bound *b, *best = NULL;
	const char *lf;
	size_t len;
	bool dashes;

	if (line.len < 2 || line.p[0] != '-' || line.p[1] != '-' ||
	    p->bounds == NULL || p->parts >= p->limits->parts)
		return (NULL);
	line.p += 2;
	line.len -= 2;
	lf = memchr(line.p, '\n', line.len);
	len = lf != NULL ? (size_t)(lf - line.p) : line.len;
	if (lf != NULL && len > 0 && line.p[len - 1] == '\r')
		len--;
	dashes =
	    lf != NULL && len > 2 && memcmp(line.p + len - 2, "--", 2) == 0;

	for (b = p->bounds; b != NULL; b = b->outer) {
		if (b->text.len > len ||
		    memcmp(b->text.p, line.p, b->text.len) != 0 ||
		    (best != NULL && best->text.len >= b->text.len))
			continue;
		best = b;
		if (b->text.len == len || (dashes && b->text.len == len - 2))
			break;
	}
	if (best != NULL)
		best->last = line.len >= best->text.len + 2 &&
		             memcmp(line.p + best->text.len, "--", 2) == 0;
	return (best);
}

static int
read_type(struct parse *p, struct str value, struct entity *e)
{
	struct part *part = p->cur;
	struct ctype ct;

	if (ctype_parse(value, p->arena, &ct) < 0)
		return (-1);
	e->typed = true;
	part->type = ct.type;
	part->subtype = ct.subtype;
	if (ctype_is(&ct, "message/rfc822"))
		part->kind = PART_MESSAGE;
	if (!ctype_is(&ct, "multipart/"))
		return (0);
	part->kind = PART_MULTI;
	part->digest = ctype_is(&ct, "multipart/digest");
	e->boundary = ctype_param(&ct, "boundary");
	if (e->boundary.len > BOUNDARY_MAX)
		e->boundary.len = BOUNDARY_MAX;
	return (0);
}

/* The edge is before the line end in front of pos. */
static void
set_edge_back(struct parse *p)
{
	set_edge(p);
	if (p->pos == 0 || p->text.p[p->pos - 1] != '\n')
		return;
	p->edge--;
	p->edge_lines--;
	if (p->edge > 0 && p->text.p[p->edge - 1] == '\r')
		p->edge--;
}

/*
 * Read fields up to the empty line, the end (0), or a boundary (1).  Keeps
 * the edge right for the latter.
 */
static int
read_fields(struct parse *p, struct entity *e)
{
	struct part *part = p->cur;
	struct header h;
	struct field f;

	header_init(&h, p->text);
	h.pos = p->pos;
	for (;;) {
		if (bound_here(p) != NULL)
			return (1);
		if (!header_next(&h, &f))
			return (0);
		move_to(p, h.pos);
		set_edge_back(p);
		if (field_is(&f, "MIME-Version"))
			part->mime = true;
		if (!field_is(&f, "Content-Type"))
			continue;
		part->mime = true;
		if (!e->typed && read_type(p, f.value, e) < 0)
			return (-1);
	}
}

static int
open_multipart(struct parse *p, struct str boundary)
{
	struct bound *b;

	if (p->depth + 1 >= p->limits->depth) {
		p->cur->kind = PART_LEAF;
		p->cur->truncated = true;
		return (0);
	}
	if ((b = arena_alloc(p->arena, sizeof(*b))) == NULL)
		return (-1);
	b->text = boundary;
	b->part = p->cur;
	b->tail = &p->cur->child;
	b->outer = p->bounds;
	p->bounds = b;
	return (0);
}

/*
 * At the empty line, or at the end of the text.  The line end of the empty
 * line belongs to a boundary that follows at once, but not to one's own.
 */
static int
end_fields(struct parse *p, struct entity *e)
{
	struct bound *b;

	if (p->pos < p->text.len) {
		if (e->boundary.p != NULL && open_multipart(p, e->boundary) < 0)
			return (-1);
		(void)next_line(p);
	}
	if ((b = bound_here(p)) != NULL && b->part != p->cur)
		set_edge_back(p);
	else
		set_edge(p);
	return (0);
}

static void
set_kind(struct parse *p, const struct entity *e)
{
	struct part *part = p->cur;

	if (!part->mime || !e->typed) {
		part->kind = PART_LEAF;
		part->digest = false;
		part->type = STR("text");
		part->subtype = STR("plain");
		if (part->parent != NULL && part->parent->digest) {
			part->kind = PART_MESSAGE;
			part->type = STR("message");
			part->subtype = STR("rfc822");
		}
	}
	if (part->kind == PART_MESSAGE && (p->depth + 1 >= p->limits->depth ||
	                                      p->parts >= p->limits->parts)) {
		part->kind = PART_LEAF;
		part->truncated = true;
	}
}

static int
parse_header(struct parse *p)
{
	struct part *part = p->cur;
	struct entity e = {false, {NULL, 0}};
	size_t start = p->pos;
	int rc;

	part->head.off = p->edge;
	if ((rc = read_fields(p, &e)) < 0 || (rc == 0 && end_fields(p, &e) < 0))
		return (-1);
	set_kind(p, &e);
	if (p->pos != start)
		p->cut = part;
	part->head.len = p->edge - part->head.off;
	part->body.off = p->edge;
	part->lines = p->edge_lines; /* part_end() takes the difference */
	return (0);
}

static void
part_end(struct parse *p, size_t end, size_t lines)
{
	p->cur->body.len = end - p->cur->body.off;
	p->cur->lines = lines - p->cur->lines;
}

/* End all parts inside the multipart of b; end is where they do. */
static void
parts_end(struct parse *p, const struct bound *b, size_t end, size_t lines)
{
	while (p->cur != b->part) {
		part_end(p, end, lines);
		p->cur = p->cur->parent;
		p->depth--;
	}
}

/* The same at a boundary in the first line of a body. */
static void
end_at_edge(struct parse *p, const struct bound *b)
{
	const struct part *ended;

	while (p->cur != b->part && p->edge != p->pos) {
		ended = p->cur;
		part_end(p, p->edge, p->edge_lines);
		p->cur = ended->parent;
		p->depth--;
		if (ended == p->cut)
			break;
	}
	parts_end(p, b, p->pos, p->lines);
}

/* Skip to the next boundary line; NULL at the end of the text. */
static struct bound *
find_bound(struct parse *p)
{
	struct bound *b;
	size_t eol;

	if ((b = bound_here(p)) != NULL) {
		end_at_edge(p, b);
		return (b);
	}
	while (next_line(p)) {
		if ((b = bound_here(p)) == NULL)
			continue;
		eol = p->pos > 1 && p->text.p[p->pos - 2] == '\r' ? 2 : 1;
		parts_end(p, b, p->pos - eol, p->lines - 1);
		return (b);
	}
	return (NULL);
}

/*
 * Read the body of the current part up to the header of the next part.
 * Returns 0 at the end of the text.
 */
static int
parse_body(struct parse *p)
{
	struct part *part, **tail;
	struct bound *b;

	if (p->cur->kind == PART_MESSAGE && p->cur->child == NULL) {
		p->depth++;
		return (part_add(p, &p->cur->child) != NULL ? 1 : -1);
	}
	for (;;) {
		if (p->bounds == NULL)
			move_to(p, p->text.len);
		if ((b = find_bound(p)) == NULL)
			return (0);
		p->bounds = b->last ? b->outer : b;
		if (!next_line(p))
			return (0);
		set_edge(p);
		if (p->bounds != b)
			continue; /* epilogue */
		p->depth++;
		tail = b->tail;
		if ((part = part_add(p, tail)) == NULL)
			return (-1);
		b->tail = &part->next;
		part->mime = true;
		return (1);
	}
}

struct part *
part_parse(struct str text, struct arena *arena,
    const struct part_limits *limits, struct err *err)
{
	struct parse p = {.text = text, .arena = arena, .limits = limits};
	struct part *root = NULL;
	int rc;

	if (part_add(&p, &root) == NULL)
		goto full;
	do {
		if (parse_header(&p) < 0)
			goto full;
	} while ((rc = parse_body(&p)) > 0);
	if (rc < 0)
		goto full;
	for (; p.cur != NULL; p.cur = p.cur->parent)
		part_end(&p, text.len, p.lines);
	return (root);
full:
	err_set(err, ERR_LIMIT, "message has too many parts or fields");
	return (NULL);
}

bool
part_is(const struct part *part, const char *type)
{
	struct ctype ct = {.type = part->type, .subtype = part->subtype};

	return (ctype_is(&ct, type));
}

struct part *
part_after(const struct part *root, const struct part *p)
{
	if (p->child != NULL)
		return (p->child);
	while (p != root && p->next == NULL)
		p = p->parent;
	return (p == root ? NULL : p->next);
}

struct span
part_whole(const struct part *p)
{
	return (span_of(p->head.off, p->head.len + p->body.len));
}
