#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "unit.h"

/* The first vectors of the reference implementation: key 00..0f, input
 * 00, 01, 02... of the row's length. */
static void
test_siphash(void)
{
	static const struct {
		size_t len;
		uint64_t want;
	} rows[] = {
	    {0, 0x726fdb47dd0e0e31},
	    {1, 0x74f839c593dc67fd},
	    {7, 0xab0200f58b01d137},
	    {8, 0x93f5f5799a932462},
	    {15, 0xa129ca6149be45e5},
	};
	static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	char in[16];
	size_t i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = (char)i;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_UINT(map_siphash(key, str_of(in, rows[i].len)),
		    rows[i].want);
}

static int dropped;

static void
drop(void *value)
{
	free(value);
	dropped++;
}

static int *
number(int n)
{
	int *p = malloc(sizeof(*p));

	if (p != NULL)
		*p = n;
	return (p);
}

static struct str
name(char *text, size_t size, int n)
{
	int len = snprintf(text, size, "key %d", n);

	return (str_of(text, (size_t)len));
}

static void
test_values(void)
{
	struct str none = {NULL, 0};
	struct map *m = map_new(drop);
	char key[] = "a";

	dropped = 0;
	CHECK(map_get(m, STR("a")) == NULL);
	CHECK(!map_del(m, STR("a")));
	CHECK_INT(map_put(m, str_of(key, 1), number(1)), 0);
	key[0] = 'b'; /* the map has its own copy */
	CHECK_INT(*(int *)map_get(m, STR("a")), 1);
	CHECK(map_get(m, STR("b")) == NULL);
	CHECK_INT(map_put(m, STR("a"), number(2)), 0);
	CHECK_INT(dropped, 1);
	CHECK_INT(*(int *)map_get(m, STR("a")), 2);
	CHECK_UINT(map_count(m), 1);
	CHECK_INT(map_put(m, none, number(3)), 0);
	CHECK_INT(*(int *)map_get(m, STR("")), 3);
	CHECK_INT(map_put(m, STR("a\0b"), number(4)), 0);
	CHECK_INT(*(int *)map_get(m, STR("a")), 2);
	CHECK(map_del(m, STR("a")));
	CHECK_INT(dropped, 2);
	CHECK_UINT(map_count(m), 2);
	map_free(m);
	CHECK_INT(dropped, 4);
	map_free(NULL);
}

static void
test_many(void)
{
	struct map *m = map_new(drop);
	bool all = true, none = true;
	char text[32];
	int i;

	dropped = 0;
	for (i = 0; i < 5000; i++)
		all &= map_put(m, name(text, sizeof(text), i), number(i)) == 0;
	CHECK(all);
	CHECK_UINT(map_count(m), 5000);
	for (i = 0; i < 5000; i += 2)
		all &= map_del(m, name(text, sizeof(text), i));
	for (i = 0; i < 5000; i++)
		if (i % 2 == 0)
			none &= map_get(m, name(text, sizeof(text), i)) == NULL;
		else
			all &= *(int *)map_get(m,
			           name(text, sizeof(text), i)) == i;
	CHECK(all);
	CHECK(none);
	CHECK_INT(dropped, 2500);
	/* coming and going for ever must not fill the table with marks */
	for (i = 0; i < 20000; i++) {
		all &= map_put(m, name(text, sizeof(text), 9000 + i),
		           number(i)) == 0;
		all &= map_del(m, name(text, sizeof(text), 9000 + i));
	}
	CHECK(all);
	CHECK_UINT(map_count(m), 2500);
	map_free(m);
	CHECK_INT(dropped, 25000);
}

static void
test_walk(void)
{
	struct map *m = map_new(NULL);
	bool seen[100] = {false}, twice = false;
	char text[32];
	struct str key;
	size_t pos = 0, n = 0;
	void *value;
	int i;

	CHECK(!map_next(m, &pos, &key, &value));
	for (i = 0; i < 100; i++)
		CHECK_INT(map_put(m, name(text, sizeof(text), i), &seen[i]), 0);
	for (pos = 0; map_next(m, &pos, &key, &value); n++) {
		twice |= *(bool *)value;
		*(bool *)value = true;
		CHECK(map_del(m, key));
	}
	CHECK(!twice);
	CHECK_UINT(n, 100);
	CHECK_UINT(map_count(m), 0);
	map_free(m);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"siphash", test_siphash},
	    {"values", test_values},
	    {"many", test_many},
	    {"walk", test_walk},
	    {NULL, NULL},
	};

	return (unit_main("t_map", tests));
}
