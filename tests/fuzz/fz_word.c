/*
 * Encoded words, charsets and transfer encodings: what comes out is UTF-8,
 * folded or not; folding what is decoded is decoding folded, where no unknown
 * charset is about; and a date is one wherever white space stands around it.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "mail/casemap.h"
#include "mail/charset.h"
#include "mail/cte.h"
#include "mail/date.h"
#include "mail/word.h"

static void
is_utf8(const struct buf *b)
{
	struct buf copy;

	assert(!b->failed);
	buf_init(&copy, b->len);
	assert(casemap_copy(&copy, buf_text(b)));
	assert(str_eq(buf_text(b), buf_text(&copy)));
	buf_clear(&copy);
}

static void
try_word(struct str in)
{
	struct buf plain, folded;

	buf_init(&plain, in.len * 40 + 64);
	buf_init(&folded, in.len * 40 + 64);
	word_decode(in, false, &plain);
	word_decode(in, true, &folded);
	is_utf8(&plain);
	is_utf8(&folded);
	if (in.len == 0 || memmem(in.p, in.len, "=?", 2) == NULL) {
		buf_reset(&plain);
		casemap_put(&plain, in);
		assert(str_eq(buf_text(&plain), buf_text(&folded)));
	}
	buf_clear(&folded);
	buf_clear(&plain);
}

/* The first line is a charset or an encoding, the rest the text. */
static void
try_text(struct str in)
{
	size_t n = str_find(in, '\n');
	struct str name = str_of(in.p, n), text;
	struct buf plain, folded, again;
	enum charset_result r;

	if (n == in.len)
		return;
	text = str_of(in.p + n + 1, in.len - n - 1);
	buf_init(&plain, in.len * 80 + 64);
	buf_init(&folded, in.len * 80 + 64);
	buf_init(&again, in.len * 160 + 64);
	r = charset_put(name, text, false, &plain);
	assert(charset_put(name, text, true, &folded) == r);
	is_utf8(&plain);
	is_utf8(&folded);
	assert(r != CHARSET_UNKNOWN || plain.len == 0);
	casemap_put(&again, buf_text(&plain));
	assert(r != CHARSET_OK || str_eq(buf_text(&again), buf_text(&folded)));
	buf_reset(&plain);
	cte_decode(cte_of(name), text, &plain);
	assert(!plain.failed && plain.len <= text.len + 3);
	buf_clear(&again);
	buf_clear(&folded);
	buf_clear(&plain);
}

static void
try_date(struct str in)
{
	int64_t utc, utc2;
	int zone, zone2;
	struct buf b;

	buf_init(&b, in.len + 8);
	buf_puts(&b, " (x)\t");
	buf_str(&b, in);
	if (date_parse(in, &utc, &zone)) {
		assert(date_parse(buf_text(&b), &utc2, &zone2));
		assert(utc == utc2 && zone == zone2);
		assert(zone > -6100 && zone < 6100);
	}
	buf_clear(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};

	try_word(in);
	try_text(in);
	try_date(in);
	return (0);
}
