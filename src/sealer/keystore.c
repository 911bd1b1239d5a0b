#include "config.h"

#include "sealer/keystore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proto/keys.h"
#include "proto/start.h"
#include "sys/db.h"

/* Room for the whole of key/: 50,000 keys with their chains. */
#define MAP_BYTES ((size_t)512 * 1024 * 1024)

/* A record: RSA-16384 with eight certificates is below this. */
#define RECORD_MAX ((size_t)1024 * 1024)

#define INDEX_LABEL "index"

enum index { INDEX_ADDRESS = 'i', INDEX_ACCOUNT = 'n' };

struct keystore {
	struct db *db; /* owned */
	struct crypt_key root;
	struct crypt_key index; /* wraps the indexes */
};

/* "n" or "i" and a digest. */
struct index_id {
	char b[1 + CRYPT_DIGEST];
};

/* --- wrapping --- */

static int
wrapping_key(const struct keystore *ks, enum key_purpose purpose,
    struct str account, struct crypt_key *out, struct err *err)
{
	const char *label =
	    purpose == KEY_OPENS ? KEYLABEL_OPEN : KEYLABEL_SIGN;

	if (crypt_derive(&ks->root, label, account, out) == 0)
		return (0);
	err_set(err, ERR_CRYPTO, "cannot derive a key");
	return (-1);
}

static int
digest(struct str s, uint8_t out[CRYPT_DIGEST], struct err *err)
{
	if (crypt_sha256(s, out) == 0)
		return (0);
	err_set(err, ERR_CRYPTO, "cannot make a digest");
	return (-1);
}

/* --- the indexes --- */

static int
index_id(struct index_id *id, enum index which, struct str name,
    struct err *err)
{
	uint8_t d[CRYPT_DIGEST];

	if (digest(name, d, err) == -1)
		return (-1);
	id->b[0] = (char)which;
	memcpy(id->b + 1, d, sizeof(d));
	return (0);
}

static struct str
index_str(const struct index_id *id)
{
	return (str_of(id->b, sizeof(id->b)));
}

/* Remember an account's name under a name (its own, or an address). */
static int
index_put(struct keystore *ks, enum index which, struct str name,
    struct str account, struct err *err)
{
	struct index_id id;
	struct buf sealed;
	int rc = -1;

	buf_init(&sealed, LIMIT_RECORD);
	if (index_id(&id, which, name, err) == 0 &&
	    crypt_seal(&ks->index, index_str(&id), account, &sealed, err) == 0)
		rc = db_put(ks->db, index_str(&id), buf_text(&sealed), err);
	buf_clear(&sealed);
	return (rc);
}

/* Addresses are compared without regard to case (smime/cert.h). */
static int
lower(struct str s, char out[LIMIT_ADDRESS], struct str *low, struct err *err)
{
	size_t i;

	if (s.len > LIMIT_ADDRESS) {
		err_set(err, ERR_LIMIT, "the address is too long");
		return (-1);
	}
	for (i = 0; i < s.len; i++)
		out[i] = ascii_lower(s.p[i]);
	*low = str_of(out, s.len);
	return (0);
}

int
keystore_owner(struct keystore *ks, struct str address, struct buf *out,
    struct err *err)
{
	char space[LIMIT_ADDRESS];
	struct index_id id;
	struct buf sealed;
	struct str low;
	int rc;

	if (lower(address, space, &low, err) == -1 ||
	    index_id(&id, INDEX_ADDRESS, low, err) == -1)
		return (-1);
	buf_init(&sealed, LIMIT_RECORD);
	rc = db_get(ks->db, index_str(&id), &sealed, err);
	if (rc == 1 && crypt_open(&ks->index, index_str(&id), buf_text(&sealed),
	                   out, err) == -1)
		rc = -1;
	buf_clear(&sealed);
	return (rc);
}

/* What a walk over the accounts collects: their names as records. */
struct names {
	struct keystore *ks;
	struct buf list;
};

static int
collect_account(struct str id, struct str sealed, void *arg)
{
	struct names *n = arg;
	struct buf name;

	buf_init(&name, LIMIT_RECORD);
	if (crypt_open(&n->ks->index, id, sealed, &name, NULL) == 0)
		rec_put_str(&n->list, buf_text(&name));
	buf_clear(&name);
	return (0);
}

