/*
 * factdb.h - an encrypted cache on disk (state_dir/facts).
 *
 * Small values under short names, each sealed with AES-256-GCM and bound to
 * its name.  It may be lost at any time: commits are not synced, and what
 * cannot be trusted is thrown away and made anew: files that are damaged or
 * of another key or format, and whatever a crash of the machine left behind
 * (a crash of the process damages nothing).
 *
 * What was put is seen by the next get; factdb_commit() writes it, in one go
 * for many.
 */
#ifndef WAXWING_PROXY_FACTDB_H
#define WAXWING_PROXY_FACTDB_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "sys/crypt.h"

struct factdb;

/* NULL only when memory is out; where the disk says no, nothing is there, and
 * it is tried again later. */
struct factdb *factdb_open(const char *state_dir, const struct crypt_key *,
    struct err *);
void factdb_close(struct factdb *); /* accepts NULL; commits and syncs */

/* 1 found (appended to out), 0 not there, -1 error.  A value that does not
 * open is dropped and not there. */
int factdb_get(struct factdb *, struct str name, struct buf *out, struct err *);
bool factdb_has(struct factdb *, struct str name);
int factdb_put(struct factdb *, struct str name, struct str value,
    struct err *);
int factdb_del(struct factdb *, struct str name, struct err *);

/* The same for what need not be secret: numbers that only order a cache. */
int factdb_get_bare(struct factdb *, struct str name, struct buf *out,
    struct err *);
int factdb_put_bare(struct factdb *, struct str name, struct str value,
    struct err *);

/*
 * Write what was put and deleted.  After a failure nothing of it was: the
 * cache has lost it, and factdb_epoch() has changed.
 */
int factdb_commit(struct factdb *, struct err *);
/* Bytes that wait for it. */
size_t factdb_pending(const struct factdb *);

/* Changes whenever the cache lost anything by itself. */
unsigned factdb_epoch(const struct factdb *);

/*
 * Walk the names with that beginning in their order, as of the last commit.
 * The values are as they are on disk.  fn returns non-zero to stop and must
 * not change anything.
 */
typedef int factdb_fn(struct str name, struct str value, void *arg);
int factdb_walk(struct factdb *, struct str prefix, factdb_fn *, void *arg,
    struct err *);

/* Forget everything. */
int factdb_renew(struct factdb *, struct err *);

#endif
