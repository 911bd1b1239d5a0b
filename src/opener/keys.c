#include "config.h"

#include "opener/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proto/keys.h"
#include "proto/lookup.h"

/* A key follows its certificate within so many seconds, or was lost. */
#define AWAIT_S (14 * 86400)

/* The certificates of one address. */
#define LIST_MAX ((size_t)8 * 1024 * 1024)

/* Addresses are virtual: both stores are far smaller. */
#define MAP_BYTES (1UL << 30)

struct keys {
	char *state_dir; /* owned */
	char *account;   /* owned */
	struct crypt_key open_key;
	struct db *key_db; /* owned; NULL while it is not there */
	struct db *pub_db; /* likewise */
	struct keydb *keydb;
	struct cert_cache *cache; /* borrowed; NULL until keys_now() */
	uint64_t txn;
};

struct keys *
keys_new(const char *state_dir, const char *account,
    const struct crypt_key *open_key, struct err *err)
{
	struct keys *k;

	if ((k = calloc(1, sizeof(*k))) == NULL ||
	    (k->state_dir = strdup(state_dir)) == NULL ||
	    (k->account = strdup(account)) == NULL ||
	    (k->keydb = keydb_new()) == NULL) {
		keys_free(k);
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	if (open_key != NULL)
		k->open_key = *open_key;
	return (k);
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	keydb_free(k->keydb);
	db_close(k->key_db);
	db_close(k->pub_db);
	crypt_key_wipe(&k->open_key);
	free(k->account);
	free(k->state_dir);
	free(k);
}

/* Open a store when it has come into being. */
static struct db *
store(struct keys *k, struct db **db, const char *name, struct err *err)
{
	char path[4096];
	int n;

	if (*db != NULL)
		return (*db);
	n = snprintf(path, sizeof(path), "%s/%s", k->state_dir, name);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		err_set(err, ERR_LIMIT, "state_dir is too long");
		return (NULL);
	}
	*db = db_open(path, DB_READ, MAP_BYTES, err);
	return (*db);
}

struct load {
	struct keys *keys;
	struct keydb *into;
	struct cert_cache *cache;
	struct err *err;
};

/* One record: unwrap it and take it in.  A bad one is told and passed over,
 * so that it costs no other key. */
static int
load_one(struct str id, struct str value, void *arg)
{
	struct load *l = arg;
	struct keys *k = l->keys;
	uint8_t fingerprint[FINGERPRINT];
	struct buf aad, plain;
	struct key *key;

	if (!key_id_fingerprint(id, fingerprint))
		return (0);
	buf_init(&aad, LIMIT_RECORD);
	buf_init(&plain, LIMIT_RECORD * 4);
	key_id_aad(&aad, KEY_OPENS, str_c(k->account), fingerprint);
	if (crypt_open(&k->open_key, buf_text(&aad), value, &plain, l->err) ==
	        0 &&
	    (key = key_get(buf_text(&plain), l->cache, l->err)) != NULL &&
	    keydb_add(l->into, key) == -1)
		err_set(l->err, ERR_MEMORY, "out of memory");
	buf_wipe(&plain);
	buf_clear(&aad);
	return (0);
}

static void
load(struct keys *k, struct cert_cache *cache, struct err *err)
{
	struct load l = {k, keydb_new(), cache, err};
	uint8_t account[CRYPT_DIGEST];
	struct key_id id;

	if (l.into == NULL || crypt_sha256(str_c(k->account), account) == -1) {
		keydb_free(l.into);
		err_set(err, ERR_MEMORY, "out of memory");
		return;
	}
	if (db_walk(k->key_db, key_id_prefix(&id, KEY_OPENS, account), load_one,
	        &l, err) == -1) {
		keydb_free(l.into);
		return;
	}
	keydb_free(k->keydb);
	k->keydb = l.into;
}

const struct keydb *
keys_now(struct keys *k, struct cert_cache *cache, struct err *err)
{
	struct err missing;
	uint64_t txn;

	k->cache = cache;
	if (k->account[0] == '\0' ||
	    store(k, &k->key_db, "key", &missing) == NULL)
		return (k->keydb);
	txn = db_txn_id(k->key_db);
	if (txn != k->txn) {
		load(k, cache, err);
		k->txn = txn;
	}
	return (k->keydb);
}

/* Only what a person imported: other certificates are in pub/, too, and those
 * need a chain that holds when the mail comes. */
bool
keys_pinned(const unsigned char sha256[32], struct str address, void *arg)
{
	struct keys *k = arg;
	struct buf value;
	struct err err;
	struct rec rec;
	char id[1 + FINGERPRINT + LIMIT_ADDRESS];
	bool pinned = false;
	size_t i;

	if (address.len > LIMIT_ADDRESS ||
	    store(k, &k->pub_db, "pub", &err) == NULL)
		return (false);
	id[0] = PUB_TRUST[0];
	memcpy(id + 1, sha256, FINGERPRINT);
	for (i = 0; i < address.len; i++)
		id[1 + FINGERPRINT + i] = ascii_lower(address.p[i]);
	buf_init(&value, LIMIT_RECORD);
	if (db_get(k->pub_db, str_of(id, 1 + FINGERPRINT + i), &value, &err) ==
	    1) {
		rec_init(&rec, buf_text(&value));
		pinned = rec_get_enum(&rec, TRUST_PENDING) == TRUST_MANUAL;
		(void)rec_get_u64(&rec);
		pinned = rec_end(&rec, &err) == 0 && pinned;
	}
	buf_clear(&value);
	return (pinned);
}

/* Of those of an address: is this one meant, and new? */
static bool
is_new_one(const struct keys *k, const struct cert_rec *c,
    const struct rid *rid)
{
	int64_t now = clock_now().wall;
	struct cert *cert;
	bool is;

	if ((c->usage & USAGE_ENCRYPT) == 0 || c->not_before > now ||
	    now - c->not_before > AWAIT_S || c->not_after < now ||
	    (cert = cert_get(k->cache, c->der, NULL)) == NULL)
		return (false);
	is = cert_is(cert, rid);
	cert_unref(cert);
	return (is);
}

bool
keys_awaited(const struct rid *rid, void *arg)
{
	struct keys *k = arg;
	struct str login = str_c(k->account);
	char id[1 + LIMIT_ADDRESS];
	struct cert_rec c;
	struct buf list;
	struct err err;
	struct rec r;
	bool found = false;

	if (login.len == 0 || login.len > LIMIT_ADDRESS || k->cache == NULL ||
	    store(k, &k->pub_db, "pub", &err) == NULL)
		return (false);
	id[0] = PUB_BY_ADDRESS[0];
	memcpy(id + 1, login.p, login.len);
	buf_init(&list, LIST_MAX);
	if (db_get(k->pub_db, str_of(id, 1 + login.len), &list, &err) == 1) {
		rec_init(&r, buf_text(&list));
		while (!found && cert_rec_get(&r, &c, &err) == 1)
			found = is_new_one(k, &c, rid);
	}
	buf_clear(&list);
	return (found);
}
