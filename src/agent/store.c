#include "config.h"

#include "agent/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "sys/db.h"

/* Only addresses are reserved; a certificate takes about 5 KiB. */
#define MAP_BYTES ((size_t)4 * 1024 * 1024 * 1024)

/* The records of one address. */
#define LIST_MAX (CERTLIST_MAX * LIMIT_CERT_RECORD)

struct store {
	struct db *db; /* owned */
};

/* The longest key: "t" fingerprint address. */
struct pub_id {
	char b[1 + FINGERPRINT + LIMIT_ADDRESS];
	size_t len;
};

static struct str
id_make(struct pub_id *id, const char *kind, const uint8_t *fp,
    struct str address)
{
	id->b[0] = kind[0];
	id->len = 1;
	if (fp != NULL) {
		memcpy(id->b + id->len, fp, FINGERPRINT);
		id->len += FINGERPRINT;
	}
	if (address.len > 0)
		memcpy(id->b + id->len, address.p, address.len);
	return (str_of(id->b, id->len + address.len));
}

int
store_trust(struct store *st, const uint8_t fp[FINGERPRINT], struct str address,
    uint8_t *trust, struct err *err)
{
	struct pub_id id;
	struct buf value;
	struct rec r;
	int rc;

	buf_init(&value, LIMIT_RECORD);
	rc = db_get(st->db, id_make(&id, PUB_TRUST, fp, address), &value, err);
	if (rc == 1) {
		rec_init(&r, buf_text(&value));
		*trust = rec_get_enum(&r, TRUST_PENDING);
		(void)rec_get_u64(&r);
		if (rec_end(&r, err) == -1)
			rc = -1;
	}
	buf_clear(&value);
	return (rc);
}

static int
put_trust(struct store *st, const uint8_t fp[FINGERPRINT], struct str address,
    enum trust trust, int64_t now, struct err *err)
{
	struct pub_id id;
	struct buf value;
	uint8_t was;
	int rc;

	if ((rc = store_trust(st, fp, address, &was, err)) == -1)
		return (-1);
	if (rc == 1 && was <= trust)
		return (0);
	buf_init(&value, LIMIT_RECORD);
	rec_put_u8(&value, (uint8_t)trust);
	rec_put_u64(&value, (uint64_t)now);
	rc = db_put(st->db, id_make(&id, PUB_TRUST, fp, address),
	    buf_text(&value), err);
	buf_clear(&value);
	return (rc);
}

static int
put_address(struct store *st, const struct cert_rec *c, struct str address,
    struct err *err)
{
	struct buf old, list;
	struct pub_id id;
	struct str key;
	int rc = -1;

	buf_init(&old, LIST_MAX);
	buf_init(&list, LIST_MAX);
	key = id_make(&id, PUB_BY_ADDRESS, NULL, address);
	if (db_get(st->db, key, &old, err) != -1 &&
	    certlist_add(buf_text(&old), c, &list, err) == 0)
		rc = db_put(st->db, key, buf_text(&list), err);
	buf_clear(&old);
	buf_clear(&list);
	return (rc);
}

/* For each word of the certificate's addresses that is one; how many in *n. */
static int
put_addresses(struct store *st, const struct cert_rec *c, enum trust trust,
    int64_t now, size_t *n, struct err *err)
{
	struct str rest = c->addresses, low;
	char space[LIMIT_ADDRESS];
	size_t len;

	*n = 0;
	while (rest.len > 0) {
		len = str_find(rest, ' ');
		if (certlist_address(str_of(rest.p, len), space, &low, NULL) ==
		    0) {
			if (put_address(st, c, low, err) == -1 ||
			    put_trust(st, c->fingerprint, low, trust, now,
			        err) == -1)
				return (-1);
			(*n)++;
		}
		if (len == rest.len)
			break;
		rest = str_of(rest.p + len + 1, rest.len - len - 1);
	}
	return (0);
}