/* fn reads the store in its turn, which must not happen inside a walk. */
int
keystore_accounts(struct keystore *ks, keystore_fn *fn, void *arg,
    struct err *err)
{
	static const char prefix = INDEX_ACCOUNT;
	struct names n = {.ks = ks};
	struct rec r;
	int rc;

	buf_init(&n.list, SIZE_MAX);
	rc = db_walk(ks->db, str_of(&prefix, 1), collect_account, &n, err);
	if (rc == 0 && n.list.failed) {
		err_set(err, ERR_MEMORY, "out of memory");
		rc = -1;
	}
	rec_init(&r, buf_text(&n.list));
	while (rc == 0 && r.pos < r.in.len)
		if (fn(rec_get_str(&r), arg) != 0)
			break;
	buf_clear(&n.list);
	return (rc);
}

/* --- reading --- */

struct load {
	const struct crypt_key *key;
	enum key_purpose purpose;
	struct str account;
	struct cert_cache *certs;
	struct keydb *keys;
	size_t bad;
};

static struct key *
unwrap(const struct load *l, struct str id, struct str sealed)
{
	uint8_t fp[FINGERPRINT];
	struct buf aad, record;
	struct key *k = NULL;

	if (!key_id_fingerprint(id, fp))
		return (NULL);
	buf_init(&aad, LIMIT_RECORD);
	buf_init(&record, RECORD_MAX);
	key_id_aad(&aad, l->purpose, l->account, fp);
	/* room for all of it, so that growing leaves no copies behind */
	if (buf_room(&record, sealed.len) != NULL &&
	    crypt_open(l->key, buf_text(&aad), sealed, &record, NULL) == 0)
		k = key_get(buf_text(&record), l->certs, NULL);
	if (k != NULL && memcmp(cert_facts(k->cert)->sha256, fp, sizeof(fp))) {
		key_free(k);
		k = NULL;
	}
	buf_wipe(&record);
	buf_clear(&aad);
	return (k);
}

static int
load_one(struct str id, struct str sealed, void *arg)
{
	struct load *l = arg;
	struct key *k;

	if (keydb_count(l->keys) >= KEYSTORE_KEYS ||
	    (k = unwrap(l, id, sealed)) == NULL || keydb_add(l->keys, k) == -1)
		l->bad++;
	return (0);
}

static int
load_purpose(struct keystore *ks, struct load *l, struct err *err)
{
	uint8_t account[CRYPT_DIGEST];
	struct crypt_key key;
	struct key_id id;
	int rc;

	if (digest(l->account, account, err) == -1 ||
	    wrapping_key(ks, l->purpose, l->account, &key, err) == -1)
		return (-1);
	l->key = &key;
	rc = db_walk(ks->db, key_id_prefix(&id, l->purpose, account), load_one,
	    l, err);
	crypt_key_wipe(&key);
	return (rc);
}

struct keydb *
keystore_load(struct keystore *ks, struct str account, struct cert_cache *certs,
    size_t *bad, struct err *err)
{
	struct load l = {.account = account, .certs = certs};

	if ((l.keys = keydb_new()) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for keys");
		return (NULL);
	}
	l.purpose = KEY_OPENS;
	if (load_purpose(ks, &l, err) == 0) {
		l.purpose = KEY_SIGNS;
		if (load_purpose(ks, &l, err) == 0) {
			*bad = l.bad;
			return (l.keys);
		}
	}
	keydb_free(l.keys);
	return (NULL);
}

/* --- writing --- */

static int
put_key(struct keystore *ks, struct str account, enum key_purpose purpose,
    const struct key *k, struct err *err)
{
	const struct cert_facts *f = cert_facts(k->cert);
	struct buf record, aad, sealed;
	uint8_t d[CRYPT_DIGEST];
	struct crypt_key key;
	struct key_id id;
	int rc = -1;

	if (digest(account, d, err) == -1 ||
	    wrapping_key(ks, purpose, account, &key, err) == -1)
		return (-1);
	buf_init(&record, RECORD_MAX);
	buf_init(&aad, LIMIT_RECORD);
	buf_init(&sealed, 2 * RECORD_MAX);
	key_id_aad(&aad, purpose, account, f->sha256);
	/* as in unwrap() */
	if (buf_room(&record, RECORD_MAX) == NULL)
		err_set(err, ERR_MEMORY, "no memory for a key");
	else if (key_put(k, &record, err) == 0 &&
	         crypt_seal(&key, buf_text(&aad), buf_text(&record), &sealed,
	             err) == 0)
		rc = db_put(ks->db, key_id_make(&id, purpose, d, f->sha256),
		    buf_text(&sealed), err);
	buf_wipe(&record);
	buf_clear(&aad);
	buf_clear(&sealed);
	crypt_key_wipe(&key);
	return (rc);
}

