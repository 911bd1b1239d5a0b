/*
 * What set_parse() accepts, set_print() writes so that it is read back as the
 * same set; and the algebra keeps its laws on any two sets.
 */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "base/set.h"

/* A set is sorted, and its ranges neither overlap nor touch. */
static void
check_shape(const struct set *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		assert(s->r[i].lo > 0 && s->r[i].lo <= s->r[i].hi);
		assert(i == 0 || s->r[i].lo - 1 > s->r[i - 1].hi);
	}
}

static void
check_print(const struct set *s)
{
	struct buf text;
	struct set again;

	buf_init(&text, (size_t)1 << 20);
	set_init(&again);
	set_print(s, &text);
	assert(!text.failed);
	if (text.len > 0)
		assert(set_parse(&again, buf_text(&text), 0, NULL) == 0);
	assert(set_equal(s, &again));
	set_clear(&again);
	buf_clear(&text);
}

/* a - b, a & b: together they are a; with b - a they are a | b. */
static void
check_algebra(const struct set *a, const struct set *b)
{
	struct set minus, both, any, sum;

	set_init(&minus);
	set_init(&both);
	set_init(&any);
	set_init(&sum);
	assert(set_minus(&minus, a, b) == 0);
	assert(set_and(&both, a, b) == 0);
	assert(set_or(&any, a, b) == 0);
	check_shape(&minus);
	check_shape(&both);
	check_shape(&any);
	assert(set_count(&minus) + set_count(&both) == set_count(a));
	assert(set_count(&any) == set_count(&minus) + set_count(b));
	assert(set_or(&sum, &minus, &both) == 0);
	assert(set_equal(&sum, a));
	assert(set_or(&sum, &minus, b) == 0);
	assert(set_equal(&sum, &any));
	assert(set_and(&sum, &minus, b) == 0);
	assert(set_empty(&sum));
	assert(set_and(&sum, b, a) == 0);
	assert(set_equal(&sum, &both));
	assert(set_or(&sum, b, a) == 0);
	assert(set_equal(&sum, &any));
	set_clear(&sum);
	set_clear(&any);
	set_clear(&both);
	set_clear(&minus);
}

/* Range by range, and the other way round with set_remove. */
static void
check_changes(const struct set *a, const struct set *b)
{
	struct set step, want;
	size_t i;

	set_init(&step);
	set_init(&want);
	assert(set_copy(&step, a) == 0);
	for (i = b->n; i > 0; i--)
		assert(set_add(&step, b->r[i - 1].lo, b->r[i - 1].hi) == 0);
	assert(set_or(&want, a, b) == 0);
	assert(set_equal(&step, &want));
	for (i = 0; i < b->n; i++)
		assert(set_remove(&step, b->r[i].lo, b->r[i].hi) == 0);
	assert(set_minus(&want, a, b) == 0);
	assert(set_equal(&step, &want));
	set_clear(&want);
	set_clear(&step);
}

static void
check_expunge(const struct set *a, uint32_t n)
{
	struct set s;
	bool had = set_has(a, n);

	set_init(&s);
	assert(set_copy(&s, a) == 0);
	assert(set_expunge(&s, n) == 0);
	check_shape(&s);
	assert(set_count(&s) == set_count(a) - (had ? 1 : 0));
	assert(n == UINT32_MAX || set_has(&s, n) == set_has(a, n + 1));
	set_clear(&s);
}

/* The input is two sets with a blank between, "*" being 100. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of((const char *)data, size), left, right;
	struct set a, b;
	size_t cut = str_find(in, ' ');
	bool star;

	left = str_of(in.p, cut);
	right = cut < size ? str_of(in.p + cut + 1, size - cut - 1) : left;
	set_init(&a);
	set_init(&b);
	if (set_parse(&a, left, 100, &star) == 0 &&
	    set_parse(&b, right, 0, NULL) == 0) {
		assert(star == (memchr(left.p, '*', left.len) != NULL));
		check_shape(&a);
		check_shape(&b);
		check_print(&a);
		check_print(&b);
		check_algebra(&a, &b);
		check_changes(&a, &b);
		check_expunge(&a, set_empty(&b) ? 1 : b.r[0].lo);
	}
	set_clear(&b);
	set_clear(&a);
	return (0);
}