static int
put_record(struct store *st, const struct cert_rec *c, struct err *err)
{
	struct pub_id id;
	struct buf value;
	int rc = -1;

	buf_init(&value, LIMIT_CERT_RECORD);
	cert_rec_put(&value, c);
	if (value.failed)
		err_set(err, ERR_LIMIT, "the certificate is too large");
	else
		rc = db_put(st->db,
		    id_make(&id, PUB_BY_FINGERPRINT, c->fingerprint,
		        str_of("", 0)),
		    buf_text(&value), err);
	buf_clear(&value);
	return (rc);
}

int
store_put_as_is(struct store *st, const struct cert_rec *c, enum trust trust,
    int64_t now, struct err *err)
{
	size_t n;

	if (c->verdict.code != ERR_OK) {
		err_set(err, ERR_UNTRUSTED, "%s", c->verdict.text);
		return (-1);
	}
	if (db_begin(st->db, err) == -1)
		return (-1);
	if (put_addresses(st, c, trust, now, &n, err) == -1 ||
	    put_record(st, c, err) == -1)
		goto undo;
	if (n == 0) {
		err_set(err, ERR_UNTRUSTED, "it names no mail address");
		goto undo;
	}
	return (db_commit(st->db, err));
undo:
	db_abort(st->db);
	return (-1);
}

/* What was said in signed mail of what its owner can read stays. */
int
store_put(struct store *st, const struct cert_rec *c, enum trust trust,
    int64_t now, struct err *err)
{
	struct cert_rec with = *c, was;
	struct pub_id id;
	struct buf old;
	struct rec in;

	buf_init(&old, LIMIT_CERT_RECORD);
	if (db_get(st->db,
	        id_make(&id, PUB_BY_FINGERPRINT, c->fingerprint, STR("")), &old,
	        NULL) == 1) {
		rec_init(&in, buf_text(&old));
		if (cert_rec_get(&in, &was, NULL) == 1) {
			with.gcm = with.gcm || was.gcm;
			with.oaep = with.oaep || was.oaep;
		}
	}
	buf_clear(&old);
	return (store_put_as_is(st, &with, trust, now, err));
}

int
store_approve(struct store *st, const uint8_t fp[FINGERPRINT],
    struct str address, int64_t now, struct err *err)
{
	if (db_begin(st->db, err) == -1)
		return (-1);
	if (put_trust(st, fp, address, TRUST_MANUAL, now, err) == -1) {
		db_abort(st->db);
		return (-1);
	}
	return (db_commit(st->db, err));
}

int
store_find(struct store *st, struct str address, struct buf *text,
    struct certlist_item *items, size_t *n, struct err *err)
{
	struct pub_id id;
	size_t i;
	int rc;

	*n = 0;
	rc = db_get(st->db, id_make(&id, PUB_BY_ADDRESS, NULL, address), text,
	    err);
	if (rc <= 0)
		return (rc);
	if (certlist_read(buf_text(text), items, n, err) == -1)
		return (-1);
	for (i = 0; i < *n; i++) {
		items[i].trust = TRUST_HARVESTED;
		if (store_trust(st, items[i].c.fingerprint, address,
		        &items[i].trust, err) == -1)
			return (-1);
	}
	return (0);
}

/* --- what directories said --- */

int
store_looked(struct store *st, struct str address, struct buf *text,
    struct looked *l, struct err *err)
{
	struct pub_id id;
	struct rec r;
	int rc;

	memset(l, 0, sizeof(*l));
	rc = db_get(st->db, id_make(&id, PUB_LOOKED, NULL, address), text, err);
	if (rc <= 0)
		return (rc);
	rec_init(&r, buf_text(text));
	l->found = rec_get_bool(&r);
	l->at = (int64_t)rec_get_u64(&r);
	l->fresh = (int64_t)rec_get_u64(&r);
	l->ended = (int64_t)rec_get_u64(&r);
	rec_get_bytes(&r, l->fingerprint, FINGERPRINT);
	l->etag = rec_get_str(&r);
	return (rec_end(&r, err) == -1 ? -1 : 1);
}

int
store_put_looked(struct store *st, struct str address, const struct looked *l,
    struct err *err)
{
	struct pub_id id;
	struct buf value;
	int rc;

