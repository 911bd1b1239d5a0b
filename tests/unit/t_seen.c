#include "config.h"

#include "proxy/seen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit.h"

static char dir[] = "t_seen.XXXXXX";

static struct crypt_key
a_key(uint8_t n)
{
	struct crypt_key k;

	memset(&k, n, sizeof(k));
	return (k);
}

static struct seen_key
name(uint32_t validity, uint32_t uid)
{
	struct crypt_key key = a_key(1);
	struct seen_key k;
	struct seen_name n = {STR("me@example.org"), STR("example.org"),
	    STR("INBOX"), validity, uid};

	CHECK_INT(seen_key_make(&key, &n, &k), 0);
	return (k);
}

static void
t_keys(void)
{
	struct seen_key a = name(1, 2), b = name(2, 1), c = name(1, 2);
	struct crypt_key key = a_key(1);
	struct seen_name n = {STR("me@example.orge"), STR("xample.org"),
	    STR("INBOX"), 1, 2};
	struct seen_key d;

	CHECK(memcmp(&a, &c, sizeof(a)) == 0);
	CHECK(memcmp(&a, &b, sizeof(a)) != 0);
	CHECK_INT(seen_key_make(&key, &n, &d), 0);
	CHECK(memcmp(&a, &d, sizeof(a)) != 0);
}

/* Kept over a restart, and not readable with another key. */
static void
t_keep(void)
{
	struct crypt_key key = a_key(1), wrong = a_key(2);
	struct seen_key k = name(1, 2), other = name(1, 3);
	struct seen_rec rec = {.first_seen = 1234567890,
	    .version = 3,
	    .other_from = true,
	    .from = STR("a@example.org"),
	    .status = STR("X: y\r\n")};
	struct seen_rec got;
	struct seen *s;
	struct buf hold;
	struct err err;

	memset(rec.wire, 7, sizeof(rec.wire));
	memset(rec.view, 8, sizeof(rec.view));
	buf_init(&hold, 100000);
	if ((s = seen_open(dir, &key, &err)) == NULL) {
		CHECK_CSTR(err.text, "");
		return;
	}
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 0);
	CHECK_INT(seen_put(s, &k, &rec, &err), 0);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 1);
	CHECK_INT(seen_commit(s, &err), 0);
	CHECK_INT(seen_commit(s, &err), 0);
	seen_close(s);

	s = seen_open(dir, &key, &err);
	buf_reset(&hold);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 1);
	CHECK_INT(got.first_seen, 1234567890);
	CHECK_UINT(got.version, 3);
	CHECK(got.other_from);
	CHECK(memcmp(got.wire, rec.wire, sizeof(rec.wire)) == 0);
	CHECK(memcmp(got.view, rec.view, sizeof(rec.view)) == 0);
	CHECK_STR(got.from, "a@example.org");
	CHECK_STR(got.status, "X: y\r\n");
	buf_reset(&hold);
	CHECK_INT(seen_get(s, &other, &got, &hold, &err), 0);
	seen_close(s);

	s = seen_open(dir, &wrong, &err);
	buf_reset(&hold);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), -1);
	seen_close(s);
	seen_close(NULL);
	buf_clear(&hold);
}

static void
t_other_from(void)
{
	static const uint8_t one[CRYPT_DIGEST] = {1}, two[CRYPT_DIGEST] = {2};
	struct crypt_key key = a_key(1);
	struct err err;
	struct seen *s = seen_open(dir, &key, &err);
	struct str me = STR("me@example.org"), a = STR("a@example.org");

	CHECK_INT(seen_other_from(s, me, one, a, &err), 0);
	CHECK_INT(seen_other_from(s, me, one, STR("A@Example.org"), &err), 0);
	CHECK_INT(seen_other_from(s, me, one, STR("evil@example.org"), &err),
	    1);
	CHECK_INT(seen_other_from(s, me, two, STR("evil@example.org"), &err),
	    0);
	CHECK_INT(seen_other_from(s, STR("you@example.org"), one,
	              STR("evil@example.org"), &err),
	    0);
	CHECK_INT(seen_other_from(s, me, one, a, &err), 0);
	seen_close(s);
}

static void
clean(void)
{
	char path[300];
	static const char *const files[] = {"seen/data.mdb", "seen/lock.mdb"};
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	snprintf(path, sizeof(path), "%s/seen", dir);
	(void)rmdir(path);
	(void)rmdir(dir);
}

static void
t_drop(void)
{
	struct crypt_key key = a_key(1);
	struct seen_key k = name(1, 77);
	struct seen_rec rec = {.version = 1, .result = 2, .keys = 5};
	struct seen_rec got;
	struct seen *s;
	struct buf hold;
	struct err err;

	buf_init(&hold, 100000);
	if ((s = seen_open(dir, &key, &err)) == NULL) {
		CHECK_CSTR(err.text, "");
		return;
	}
	CHECK_INT(seen_put(s, &k, &rec, &err), 0);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 1);
	CHECK_UINT(got.result, 2);
	CHECK_UINT(got.keys, 5);
	unit_row("before it is written");
	CHECK_INT(seen_drop(s, &k, &err), 0);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 0);
	CHECK_INT(seen_commit(s, &err), 0);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 0);
	unit_row("after");
	CHECK_INT(seen_put(s, &k, &rec, &err), 0);
	CHECK_INT(seen_commit(s, &err), 0);
	buf_reset(&hold);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 1);
	CHECK_INT(seen_drop(s, &k, &err), 0);
	buf_reset(&hold);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 0);
	seen_close(s);
	s = seen_open(dir, &key, &err);
	CHECK_INT(seen_get(s, &k, &got, &hold, &err), 0);
	seen_close(s);
	buf_clear(&hold);
}

