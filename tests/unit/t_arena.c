#include "config.h"

#include <stdalign.h>
#include <string.h>

#include "base/arena.h"
#include "unit.h"

static bool
all_zero(const char *p, size_t n)
{
	while (n > 0)
		if (p[--n] != 0)
			return (false);
	return (true);
}

static void
test_alloc(void)
{
	bool aligned = true, zeroed = true, whole = true;
	char *piece[300];
	struct arena a;
	size_t i, n;

	arena_init(&a, 1000000);
	for (i = 0; i < 300; i++) {
		n = i * 7;
		if ((piece[i] = arena_alloc(&a, n)) == NULL)
			break;
		aligned &= (uintptr_t)piece[i] % alignof(max_align_t) == 0;
		zeroed &= all_zero(piece[i], n);
		memset(piece[i], (int)(i % 251) + 1, n);
	}
	CHECK_UINT(i, 300);
	CHECK(aligned);
	CHECK(zeroed);
	for (i = 1; i < 300; i++)
		whole &= piece[i][0] == (char)(i % 251 + 1) &&
		         piece[i][i * 7 - 1] == (char)(i % 251 + 1);
	CHECK(whole);
	CHECK(piece[0] != piece[1]);
	arena_clear(&a);
	CHECK_UINT(a.used, 0);
	CHECK(arena_alloc(&a, 1) != NULL);
	arena_clear(&a);
}

static void
test_limit(void)
{
	struct arena a;

	arena_init(&a, 4096);
	CHECK(arena_alloc(&a, 4097) == NULL);
	CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
	CHECK(arena_array(&a, SIZE_MAX / 2, 3) == NULL);
	CHECK(arena_array(&a, 3, SIZE_MAX / 2) == NULL);
	CHECK(arena_alloc(&a, 4096) != NULL);
	CHECK(arena_alloc(&a, 1) == NULL);
	CHECK(arena_strdup(&a, STR("x")) == NULL);
	CHECK(arena_str(&a, STR("x")).p == NULL);
	arena_clear(&a);
	CHECK(arena_array(&a, 64, 64) != NULL);
	arena_clear(&a);
	/* small pieces cannot pass it either */
	while (arena_alloc(&a, 1) != NULL)
		;
	CHECK(a.used <= 4096);
	arena_clear(&a);
}

static void
test_copies(void)
{
	struct str none = {NULL, 0};
	struct arena a;
	struct str s;

	arena_init(&a, 4096);
	CHECK_CSTR(arena_strdup(&a, STR("abc")), "abc");
	CHECK_CSTR(arena_strdup(&a, none), "");
	s = arena_str(&a, STR("a\0b"));
	CHECK_STR_EQ(s, STR("a\0b"));
	s = arena_str(&a, none);
	CHECK(s.p != NULL && s.len == 0);
	arena_clear(&a);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"alloc", test_alloc},
	    {"limit", test_limit},
	    {"copies", test_copies},
	    {NULL, NULL},
	};

	return (unit_main("t_arena", tests));
}
