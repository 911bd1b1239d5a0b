#include "config.h"

#include "sys/db.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

/* Changes of one commit, as they are held until then. */
#define PENDING_MAX (256UL * 1024 * 1024)

/* Slots for readers: every opener, with room for those that died. */
#define READERS 256

struct db {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *read; /* owned; at rest between reads */
	bool reading;  /* inside a walk */
	bool writer;
	bool begun;
	struct buf pending; /* changes since db_begin() */
};

/* A change in pending: this, the key, the value. */
struct change {
	bool del;
	size_t key_len;
	size_t value_len;
};

static int
fail(struct err *err, int rc, const char *what)
{
	enum err_code code = ERR_IO;

	switch (rc) {
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_PANIC:
		code = ERR_SYNTAX;
		break;
	case MDB_BAD_VALSIZE:
		code = ERR_LIMIT;
		break;
	case ENOENT:
		code = ERR_NOTFOUND;
		break;
	case ENOMEM:
		code = ERR_MEMORY;
		break;
	default:
		break;
	}
	err_set(err, code, "%s: %s", what, mdb_strerror(rc));
	return (-1);
}

static MDB_val
val(struct str s)
{
	MDB_val v;

	/* LMDB reads it only, though its type cannot say so */
	v.mv_data = (void *)(uintptr_t)s.p;
	v.mv_size = s.len;
	return (v);
}

/* Take over the size that another process gave the map, or set our own. */
static int
resize(struct db *db, size_t bytes)
{
	/* no transaction may be open in this process, not even at rest */
	mdb_txn_abort(db->read);
	db->read = NULL;
	return (mdb_env_set_mapsize(db->env, bytes));
}

static int
grow(struct db *db)
{
	MDB_envinfo info;
	size_t bytes;
	int rc;

	if ((rc = mdb_env_info(db->env, &info)) != 0)
		return (rc);
	if (!num_mul(info.me_mapsize, 2, &bytes))
		return (ENOSPC);
	return (resize(db, bytes));
}

/* Open a read transaction, or wake the one at rest. */
static int
begin_read(struct db *db)
{
	int rc, tries;

	for (tries = 0; tries < 3; tries++) {
		if (db->read != NULL)
			rc = mdb_txn_renew(db->read);
		else
			rc =
			    mdb_txn_begin(db->env, NULL, MDB_RDONLY, &db->read);
		if (rc != MDB_MAP_RESIZED)
			return (rc);
		if ((rc = resize(db, 0)) != 0)
			return (rc);
	}
	return (MDB_MAP_RESIZED);
}

static int
begin_write(struct db *db, MDB_txn **txn)
{
	int rc;

	rc = mdb_txn_begin(db->env, NULL, 0, txn);
	if (rc == MDB_MAP_RESIZED && (rc = resize(db, 0)) == 0)
		rc = mdb_txn_begin(db->env, NULL, 0, txn);
	return (rc);
}

/* The directory, ours alone. */
static int
make_dir(const char *dir, struct err *err)
{
	struct stat st;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		err_set(err, ERR_IO, "cannot make %s: %s", dir,
		    strerror(errno));
		return (-1);
	}
	if (stat(dir, &st) != 0) {
		err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
		return (-1);
	}
	if (!S_ISDIR(st.st_mode) || (st.st_mode & 077) != 0) {
		err_set(err, ERR_DENIED,
		    "%s must be a directory with mode 0700", dir);
		return (-1);
	}
	if (st.st_uid != geteuid()) {
		err_set(err, ERR_DENIED,
		    "%s belongs to uid %lu: give it, with all in it, to uid "
		    "%lu (chown -R)",
		    dir, (unsigned long)st.st_uid, (unsigned long)geteuid());
		return (-1);
	}
	return (0);
}

/* The one table of the environment. */
static int
open_table(struct db *db)
{
	MDB_txn *txn = NULL;
	int rc;

	rc = db->writer ? begin_write(db, &txn)
	                : mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return (rc);
	if ((rc = mdb_dbi_open(txn, NULL, 0, &db->dbi)) != 0) {
		mdb_txn_abort(txn);
		return (rc);
	}
	return (mdb_txn_commit(txn));
}

