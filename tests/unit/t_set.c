#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/set.h"
#include "unit.h"

static void
check_print(const struct set *s, const char *want)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	set_print(s, &out);
	CHECK_BUF(&out, want);
	buf_clear(&out);
}

static void
test_parse(void)
{
	static const struct {
		const char *in;
		uint32_t star;
		const char *want; /* NULL: bad */
		bool has_star;
	} rows[] = {
	    {"1", 9, "1", false},
	    {"1,3,2", 9, "1:3", false},
	    {"2,4:7,9,12:*", 15, "2,4:7,9,12:15", true},
	    {"5:*", 3, "3:5", true},
	    {"*:5", 3, "3:5", true},
	    {"*", 3, "3", true},
	    {"*:*", 3, "3", true},
	    {"*", 0, "", true},
	    {"5:*", 0, "5", true},
	    {"*,7", 0, "7", true},
	    {"9:1", 0, "1:9", false},
	    {"1:5,2:3", 0, "1:5", false},
	    {"2:3,1:5,7,6", 0, "1:7", false},
	    {"1:2,4:5", 0, "1:2,4:5", false},
	    {"4294967295", 0, "4294967295", false},
	    {"1:4294967295,5", 0, "1:4294967295", false},
	    {"4294967294,4294967295", 0, "4294967294:4294967295", false},
	    {"4294967296", 0, NULL, false},
	    {"99999999999999999999", 0, NULL, false},
	    {"", 0, NULL, false},
	    {"0", 0, NULL, false},
	    {"01", 0, NULL, false},
	    {"1:0", 0, NULL, false},
	    {",1", 0, NULL, false},
	    {"1,", 0, NULL, false},
	    {"1,,2", 0, NULL, false},
	    {"1:", 0, NULL, false},
	    {":1", 0, NULL, false},
	    {"1:2:3", 0, NULL, false},
	    {"1 ", 0, NULL, false},
	    {"-1", 0, NULL, false},
	    {"**", 5, NULL, false},
	    {"1*", 5, NULL, false},
	    {"$", 5, NULL, false},
	};
	bool has_star;
	struct set s;
	size_t i;
	int rc;

	set_init(&s);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		has_star = false;
		rc = set_parse(&s, str_c(rows[i].in), rows[i].star, &has_star);
		CHECK_INT(rc, rows[i].want != NULL ? 0 : -1);
		check_print(&s, rows[i].want != NULL ? rows[i].want : "");
		if (rc == 0)
			CHECK(has_star == rows[i].has_star);
	}
	unit_row("no has_star");
	CHECK_INT(set_parse(&s, STR("*"), 4, NULL), 0);
	set_clear(&s);
	CHECK(s.r == NULL && set_empty(&s));
}

static void
test_limit(void)
{
	struct buf text;
	struct set s;
	uint32_t i;

	set_init(&s);
	buf_init(&text, 1 << 20);
	for (i = 0; i < LIMIT_SET_RANGES; i++)
		buf_printf(&text, "%s%u", i > 0 ? "," : "", 30001 - 2 * i);
	CHECK_INT(set_parse(&s, buf_text(&text), 0, NULL), 0);
	CHECK_UINT(s.n, LIMIT_SET_RANGES);
	CHECK_UINT(set_count(&s), LIMIT_SET_RANGES);
	buf_puts(&text, ",1");
	CHECK_INT(set_parse(&s, buf_text(&text), 0, NULL), -1);
	CHECK(set_empty(&s));
	buf_clear(&text);
	set_clear(&s);
}

/*
 * The algebra against a table of booleans: 20 numbers, random changes.  rand()
 * with a fixed seed, so that a failure comes again.
 */
#define SMALL 20

static bool
like(const struct set *s, const bool *want)
{
	uint32_t n = 0, members = 0;
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->r[i].lo > s->r[i].hi ||
		    (i > 0 && s->r[i].lo <= s->r[i - 1].hi + 1))
			return (false);
	for (i = 0; i <= SMALL; i++) {
		members += want[i];
		if (set_has(s, (uint32_t)i) != want[i])
			return (false);
	}
	if (set_count(s) != members || set_empty(s) != (members == 0))
		return (false);
	for (i = 1; i <= SMALL; i++)
		if (want[i] && (!set_next(s, &n) || n != i))
			return (false);
	return (!set_next(s, &n));
}

static void
random_change(struct set *s, bool *model)
{
	uint32_t lo = 1 + (uint32_t)rand() % SMALL;
	uint32_t hi = lo + (uint32_t)rand() % 5, i;
	bool add = rand() % 2 == 0;

	if (hi > SMALL)
		hi = SMALL;
	if (add)
		CHECK_INT(set_add(s, lo, hi), 0);
	else
		CHECK_INT(set_remove(s, lo, hi), 0);
	for (i = lo; i <= hi; i++)
		model[i] = add;
}

