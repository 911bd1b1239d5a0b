#include "config.h"

#include "proxy/viewcache.h"

#include <string.h>

#include "unit.h"

static struct seen_key
key_of(uint8_t n)
{
	struct seen_key k;

	memset(&k, n, sizeof(k));
	return (k);
}

/* Put a view of about n bytes. */
static struct viewref *
put(struct viewcache *vc, const char *login, uint8_t n, size_t size)
{
	struct seen_key k = key_of(n);
	struct view_more more = {k.k, {NULL, 0}};
	static char text[100000];
	struct blob *blob;
	struct view *v;
	struct err err;

	memset(text, 'x', size);
	memcpy(text, "A: b\r\n\r\n", 8);
	blob = blob_copy(text, size);
	v = view_new(blob, &err);
	blob_unref(blob);
	return (viewcache_put(vc, str_c(login), &k, v, &more));
}

static struct viewref *
get(struct viewcache *vc, const char *login, uint8_t n)
{
	struct seen_key k = key_of(n);

	return (viewcache_get(vc, str_c(login), &k));
}

static bool
has(struct viewcache *vc, const char *login, uint8_t n)
{
	struct viewref *r = get(vc, login, n);

	viewref_unref(r);
	return (r != NULL);
}

/* Of an account the one used longest ago goes first. */
static void
t_lru(void)
{
	struct viewcache *vc = viewcache_new();

	viewcache_limit(vc, 100000);
	viewref_unref(put(vc, "a", 1, 40000));
	viewref_unref(put(vc, "a", 2, 40000));
	CHECK(has(vc, "a", 1));
	viewref_unref(put(vc, "a", 3, 40000));
	CHECK(has(vc, "a", 1) && has(vc, "a", 3));
	CHECK(!has(vc, "a", 2));
	unit_row("another account has its own");
	viewref_unref(put(vc, "b", 4, 80000));
	CHECK(has(vc, "a", 1) && has(vc, "a", 3) && has(vc, "b", 4));
	CHECK(!has(vc, "a", 4));
	CHECK_UINT(viewcache_count(vc), 3);
	unit_row("a new limit");
	viewcache_limit(vc, 50000);
	CHECK_UINT(viewcache_count(vc), 1);
	CHECK(viewcache_bytes(vc) < 50000);
	viewcache_free(vc);
}

/* The tree that is made of a text counts when its holder lets go. */
static void
t_tree(void)
{
	struct viewcache *vc = viewcache_new();
	struct viewref *r;
	size_t before;

	viewcache_limit(vc, 100000);
	r = put(vc, "a", 1, 40000);
	before = viewcache_bytes(vc);
	CHECK(view_root(viewref_view(r)) != NULL);
	viewref_unref(r);
	CHECK(viewcache_bytes(vc) > before);
	unit_row("and may be what is too much");
	r = put(vc, "a", 2, 1000);
	viewcache_limit(vc, viewcache_bytes(vc));
	CHECK(has(vc, "a", 1) && has(vc, "a", 2));
	CHECK(view_root(viewref_view(r)) != NULL);
	viewref_unref(r);
	CHECK(has(vc, "a", 2) && !has(vc, "a", 1));
	viewcache_free(vc);
}

/* What is held stays usable when it is evicted or dropped. */
static void
t_held(void)
{
	struct viewcache *vc = viewcache_new();
	struct viewref *big, *one;

	viewcache_limit(vc, 10000);
	big = put(vc, "a", 1, 50000);
	CHECK(!has(vc, "a", 1));
	CHECK_UINT(blob_len(viewref_view(big)->text), 50000);
	viewref_unref(big);
	one = put(vc, "a", 2, 5000);
	CHECK(has(vc, "a", 2));
	viewcache_drop(vc, STR("a"));
	CHECK(!has(vc, "a", 2));
	CHECK_UINT(viewcache_bytes(vc), 0);
	CHECK_UINT(blob_len(viewref_view(one)->text), 5000);
	viewref_unref(one);
	unit_row("put twice");
	one = put(vc, "a", 3, 1000);
	viewref_unref(put(vc, "a", 3, 2000));
	CHECK_UINT(viewcache_count(vc), 1);
	CHECK_UINT(blob_len(viewref_view(one)->text), 1000);
	viewref_unref(one);
	viewref_unref(put(vc, "b", 4, 1000));
	viewcache_drop(vc, STR(""));
	CHECK_UINT(viewcache_count(vc), 0);
	viewref_unref(NULL);
	viewcache_free(vc);
	viewcache_free(NULL);
}

static void
t_one(void)
{
	struct viewcache *vc = viewcache_new();
	struct seen_key k = key_of(1), none = key_of(9);
	struct viewref *held, *more;

	held = put(vc, "a", 1, 1000);
	viewref_unref(put(vc, "a", 2, 1000));
	more = viewref_ref(held);
	viewcache_del(vc, &k);
	viewcache_del(vc, &k);
	viewcache_del(vc, &none);
	CHECK(!has(vc, "a", 1));
	CHECK(has(vc, "a", 2));
	CHECK_UINT(viewcache_count(vc), 1);
	viewref_unref(held);
	CHECK_UINT(view_text(viewref_view(more)).len, 1000);
	viewref_unref(more);
	viewcache_free(vc);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"least recently used", t_lru},
	    {"tree", t_tree},
	    {"held", t_held},
	    {"one goes", t_one},
	    {NULL, NULL},
	};

	return (unit_main("t_viewcache", tests));
}
