#include "config.h"

#include "unit.h"

static void
test_clip(void)
{
	static const struct {
		const char *name;
		struct span in;
		size_t from, count, off, len;
	} rows[] = {
	    {"inside", {10, 20}, 5, 5, 15, 5},
	    {"all", {10, 20}, 0, SIZE_MAX, 10, 20},
	    {"reaches over the end", {10, 20}, 15, 10, 25, 5},
	    {"starts at the end", {10, 20}, 20, 1, 30, 0},
	    {"starts behind the end", {10, 20}, SIZE_MAX, 1, 30, 0},
	    {"nothing", {0, 0}, 0, 1, 0, 0},
	};
	struct span got;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		got = span_clip(rows[i].in, rows[i].from, rows[i].count);
		CHECK_UINT(got.off, rows[i].off);
		CHECK_UINT(got.len, rows[i].len);
	}
}

static void
test_compare(void)
{
	struct str none = {NULL, 0};

	CHECK(str_eq(none, STR("")));
	CHECK(str_eq(STR("ab"), STR("ab")));
	CHECK(!str_eq(STR("ab"), STR("aB")));
	CHECK(!str_eq(STR("ab"), STR("abc")));
	CHECK(str_eq(STR("a\0b"), STR("a\0b")));
	CHECK(!str_eq(STR("a\0b"), STR("a\0c")));
	CHECK_INT(str_cmp(none, STR("")), 0);
	CHECK_INT(str_cmp(STR("a\0b"), STR("a\0b")), 0);
	CHECK(str_cmp(none, STR("a")) < 0 && str_cmp(STR("a"), none) > 0);
	CHECK(str_cmp(STR("ab"), STR("abc")) < 0);
	CHECK(str_cmp(STR("b"), STR("abc")) > 0);
	CHECK(str_cmp(STR("\x80"), STR("a")) > 0);
	CHECK(str_ieq(none, none));
	CHECK(str_ieq(STR("Fetch"), STR("fETCH")));
	CHECK(!str_ieq(STR("FETCH"), STR("FETCHES")));
	/* only A-Z has case: 0x5b-0x60 and 0x7b-0x7f differ in one bit too */
	CHECK(!str_ieq(STR("[@"), STR("{`")));
	CHECK(!str_ieq(STR("\xc4"), STR("\xe4")));
	CHECK(str_istarts(STR("Re: x"), STR("RE:")));
	CHECK(str_istarts(STR("x"), none));
	CHECK(!str_istarts(STR("R"), STR("RE:")));
}

static void
test_pieces(void)
{
	struct str none = {NULL, 0};

	CHECK_STR(str_c("abc"), "abc");
	CHECK_STR(span_str("abcdef", span_of(2, 3)), "cde");
	CHECK_UINT(str_find(STR("a@b@c"), '@'), 1);
	CHECK_UINT(str_find(STR("abc"), '@'), 3);
	CHECK_UINT(str_find(none, '@'), 0);
	CHECK_STR(str_trim(STR(" \t\r\na b\r\n \t")), "a b");
	CHECK_STR(str_trim(STR(" \r\n")), "");
	CHECK_STR(str_trim(none), "");
	CHECK_STR(str_chomp(STR(" a \r\n")), " a ");
	CHECK_STR(str_chomp(STR("a\n")), "a");
	CHECK_STR(str_chomp(STR("a\r")), "a");
	CHECK_STR(str_chomp(STR("a\n\n")), "a\n");
	CHECK_STR(str_chomp(STR("\r\n")), "");
	CHECK_STR(str_chomp(none), "");
	CHECK_INT(ascii_lower('Z'), 'z');
	CHECK_INT(ascii_lower('['), '[');
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"clip", test_clip},
	    {"compare", test_compare},
	    {"pieces", test_pieces},
	    {NULL, NULL},
	};

	return (unit_main("t_span", tests));
}
