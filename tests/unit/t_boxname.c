#include "config.h"

#include "proxy/boxname.h"

#include <string.h>

#include "proxy/reading.h"
#include "unit.h"

#define MANY 5000

static char domain[] = "example.org";
static char login[] = "me@example.org";
static struct upstream up = {.domain = domain, .refs = 1};
static struct proxy proxy;
static struct account me = {.proxy = &proxy, .login = login, .up = &up};
static const struct msg_name box = {&me, {"box", 3}, 7, 0};

static void
begin(void)
{
	struct msg_name n = box;
	struct view_more more = {(const uint8_t *)login, {NULL, 0}};
	struct seen_key key;
	struct blob *text;
	struct err err;

	proxy.base = event_base_new();
	proxy.views = viewcache_new();
	proxy.boxnames = boxnames_new(&proxy);
	more.digest = key.k;
	for (n.uid = 1; n.uid <= MANY; n.uid++) {
		CHECK_INT(msg_key(&n, &key), 0);
		text = blob_copy("A: b\r\n\r\n", 8);
		viewref_unref(viewcache_put(proxy.views, str_c(login), &key,
		    view_new(text, &err), &more));
		blob_unref(text);
	}
	CHECK_UINT(viewcache_count(proxy.views), MANY);
}

static void
end(void)
{
	boxnames_free(proxy.boxnames);
	viewcache_free(proxy.views);
	event_base_free(proxy.base);
	CHECK_INT(up.refs, 1);
}

static void
expunge(uint32_t lo, uint32_t hi)
{
	struct set uids;

	set_init(&uids);
	CHECK_INT(set_add(&uids, lo, hi), 0);
	reading_gone(&box, &uids);
	CHECK(set_empty(&uids));
}

/* So many turns of the loop until nothing is left but that. */
static int
turns(size_t left)
{
	int i;

	for (i = 0; i < MANY && viewcache_count(proxy.views) > left; i++)
		(void)event_base_loop(proxy.base, EVLOOP_ONCE);
	CHECK_UINT(viewcache_count(proxy.views), left);
	return (i);
}

static void
t_slices(void)
{
	begin();
	unit_row("one after the other, from the highest down");
	expunge(MANY, MANY);
	expunge(MANY - 1, MANY - 1);
	(void)turns(MANY - 2);
	unit_row("many take several turns, others may come meanwhile");
	expunge(1000, MANY - 2);
	(void)event_base_loop(proxy.base, EVLOOP_ONCE);
	CHECK(viewcache_count(proxy.views) > 2000);
	expunge(500, 999);
	CHECK(turns(499) > 10);
	unit_row("at the end, all at once");
	expunge(1, 498);
	boxnames_free(proxy.boxnames);
	proxy.boxnames = NULL;
	CHECK_UINT(viewcache_count(proxy.views), 1);
	end();
}

/* Of a mailbox that is no more the rest need not be dropped at the end. */
static void
t_deleted(void)
{
	struct set uids;

	begin();
	set_init(&uids);
	CHECK_INT(set_add(&uids, 1, MANY - 1), 0);
	boxname_gone(&box, &uids);
	CHECK(set_empty(&uids));
	CHECK(turns(1) > 10);
	end();
}

static const struct unit_test tests[] = {
    {"expunged", t_slices},
    {"deleted", t_deleted},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("t_boxname", tests));
}