static void
t_keys_came(void)
{
	struct str me = STR("me@example.org");
	struct crypt_key key = a_key(1);
	struct seen *s;
	struct err err;

	if ((s = seen_open(dir, &key, &err)) == NULL) {
		CHECK_CSTR(err.text, "");
		return;
	}
	CHECK_UINT(seen_keys(s, me), 0);
	CHECK_INT(seen_key_came(s, me, &err), 0);
	CHECK_UINT(seen_keys(s, me), 1);
	CHECK_UINT(seen_keys(s, STR("you@example.org")), 0);
	seen_close(s);
	s = seen_open(dir, &key, &err);
	CHECK_INT(seen_key_came(s, me, &err), 0);
	CHECK_UINT(seen_keys(s, me), 2);
	seen_close(s);
}

/* Files of this process may be so long. */
static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Put more than there is room for. */
static void
fill(struct seen *s, uint32_t uid)
{
	static char text[30000];
	struct seen_rec rec = {.version = 1};
	struct seen_key k = name(9, uid);
	struct err err;

	memset(text, 'x', sizeof(text));
	rec.status = str_of(text, sizeof(text));
	CHECK_INT(seen_put(s, &k, &rec, &err), 0);
}

/* A disk that is full for a while: until all is written, nothing counts as
 * written, whoever asks. */
static void
t_full(void)
{
	struct crypt_key key = a_key(1);
	struct seen_key one = name(9, 1), two = name(9, 2), gone = name(1, 1);
	struct seen_rec rec = {.version = 1}, got;
	struct seen *s;
	struct buf hold;
	struct err err;

	buf_init(&hold, 100000);
	(void)signal(SIGXFSZ, SIG_IGN);
	if ((s = seen_open(dir, &key, &err)) == NULL) {
		CHECK_CSTR(err.text, "");
		return;
	}
	CHECK_INT(seen_put(s, &gone, &rec, &err), 0);
	CHECK_INT(seen_commit(s, &err), 0);
	fill(s, 1);
	CHECK_INT(seen_drop(s, &gone, &err), 0);
	limit_files(0);
	CHECK_INT(seen_commit(s, &err), -1);
	unit_row("the next one that asks");
	CHECK_INT(seen_commit(s, &err), -1);
	CHECK_INT(seen_get(s, &one, &got, &hold, &err), 1);
	unit_row("no more is taken");
	CHECK_INT(seen_put(s, &two, &rec, &err), -1);
	limit_files(RLIM_INFINITY);
	unit_row("there is room again");
	fill(s, 2);
	CHECK_INT(seen_commit(s, &err), 0);
	seen_close(s);
	s = seen_open(dir, &key, &err);
	buf_reset(&hold);
	CHECK_INT(seen_get(s, &one, &got, &hold, &err), 1);
	buf_reset(&hold);
	CHECK_INT(seen_get(s, &two, &got, &hold, &err), 1);
	buf_reset(&hold);
	CHECK_INT(seen_get(s, &gone, &got, &hold, &err), 0);
	unit_row("closed while it is full");
	fill(s, 3);
	limit_files(0);
	seen_close(s);
	limit_files(RLIM_INFINITY);
	buf_clear(&hold);
}

/* Names that are remembered. */
static void
t_marks(void)
{
	struct crypt_key key = a_key(5);
	struct err err = {.code = ERR_OK};
	struct seen *s = seen_open(dir, &key, &err);

	CHECK(s != NULL);
	CHECK_INT(seen_marked(s, STR("a"), &err), 0);
	CHECK_INT(seen_mark(s, STR("a"), &err), 0);
	CHECK_INT(seen_mark(s, STR("a"), &err), 0);
	CHECK_INT(seen_marked(s, STR("a"), &err), 1);
	CHECK_INT(seen_marked(s, STR("b"), &err), 0);
	seen_close(s);
	unit_row("after a restart");
	s = seen_open(dir, &key, &err);
	CHECK_INT(seen_marked(s, STR("a"), &err), 1);
	CHECK_INT(seen_marked(s, STR(""), &err), 0);
	seen_close(s);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"names of messages", t_keys},
	    {"kept", t_keep},
	    {"another From", t_other_from},
	    {"drop", t_drop},
	    {"keys that came", t_keys_came},
	    {"marks", t_marks},
	    {"a full disk", t_full},
	    {NULL, NULL},
	};
	int rc;

	if (mkdtemp(dir) == NULL)
		return (1);
	rc = unit_main("t_seen", tests);
	clean();
	return (rc);
}
