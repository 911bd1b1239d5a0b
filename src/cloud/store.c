#include "config.h"

#include "cloud/store.h"

#include <stdlib.h>
#include <string.h>

#include "acme/object.h"
#include "sys/db.h"
#include "sys/fault.h"

/* Where the map begins; it grows. */
#define MAP_BYTES (64UL * 1024 * 1024)

/* A release log or a bundle's worth; far more than any record has. */
#define RECORD_MAX (4UL * 1024 * 1024)

struct store {
	struct db *db; /* owned */
};

struct store *
store_open(const char *dir, struct err *err)
{
	struct store *s;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the store");
		return (NULL);
	}
	if ((s->db = db_open(dir, DB_WRITE, MAP_BYTES, err)) == NULL) {
		free(s);
		return (NULL);
	}
	return (s);
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_close(s->db);
	free(s);
}

/* "table/id" in key, which has DB_KEY bytes. */
static int
make_key(const char *table, struct str id, char *key, struct str *out,
    struct err *err)
{
	size_t len = strlen(table);

	if (len + 1 + id.len > DB_KEY) {
		err_set(err, ERR_LIMIT, "the record's name is too long");
		return (-1);
	}
	memcpy(key, table, len);
	key[len] = '/';
	if (id.len > 0)
		memcpy(key + len + 1, id.p, id.len);
	*out = str_of(key, len + 1 + id.len);
	return (0);
}

int
store_get(struct store *s, const char *table, struct str id, struct buf *out,
    struct err *err)
{
	char text[DB_KEY];
	struct str key;

	if (make_key(table, id, text, &key, err) != 0)
		return (-1);
	return (db_get(s->db, key, out, err));
}

int
store_put(struct store *s, const char *table, struct str id, struct str value,
    struct err *err)
{
	char text[DB_KEY];
	struct str key;

	if (make_key(table, id, text, &key, err) != 0)
		return (-1);
	return (db_put(s->db, key, value, err));
}

int
store_del(struct store *s, const char *table, struct str id, struct err *err)
{
	char text[DB_KEY];
	struct str key;

	if (make_key(table, id, text, &key, err) != 0)
		return (-1);
	return (db_del(s->db, key, err));
}

json_t *
store_json(struct store *s, const char *table, struct str id, struct err *err)
{
	struct buf text;
	json_t *value = NULL;
	int rc;

	buf_init(&text, RECORD_MAX);
	if ((rc = store_get(s, table, id, &text, err)) == 1)
		value = acme_json(buf_text(&text), RECORD_MAX, err);
	else if (rc == 0)
		err_set(err, ERR_NOTFOUND, "no such %s", table);
	buf_clear(&text);
	return (value);
}

int
store_put_json(struct store *s, const char *table, struct str id,
    const json_t *value, struct err *err)
{
	struct buf text;
	int rc = -1;

	buf_init(&text, RECORD_MAX);
	if (acme_json_put(value, &text) != 0)
		err_set(err, ERR_MEMORY, "no memory for a record");
	else
		rc = store_put(s, table, id, buf_text(&text), err);
	buf_clear(&text);
	return (rc);
}

int
store_begin(struct store *s, struct err *err)
{
	return (db_begin(s->db, err));
}

int
store_commit(struct store *s, struct err *err)
{
	int rc;

	if (FAULT("cloud.store.commit")) {
		db_abort(s->db);
		err_set(err, ERR_IO, "no space left on device");
		return (-1);
	}
	rc = db_commit(s->db, err);
	if (rc != 0)
		db_abort(s->db);
	else
		(void)FAULT("cloud.store.committed");
	return (rc);
}

void
store_abort(struct store *s)
{
	db_abort(s->db);
}

struct walk {
	size_t skip; /* the table's name and "/" */
	store_walk_fn *f;
	void *arg;
};

static int
on_walk(struct str key, struct str value, void *arg)
{
	struct walk *w = arg;

	return (
	    w->f(str_of(key.p + w->skip, key.len - w->skip), value, w->arg));
}

int
store_walk(struct store *s, const char *table, struct str prefix,
    store_walk_fn *f, void *arg, struct err *err)
{
	struct walk w = {strlen(table) + 1, f, arg};
	char text[DB_KEY];
	struct str key;

	if (make_key(table, prefix, text, &key, err) != 0)
		return (-1);
	return (db_walk(s->db, key, on_walk, &w, err));
}