static int
put_all(struct keystore *ks, struct str account, const struct key *k,
    struct err *err)
{
	char space[LIMIT_ADDRESS];
	struct str low;

	if ((k->use & CERT_ENCRYPT) != 0 &&
	    put_key(ks, account, KEY_OPENS, k, err) == -1)
		return (-1);
	if ((k->use & CERT_SIGN) != 0 &&
	    put_key(ks, account, KEY_SIGNS, k, err) == -1)
		return (-1);
	if (lower(str_c(k->address), space, &low, err) == -1)
		return (-1);
	return (index_put(ks, INDEX_ADDRESS, low, account, err));
}

int
keystore_begin(struct keystore *ks, struct err *err)
{
	return (db_begin(ks->db, err));
}

int
keystore_commit(struct keystore *ks, struct err *err)
{
	return (db_commit(ks->db, err));
}

void
keystore_abort(struct keystore *ks)
{
	db_abort(ks->db);
}

int
keystore_put(struct keystore *ks, struct str account, const struct key *k,
    struct err *err)
{
	if (put_all(ks, account, k, err) == -1)
		return (-1);
	return (index_put(ks, INDEX_ACCOUNT, account, account, err));
}

int
keystore_add(struct keystore *ks, struct str account, struct key *const *keys,
    size_t n, struct err *err)
{
	size_t i;

	if (keystore_begin(ks, err) == -1)
		return (-1);
	for (i = 0; i < n; i++) {
		if (keystore_put(ks, account, keys[i], err) == -1) {
			keystore_abort(ks);
			return (-1);
		}
	}
	return (keystore_commit(ks, err));
}

int
keystore_drop_signing(struct keystore *ks, struct str account,
    const uint8_t fingerprint[FINGERPRINT], struct err *err)
{
	uint8_t d[CRYPT_DIGEST];
	struct key_id id;

	if (digest(account, d, err) == -1 ||
	    db_del(ks->db, key_id_make(&id, KEY_SIGNS, d, fingerprint), err) ==
	        -1)
		return (-1);
	return (0);
}

/* --- secrets --- */

/* Where a secret lies, what it is bound to, and the key that wraps it. */
struct place {
	char id[1 + 2 * CRYPT_DIGEST];
	struct buf aad;
	struct crypt_key key; /* wiped */
};

static void
place_clear(struct place *p)
{
	buf_clear(&p->aad);
	crypt_key_wipe(&p->key);
}

static int
place_find(struct keystore *ks, enum device_kind kind, struct str account,
    const uint8_t name[CRYPT_DIGEST], struct place *p, struct err *err)
{
	uint8_t d[CRYPT_DIGEST];

	buf_init(&p->aad, LIMIT_RECORD);
	if (digest(account, d, err) == -1)
		return (-1);
	if (crypt_derive(&ks->root, KEYLABEL_DEVICE, account, &p->key) == -1) {
		err_set(err, ERR_CRYPTO, "cannot derive a key");
		return (-1);
	}
	p->id[0] = (char)kind;
	memcpy(p->id + 1, d, sizeof(d));
	memcpy(p->id + 1 + sizeof(d), name, CRYPT_DIGEST);
	rec_put_u8(&p->aad, (uint8_t)kind);
	rec_put_str(&p->aad, account);
	rec_put_bytes(&p->aad, name, CRYPT_DIGEST);
	return (0);
}

int
keystore_secret_get(struct keystore *ks, enum device_kind kind,
    struct str account, const uint8_t name[CRYPT_DIGEST], struct buf *out,
    struct err *err)
{
	struct buf sealed;
	struct place p;
	int rc;

