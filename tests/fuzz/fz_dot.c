/*
 * Dots and line ends: any cutting gives the same text, no line end but CRLF
 * comes out, and what was encoded decodes to itself.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "smtp/dot.h"

#define MOST (1UL << 22)

/* Decode in two pieces, cut anywhere; returns what dotdec_feed() does. */
static int
decode(const char *data, size_t size, size_t cut, struct buf *out, size_t *used)
{
	struct dotdec d;
	size_t more = 0;
	int rc;

	dotdec_init(&d);
	rc = dotdec_feed(&d, data, cut, out, used);
	if (rc == 0) {
		rc = dotdec_feed(&d, data + cut, size - cut, out, &more);
		*used += more;
	}
	return (rc);
}

static void
encode(const char *data, size_t size, size_t cut, struct buf *out)
{
	struct dotenc e;

	dotenc_init(&e);
	dotenc_feed(&e, data, cut, out);
	dotenc_feed(&e, data + cut, size - cut, out);
	dotenc_end(&e, out);
}

/* Every CR is followed by LF, every LF preceded by CR. */
static void
check_line_ends(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '\r')
			assert(i + 1 == s.len || s.p[i + 1] == '\n');
		if (s.p[i] == '\n')
			assert(i > 0 && s.p[i - 1] == '\r');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct buf whole, cut, wire, back;
	size_t used, used2, at;
	int rc;

	if (size == 0 || size > MOST / 8)
		return (0);
	at = data[0] % size;
	buf_init(&whole, MOST);
	buf_init(&cut, MOST);
	buf_init(&wire, MOST);
	buf_init(&back, MOST);
	rc = decode(text, size, size, &whole, &used);
	assert(decode(text, size, at, &cut, &used2) == rc && used == used2);
	assert(str_eq(buf_text(&whole), buf_text(&cut)));
	check_line_ends(buf_text(&whole));

	/* Whatever is encoded ends once, at its end, and comes back as the
	 * same text with its line ends repaired. */
	buf_reset(&cut);
	encode(text, size, size, &wire);
	encode(text, size, at, &cut);
	assert(str_eq(buf_text(&wire), buf_text(&cut)));
	check_line_ends(buf_text(&wire));
	assert(decode(wire.data, wire.len, wire.len, &back, &used) == 1);
	assert(used == wire.len);
	buf_reset(&cut);
	encode(buf_text(&back).p, back.len, back.len, &cut);
	assert(str_eq(buf_text(&wire), buf_text(&cut)));
	buf_clear(&whole);
	buf_clear(&cut);
	buf_clear(&wire);
	buf_clear(&back);
	return (0);
}
