#include "config.h"

#include "proxy/factdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "sys/db.h"
#include "sys/log.h"

/* Address space where it begins; it grows. */
#define FACTDB_MAP ((size_t)1 << 30)

/* One value at most. */
#define VALUE_MAX (32UL * 1024 * 1024)

/* Of which key and format it is: a sealed value under this name. */
#define MARK_NAME  STR("format")
#define MARK_VALUE STR("waxwing facts 1")

/* How often it is tried to make it anew where that failed. */
#define RETRY_MS 60000

/* Names of the files, and room for the longest path. */
#define PATH_MAX_HERE 4096
#define BOOT_FILE     "boot"

/* 36 digits and a line end. */
#define BOOT_ID 64

struct factdb {
	struct crypt_key key;
	char *dir;     /* owned */
	struct db *db; /* owned; NULL: it could not be made anew */
	/* What was put since the last commit, because a reader of the
	 * database would not see it: name -> struct buf with what will be on
	 * disk, nothing: deleted.  NULL: nothing, and no transaction. */
	struct map *fresh;
	size_t pending;
	unsigned epoch;
	uint64_t retry; /* mono: when it is tried again without a db */
};

static void
fresh_free(void *value)
{
	struct buf *b = value;

	buf_clear(b);
	free(b);
}

static int
path_of(const struct factdb *f, const char *name, char *out)
{
	int n = snprintf(out, PATH_MAX_HERE, "%s/%s", f->dir, name);

	return (n > 0 && n < PATH_MAX_HERE ? 0 : -1);
}

/* A short file's text; "" if it cannot be read. */
static void
read_short(const char *path, char out[BOOT_ID])
{
	ssize_t n = 0;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) != -1) {
		n = read(fd, out, BOOT_ID - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
}

/* Which run of the machine is this? */
static void
boot_now(char out[BOOT_ID])
{
	read_short("/proc/sys/kernel/random/boot_id", out);
}

/*
 * It is in use since the machine started: until it is closed well it can be
 * trusted only as long as the machine runs.
 */
static int
boot_mark(struct factdb *f, struct err *err)
{
	char path[PATH_MAX_HERE], now[BOOT_ID];
	size_t len;
	int fd;

	boot_now(now);
	len = strlen(now);
	if (path_of(f, BOOT_FILE, path) == -1 ||
	    (fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) ==
	        -1) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		return (-1);
	}
	if (write(fd, now, len) != (ssize_t)len || fsync(fd) == -1) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		close(fd);
		return (-1);
	}
	close(fd);
	return (0);
}

/* Was it in use when the machine stopped? */
static bool
boot_broke(const struct factdb *f)
{
	char path[PATH_MAX_HERE], then[BOOT_ID], now[BOOT_ID];

	if (path_of(f, BOOT_FILE, path) == -1 || access(path, F_OK) == -1)
		return (false);
	boot_now(now);
	read_short(path, then);
	return (now[0] == '\0' || strcmp(now, then) != 0);
}

static void
unlink_all(const struct factdb *f)
{
	static const char *const names[] = {"data.mdb", "lock.mdb", BOOT_FILE};
	char path[PATH_MAX_HERE];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (path_of(f, names[i], path) == 0)
			(void)unlink(path);
}

/* What was not committed is lost. */
static void
lose(struct factdb *f)
{
	if (f->fresh == NULL)
		return;
	map_free(f->fresh);
	f->fresh = NULL;
	f->pending = 0;
	f->epoch++;
	if (f->db != NULL)
		db_abort(f->db);
}

static int
seal_mark(struct factdb *f, struct err *err)
{
	struct buf b;
	int rc = -1;

	buf_init(&b, 200);
	if (crypt_seal(&f->key, MARK_NAME, MARK_VALUE, &b, err) == 0)
		rc = db_put(f->db, MARK_NAME, buf_text(&b), err);
	buf_clear(&b);
	return (rc);
}

/* 1: it is ours; 0: it is empty; -1: it is not ours, or damaged. */
static int
check_mark(struct factdb *f, struct err *err)
{
	struct buf sealed, plain;
	int rc;

	buf_init(&sealed, 200);
	buf_init(&plain, 200);
	if ((rc = db_get(f->db, MARK_NAME, &sealed, err)) == 1) {
		rc = crypt_open(&f->key, MARK_NAME, buf_text(&sealed), &plain,
		    err);
		if (rc == 0)
			rc = str_eq(buf_text(&plain), MARK_VALUE) ? 1 : -1;
	}
	buf_clear(&plain);
	buf_clear(&sealed);
	return (rc);
}

static int
open_db(struct factdb *f, struct err *err)
{
	int rc;

	f->db = db_open(f->dir, DB_WRITE_NOSYNC, FACTDB_MAP, err);
	if (f->db == NULL)
		return (-1);
	if (db_torn(f->db)) {
		err_set(err, ERR_SYNTAX, "a file is too short");
		rc = -1;
	} else if ((rc = check_mark(f, err)) == 0)
		rc = seal_mark(f, err);
	if (rc == -1 || boot_mark(f, err) == -1) {
		db_close(f->db);
		f->db = NULL;
		return (-1);
	}
	return (0);
}

int
factdb_renew(struct factdb *f, struct err *err)
{
	lose(f);
	db_close(f->db);
	f->db = NULL;
	f->epoch++;
	unlink_all(f);
	return (open_db(f, err));
}

