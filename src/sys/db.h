/*
 * db.h - LMDB, one writer per environment.
 *
 * Keys and values are byte strings; a key has 1 to DB_KEY bytes, a longer one
 * is the caller's to hash.  Opened after exec.  Reads see the newest commit,
 * of whichever process.  The map grows when it is full.  Files that are
 * damaged, or no LMDB files, are ERR_SYNTAX; ERR_IO is the disk's.
 */
#ifndef WAXWING_SYS_DB_H
#define WAXWING_SYS_DB_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define DB_KEY 511 /* LMDB's own limit */

struct db;

enum db_mode {
	DB_READ,  /* another process writes; a missing one is ERR_NOTFOUND */
	DB_WRITE, /* made if missing (directory 0700); each commit is synced */
	/* commits are not synced; db_sync() does.  A crash of the machine (not
	 * of the process) may damage what was not synced. */
	DB_WRITE_NOSYNC,
};

/* map_bytes is where the map begins; the address space, not the disk, pays
 * for it.  A writer refuses a directory that others can enter. */

struct db *db_open(const char *dir, enum db_mode, size_t map_bytes,
    struct err *);
void db_close(struct db *); /* accepts NULL */

/* 1 found (appended to out), 0 not there, -1 error. */
int db_get(struct db *, struct str key, struct buf *out, struct err *);
bool db_has(struct db *, struct str key); /* false on errors, too */
int db_put(struct db *, struct str key, struct str value, struct err *);
/* 1 deleted, 0 was not there (in the newest commit), -1 error. */
int db_del(struct db *, struct str key, struct err *);

/* Several changes as one: begin, put/del..., commit (or abort).  They are
 * held in memory until the commit, so nothing is locked in between, and reads
 * do not see them.  After a failed commit nothing was changed. */
int db_begin(struct db *, struct err *);
int db_commit(struct db *, struct err *);
void db_abort(struct db *);

/*
 * Walk the entries whose key starts with prefix, in key order, in one read
 * transaction.  The callback returns non-zero to stop; what it is handed is
 * valid only inside, and it must not write.  0, or -1 on error.
 */
typedef int db_walk_fn(struct str key, struct str value, void *arg);
int db_walk(struct db *, struct str prefix, db_walk_fn *, void *arg,
    struct err *);

int db_sync(struct db *, struct err *);

/* Is the file shorter than what the newest commit speaks of?  Reading it would
 * end in SIGBUS.  Only for what may be thrown away: pages at the end that were
 * never written may be missing rightly. */
bool db_torn(struct db *);

/* The id of the newest commit: a change means caches must look again. */
uint64_t db_txn_id(struct db *);

#endif
