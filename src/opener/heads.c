#include "config.h"

#include "opener/heads.h"

#include <string.h>

#include "base/map.h"
#include "mail/addr.h"
#include "mail/header.h"
#include "mail/splice.h"

bool
heads_clear(struct str text)
{
	const char *p = text.p, *end = p + header_len(text);

	while (p < end && (p = memchr(p, '\r', (size_t)(end - p))) != NULL)
		if (++p == end || *p != '\n')
			return (false);
	return (true);
}

struct str
heads_from(struct str header, struct arena *arena)
{
	const struct str none = {"", 0};
	struct str *specs;
	struct field f;
	size_t n;

	if (header_count(header, "From") != 1 ||
	    !header_find(header, "From", &f) ||
	    addr_specs(f.value, arena, &specs, &n) == -1 || n != 1)
		return (none);
	return (specs[0]);
}

/* Longer names are not compared; header.h knows none either. */
#define NAME_LEN 1000

static struct str
lower(struct str name, char out[NAME_LEN])
{
	size_t i;

	if (name.len > NAME_LEN)
		name.len = 0;
	for (i = 0; i < name.len; i++)
		out[i] = ascii_lower(name.p[i]);
	return (str_of(out, name.len));
}

/* The names of all fields, so that two long headers are not compared field by
 * field; NULL if memory is out. */
static struct map *
names_of(struct str header)
{
	char space[NAME_LEN];
	struct map *names;
	struct header h;
	struct field f;
	struct str low;

	if ((names = map_new(NULL)) == NULL)
		return (NULL);
	header_init(&h, header);
	while (header_next(&h, &f)) {
		low = lower(f.name, space);
		if (low.len > 0 && map_put(names, low, names) == -1) {
			map_free(names);
			return (NULL);
		}
	}
	return (names);
}

static void
put_field(struct buf *out, const struct field *f)
{
	buf_str(out, f->all);
	if (f->all.len == 0 || f->all.p[f->all.len - 1] != '\n')
		buf_puts(out, "\r\n");
}

/* A field of the entity's header that shall be seen. */
static bool
inner_shows(const struct heads_ask *ask, const struct field *f)
{
	if (splice_is_entity(f->name))
		return (true);
	if (!ask->protected || field_is(f, "HP-Outer"))
		return (false);
	return (!ask->from_outer ||
	        (!field_is(f, "From") && !field_is(f, "Reply-To")));
}

/* A field outside that no inner one replaces. */
static bool
outer_shows(const struct heads_ask *ask, const struct map *inner,
    const struct field *f)
{
	char space[NAME_LEN];
	struct str low;

	if (!ask->protected || splice_is_entity(f->name))
		return (true);
	if (ask->from_outer && field_is(f, "Reply-To"))
		return (false);
	if (ask->from_outer && field_is(f, "From"))
		return (true);
	low = lower(f->name, space);
	return (low.len == 0 || map_get(inner, low) == NULL);
}

/* The inner From becomes Reply-To: an answer goes to whoever wrote it. */
static void
put_reply_to(const struct heads_ask *ask, struct str inner, struct buf *out)
{
	struct field f;

	if (!ask->from_outer || !header_find(inner, "From", &f))
		return;
	buf_puts(out, "Reply-To: ");
	buf_str(out, f.value);
	buf_puts(out, "\r\n");
}

int
heads_merge(const struct heads_ask *ask, struct buf *outer, struct buf *inner,
    struct err *err)
{
	struct str wire, entity;
	struct map *names;
	struct header h;
	struct field f;

	wire = str_of(ask->wire.p, header_len(ask->wire));
	entity = str_of(ask->entity.p, header_len(ask->entity));
	if ((names = names_of(ask->protected ? entity : STR(""))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	header_init(&h, wire);
	while (header_next(&h, &f))
		if (outer_shows(ask, names, &f))
			put_field(outer, &f);
	map_free(names);
	put_reply_to(ask, entity, inner);
	header_init(&h, entity);
	while (header_next(&h, &f))
		if (inner_shows(ask, &f))
			put_field(inner, &f);
	buf_puts(inner, "\r\n");
	if (!outer->failed && !inner->failed)
		return (0);
	err_set(err, ERR_LIMIT, "header is larger than allowed");
	return (-1);
}
