#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "unit.h"

static void
test_put(void)
{
	struct str none = {NULL, 0};
	struct buf b;

	buf_init(&b, 1000);
	CHECK_BUF(&b, "");
	buf_put(&b, NULL, 0);
	buf_str(&b, none);
	buf_puts(&b, "ab");
	buf_putc(&b, 'c');
	buf_str(&b, STR("de"));
	buf_printf(&b, "%d%s", 6, "!");
	CHECK_BUF(&b, "abcde6!");
	buf_printf(&b, "%0300d", 1);
	CHECK_UINT(b.len, 307);
	CHECK(b.data[306] == '1');
	buf_drop(&b, 306);
	CHECK_BUF(&b, "1");
	buf_drop(&b, 2);
	CHECK_BUF(&b, "");
	buf_clear(&b);
	CHECK(b.data == NULL && b.cap == 0 && b.max == 1000);
}

static void
test_limit(void)
{
	struct buf b;

	buf_init(&b, 5);
	buf_puts(&b, "12345");
	CHECK(!b.failed);
	buf_put(&b, NULL, 0);
	CHECK(!b.failed);
	buf_putc(&b, '6');
	CHECK(b.failed);
	CHECK_UINT(b.len, 5);
	/* a no-op from now on, even where there would be room */
	buf_drop(&b, 5);
	buf_putc(&b, '6');
	CHECK_UINT(b.len, 0);
	CHECK(buf_room(&b, 1) == NULL);
	buf_reset(&b);
	CHECK(!b.failed);
	buf_printf(&b, "%s", "12345");
	CHECK_BUF(&b, "12345");
	buf_reset(&b);
	buf_printf(&b, "%s", "123456");
	CHECK(b.failed);
	buf_reset(&b);
	buf_printf(&b, "%0200d", 1);
	CHECK(b.failed);
	CHECK_UINT(b.len, 0);
	buf_reset(&b);
	CHECK(buf_room(&b, SIZE_MAX) == NULL);
	buf_clear(&b);

	buf_init(&b, 0);
	CHECK(!b.failed);
	buf_putc(&b, 'x');
	CHECK(b.failed);
	buf_clear(&b);
}

/* No limit at all must not make the doubling overflow. */
static void
test_unlimited(void)
{
	struct buf b;
	int i;

	buf_init(&b, SIZE_MAX);
	for (i = 0; i < 100000; i++)
		buf_putc(&b, (char)i);
	CHECK_UINT(b.len, 100000);
	CHECK(b.cap < 300000);
	CHECK(b.data[99999] == (char)99999);
	CHECK(buf_room(&b, SIZE_MAX - b.len) == NULL);
	CHECK(b.failed);
	buf_clear(&b);
}

static void
test_room(void)
{
	struct buf b;
	char *p;

	buf_init(&b, 100);
	CHECK(buf_room(&b, 0) != NULL);
	p = buf_room(&b, 100);
	if (CHECK(p != NULL)) {
		memset(p, 'x', 100);
		b.len += 100;
	}
	CHECK(buf_room(&b, 0) != NULL);
	CHECK(b.cap >= 100);
	buf_wipe(&b);
	CHECK(b.data == NULL && b.len == 0);
}

/* Small pieces, up to a limit that is no power of two: the bytes are moved a
 * few times, not for each piece. */
static void
test_growth(void)
{
	unsigned moves = 0;
	size_t cap = 0, i;
	struct buf b;

	buf_init(&b, 1000000);
	for (i = 0; i < 100000; i++) {
		buf_put(&b, "0123456789", 10);
		moves += b.cap != cap;
		cap = b.cap;
	}
	CHECK_UINT(b.len, 1000000);
	CHECK(!b.failed);
	CHECK_UINT(b.cap, 1000000);
	CHECK(moves < 30);
	buf_clear(&b);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"put", test_put},
	    {"limit", test_limit},
	    {"unlimited", test_unlimited},
	    {"room", test_room},
	    {"growth", test_growth},
	    {NULL, NULL},
	};

	return (unit_main("t_buf", tests));
}