	buf_init(&value, LIMIT_RECORD);
	rec_put_bool(&value, l->found);
	rec_put_u64(&value, (uint64_t)l->at);
	rec_put_u64(&value, (uint64_t)l->fresh);
	rec_put_u64(&value, (uint64_t)l->ended);
	rec_put_bytes(&value, l->fingerprint, FINGERPRINT);
	rec_put_str(&value, l->etag);
	rc = db_put(st->db, id_make(&id, PUB_LOOKED, NULL, address),
	    buf_text(&value), err);
	buf_clear(&value);
	return (rc);
}

/* --- revocations --- */

static int
read_crl(struct str value, struct crl_rec *c, struct err *err)
{
	struct rec r;

	rec_init(&r, value);
	c->at = (int64_t)rec_get_u64(&r);
	c->fresh = (int64_t)rec_get_u64(&r);
	c->etag = rec_get_str(&r);
	c->der = rec_get_str(&r);
	return (rec_end(&r, err));
}

int
store_crl(struct store *st, struct str url, struct buf *text, struct crl_rec *c,
    struct err *err)
{
	struct pub_id id;
	int rc;

	memset(c, 0, sizeof(*c));
	if (url.len > LIMIT_ADDRESS)
		return (0);
	rc = db_get(st->db, id_make(&id, PUB_CRL, NULL, url), text, err);
	if (rc <= 0)
		return (rc);
	return (read_crl(buf_text(text), c, err) == -1 ? -1 : 1);
}

int
store_put_crl(struct store *st, struct str url, const struct crl_rec *c,
    struct err *err)
{
	struct pub_id id;
	struct buf value;
	int rc;

	if (url.len > LIMIT_ADDRESS) {
		err_set(err, ERR_LIMIT, "the URL of a list is too long");
		return (-1);
	}
	buf_init(&value, CRL_MAX + LIMIT_RECORD);
	rec_put_u64(&value, (uint64_t)c->at);
	rec_put_u64(&value, (uint64_t)c->fresh);
	rec_put_str(&value, c->etag);
	rec_put_str(&value, c->der);
	rc = db_put(st->db, id_make(&id, PUB_CRL, NULL, url), buf_text(&value),
	    err);
	buf_clear(&value);
	return (rc);
}

struct crl_visit {
	store_crl_fn *fn;
	void *arg;
};

static int
visit_crl(struct str key, struct str value, void *arg)
{
	struct crl_visit *v = arg;
	struct crl_rec c;

	if (read_crl(value, &c, NULL) == -1)
		return (0);
	return (v->fn(str_of(key.p + 1, key.len - 1), &c, v->arg));
}

int
store_walk_crls(struct store *st, store_crl_fn *fn, void *arg, struct err *err)
{
	struct crl_visit v = {fn, arg};

	return (db_walk(st->db, STR(PUB_CRL), visit_crl, &v, err));
}

/* --- all --- */

struct visit {
	store_fn *fn;
	void *arg;
};

static int
visit_record(struct str key, struct str value, void *arg)
{
	struct visit *v = arg;
	struct cert_rec c;
	struct rec in;

	(void)key;
	rec_init(&in, value);
	if (cert_rec_get(&in, &c, NULL) != 1)
		return (0);
	return (v->fn(&c, v->arg));
}

int
store_walk(struct store *st, store_fn *fn, void *arg, struct err *err)
{
	struct visit v = {fn, arg};

	return (
	    db_walk(st->db, STR(PUB_BY_FINGERPRINT), visit_record, &v, err));
}

struct store *
store_open(const char *state_dir, struct err *err)
{
	struct store *st;
	char dir[4096];

	if ((size_t)snprintf(dir, sizeof(dir), "%s/pub", state_dir) >=
	    sizeof(dir)) {
		err_set(err, ERR_LIMIT, "state_dir is too long");
		return (NULL);
	}
	if ((st = calloc(1, sizeof(*st))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the store");
		return (NULL);
	}
	if ((st->db = db_open(dir, DB_WRITE, MAP_BYTES, err)) != NULL)
		return (st);
	free(st);
	return (NULL);
}

void
store_close(struct store *st)
{
	if (st == NULL)
		return;
	db_close(st->db);
	free(st);
}
