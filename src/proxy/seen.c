#include "config.h"

#include "proxy/seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "proto/rec.h"
#include "sys/db.h"
#include "sys/fault.h"

/* Address space of the environment: some million messages. */
#define SEEN_MAP ((size_t)4 << 30)

struct seen {
	struct db *db; /* owned */
	struct crypt_key key;
	/* What was put since the last commit, because a reader of the
	 * database would not see it: key -> struct buf with the plain record,
	 * empty: dropped.  NULL: nothing, and no transaction is open. */
	struct map *fresh;
	bool torn; /* it could not be written: it has to be put once more */
};

static void
fresh_free(void *value)
{
	struct buf *b = value;

	buf_clear(b);
	free(b);
}

int
seen_key_make(const struct crypt_key *key, const struct seen_name *n,
    struct seen_key *out)
{
	struct buf b;
	int rc = -1;

	buf_init(&b, LIMIT_RECORD + LIMIT_CLIENT_LINE);
	rec_put_str(&b, STR("message"));
	rec_put_str(&b, n->login);
	rec_put_str(&b, n->domain);
	rec_put_str(&b, n->mailbox);
	rec_put_u32(&b, n->uidvalidity);
	rec_put_u32(&b, n->uid);
	if (!b.failed)
		rc = crypt_hmac(key, buf_text(&b), out->k);
	buf_clear(&b);
	return (rc);
}

struct seen *
seen_open(const char *state_dir, const struct crypt_key *key, struct err *err)
{
	struct seen *s;
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s/seen", state_dir) >=
	    sizeof(path)) {
		err_set(err, ERR_LIMIT, "path too long");
		return (NULL);
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	s->key = *key;
	if ((s->db = db_open(path, DB_WRITE, SEEN_MAP, err)) == NULL) {
		seen_close(s);
		return (NULL);
	}
	return (s);
}

static struct str
key_str(const uint8_t k[CRYPT_DIGEST])
{
	return (str_of((const char *)k, CRYPT_DIGEST));
}

/* A value for the disk. */
static int
put_sealed(struct seen *s, struct str key, struct str plain, struct err *err)
{
	struct buf sealed;
	int rc = -1;

	buf_init(&sealed, LIMIT_RECORD * 2);
	if (crypt_seal(&s->key, key, plain, &sealed, err) == 0)
		rc = db_put(s->db, key, buf_text(&sealed), err);
	buf_clear(&sealed);
	return (rc);
}

/* The transaction was lost, not what was put. */
static int
put_again(struct seen *s, struct err *err)
{
	const struct buf *plain;
	struct str key;
	void *value;
	size_t pos = 0;
	int rc = db_begin(s->db, err);

	while (rc != -1 && map_next(s->fresh, &pos, &key, &value)) {
		plain = value;
		if (plain->len > 0)
			rc = put_sealed(s, key, buf_text(plain), err);
		else
			rc = db_del(s->db, key, err);
	}
	if (rc == -1)
		db_abort(s->db);
	return (rc == -1 ? -1 : 0);
}

/* Nobody may be told of a view as long as this fails, whoever put it: the disk
 * may be full. */
int
seen_commit(struct seen *s, struct err *err)
{
	if (s->fresh == NULL)
		return (0);
	if (s->torn && put_again(s, err) == -1)
		return (-1);
	if (FAULT("proxy.seen.commit")) {
		err_set(err, ERR_IO, "fault proxy.seen.commit");
		db_abort(s->db);
		s->torn = true;
	} else
		s->torn = db_commit(s->db, err) == -1;
	if (s->torn)
		return (-1);
	map_free(s->fresh);
	s->fresh = NULL;
	return (0);
}

bool
seen_written(const struct seen *s, const struct seen_key *k)
{
	return (s->fresh == NULL || map_get(s->fresh, key_str(k->k)) == NULL);
}

void
seen_close(struct seen *s)
{
	if (s == NULL)
		return;
	(void)seen_commit(s, NULL);
	map_free(s->fresh);
	db_close(s->db);
	crypt_key_wipe(&s->key);
	free(s);
}

/* Get and decrypt: 1, 0 or -1. */
static int
seen_read(struct seen *s, const uint8_t k[CRYPT_DIGEST], struct buf *hold,
    struct err *err)
{
	struct buf *fresh, sealed;
	int rc;