static int
open_env(struct db *db, const char *dir, enum db_mode mode, size_t map_bytes)
{
	unsigned flags = 0;
	int rc, dead;

	if ((rc = mdb_env_create(&db->env)) != 0 ||
	    (rc = mdb_env_set_mapsize(db->env, map_bytes)) != 0 ||
	    (rc = mdb_env_set_maxreaders(db->env, READERS)) != 0)
		return (rc);
	if (mode == DB_READ)
		flags = MDB_RDONLY;
	if (mode == DB_WRITE_NOSYNC)
		flags = MDB_NOSYNC;
	if ((rc = mdb_env_open(db->env, dir, flags, 0600)) != 0)
		return (rc);
	/* a reader that was killed would keep old pages for ever */
	if ((rc = mdb_reader_check(db->env, &dead)) != 0)
		return (rc);
	rc = open_table(db);
	if (rc == MDB_MAP_RESIZED && (rc = resize(db, 0)) == 0)
		rc = open_table(db);
	return (rc);
}

struct db *
db_open(const char *dir, enum db_mode mode, size_t map_bytes, struct err *err)
{
	struct db *db;
	int rc;

	if (mode != DB_READ && make_dir(dir, err) != 0)
		return (NULL);
	if ((db = calloc(1, sizeof(*db))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for %s", dir);
		return (NULL);
	}
	buf_init(&db->pending, PENDING_MAX);
	db->writer = mode != DB_READ;
	if ((rc = open_env(db, dir, mode, map_bytes)) != 0) {
		(void)fail(err, rc, dir);
		db_close(db);
		return (NULL);
	}
	return (db);
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	mdb_txn_abort(db->read);
	if (db->env != NULL)
		mdb_env_close(db->env);
	buf_wipe(&db->pending);
	free(db);
}

/* 1, 0 or -1; *value points into the map until the read is put to rest. */
static int
find(struct db *db, struct str key, MDB_val *value, struct err *err)
{
	MDB_val k = val(key);
	int rc;

	if (key.len == 0 || key.len > DB_KEY)
		return (fail(err, MDB_BAD_VALSIZE, "key"));
	/* inside a walk, what the walk sees */
	if (!db->reading && (rc = begin_read(db)) != 0)
		return (fail(err, rc, "read"));
	rc = mdb_get(db->read, db->dbi, &k, value);
	if (rc == 0)
		return (1);
	return (rc == MDB_NOTFOUND ? 0 : fail(err, rc, "read"));
}

static void
rest(struct db *db)
{
	if (!db->reading && db->read != NULL)
		mdb_txn_reset(db->read);
}

int
db_get(struct db *db, struct str key, struct buf *out, struct err *err)
{
	MDB_val v;
	int rc;

	if ((rc = find(db, key, &v, err)) == 1) {
		buf_put(out, v.mv_data, v.mv_size);
		if (out->failed) {
			err_set(err, ERR_LIMIT, "no room for %zu bytes",
			    v.mv_size);
			rc = -1;
		}
	}
	rest(db);
	return (rc);
}

bool
db_has(struct db *db, struct str key)
{
	bool there;
	MDB_val v;

	there = find(db, key, &v, NULL) == 1;
	rest(db);
	return (there);
}

/* May this be written now? */
static int
check_write(struct db *db, struct str key, struct err *err)
{
	if (!db->writer || db->reading) {
		err_set(err, ERR_DENIED, "the database is open for reading");
		return (-1);
	}
	if (key.len == 0 || key.len > DB_KEY)
		return (fail(err, MDB_BAD_VALSIZE, "key"));
	return (0);
}

static int
remember(struct db *db, bool del, struct str key, struct str value,
    struct err *err)
{
	struct change c = {del, key.len, value.len};

	buf_put(&db->pending, &c, sizeof(c));
	buf_str(&db->pending, key);
	buf_str(&db->pending, value);
	if (!db->pending.failed)
		return (0);
	err_set(err, ERR_LIMIT, "too many changes at once");
	return (-1);
}

/* Make all that is pending true in one transaction. */
static int
apply(struct db *db, MDB_txn *txn)
{
	const char *p = db->pending.data, *end = p + db->pending.len;
	struct change c;
	MDB_val k, v;
	int rc;

	while (p < end) {
		memcpy(&c, p, sizeof(c));
		p += sizeof(c);
		k = val(str_of(p, c.key_len));
		p += c.key_len;
		v = val(str_of(p, c.value_len));
		p += c.value_len;
		if (c.del)
			rc = mdb_del(txn, db->dbi, &k, NULL);
		else
			rc = mdb_put(txn, db->dbi, &k, &v, 0);
		if (rc != 0 && !(c.del && rc == MDB_NOTFOUND))
			return (rc);
	}
	return (0);
}

static int
write_pending(struct db *db)
{
	MDB_txn *txn;
	int rc;

	for (;;) {
		if ((rc = begin_write(db, &txn)) != 0)
			return (rc);
		if ((rc = apply(db, txn)) == 0)
			rc = mdb_txn_commit(txn); /* frees it either way */
		else
			mdb_txn_abort(txn);
		/* a full map spoils the transaction: again, with more room */
		if (rc != MDB_MAP_FULL || (rc = grow(db)) != 0)
			return (rc);
	}
}

int
db_begin(struct db *db, struct err *err)
{
	if (!db->writer || db->reading || db->begun) {
		err_set(err, ERR_DENIED, "no transaction can begin here");
		return (-1);
	}
	db->begun = true;
	return (0);
}

void
db_abort(struct db *db)
{
	db->begun = false;
	buf_wipe(&db->pending);
}

int
db_commit(struct db *db, struct err *err)
{
	int rc = 0;

	if (db->pending.failed) {
		err_set(err, ERR_LIMIT, "too many changes at once");
		db_abort(db);
		return (-1);
	}
	if (db->pending.len > 0)
		rc = write_pending(db);
	db_abort(db);
	return (rc == 0 ? 0 : fail(err, rc, "write"));
}

int
db_put(struct db *db, struct str key, struct str value, struct err *err)
{
	if (check_write(db, key, err) != 0 ||
	    remember(db, false, key, value, err) != 0)
		return (-1);
	return (db->begun ? 0 : db_commit(db, err));
}

int
db_del(struct db *db, struct str key, struct err *err)
{
	MDB_val v;
	int there;

	if (check_write(db, key, err) != 0)
		return (-1);
	there = find(db, key, &v, err);
	rest(db);
	/* inside a transaction an earlier change may have made it */
	if (there < 0 || (there == 0 && !db->begun))
		return (there);
	if (remember(db, true, key, str_of("", 0), err) != 0 ||
	    (!db->begun && db_commit(db, err) != 0))
		return (-1);
	return (there);
}

static int
walk(struct db *db, struct str prefix, db_walk_fn *fn, void *arg)
{
	MDB_val k = val(prefix), v;
	MDB_cursor *cur;
	int rc;

	if ((rc = mdb_cursor_open(db->read, db->dbi, &cur)) != 0)
		return (rc);
	rc = mdb_cursor_get(cur, &k, &v,
	    prefix.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
	while (
	    rc == 0 && k.mv_size >= prefix.len &&
	    (prefix.len == 0 || memcmp(k.mv_data, prefix.p, prefix.len) == 0)) {
		if (fn(str_of(k.mv_data, k.mv_size),
		        str_of(v.mv_data, v.mv_size), arg) != 0)
			break;
		rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	return (rc == MDB_NOTFOUND ? 0 : rc);
}

int
db_walk(struct db *db, struct str prefix, db_walk_fn *fn, void *arg,
    struct err *err)
{
	int rc;

	if (prefix.len > DB_KEY)
		return (0); /* no key is so long */
	if (db->reading) {
		err_set(err, ERR_DENIED, "a walk inside a walk");
		return (-1);
	}
	if ((rc = begin_read(db)) != 0)
		return (fail(err, rc, "read"));
	db->reading = true;
	rc = walk(db, prefix, fn, arg);
	db->reading = false;
	rest(db);
	return (rc == 0 ? 0 : fail(err, rc, "read"));
}

int
db_sync(struct db *db, struct err *err)
{
	int rc;

	if ((rc = mdb_env_sync(db->env, 1)) != 0)
		return (fail(err, rc, "sync"));
	return (0);
}

uint64_t
db_txn_id(struct db *db)
{
	MDB_envinfo info;

	return (mdb_env_info(db->env, &info) == 0 ? info.me_last_txnid : 0);
}

bool
db_torn(struct db *db)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	size_t need;
	int fd;

	if (mdb_env_info(db->env, &info) != 0 ||
	    mdb_env_stat(db->env, &stat) != 0 ||
	    mdb_env_get_fd(db->env, &fd) != 0 || fstat(fd, &st) != 0 ||
	    !num_mul(info.me_last_pgno + 1, stat.ms_psize, &need))
		return (true);
	return (st.st_size < 0 || (uint64_t)st.st_size < need);
}
