/*
 * store.h - what the cloud remembers: tables of records by id.
 *
 * Small on purpose, so that another database can stand behind it.  A record
 * is bytes, most often a JSON object.  What is written between begin and
 * commit is there as a whole or not at all, also after kill -9; reads see
 * what is committed.  One process, one thread.
 */
#ifndef WAXWING_CLOUD_STORE_H
#define WAXWING_CLOUD_STORE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

struct store;

struct store *store_open(const char *dir, struct err *);
void store_close(struct store *); /* accepts NULL */

/* table: a short word; id: 1 to 400 bytes, a longer one is the caller's to
 * hash.  1 found (appended to out), 0 not there, -1. */
int store_get(struct store *, const char *table, struct str id, struct buf *out,
    struct err *);
int store_put(struct store *, const char *table, struct str id, struct str,
    struct err *);
int store_del(struct store *, const char *table, struct str id, struct err *);

/* The same for JSON: a new reference; NULL with ERR_NOTFOUND if it is not
 * there.  store_put_json only reads. */
json_t *store_json(struct store *, const char *table, struct str id,
    struct err *);
int store_put_json(struct store *, const char *table, struct str id,
    const json_t *, struct err *);

int store_begin(struct store *, struct err *);
int store_commit(struct store *, struct err *);
void store_abort(struct store *);

/* Walk a table's records whose id starts with prefix, in the order of the
 * ids; f returns non-zero to stop and must not write. */
typedef int store_walk_fn(struct str id, struct str value, void *arg);
int store_walk(struct store *, const char *table, struct str prefix,
    store_walk_fn *f, void *arg, struct err *);

#endif