struct factdb *
factdb_open(const char *state_dir, const struct crypt_key *key, struct err *err)
{
	struct factdb *f;
	size_t size = strlen(state_dir) + sizeof("/facts");

	if ((f = calloc(1, sizeof(*f))) == NULL ||
	    (f->dir = malloc(size)) == NULL) {
		free(f);
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	(void)snprintf(f->dir, size, "%s/facts", state_dir);
	f->key = *key;
	if (boot_broke(f))
		unlink_all(f);
	/* Without, at worst; factdb_commit() tries again. */
	if (open_db(f, err) == -1 && factdb_renew(f, err) == -1)
		log_error("facts reason=%s", log_str(str_c(err->text)));
	return (f);
}

void
factdb_close(struct factdb *f)
{
	char path[PATH_MAX_HERE];

	if (f == NULL)
		return;
	(void)factdb_commit(f, NULL);
	lose(f);
	if (f->db != NULL && db_sync(f->db, NULL) == 0 &&
	    path_of(f, BOOT_FILE, path) == 0)
		(void)unlink(path);
	db_close(f->db);
	crypt_key_wipe(&f->key);
	free(f->dir);
	free(f);
}

/* The database said no.  A damaged one is thrown away. */
static int
failed(struct factdb *f, const struct err *why, struct err *err)
{
	struct err again;

	if (err != NULL)
		*err = *why;
	if (why->code == ERR_SYNTAX)
		(void)factdb_renew(f, &again);
	return (-1);
}

static int
is_open(const struct factdb *f, struct err *err)
{
	if (f->db != NULL)
		return (0);
	err_set(err, ERR_UNAVAILABLE, "facts/ cannot be used");
	return (-1);
}

/* What is, or will be, on disk: 1, 0 or -1. */
static int
get(struct factdb *f, struct str name, struct buf *out, struct err *err)
{
	struct err why;
	struct buf *fresh;
	int rc;

	if (is_open(f, err) == -1)
		return (-1);
	if (f->fresh != NULL && (fresh = map_get(f->fresh, name)) != NULL) {
		buf_str(out, buf_text(fresh));
		return (fresh->len > 0 ? 1 : 0);
	}
	if ((rc = db_get(f->db, name, out, &why)) == -1)
		return (failed(f, &why, err));
	return (rc);
}

bool
factdb_has(struct factdb *f, struct str name)
{
	struct buf *fresh;

	if (f->db == NULL)
		return (false);
	if (f->fresh != NULL && (fresh = map_get(f->fresh, name)) != NULL)
		return (fresh->len > 0);
	return (db_has(f->db, name));
}

/* A value of no bytes deletes. */
static int
put(struct factdb *f, struct str name, struct str value, struct err *err)
{
	struct buf *copy;
	struct err why;
	int rc;

	if (is_open(f, err) == -1)
		return (-1);
	if (f->fresh == NULL) {
		if (db_begin(f->db, &why) == -1)
			return (failed(f, &why, err));
		if ((f->fresh = map_new(fresh_free)) == NULL) {
			db_abort(f->db);
			goto no;
		}
	}
	if (value.len > 0)
		rc = db_put(f->db, name, value, &why);
	else
		rc = db_del(f->db, name, &why);
	if (rc == -1)
		return (failed(f, &why, err));
	if ((copy = malloc(sizeof(*copy))) == NULL)
		goto no;
	buf_init(copy, VALUE_MAX);
	buf_str(copy, value);
	if (copy->failed || map_put(f->fresh, name, copy) == -1) {
		fresh_free(copy);
		goto no;
	}
	f->pending += name.len + value.len;
	return (0);
no:
	/* A reader would see the old value: better none at all. */
	lose(f);
	err_set(err, ERR_MEMORY, "out of memory");
	return (-1);
}

int
factdb_get(struct factdb *f, struct str name, struct buf *out, struct err *err)
{
	struct buf sealed;
	int rc;

	buf_init(&sealed, VALUE_MAX);
	if ((rc = get(f, name, &sealed, err)) == 1 &&
	    crypt_open(&f->key, name, buf_text(&sealed), out, err) == -1)
		rc = factdb_del(f, name, err);
	buf_clear(&sealed);
	return (rc);
}

int
factdb_put(struct factdb *f, struct str name, struct str value, struct err *err)
{
	struct buf sealed;
	int rc = -1;

	buf_init(&sealed, VALUE_MAX);
	if (crypt_seal(&f->key, name, value, &sealed, err) == 0)
		rc = put(f, name, buf_text(&sealed), err);
	buf_clear(&sealed);
	return (rc);
}

int
factdb_del(struct factdb *f, struct str name, struct err *err)
{
	return (put(f, name, STR(""), err));
}

int
factdb_get_bare(struct factdb *f, struct str name, struct buf *out,
    struct err *err)
{
	return (get(f, name, out, err));
}

int
factdb_put_bare(struct factdb *f, struct str name, struct str value,
    struct err *err)
{
	return (put(f, name, value, err));
}

int
factdb_commit(struct factdb *f, struct err *err)
{
	struct err why;

	if (f->db == NULL && clock_now().mono > f->retry) {
		f->retry = clock_now().mono + RETRY_MS;
		return (factdb_renew(f, err));
	}
	if (f->fresh == NULL || f->db == NULL)
		return (0);
	if (db_commit(f->db, &why) == -1) {
		lose(f);
		return (failed(f, &why, err));
	}
	map_free(f->fresh);
	f->fresh = NULL;
	f->pending = 0;
	return (0);
}

size_t
factdb_pending(const struct factdb *f)
{
	return (f->pending);
}

unsigned
factdb_epoch(const struct factdb *f)
{
	return (f->epoch);
}

int
factdb_walk(struct factdb *f, struct str prefix, factdb_fn *fn, void *arg,
    struct err *err)
{
	struct err why;

	if (is_open(f, err) == -1)
		return (-1);
	if (db_walk(f->db, prefix, fn, arg, &why) == -1)
		return (failed(f, &why, err));
	return (0);
}