	if (s->fresh != NULL &&
	    (fresh = map_get(s->fresh, key_str(k))) != NULL) {
		buf_str(hold, buf_text(fresh));
		return (fresh->len > 0 ? 1 : 0);
	}
	buf_init(&sealed, LIMIT_RECORD * 2);
	if ((rc = db_get(s->db, key_str(k), &sealed, err)) == 1 &&
	    crypt_open(&s->key, key_str(k), buf_text(&sealed), hold, err) == -1)
		rc = -1;
	buf_clear(&sealed);
	return (rc);
}

/* Open a transaction if there is none, and remember the record in it. */
static int
seen_begin(struct seen *s, const uint8_t k[CRYPT_DIGEST],
    const struct buf *plain, struct err *err)
{
	struct buf *copy;

	/* No more of what cannot be written. */
	if (s->torn && seen_commit(s, err) == -1)
		return (-1);
	if (s->fresh == NULL) {
		if (db_begin(s->db, err) == -1)
			return (-1);
		if ((s->fresh = map_new(fresh_free)) == NULL) {
			db_abort(s->db);
			goto no;
		}
	}
	if ((copy = malloc(sizeof(*copy))) == NULL)
		goto no;
	buf_init(copy, LIMIT_RECORD);
	buf_str(copy, buf_text(plain));
	if (copy->failed || map_put(s->fresh, key_str(k), copy) == -1) {
		fresh_free(copy);
		goto no;
	}
	return (0);
no:
	err_set(err, ERR_MEMORY, "out of memory");
	return (-1);
}

static int
seen_write(struct seen *s, const uint8_t k[CRYPT_DIGEST],
    const struct buf *plain, struct err *err)
{
	if (plain->failed) {
		err_set(err, ERR_LIMIT, "record too large");
		return (-1);
	}
	if (seen_begin(s, k, plain, err) == -1)
		return (-1);
	return (put_sealed(s, key_str(k), buf_text(plain), err));
}

int
seen_get(struct seen *s, const struct seen_key *k, struct seen_rec *out,
    struct buf *hold, struct err *err)
{
	struct rec r;
	int rc;

	if ((rc = seen_read(s, k->k, hold, err)) != 1)
		return (rc);
	rec_init(&r, buf_text(hold));
	out->first_seen = (int64_t)rec_get_u64(&r);
	out->version = rec_get_u32(&r);
	rec_get_bytes(&r, out->wire, sizeof(out->wire));
	rec_get_bytes(&r, out->view, sizeof(out->view));
	out->other_from = rec_get_bool(&r);
	out->from = rec_get_str(&r);
	out->status = rec_get_str(&r);
	out->result = 0;
	out->keys = 0;
	out->unopened = false;
	/* Records of before have no more. */
	if (!r.bad && r.pos < r.in.len) {
		out->result = rec_get_u8(&r);
		out->keys = rec_get_u32(&r);
	}
	if (!r.bad && r.pos < r.in.len)
		out->unopened = rec_get_bool(&r);
	return (rec_end(&r, err) == 0 ? 1 : -1);
}

int
seen_put(struct seen *s, const struct seen_key *k, const struct seen_rec *rec,
    struct err *err)
{
	struct buf b;
	int rc;

	buf_init(&b, LIMIT_RECORD);
	rec_put_u64(&b, (uint64_t)rec->first_seen);
	rec_put_u32(&b, rec->version);
	rec_put_bytes(&b, rec->wire, sizeof(rec->wire));
	rec_put_bytes(&b, rec->view, sizeof(rec->view));
	rec_put_bool(&b, rec->other_from);
	rec_put_str(&b, rec->from);
	rec_put_str(&b, rec->status);
	rec_put_u8(&b, rec->result);
	rec_put_u32(&b, rec->keys);
	rec_put_bool(&b, rec->unopened);
	rc = seen_write(s, k->k, &b, err);
	buf_clear(&b);
	return (rc);
}

int
seen_drop(struct seen *s, const struct seen_key *k, struct err *err)
{
	struct buf none;

	buf_init(&none, 1);
	if (seen_begin(s, k->k, &none, err) == -1)
		return (-1);
	return (db_del(s->db, key_str(k->k), err) == -1 ? -1 : 0);
}

