#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/release.h"
#include "unit.h"

static char dir[] = "t_release.XXXXXX";

/* A path in the test's directory, in one static place. */
static const char *
path_of(const char *name)
{
	static char path[80];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return (path);
}

/* A store with nothing in it. */
static struct store *
fresh(void)
{
	struct err err = {0};
	struct store *s;

	(void)unlink(path_of("s/data.mdb"));
	(void)unlink(path_of("s/lock.mdb"));
	if ((s = store_open(path_of("s"), &err)) == NULL)
		CHECK_CSTR(err.text, "");
	return (s);
}

/* One entry more, as a transaction of its own. */
static int
add(struct store *s, const char *mailbox, const char *what, size_t keys,
    struct err *err)
{
	const struct release r = {what, "2026-01-01T00:00:00Z", STR("print"),
	    "transport", keys};

	if (store_begin(s, err) != 0)
		return (-1);
	if (release_add(s, str_c(mailbox), &r, err) == 0)
		return (store_commit(s, err));
	store_abort(s);
	return (-1);
}

struct log {
	struct arena arena;
	struct str *entries;
	size_t n;
	struct kms_head head;
	int rc;
	struct err err;
};

static void
look(struct store *s, const char *mailbox, uint64_t from, size_t max,
    struct log *l)
{
	memset(l, 0, sizeof(*l));
	arena_init(&l->arena, 1000000);
	l->rc = release_read(s, str_c(mailbox), from, max, &l->arena,
	    &l->entries, &l->n, &l->head, &l->err);
}

static void
t_empty(void)
{
	struct store *s = fresh();
	static const uint8_t zeros[KMS_HASH];
	struct kms_head head;
	struct err err;
	struct log l;

	if (s == NULL)
		return;
	CHECK_INT(release_head(s, STR("a@x.test"), &head, &err), 0);
	CHECK_UINT(head.size, 0);
	CHECK(memcmp(head.hash, zeros, KMS_HASH) == 0);
	look(s, "a@x.test", 5, 10, &l);
	CHECK_INT(l.rc, 0);
	CHECK_UINT(l.n, 0);
	CHECK_UINT(l.head.size, 0);
	arena_clear(&l.arena);
	store_close(s);
}

/* What is read from anywhere continues what was seen there. */
static void
t_chain(void)
{
	struct kms_head seen[8], head;
	struct store *s = fresh();
	struct err err;
	struct log l;
	size_t i;

	if (s == NULL)
		return;
	memset(seen, 0, sizeof(seen));
	for (i = 0; i < 7; i++) {
		CHECK_INT(
		    add(s, "a@x.test", i == 0 ? "create" : "release", i, &err),
		    0);
		CHECK_INT(release_head(s, STR("a@x.test"), &seen[i + 1], &err),
		    0);
		CHECK_UINT(seen[i + 1].size, i + 1);
	}
	/* the same text gives another hash in another place */
	CHECK(memcmp(seen[1].hash, seen[2].hash, KMS_HASH) != 0);
	for (i = 0; i <= 7; i++) {
		look(s, "a@x.test", i, 100, &l);
		CHECK_INT(l.rc, 0);
		CHECK_UINT(l.n, 7 - i);
		CHECK_INT(
		    kms_log_extends(&seen[i], l.entries, l.n, &l.head, &err),
		    0);
		CHECK(memcmp(l.head.hash, seen[7].hash, KMS_HASH) == 0);
		arena_clear(&l.arena);
	}
	unit_row("a part");
	look(s, "a@x.test", 2, 3, &l);
	CHECK_INT(l.rc, 0);
	CHECK_UINT(l.n, 3);
	CHECK_UINT(l.head.size, 5);
	CHECK(memcmp(l.head.hash, seen[5].hash, KMS_HASH) == 0);
	if (l.n == 3)
		CHECK_STR(l.entries[0],
		    "{\"account\":\"print\",\"keys\":2,\"n\":2,"
		    "\"time\":\"2026-01-01T00:00:00Z\","
		    "\"transport\":\"transport\",\"what\":\"release\"}");
	arena_clear(&l.arena);
	unit_row("beyond the end");
	look(s, "a@x.test", 8, 3, &l);
	CHECK_INT(l.rc, 0);
	CHECK_UINT(l.n, 0);
	CHECK_UINT(l.head.size, 7);
	arena_clear(&l.arena);
	unit_row("another mailbox");
	CHECK_INT(release_head(s, STR("a@x.tes"), &head, &err), 0);
	CHECK_UINT(head.size, 0);
	store_close(s);
}

/* An entry that was changed, exchanged or lost in the store is noticed. */
static void
t_changed(void)
{
	static const char *const names[] = {"a byte", "exchanged", "lost",
	    "size"};
	struct store *s;
	struct buf b;
	struct err err;
	struct log l;
	size_t i;

	for (i = 0; i < 4; i++) {
		unit_row(names[i]);
		if ((s = fresh()) == NULL)
			return;
		(void)add(s, "a@x.test", "create", 1, &err);
		(void)add(s, "a@x.test", "release", 1, &err);
		(void)add(s, "a@x.test", "rotate", 2, &err);
		buf_init(&b, 4096);
		CHECK_INT(store_get(s, "release", STR("a@x.test/0000000001"),
		              &b, &err),
		    1);
		if (i == 0) {
			b.data[b.len - 3] ^= 1;
			(void)store_put(s, "release",
			    STR("a@x.test/0000000001"), buf_text(&b), &err);
		} else if (i == 1)
			(void)store_put(s, "release",
			    STR("a@x.test/0000000002"), buf_text(&b), &err);
		else if (i == 2)
			(void)store_del(s, "release",
			    STR("a@x.test/0000000001"), &err);
		else
			(void)store_put(s, "released", STR("a@x.test"),
			    STR("4"), &err);
		look(s, "a@x.test", 0, 10, &l);
		CHECK_INT(l.rc, -1);
		CHECK_INT(l.err.code, ERR_CRYPTO);
		arena_clear(&l.arena);
		buf_clear(&b);
		store_close(s);
	}
}

/* Nothing of a transaction that was given up stays. */
static void
t_aborted(void)
{
	const struct release r = {"create", "now", STR("print"), "t", 1};
	struct store *s = fresh();
	struct kms_head head;
	struct err err;

	if (s == NULL)
		return;
	CHECK_INT(store_begin(s, &err), 0);
	CHECK_INT(release_add(s, STR("a@x.test"), &r, &err), 0);
	store_abort(s);
	CHECK_INT(release_head(s, STR("a@x.test"), &head, &err), 0);
	CHECK_UINT(head.size, 0);
	store_close(s);
}

static const struct unit_test tests[] = {
    {"empty", t_empty},
    {"chain", t_chain},
    {"changed", t_changed},
    {"aborted", t_aborted},
    {NULL, NULL},
};

int
main(void)
{
	int rc;

	if (mkdtemp(dir) == NULL)
		return (1);
	rc = unit_main("release", tests);
	(void)unlink(path_of("s/data.mdb"));
	(void)unlink(path_of("s/lock.mdb"));
	(void)rmdir(path_of("s"));
	(void)rmdir(dir);
	return (rc);
}
