/*
 * ENVELOPE, BODY and BODYSTRUCTURE of any message are well-formed: a reader
 * of RFC 3501 section 9 finds strings, numbers and NIL in balanced lists.
 * PREVIEW is a short line.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "imap/render.h"
#include "mail/preview.h"

static size_t
read_literal(struct str s, size_t i)
{
	size_t n = 0;

	for (i++; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (size_t)(s.p[i] - '0');
	assert(s.len - i >= 3 && memcmp(s.p + i, "}\r\n", 3) == 0);
	i += 3;
	assert(n <= s.len - i);
	return (i + n);
}

static size_t
read_quoted(struct str s, size_t i)
{
	for (i++; i < s.len && s.p[i] != '"'; i++) {
		assert(s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != 0);
		assert((unsigned char)s.p[i] < 0x80);
		if (s.p[i] == '\\') {
			i++;
			assert(i < s.len);
			assert(s.p[i] == '"' || s.p[i] == '\\');
		}
	}
	assert(i < s.len);
	return (i + 1);
}

static size_t
read_atom(struct str s, size_t i)
{
	size_t start = i;

	if (s.len - i >= 3 && memcmp(s.p + i, "NIL", 3) == 0)
		return (i + 3);
	while (i < s.len && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	assert(i > start);
	return (i);
}

/* Lists may touch; all else has one space between. */
static void
well_formed(struct str s)
{
	size_t i = 0, depth = 0;
	bool space = true;

	while (i < s.len) {
		if (s.p[i] == ' ') {
			assert(!space);
			space = true;
			i++;
			continue;
		}
		if (s.p[i] == ')') {
			assert(depth > 0 && !space);
			depth--;
			i++;
			continue;
		}
		if (s.p[i] == '(') {
			assert(space || s.p[i - 1] == ')');
			depth++;
			i++;
			space = true;
			continue;
		}
		assert(space && depth > 0);
		space = false;
		if (s.p[i] == '"')
			i = read_quoted(s, i);
		else if (s.p[i] == '{')
			i = read_literal(s, i);
		else
			i = read_atom(s, i);
	}
	assert(depth == 0 && !space);
}

static void
try_render(int (*render)(const struct view *, struct buf *),
    const struct view *v)
{
	struct buf out;

	buf_init(&out, 1UL << 28);
	assert(render(v, &out) == 0);
	well_formed(buf_text(&out));
	buf_clear(&out);
}

/* A line of at most 200 characters. */
static void
try_preview(const struct view *v)
{
	size_t chars = 0, i;
	struct buf out;
	struct str s;

	buf_init(&out, 10000);
	assert(preview_make(v, &out) == 0);
	s = buf_text(&out);
	for (i = 0; i < s.len; i++) {
		assert(s.p[i] != '\0' && s.p[i] != '\r' && s.p[i] != '\n');
		chars += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	}
	assert(chars <= 200);
	buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view_source src = {.wire = {"", 0}};
	struct blob *text;
	struct buf out;
	struct view *v;

	src.status = STR("");
	src.authserv = STR("");
	src.entity = str_of((const char *)data, size);
	buf_init(&out, size * 2 + 16);
	assert(view_build(&src, &out, NULL, NULL) == 0);
	assert(memchr(buf_text(&out).p, 0, out.len) == NULL);
	text = blob_take(&out);
	v = view_new(text, NULL);
	assert(v != NULL);
	try_render(render_envelope, v);
	try_render(render_body, v);
	try_render(render_structure, v);
	try_preview(v);
	view_free(v);
	blob_unref(text);
	return (0);
}
