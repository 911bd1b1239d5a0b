#include "opener/defang.h"

#include "base/limits.h"
#include "mail/header.h"
#include "mail/part.h"
#include "mail/splice.h"

static bool
is_harmless(const struct part *p)
{
	return (
	    p->kind == PART_MULTI || (p->kind == PART_LEAF && !p->truncated &&
	                                 part_is(p, "text/plain")));
}

/* The part's header with another type; its encoding stays true. */
static void
put_head(struct buf *out, struct str head)
{
	struct header h;
	struct field f;

	header_init(&h, head);
	while (header_next(&h, &f))
		if (!splice_is_entity(f.name) || field_is(&f, "MIME-Version") ||
		    field_is(&f, "Content-Transfer-Encoding"))
			buf_str(out, f.all);
	buf_puts(out, "Content-Type: application/octet-stream\r\n"
	              "Content-Disposition: attachment\r\n\r\n");
}

/* The next node, but not into what became an attachment. */
static const struct part *
after(const struct part *root, const struct part *p)
{
	if (p->kind != PART_MESSAGE)
		return (part_after(root, p));
	while (p != root && p->next == NULL)
		p = p->parent;
	return (p == root ? NULL : p->next);
}

int
defang(struct str entity, struct buf *out, struct err *err)
{
	const struct part *root, *p;
	struct arena arena;
	size_t from = 0;

	arena_init(&arena, LIMIT_PARSE);
	if ((root = part_parse(entity, &arena, &part_limits, err)) == NULL) {
		arena_clear(&arena);
		return (-1);
	}
	for (p = root; p != NULL; p = after(root, p)) {
		if (is_harmless(p))
			continue;
		buf_put(out, entity.p + from, p->head.off - from);
		put_head(out, span_str(entity.p, p->head));
		from = p->head.off + p->head.len;
	}
	buf_put(out, entity.p + from, entity.len - from);
	arena_clear(&arena);
	if (!out->failed)
		return (0);
	err_set(err, ERR_LIMIT, "view is larger than allowed");
	return (-1);
}