static void
test_algebra(void)
{
	bool ma[SMALL + 1] = {false}, mb[SMALL + 1] = {false};
	bool minus[SMALL + 1], both[SMALL + 1], any[SMALL + 1];
	struct set a, b, out;
	int round;
	size_t i;

	srand(1);
	set_init(&a);
	set_init(&b);
	set_init(&out);
	for (round = 0; round < 2000; round++) {
		random_change(&a, ma);
		random_change(&b, mb);
		for (i = 0; i <= SMALL; i++) {
			minus[i] = ma[i] && !mb[i];
			both[i] = ma[i] && mb[i];
			any[i] = ma[i] || mb[i];
		}
		if (!CHECK(like(&a, ma)) || !CHECK(like(&b, mb)) ||
		    !CHECK_INT(set_minus(&out, &a, &b), 0) ||
		    !CHECK(like(&out, minus)) ||
		    !CHECK_INT(set_and(&out, &a, &b), 0) ||
		    !CHECK(like(&out, both)) ||
		    !CHECK_INT(set_or(&out, &a, &b), 0) ||
		    !CHECK(like(&out, any)) ||
		    !CHECK_INT(set_copy(&out, &a), 0) ||
		    !CHECK(set_equal(&out, &a)))
			break;
	}
	set_clear(&a);
	set_clear(&b);
	set_clear(&out);
}

static void
test_expunge(void)
{
	static const struct {
		const char *in;
		uint32_t n;
		const char *want;
	} rows[] = {
	    {"1:5", 3, "1:4"},
	    {"1:5", 1, "1:4"},
	    {"1:5", 5, "1:4"},
	    {"1:5", 6, "1:5"},
	    {"3", 3, ""},
	    {"3", 1, "2"},
	    {"3", 4, "3"},
	    {"1:3,5:7", 4, "1:6"},
	    {"1:3,5,7:9", 5, "1:3,6:8"},
	    {"1,3,5", 2, "1:2,4"},
	    {"2,4294967295", 1, "1,4294967294"},
	    {"4294967295", 4294967295, ""},
	    {"5", 0, "5"},
	};
	struct set s;
	size_t i;

	set_init(&s);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		CHECK_INT(set_parse(&s, str_c(rows[i].in), 0, NULL), 0);
		CHECK_INT(set_expunge(&s, rows[i].n), 0);
		check_print(&s, rows[i].want);
	}
	set_clear(&s);
}

/* Where uint32_t ends, and 0, which is no member. */
static void
test_edges(void)
{
	struct set s, all, out;
	uint32_t n = UINT32_MAX - 1;

	set_init(&s);
	set_init(&all);
	set_init(&out);
	CHECK_INT(set_add(&s, 0, 0), 0);
	CHECK(set_empty(&s));
	CHECK_INT(set_add(&s, 9, 3), 0);
	CHECK(set_empty(&s));
	CHECK_INT(set_add(&s, 0, 2), 0);
	CHECK_INT(set_add(&s, UINT32_MAX, UINT32_MAX), 0);
	check_print(&s, "1:2,4294967295");
	CHECK(!set_has(&s, 0));
	CHECK(set_next(&s, &n) && n == UINT32_MAX);
	CHECK(!set_next(&s, &n));
	CHECK_INT(set_add(&s, 3, UINT32_MAX - 1), 0);
	check_print(&s, "1:4294967295");
	CHECK_UINT(set_count(&s), UINT32_MAX);
	CHECK_INT(set_copy(&all, &s), 0);
	CHECK_INT(set_remove(&s, UINT32_MAX, UINT32_MAX), 0);
	check_print(&s, "1:4294967294");
	CHECK_INT(set_minus(&out, &all, &s), 0);
	check_print(&out, "4294967295");
	CHECK_INT(set_remove(&s, 0, 1), 0);
	check_print(&s, "2:4294967294");
	CHECK_INT(set_remove(&s, 0, UINT32_MAX), 0);
	CHECK(set_empty(&s));
	CHECK_INT(set_minus(&out, &all, &all), 0);
	CHECK(set_empty(&out));
	CHECK(set_equal(&out, &s));
	CHECK(!set_equal(&out, &all));
	set_clear(&s);
	set_clear(&all);
	set_clear(&out);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"parse", test_parse},
	    {"limit", test_limit},
	    {"algebra", test_algebra},
	    {"expunge", test_expunge},
	    {"edges", test_edges},
	    {NULL, NULL},
	};

	return (unit_main("t_set", tests));
}