	buf_init(&sealed, 2 * SECRET_MAX);
	if ((rc = place_find(ks, kind, account, name, &p, err)) == 0)
		rc = db_get(ks->db, str_of(p.id, sizeof(p.id)), &sealed, err);
	if (rc == 1 && crypt_open(&p.key, buf_text(&p.aad), buf_text(&sealed),
	                   out, err) == -1)
		rc = -1;
	buf_clear(&sealed);
	place_clear(&p);
	return (rc);
}

struct walk {
	struct place place;
	keystore_secret_fn *fn;
	void *arg;
};

static int
walk_one(struct str id, struct str sealed, void *arg)
{
	struct walk *w = arg;
	struct buf plain;
	int rc = 0;

	if (id.len != sizeof(w->place.id))
		return (0);
	/* the digest that names it is the end of the id and of the aad */
	w->place.aad.len -= CRYPT_DIGEST;
	rec_put_bytes(&w->place.aad, id.p + id.len - CRYPT_DIGEST,
	    CRYPT_DIGEST);
	buf_init(&plain, SECRET_MAX);
	if (crypt_open(&w->place.key, buf_text(&w->place.aad), sealed, &plain,
	        NULL) == 0)
		rc = w->fn(buf_text(&plain), w->arg);
	buf_wipe(&plain);
	return (rc);
}

int
keystore_secret_walk(struct keystore *ks, enum device_kind kind,
    struct str account, keystore_secret_fn *fn, void *arg, struct err *err)
{
	static const uint8_t any[CRYPT_DIGEST];
	struct walk w = {.fn = fn, .arg = arg};
	int rc;

	if ((rc = place_find(ks, kind, account, any, &w.place, err)) == 0)
		rc = db_walk(ks->db,
		    str_of(w.place.id, sizeof(w.place.id) - CRYPT_DIGEST),
		    walk_one, &w, err);
	place_clear(&w.place);
	return (rc);
}

int
keystore_secret_put(struct keystore *ks, enum device_kind kind,
    struct str account, const uint8_t name[CRYPT_DIGEST], struct str plain,
    struct err *err)
{
	struct buf sealed;
	struct place p;
	int rc;

	buf_init(&sealed, 2 * SECRET_MAX);
	if ((rc = place_find(ks, kind, account, name, &p, err)) == 0 &&
	    (rc = crypt_seal(&p.key, buf_text(&p.aad), plain, &sealed, err)) ==
	        0)
		rc = db_put(ks->db, str_of(p.id, sizeof(p.id)),
		    buf_text(&sealed), err);
	buf_clear(&sealed);
	place_clear(&p);
	return (rc);
}

int
keystore_secret_del(struct keystore *ks, enum device_kind kind,
    struct str account, const uint8_t name[CRYPT_DIGEST], struct err *err)
{
	struct place p;
	int rc;

	if ((rc = place_find(ks, kind, account, name, &p, err)) == 0 &&
	    db_del(ks->db, str_of(p.id, sizeof(p.id)), err) == -1)
		rc = -1;
	place_clear(&p);
	return (rc);
}

uint64_t
keystore_version(struct keystore *ks)
{
	return (db_txn_id(ks->db));
}

struct keystore *
keystore_open(const char *state_dir, const struct crypt_key *root,
    struct err *err)
{
	struct keystore *ks;
	char dir[4096];

	if ((ks = calloc(1, sizeof(*ks))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the key store");
		return (NULL);
	}
	ks->root = *root;
	if ((size_t)snprintf(dir, sizeof(dir), "%s/key", state_dir) >=
	    sizeof(dir))
		err_set(err, ERR_LIMIT, "state_dir is too long");
	else if (crypt_derive(root, INDEX_LABEL, STR(""), &ks->index) == -1)
		err_set(err, ERR_CRYPTO, "cannot derive a key");
	else if ((ks->db = db_open(dir, DB_WRITE, MAP_BYTES, err)) != NULL)
		return (ks);
	keystore_close(ks);
	return (NULL);
}

void
keystore_close(struct keystore *ks)
{
	if (ks == NULL)
		return;
	db_close(ks->db);
	crypt_key_wipe(&ks->root);
	crypt_key_wipe(&ks->index);
	free(ks);
}
