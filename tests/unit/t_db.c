#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/db.h"
#include "unit.h"

static char dir[] = "t_db.XXXXXX";

/* A path in the test's directory, in one static place. */
static const char *
path_of(const char *name)
{
	static char path[80];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return (path);
}

/* Start from nothing. */
static void
clean(void)
{
	(void)unlink(path_of("e/data.mdb"));
	(void)unlink(path_of("e/lock.mdb"));
	(void)rmdir(path_of("e"));
}

static struct db *
must_open(enum db_mode mode, size_t map)
{
	struct err err = {0};
	struct db *db = db_open(path_of("e"), mode, map, &err);

	if (db == NULL)
		CHECK_CSTR(err.text, "");
	return (db);
}

/* What is under the key, or "-". */
static const char *
get(struct db *db, const char *key)
{
	static char text[100];
	struct buf out;
	struct err err;
	int rc;

	buf_init(&out, sizeof(text) - 1);
	rc = db_get(db, str_c(key), &out, &err);
	if (rc == 1) {
		memcpy(text, out.data != NULL ? out.data : "", out.len);
		text[out.len] = '\0';
	}
	buf_clear(&out);
	return (rc == 1 ? text : rc == 0 ? "-" : "error");
}

static void
test_basic(void)
{
	struct err err;
	struct db *db;
	struct buf small;
	uint64_t id;

	clean();
	if ((db = must_open(DB_WRITE, 1 << 20)) == NULL)
		return;
	CHECK_CSTR(get(db, "a"), "-");
	id = db_txn_id(db);
	CHECK(db_put(db, STR("a"), STR("one"), &err) == 0);
	CHECK(db_txn_id(db) > id);
	CHECK_CSTR(get(db, "a"), "one");
	CHECK(db_put(db, STR("a"), STR(""), &err) == 0);
	CHECK_CSTR(get(db, "a"), "");
	CHECK(db_put(db, str_of("a\0b", 3), STR("zero"), &err) == 0);
	CHECK_CSTR(get(db, "a"), "");
	id = db_txn_id(db);
	CHECK_INT(db_del(db, STR("x"), &err), 0);
	CHECK_UINT(db_txn_id(db), id);
	CHECK_INT(db_del(db, STR("a"), &err), 1);
	CHECK_CSTR(get(db, "a"), "-");
	CHECK_INT(db_sync(db, &err), 0);

	CHECK(db_put(db, STR("a"), STR("12345"), &err) == 0);
	buf_init(&small, 4);
	CHECK_INT(db_get(db, STR("a"), &small, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&small);
	db_close(db);

	/* it is on disk */
	db = must_open(DB_WRITE, 1 << 20);
	CHECK_CSTR(get(db, "a"), "12345");
	db_close(db);
}

static void
test_keys(void)
{
	char key[DB_KEY + 1];
	struct err err;
	struct buf out;
	struct db *db;

	clean();
	memset(key, 'k', sizeof(key));
	buf_init(&out, 10);
	db = must_open(DB_WRITE, 1 << 20);
	CHECK_INT(db_put(db, str_of(key, DB_KEY), STR("v"), &err), 0);
	CHECK_INT(db_get(db, str_of(key, DB_KEY), &out, &err), 1);
	CHECK_INT(db_put(db, str_of(key, DB_KEY + 1), STR("v"), &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	CHECK_INT(db_put(db, STR(""), STR("v"), &err), -1);
	CHECK_INT(db_get(db, STR(""), &out, &err), -1);
	CHECK_INT(db_del(db, str_of(key, DB_KEY + 1), &err), -1);
	buf_clear(&out);
	db_close(db);
}

static void
test_transaction(void)
{
	struct err err;
	struct db *db;
	uint64_t id;

	clean();
	db = must_open(DB_WRITE, 1 << 20);
	id = db_txn_id(db);
	CHECK_INT(db_begin(db, &err), 0);
	CHECK_INT(db_begin(db, &err), -1);
	CHECK_INT(db_put(db, STR("a"), STR("1"), &err), 0);
	CHECK_INT(db_put(db, STR("b"), STR("2"), &err), 0);
	CHECK_INT(db_del(db, STR("a"), &err), 0);
	CHECK_CSTR(get(db, "b"), "-");
	CHECK_UINT(db_txn_id(db), id);
	CHECK_INT(db_commit(db, &err), 0);
	CHECK_UINT(db_txn_id(db), id + 1);
	CHECK_CSTR(get(db, "a"), "-");
	CHECK_CSTR(get(db, "b"), "2");

	CHECK_INT(db_begin(db, &err), 0);
	CHECK_INT(db_del(db, STR("b"), &err), 1);
	CHECK_INT(db_put(db, STR("c"), STR("3"), &err), 0);
	db_abort(db);
	CHECK_CSTR(get(db, "b"), "2");
	CHECK_CSTR(get(db, "c"), "-");
	/* and outside of one again */
	CHECK_INT(db_put(db, STR("c"), STR("4"), &err), 0);
	CHECK_CSTR(get(db, "c"), "4");
	db_close(db);
}

/* A reader in a process of its own (LMDB forbids two in one): looks when it is
 * told to, says that it has, looks again.  Exits with 0 if all was there. */
static void
child_reads(int from, int to)
{
	struct db *db;
	struct err err;
	char byte;
	bool ok;

	if (read(from, &byte, 1) != 1)
		_exit(2);
	if ((db = db_open(path_of("e"), DB_READ, 64 * 1024, &err)) == NULL)
		_exit(3);
	ok = strcmp(get(db, "first"), "1") == 0;
	if (write(to, "x", 1) != 1 || read(from, &byte, 1) != 1)
		_exit(4);
	ok = ok && strcmp(get(db, "first"), "1") == 0 &&
	     strcmp(get(db, "last"), "2") == 0;
	db_close(db);
	_exit(ok ? 0 : 1);
}

/* Far more than the first map holds, in one transaction and in many; a reader
 * takes the new size over. */
static void
test_grow(void)
{
	char value[3000], key[32];
	struct err err;
	int i, down[2], up[2], status = -1;
	struct db *db;
	pid_t pid;

	clean();
	CHECK(pipe(down) == 0 && pipe(up) == 0);
	if ((pid = fork()) == 0)
		child_reads(down[0], up[1]);
	memset(value, 'v', sizeof(value));
	db = must_open(DB_WRITE_NOSYNC, 64 * 1024);
	CHECK_INT(db_put(db, STR("first"), STR("1"), &err), 0);
	CHECK(write(down[1], "x", 1) == 1 && read(up[0], key, 1) == 1);
	CHECK_INT(db_begin(db, &err), 0);
	for (i = 0; i < 500; i++) {
		(void)snprintf(key, sizeof(key), "one%03d", i);
		CHECK(db_put(db, str_c(key), str_of(value, sizeof(value)),
		          &err) == 0);
	}
	CHECK_INT(db_commit(db, &err), 0);
	for (i = 0; i < 500; i++) {
		(void)snprintf(key, sizeof(key), "many%03d", i);
		if (!CHECK(db_put(db, str_c(key), str_of(value, sizeof(value)),
		               &err) == 0))
			break;
	}
	CHECK_INT(db_put(db, STR("last"), STR("2"), &err), 0);
	CHECK_CSTR(get(db, "first"), "1");
	CHECK_CSTR(get(db, "last"), "2");
	CHECK(write(down[1], "x", 1) == 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	(void)close(down[0]);
	(void)close(down[1]);
	(void)close(up[0]);
	(void)close(up[1]);
	db_close(db);

	/* opened with the small size again */
	db = must_open(DB_WRITE, 64 * 1024);
	CHECK_CSTR(get(db, "last"), "2");
	CHECK_INT(db_put(db, STR("more"), str_of(value, 90), &err), 0);
	CHECK_UINT(strlen(get(db, "more")), 90);
	db_close(db);
}

struct walk {
	struct buf seen;
	int stop_after;
	struct db *db;
};

static int
on_entry(struct str key, struct str value, void *arg)
{
	struct walk *w = arg;
	struct err err;

	buf_printf(&w->seen, "%.*s=%.*s ", (int)key.len, key.p, (int)value.len,
	    value.p);
	/* reading inside is allowed, writing is not */
	CHECK_CSTR(get(w->db, "ab"), "2");
	CHECK_INT(db_put(w->db, STR("new"), STR("x"), &err), -1);
	CHECK_INT(db_begin(w->db, &err), -1);
	CHECK_INT(db_walk(w->db, STR(""), on_entry, w, &err), -1);
	return (--w->stop_after == 0);
}

static void
test_walk(void)
{
	static const struct {
		const char *name, *prefix;
		int stop_after;
		const char *want;
	} rows[] = {
	    {"all", "", 0, "a=1 ab=2 abc=3 b=4 "},
	    {"prefix", "ab", 0, "ab=2 abc=3 "},
	    {"last", "b", 0, "b=4 "},
	    {"none between", "aa", 0, ""},
	    {"none after", "z", 0, ""},
	    {"longer than all", "abcd", 0, ""},
	    {"stopped", "a", 2, "a=1 ab=2 "},
	};
	struct walk w;
	struct err err;
	size_t i;

	clean();
	w.db = must_open(DB_WRITE, 1 << 20);
	CHECK_INT(db_put(w.db, STR("b"), STR("4"), &err), 0);
	CHECK_INT(db_put(w.db, STR("abc"), STR("3"), &err), 0);
	CHECK_INT(db_put(w.db, STR("ab"), STR("2"), &err), 0);
	CHECK_INT(db_put(w.db, STR("a"), STR("1"), &err), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		buf_init(&w.seen, 1000);
		w.stop_after = rows[i].stop_after;
		CHECK_INT(
		    db_walk(w.db, str_c(rows[i].prefix), on_entry, &w, &err),
		    0);
		CHECK_BUF(&w.seen, rows[i].want);
		buf_clear(&w.seen);
	}
	db_close(w.db);
}

/* Another process reads what this one writes, also after a killed one. */
static void
test_reader(void)
{
	struct err err;
	struct db *db;
	int status = -1;
	pid_t pid;

	clean();
	CHECK(db_open(path_of("e"), DB_READ, 1 << 20, &err) == NULL);
	CHECK_INT(err.code, ERR_NOTFOUND);
	CHECK(mkdir(path_of("e"), 0700) == 0);
	CHECK(db_open(path_of("e"), DB_READ, 1 << 20, &err) == NULL);
	CHECK_INT(err.code, ERR_NOTFOUND);

	/* the writer opens after the fork, as LMDB wants it */
	pid = fork();
	if (pid == 0) {
		db = db_open(path_of("e"), DB_WRITE, 1 << 20, &err);
		if (db == NULL ||
		    db_put(db, STR("k"), STR("child's"), &err) != 0)
			_exit(1);
		(void)get(db, "k"); /* takes a reader's slot */
		(void)raise(SIGKILL);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status));
	db = must_open(DB_READ, 1 << 20);
	CHECK_CSTR(get(db, "k"), "child's");
	CHECK_INT(db_put(db, STR("k"), STR("mine"), &err), -1);
	CHECK_INT(err.code, ERR_DENIED);
	CHECK_INT(db_begin(db, &err), -1);
	db_close(db);
}

static void
test_modes(void)
{
	struct err err;
	struct stat st;
	struct db *db;

	clean();
	(void)umask(0);
	db = must_open(DB_WRITE, 1 << 20);
	CHECK(stat(path_of("e"), &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(stat(path_of("e/data.mdb"), &st) == 0 &&
	      (st.st_mode & 07777) == 0600);
	CHECK(stat(path_of("e/lock.mdb"), &st) == 0 &&
	      (st.st_mode & 07777) == 0600);
	db_close(db);
	CHECK(chmod(path_of("e"), 0750) == 0);
	CHECK(db_open(path_of("e"), DB_WRITE, 1 << 20, &err) == NULL);
	CHECK_INT(err.code, ERR_DENIED);
	CHECK(chmod(path_of("e"), 0700) == 0);
	CHECK(db_open(path_of("no/such"), DB_WRITE, 1 << 20, &err) == NULL);
	CHECK_INT(err.code, ERR_IO);
}

static void
test_damaged(void)
{
	char rubbish[8192];
	struct err err;
	struct db *db;
	int fd;

	clean();
	db = must_open(DB_WRITE, 1 << 20);
	db_close(db);
	memset(rubbish, 'x', sizeof(rubbish));
	fd = open(path_of("e/data.mdb"), O_WRONLY);
	CHECK(write(fd, rubbish, sizeof(rubbish)) == (ssize_t)sizeof(rubbish));
	(void)close(fd);
	CHECK(db_open(path_of("e"), DB_WRITE, 1 << 20, &err) == NULL);
	CHECK_INT(err.code, ERR_SYNTAX);
	clean();
}

static void
test_torn(void)
{
	struct err err;
	struct db *db;
	struct stat st;

	clean();
	db = must_open(DB_WRITE_NOSYNC, 1 << 20);
	CHECK_INT(db_put(db, STR("a"), STR("b"), &err), 0);
	CHECK(db_has(db, STR("a")));
	CHECK(!db_has(db, STR("b")));
	CHECK(!db_has(db, STR("")));
	CHECK(!db_torn(db));
	db_close(db);
	CHECK_INT(stat(path_of("e/data.mdb"), &st), 0);
	CHECK_INT(truncate(path_of("e/data.mdb"), st.st_size - 4096), 0);
	if ((db = db_open(path_of("e"), DB_WRITE_NOSYNC, 1 << 20, &err)) !=
	    NULL)
		CHECK(db_torn(db));
	else
		CHECK_INT(err.code, ERR_SYNTAX);
	db_close(db);
	clean();
}

static const struct unit_test tests[] = {
    {"basic", test_basic},
    {"keys", test_keys},
    {"transaction", test_transaction},
    {"grow", test_grow},
    {"walk", test_walk},
    {"reader", test_reader},
    {"modes", test_modes},
    {"damaged", test_damaged},
    {"torn", test_torn},
    {NULL, NULL},
};

int
main(void)
{
	int rc;

	if (mkdtemp(dir) == NULL)
		return (1);
	rc = unit_main("db", tests);
	clean();
	(void)rmdir(dir);
	return (rc);
}
