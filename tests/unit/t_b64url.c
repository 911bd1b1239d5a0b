#include "config.h"

#include <string.h>

#include "acme/b64url.h"
#include "unit.h"

static void
t_good(void)
{
	/* RFC 4648 10 without padding; RFC 7515 C. */
	static const struct {
		const char *plain;
		size_t len;
		const char *coded;
	} rows[] = {
	    {"", 0, ""},
	    {"f", 1, "Zg"},
	    {"fo", 2, "Zm8"},
	    {"foo", 3, "Zm9v"},
	    {"foob", 4, "Zm9vYg"},
	    {"fooba", 5, "Zm9vYmE"},
	    {"foobar", 6, "Zm9vYmFy"},
	    {"\003\354\377\340\301", 5, "A-z_4ME"},
	    {"\0\0\0", 3, "AAAA"},
	};
	struct buf b;
	size_t i;

	buf_init(&b, 100);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].coded);
		buf_reset(&b);
		b64url_encode(str_of(rows[i].plain, rows[i].len), &b);
		CHECK_BUF(&b, rows[i].coded);
		buf_reset(&b);
		CHECK_INT(b64url_decode(str_c(rows[i].coded), &b), 0);
		CHECK_BUF_EQ(&b, str_of(rows[i].plain, rows[i].len));
	}
	buf_clear(&b);
}

static void
t_bad(void)
{
	static const char *const rows[] = {"A", "Zg==", "Zh", "Zm9", "Zm9v\n",
	    " Zm9v", "Zm+v", "Zm/v", "Zm9v.", "Zm9vY", "Zm=v", "Z\303\2749v"};
	struct buf b;
	size_t i;

	buf_init(&b, 100);
	buf_puts(&b, "kept");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i]);
		CHECK_INT(b64url_decode(str_c(rows[i]), &b), -1);
		CHECK_BUF(&b, "kept");
	}
	unit_row("NUL");
	CHECK_INT(b64url_decode(str_of("Zm\0v", 4), &b), -1);
	buf_clear(&b);
	unit_row("no room");
	buf_init(&b, 3);
	CHECK_INT(b64url_decode(STR("Zm9vYmFy"), &b), -1);
	CHECK(b.failed);
	buf_clear(&b);
	unit_row("just enough room");
	buf_init(&b, 4);
	CHECK_INT(b64url_decode(STR("Zm9vYg"), &b), 0);
	CHECK_BUF(&b, "foob");
	buf_clear(&b);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"good", t_good},
	    {"bad", t_bad},
	    {NULL, NULL},
	};

	return (unit_main("t_b64url", tests));
}
