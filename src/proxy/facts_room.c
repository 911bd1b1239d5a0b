/*
 * Bounds and order: when each message was used, how many bytes all take, and
 * who goes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/facts_own.h"

/* A message that was used in the last so many seconds is not marked again. */
#define TOUCH_S 3600

/* Messages that are dropped at once, and how often in a row. */
#define DROP_MAX   500
#define DROP_TIMES 4

/* When it was used and its bytes: 1, 0 or -1. */
static int
use_get(struct facts *f, const struct fact_key *key, uint32_t *stamp,
    uint32_t *size, struct err *err)
{
	struct fact_name name;
	struct buf b;
	int rc;

	buf_init(&b, 16);
	rc = factdb_get_bare(f->db, fact_name_key(&name, 's', key), &b, err);
	if (rc == 1 && b.len == 8) {
		*stamp = fact_u32(b.data);
		*size = fact_u32(b.data + 4);
	} else if (rc == 1)
		rc = 0;
	buf_clear(&b);
	return (rc);
}

static struct str
use_name(struct fact_name *name, uint32_t stamp, const struct fact_key *key)
{
	uint8_t k[4 + FACT_KEY];

	fact_put_u32(k, stamp);
	memcpy(k + 4, key->k, FACT_KEY);
	return (fact_name(name, 'l', k, sizeof(k)));
}

int
facts_use_put(struct facts *f, const struct fact_key *key, uint32_t stamp,
    uint32_t size, struct err *err)
{
	struct fact_name name;
	uint8_t v[8];

	fact_put_u32(v, stamp);
	fact_put_u32(v + 4, size);
	if (factdb_put_bare(f->db, fact_name_key(&name, 's', key),
	        str_of((const char *)v, 8), err) == -1)
		return (-1);
	return (factdb_put_bare(f->db, use_name(&name, stamp, key),
	    str_of((const char *)v + 4, 4), err));
}

/* Mark it as used now. */
void
facts_touch(struct facts *f, const struct fact_key *key, uint32_t uid)
{
	struct fact_box *box = &f->box;
	int64_t now = clock_now().wall;
	uint32_t stamp, size;
	struct fact_name name;

	if (now < box->since || now - box->since > TOUCH_S) {
		set_clear(&box->touched);
		box->since = now;
	}
	if (set_has(&box->touched, uid) ||
	    set_add(&box->touched, uid, uid) == -1 ||
	    use_get(f, key, &stamp, &size, NULL) != 1 ||
	    (now >= stamp && now - stamp < TOUCH_S))
		return;
	if (factdb_del(f->db, use_name(&name, stamp, key), NULL) != -1)
		(void)facts_use_put(f, key, (uint32_t)now, size, NULL);
}

/* Take a message out: all of it, or only what tells of its use. */
int
facts_remove(struct facts *f, const struct fact_key *key, const char *kinds,
    struct err *err)
{
	uint32_t stamp, size;
	struct fact_name name;
	int rc;

	if ((rc = use_get(f, key, &stamp, &size, err)) != 1)
		return (rc);
	for (; *kinds != '\0'; kinds++)
		if (factdb_del(f->db, fact_name_key(&name, *kinds, key), err) ==
		    -1)
			return (-1);
	if (factdb_del(f->db, use_name(&name, stamp, key), err) == -1)
		return (-1);
	f->bytes -= size < f->bytes ? size : f->bytes;
	f->count -= f->count > 0;
	return (1);
}

static int
count_one(struct str name, struct str value, void *arg)
{
	struct facts *f = arg;

	(void)name;
	if (value.len == 4) {
		f->bytes += fact_u32(value.p);
		f->count++;
	}
	return (0);
}

/* The database may have lost something. */
void
facts_recount(struct facts *f)
{
	struct err err;

	if (f->epoch == factdb_epoch(f->db))
		return;
	f->bytes = f->count = 0;
	facts_box_forget(&f->box);
	if (factdb_walk(f->db, STR("l"), count_one, f, &err) == -1)
		facts_gripe(&err);
	f->epoch = factdb_epoch(f->db);
}