static int
named_key(const struct seen *s, const char *kind, struct str name,
    uint8_t k[CRYPT_DIGEST], struct err *err)
{
	struct buf b;
	int rc = -1;

	buf_init(&b, LIMIT_RECORD);
	rec_put_str(&b, str_c(kind));
	rec_put_str(&b, name);
	if (!b.failed)
		rc = crypt_hmac(&s->key, buf_text(&b), k);
	buf_clear(&b);
	if (rc == -1)
		err_set(err, ERR_CRYPTO, "cannot make a key");
	return (rc);
}

uint32_t
seen_keys(struct seen *s, struct str login)
{
	uint8_t k[CRYPT_DIGEST];
	uint32_t n = 0;
	struct err err;
	struct buf b;
	struct rec r;

	buf_init(&b, LIMIT_RECORD);
	if (named_key(s, "keys", login, k, &err) == 0 &&
	    seen_read(s, k, &b, &err) == 1) {
		rec_init(&r, buf_text(&b));
		n = rec_get_u32(&r);
	}
	buf_clear(&b);
	return (n);
}

int
seen_key_came(struct seen *s, struct str login, struct err *err)
{
	uint8_t k[CRYPT_DIGEST];
	struct buf b;
	int rc = -1;

	if (named_key(s, "keys", login, k, err) == -1)
		return (-1);
	buf_init(&b, LIMIT_RECORD);
	rec_put_u32(&b, seen_keys(s, login) + 1);
	rc = seen_write(s, k, &b, err);
	buf_clear(&b);
	return (rc);
}

int
seen_other_from(struct seen *s, struct str login,
    const uint8_t content[CRYPT_DIGEST], struct str from, struct err *err)
{
	uint8_t k[CRYPT_DIGEST];
	struct buf b;
	int rc = -1;

	buf_init(&b, LIMIT_RECORD);
	rec_put_str(&b, STR("content"));
	rec_put_str(&b, login);
	rec_put_bytes(&b, content, CRYPT_DIGEST);
	if (b.failed || crypt_hmac(&s->key, buf_text(&b), k) == -1) {
		err_set(err, ERR_CRYPTO, "cannot make a key");
		goto out;
	}
	buf_reset(&b);
	if ((rc = seen_read(s, k, &b, err)) == 1) {
		rc = str_ieq(buf_text(&b), from) ? 0 : 1;
		goto out;
	}
	if (rc == 0) {
		buf_reset(&b);
		buf_str(&b, from);
		rc = seen_write(s, k, &b, err);
	}
out:
	buf_clear(&b);
	return (rc);
}

int
seen_marked(struct seen *s, struct str name, struct err *err)
{
	uint8_t k[CRYPT_DIGEST];
	struct buf b;
	int rc;

	if (named_key(s, "mark", name, k, err) == -1)
		return (-1);
	buf_init(&b, LIMIT_RECORD);
	rc = seen_read(s, k, &b, err);
	buf_clear(&b);
	return (rc);
}

int
seen_mark(struct seen *s, struct str name, struct err *err)
{
	uint8_t k[CRYPT_DIGEST];
	struct buf b;
	int rc;

	if ((rc = seen_marked(s, name, err)) != 0)
		return (rc == 1 ? 0 : -1);
	if (named_key(s, "mark", name, k, err) == -1)
		return (-1);
	buf_init(&b, LIMIT_RECORD);
	buf_putc(&b, '1');
	rc = seen_write(s, k, &b, err);
	buf_clear(&b);
	return (rc);
}

int
seen_kept(struct seen *s, struct str name, struct buf *value, struct err *err)
{
	uint8_t k[CRYPT_DIGEST];

	if (named_key(s, "kept", name, k, err) == -1)
		return (-1);
	return (seen_read(s, k, value, err));
}

int
seen_keep(struct seen *s, struct str name, const struct buf *value,
    struct err *err)
{
	uint8_t k[CRYPT_DIGEST];
	struct seen_key key;

	if (named_key(s, "kept", name, k, err) == -1)
		return (-1);
	if (value->len > 0 || value->failed)
		return (seen_write(s, k, value, err));
	memcpy(key.k, k, sizeof(key.k));
	return (seen_drop(s, &key, err));
}
