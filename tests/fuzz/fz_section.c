/*
 * A section (the first line of the input) of a message (the rest).  What is
 * printed reads the same; what is found lies inside the text; pieces of it
 * joined are the whole.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "imap/render.h"

static void
same(const struct section *a, const struct section *b)
{
	size_t i;

	assert(str_eq(a->name, b->name));
	assert(a->what == b->what && a->depth == b->depth);
	for (i = 0; i < a->depth; i++)
		assert(a->path[i] == b->path[i]);
	assert(a->nfields == b->nfields);
	for (i = 0; i < a->nfields; i++)
		assert(str_eq(a->fields[i], b->fields[i]));
	assert(a->peek == b->peek && a->partial == b->partial);
	assert(a->from == b->from && a->count == b->count);
}

static void
try_print(const struct section *sec, struct arena *arena)
{
	struct section again;
	struct buf out;

	buf_init(&out, 1 << 20);
	section_print(sec, &out);
	assert(!out.failed);
	assert(section_parse(buf_text(&out), arena, &again) == out.len);
	same(sec, &again);
	buf_clear(&out);
}

/* Read in pieces, as clients do. */
static void
try_pieces(const struct view *v, struct section sec)
{
	struct buf whole, piece, joined;
	struct span span;
	size_t step, n;

	buf_init(&whole, 1 << 24);
	buf_init(&joined, 1 << 24);
	sec.partial = false;
	if (section_bytes(v, &sec, &span, &whole) == 0) {
		assert(span.off + span.len <= view_text(v).len);
		buf_str(&whole, span_str(view_text(v).p, span));
	} else {
		assert(span.off == 0 && span.len == whole.len);
	}
	step = whole.len / 3 + 1;
	sec.partial = true;
	sec.count = step;
	for (sec.from = 0; sec.from < whole.len + step; sec.from += step) {
		buf_init(&piece, 1 << 24);
		n = joined.len;
		if (section_bytes(v, &sec, &span, &piece) == 0)
			buf_str(&joined, span_str(view_text(v).p, span));
		else
			buf_str(&joined, span_str(buf_text(&piece).p, span));
		assert(joined.len - n <= step);
		buf_clear(&piece);
	}
	assert(str_eq(buf_text(&whole), buf_text(&joined)));
	buf_clear(&whole);
	buf_clear(&joined);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = {(const char *)data, size};
	struct section sec;
	struct arena arena;
	struct blob *text;
	struct view *v;

	line.len = str_find(line, '\n');
	arena_init(&arena, 1 << 24);
	if (line.len == size ||
	    section_parse(str_of(line.p, size), &arena, &sec) == 0) {
		arena_clear(&arena);
		return (0);
	}
	try_print(&sec, &arena);
	text = blob_copy(line.p + line.len + 1, size - line.len - 1);
	v = view_new(text, NULL);
	assert(v != NULL);
	try_pieces(v, sec);
	view_free(v);
	blob_unref(text);
	arena_clear(&arena);
	return (0);
}
