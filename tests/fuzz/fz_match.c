/*
 * A message and its search text.  Whatever stands in a plain text body is
 * found in it; what BODY finds, TEXT finds; a cut text never says no where the
 * whole one says yes.  A search text that is garbage does no harm.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "mail/match.h"
#include "mail/match_build.h"

static void
build(const struct view *v, size_t max, struct buf *out)
{
	buf_init(out, max + MATCH_EXTRA);
	assert(match_build(v, max, out, NULL) == 0);
}

/* Piece by piece nothing else is found. */
static void
try_pieces(struct str text, struct str needle, bool body)
{
	struct match_at at = {0, 0};
	enum match all =
	    body ? match_body(text, needle) : match_text(text, needle);
	enum match found;

	while (!match_some(text, needle, body, 1 + text.len / 50, &at, &found))
		;
	assert(found == all);
}

static void
try_needle(struct str whole, struct str cut, struct str field,
    struct str needle)
{
	enum match text = match_text(whole, needle);
	enum match body = match_body(whole, needle);
	enum match head = match_field(whole, false, field, needle);
	enum match tidy = match_field(whole, true, field, needle);

	assert(body != MATCH_YES || text == MATCH_YES);
	assert(text != MATCH_YES || match_text(cut, needle) != MATCH_NO);
	assert(body != MATCH_YES || match_body(cut, needle) != MATCH_NO);
	assert(head != MATCH_YES ||
	       match_field(cut, false, field, needle) != MATCH_NO);
	assert(tidy != MATCH_YES ||
	       match_field(cut, true, field, needle) != MATCH_NO);
	try_pieces(whole, needle, false);
	try_pieces(whole, needle, true);
	try_pieces(needle, whole, true);
	(void)match_text(needle, whole);
	(void)match_body(needle, STR("x"));
	(void)match_field(needle, true, field, STR("x"));
}

/* A plain message of that body. */
static void
try_plain(struct str body)
{
	struct buf mail, text, key;
	struct blob *blob;
	struct view *v;

	buf_init(&mail, body.len + 16);
	buf_puts(&mail, "A: b\r\n\r\n");
	buf_str(&mail, body);
	blob = blob_copy(mail.data, mail.len);
	v = view_new(blob, NULL);
	assert(v != NULL);
	build(v, MATCH_TEXT, &text);
	buf_init(&key, body.len * 40 + 64);
	if (match_needle(STR(""), body, &key, NULL) == 0)
		assert(
		    match_body(buf_text(&text), buf_text(&key)) == MATCH_YES);
	buf_clear(&key);
	buf_clear(&text);
	view_free(v);
	blob_unref(blob);
	buf_clear(&mail);
}

/* Lines: a field's name, something to look for; then a message. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size}, field, needle;
	struct buf whole, cut;
	struct blob *blob;
	struct view *v;
	size_t n;

	if ((n = str_find(in, '\n')) == in.len)
		return (0);
	field = str_of(in.p, n);
	in = str_of(in.p + n + 1, in.len - n - 1);
	if ((n = str_find(in, '\n')) == in.len)
		return (0);
	needle = str_of(in.p, n);
	in = str_of(in.p + n + 1, in.len - n - 1);
	blob = blob_copy(in.p, in.len);
	v = view_new(blob, NULL);
	assert(v != NULL);
	build(v, MATCH_TEXT, &whole);
	build(v, in.len / 3, &cut);
	try_needle(buf_text(&whole), buf_text(&cut), field, needle);
	if (in.len > 0)
		try_needle(buf_text(&whole), buf_text(&cut), field,
		    str_of(in.p + in.len / 2, (in.len + 7) / 8));
	buf_clear(&cut);
	buf_clear(&whole);
	view_free(v);
	blob_unref(blob);
	if (memchr(needle.p, '\r', needle.len) == NULL)
		try_plain(needle);
	return (0);
}
