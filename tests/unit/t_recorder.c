#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "proxy/recorder.h"

static const struct crypt_key key = {{1, 2, 3}};

static void
t_ids(void)
{
	struct recorder *r = recorder_new(&key);
	struct record_id a, b;

	CHECK(recorder_id(r, STR("me"), STR("a@b"), STR("text"), &a) == 0);
	CHECK(recorder_id(r, STR("me"), STR("a@b"), STR("text"), &b) == 0);
	CHECK(memcmp(&a, &b, sizeof(a)) == 0);
	CHECK(recorder_id(r, STR("me"), STR("a@b"), STR("texT"), &b) == 0);
	CHECK(memcmp(&a, &b, sizeof(a)) != 0);
	CHECK(recorder_id(r, STR("you"), STR("a@b"), STR("text"), &b) == 0);
	CHECK(memcmp(&a, &b, sizeof(a)) != 0);
	CHECK(recorder_id(r, STR("me"), STR("a@c"), STR("text"), &b) == 0);
	CHECK(memcmp(&a, &b, sizeof(a)) != 0);
	recorder_free(r);
}

static void
t_keep(void)
{
	struct recorder *r = recorder_new(&key);
	struct record_id a = {{1}}, b = {{2}};

	CHECK(recorder_empty(r));
	CHECK(recorder_add(r, &a, STR("x@y"), 100) == 0);
	CHECK(recorder_add(r, &a, STR("x@y"), 101) == 0);
	CHECK(!recorder_empty(r));
	CHECK(recorder_has(r, &a, STR("x@y")));
	CHECK(!recorder_has(r, &a, STR("z@y")));
	CHECK(!recorder_has(r, &b, STR("x@y")));
	recorder_drop(r, &b);
	recorder_drop(r, &a);
	CHECK(recorder_empty(r));
	recorder_free(r);
}

static void
t_forget(void)
{
	struct recorder *r = recorder_new(&key);
	struct record_id id = {{0}};
	int i;

	CHECK(recorder_add(r, &id, STR("old@y"), 0) == 0);
	for (i = 1; i <= RECORDER_MAX; i++) {
		(void)snprintf((char *)id.digest, sizeof(id.digest), "%d", i);
		(void)recorder_add(r, &id, STR("x@y"), RECORDER_KEEP_S);
	}
	CHECK(recorder_has(r, &id, STR("x@y")));
	memset(&id, 0, sizeof(id));
	CHECK(!recorder_has(r, &id, STR("old@y")));
	id.digest[0] = 'n';
	CHECK(recorder_add(r, &id, STR("new@y"), 3 * RECORDER_KEEP_S) == 0);
	(void)snprintf((char *)id.digest, sizeof(id.digest), "%d", 500);
	CHECK(!recorder_has(r, &id, STR("x@y")));
	recorder_free(r);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"ids", t_ids},
	    {"keep and drop", t_keep},
	    {"forget", t_forget},
	    {NULL, NULL},
	};

	return (unit_main("t_recorder", tests));
}