void
facts_drop_mailbox(struct facts *f, const struct account *a, struct str mailbox,
    uint32_t keep)
{
	struct fact_name name;
	struct fact_doom *d;
	struct err err;

	if (f == NULL)
		return;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return;
	if (facts_box_key(f, a, mailbox, d->k) == -1) {
		free(d);
		return;
	}
	d->keep = keep;
	d->next = f->dooms;
	f->dooms = d;
	if (keep == 0 && factdb_del(f->db,
	                     fact_name(&name, 'c', d->k, FACT_BOX), &err) == -1)
		facts_gripe(&err);
}

/* Keys that a walk found. */
struct found {
	struct fact_key *keys; /* room for DROP_MAX */
	size_t n;
	uint32_t keep;
	uint64_t enough; /* stop when so many bytes are found */
};

static int
find_box(struct str name, struct str value, void *arg)
{
	struct found *found = arg;

	(void)value;
	if (name.len != 1 + FACT_KEY ||
	    (found->keep != 0 &&
	        fact_u32(name.p + 1 + FACT_BOX) == found->keep))
		return (0);
	memcpy(found->keys[found->n++].k, name.p + 1, FACT_KEY);
	return (found->n == DROP_MAX);
}

static int
find_old(struct str name, struct str value, void *arg)
{
	struct found *found = arg;
	uint32_t size;

	if (name.len != 1 + 4 + FACT_KEY || value.len != 4)
		return (0);
	memcpy(found->keys[found->n++].k, name.p + 1 + 4, FACT_KEY);
	size = fact_u32(value.p);
	if (size >= found->enough)
		return (1);
	found->enough -= size;
	return (found->n == DROP_MAX);
}

static int
drop_found(struct facts *f, const struct found *found, struct err *err)
{
	size_t i;

	for (i = 0; i < found->n; i++)
		if (facts_remove(f, &found->keys[i], "rts", err) == -1)
			return (-1);
	return (factdb_commit(f->db, err));
}

/* Go on with a mailbox whose messages go.  1: there are more. */
static int
drop_doomed(struct facts *f, struct fact_key *keys, struct err *err)
{
	struct found found = {.keys = keys, .keep = f->dooms->keep};
	struct fact_name name;
	struct fact_doom *d = f->dooms;

	if (factdb_walk(f->db, fact_name(&name, 's', d->k, FACT_BOX), find_box,
	        &found, err) == -1 ||
	    drop_found(f, &found, err) == -1)
		return (-1);
	if (found.n == DROP_MAX)
		return (1);
	f->dooms = d->next;
	free(d);
	return (f->dooms != NULL);
}

/* Make room: those that were used longest ago go. */
static int
drop_old(struct facts *f, struct fact_key *keys, struct err *err)
{
	struct found found = {.keys = keys};
	uint64_t before = f->bytes;

	if (f->bytes <= f->limit)
		return (0);
	found.enough = f->bytes - (f->limit - f->limit / 16);
	if (factdb_walk(f->db, STR("l"), find_old, &found, err) == -1 ||
	    drop_found(f, &found, err) == -1)
		return (-1);
	/* Numbers that do not belong together: it is no use. */
	if (f->bytes == before)
		return (factdb_renew(f->db, err));
	return (found.n == DROP_MAX);
}

void
facts_commit(struct facts *f)
{
	struct fact_key *keys;
	struct err err;
	int i, rc;

	if (f == NULL)
		return;
	rc = factdb_commit(f->db, &err);
	facts_recount(f);
	if (f->dooms == NULL && f->bytes <= f->limit) {
		if (rc == -1)
			facts_gripe(&err);
		return;
	}
	if ((keys = calloc(DROP_MAX, sizeof(*keys))) == NULL)
		return;
	for (i = 0; i < DROP_TIMES && rc != -1; i++) {
		if (f->dooms != NULL)
			rc = drop_doomed(f, keys, &err);
		else if ((rc = drop_old(f, keys, &err)) == 0)
			break;
	}
	if (rc == -1)
		facts_gripe(&err);
	free(keys);
}
