#include "config.h"

#include "base/num.h"
#include "unit.h"

static void
test_arithmetic(void)
{
	size_t v = 7;

	CHECK(num_add(SIZE_MAX - 1, 1, &v));
	CHECK_UINT(v, SIZE_MAX);
	v = 7;
	CHECK(!num_add(SIZE_MAX, 1, &v));
	CHECK_UINT(v, 7);
	CHECK(num_mul(SIZE_MAX, 1, &v));
	CHECK_UINT(v, SIZE_MAX);
	CHECK(num_mul(SIZE_MAX, 0, &v));
	CHECK_UINT(v, 0);
	v = 7;
	CHECK(!num_mul(SIZE_MAX / 2 + 1, 2, &v));
	CHECK_UINT(v, 7);
	CHECK(num_mul(0, SIZE_MAX, &v));
	CHECK_UINT(v, 0);
}

static void
test_parse(void)
{
	static const struct {
		const char *in;
		uint64_t max;
		bool ok;
		uint64_t want;
	} rows[] = {
	    {"0", 0, true, 0},
	    {"007", 7, true, 7},
	    {"8", 7, false, 0},
	    {"17", 7, false, 0},
	    {"4294967295", UINT32_MAX, true, UINT32_MAX},
	    {"4294967296", UINT32_MAX, false, 0},
	    {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
	    {"18446744073709551616", UINT64_MAX, false, 0},
	    {"99999999999999999999999", UINT64_MAX, false, 0},
	    {"", 9, false, 0},
	    {"-1", 9, false, 0},
	    {"+1", 9, false, 0},
	    {" 1", 9, false, 0},
	    {"1 ", 9, false, 0},
	    {"0x1", 9, false, 0},
	};
	uint64_t got;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		got = 0;
		CHECK(num_parse(str_c(rows[i].in), rows[i].max, &got) ==
		      rows[i].ok);
		CHECK_UINT(got, rows[i].want);
	}
}

static void
test_lead(void)
{
	uint64_t v = 0;

	CHECK_UINT(num_lead(STR("12:34"), 100, &v), 2);
	CHECK_UINT(v, 12);
	CHECK_UINT(num_lead(STR(":34"), 100, &v), 0);
	CHECK_UINT(num_lead(STR("101x"), 100, &v), 0);
	CHECK_UINT(v, 12);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"arithmetic", test_arithmetic},
	    {"parse", test_parse},
	    {"lead", test_lead},
	    {NULL, NULL},
	};

	return (unit_main("t_num", tests));
}
