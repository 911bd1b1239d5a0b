#include "config.h"

#include "sealer/keystore.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/keys.h"
#include "proto/start.h"
#include "sealer/keyring.h"
#include "smime_help.h"
#include "sys/db.h"

static char dir[64];
static struct crypt_key root = {{7}};

static void
make_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "t_keystore.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
}

static void
drop_dir(void)
{
	static const char *const names[] = {"key/data.mdb", "key/lock.mdb",
	    "key", ""};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (unlink(path) == -1)
			(void)rmdir(path);
	}
}

static struct key *
one(const char *address, const char *usage)
{
	return (help_make_key("EC", "P-256", address, usage));
}

static void
add(struct keystore *ks, const char *account, struct key *k)
{
	struct err err;

	CHECK(keystore_add(ks, str_c(account), &k, 1, &err) == 0);
	key_free(k);
}

static size_t
count(struct keystore *ks, const char *account, size_t bad_wanted)
{
	struct keydb *keys;
	struct err err;
	size_t n, bad;

	keys = keystore_load(ks, str_c(account), NULL, &bad, &err);
	if (!CHECK(keys != NULL))
		return (0);
	CHECK_UINT(bad, bad_wanted);
	n = keydb_count(keys);
	keydb_free(keys);
	return (n);
}

static int
join_names(struct str account, void *arg)
{
	struct buf *out = arg;

	buf_str(out, account);
	buf_putc(out, ' ');
	return (0);
}

static void
t_store(void)
{
	struct keystore *ks;
	struct buf text;
	struct err err;

	make_dir();
	ks = keystore_open(dir, &root, &err);
	if (!CHECK(ks != NULL))
		return;
	CHECK_UINT(count(ks, "a@x.test", 0), 0);
	add(ks, "a@x.test", one("a@x.test", "digitalSignature"));
	add(ks, "a@x.test", one("A@x.test", "keyAgreement"));
	add(ks, "a@x.test", one("A@x.test", "keyAgreement,digitalSignature"));
	add(ks, "b@x.test", one("b@x.test", "keyAgreement"));
	unit_row("each account has its own");
	CHECK_UINT(count(ks, "a@x.test", 0), 3);
	CHECK_UINT(count(ks, "b@x.test", 0), 1);
	CHECK_UINT(count(ks, "A@x.test", 0), 0);

	unit_row("opened again");
	keystore_close(ks);
	ks = keystore_open(dir, &root, &err);
	if (!CHECK(ks != NULL))
		return;
	CHECK_UINT(count(ks, "a@x.test", 0), 3);

	unit_row("owners");
	buf_init(&text, 100);
	CHECK_INT(keystore_owner(ks, STR("A@X.test"), &text, &err), 1);
	CHECK_BUF(&text, "a@x.test");
	buf_clear(&text);
	CHECK_INT(keystore_owner(ks, STR("c@x.test"), &text, &err), 0);
	CHECK(keystore_accounts(ks, join_names, &text, &err) == 0);
	CHECK_UINT(text.len, 2 * sizeof("a@x.test"));
	buf_clear(&text);
	keystore_close(ks);

	unit_row("another master key opens nothing");
	root.k[1] ^= 1;
	ks = keystore_open(dir, &root, &err);
	CHECK_UINT(count(ks, "a@x.test", 4), 0);
	CHECK_INT(keystore_owner(ks, STR("a@x.test"), &text, &err), -1);
	buf_clear(&text);
	root.k[1] ^= 1;
	keystore_close(ks);
	drop_dir();
}

/* What is moved to another place of the store does not open there. */
static int
steal(struct str id, struct str value, void *arg)
{
	struct buf *out = arg;

	(void)id;
	buf_str(out, value);
	return (1);
}

static void
t_bound(void)
{
	uint8_t from[CRYPT_DIGEST], to[CRYPT_DIGEST], fp[FINGERPRINT] = {0};
	struct keystore *ks;
	struct key_id id;
	struct buf value;
	struct err err;
	struct db *db;

	make_dir();
	ks = keystore_open(dir, &root, &err);
	add(ks, "a@x.test", one("a@x.test", "keyAgreement"));
	add(ks, "b@x.test", one("b@x.test", "keyAgreement"));
	keystore_close(ks);

	(void)crypt_sha256(STR("a@x.test"), from);
	(void)crypt_sha256(STR("b@x.test"), to);
	db = db_open(strcat(dir, "/key"), DB_WRITE, 1 << 20, &err);
	buf_init(&value, 100000);
	CHECK(db_walk(db, key_id_prefix(&id, KEY_OPENS, from), steal, &value,
	          &err) == 0);
	CHECK(value.len > 100);
	CHECK(db_put(db, key_id_make(&id, KEY_OPENS, to, fp), buf_text(&value),
	          &err) == 0);
	CHECK(db_put(db, key_id_make(&id, KEY_SIGNS, from, fp),
	          buf_text(&value), &err) == 0);
	buf_clear(&value);
	db_close(db);
	dir[strlen(dir) - strlen("/key")] = '\0';

	ks = keystore_open(dir, &root, &err);
	CHECK_UINT(count(ks, "a@x.test", 1), 1);
	CHECK_UINT(count(ks, "b@x.test", 1), 1);
	keystore_close(ks);
	drop_dir();
}

static int
join_secrets(struct str plain, void *arg)
{
	struct buf *out = arg;

	buf_str(out, plain);
	buf_putc(out, ' ');
	return (0);
}

/* A secret as text; "" if there is none. */
static void
check_secret(struct keystore *ks, enum device_kind kind, const char *account,
    uint8_t n, const char *want)
{
	uint8_t name[CRYPT_DIGEST] = {n};
	struct buf got;
	struct err err;

	buf_init(&got, SECRET_MAX);
	CHECK_INT(
	    keystore_secret_get(ks, kind, str_c(account), name, &got, &err),
	    want[0] != '\0');
	CHECK_BUF(&got, want);
	buf_clear(&got);
}

static void
t_secrets(void)
{
	static const uint8_t one_name[CRYPT_DIGEST] = {1},
	                     two_name[CRYPT_DIGEST] = {2};
	struct str a = STR("a@x.test");
	struct keystore *ks;
	struct buf text;
	struct err err;

	make_dir();
	ks = keystore_open(dir, &root, &err);
	check_secret(ks, DEVICE_KEYS, "a@x.test", 1, "");
	CHECK(keystore_secret_put(ks, DEVICE_KEYS, a, one_name, STR("first"),
	          &err) == 0);
	CHECK(keystore_secret_put(ks, DEVICE_KEYS, a, two_name, STR("second"),
	          &err) == 0);
	unit_row("each kind, account and name is another");
	check_secret(ks, DEVICE_KEYS, "a@x.test", 1, "first");
	check_secret(ks, DEVICE_KEYS, "a@x.test", 2, "second");
	check_secret(ks, DEVICE_PENDING, "a@x.test", 1, "");
	check_secret(ks, DEVICE_KEYS, "b@x.test", 1, "");
	unit_row("walk");
	buf_init(&text, SECRET_MAX);
	CHECK(keystore_secret_walk(ks, DEVICE_KEYS, a, join_secrets, &text,
	          &err) == 0);
	CHECK_BUF(&text, "first second ");
	buf_clear(&text);
	unit_row("no account for a list of keys");
	CHECK(keystore_accounts(ks, join_names, &text, &err) == 0);
	CHECK_UINT(text.len, 0);
	unit_row("all or nothing");
	CHECK(keystore_begin(ks, &err) == 0);
	CHECK(keystore_secret_put(ks, DEVICE_KEYS, a, one_name, STR("new"),
	          &err) == 0);
	CHECK(keystore_secret_del(ks, DEVICE_KEYS, a, two_name, &err) == 0);
	keystore_abort(ks);
	check_secret(ks, DEVICE_KEYS, "a@x.test", 1, "first");
	check_secret(ks, DEVICE_KEYS, "a@x.test", 2, "second");
	unit_row("gone");
	CHECK(keystore_secret_del(ks, DEVICE_KEYS, a, two_name, &err) == 0);
	CHECK(keystore_secret_del(ks, DEVICE_KEYS, a, two_name, &err) == 0);
	check_secret(ks, DEVICE_KEYS, "a@x.test", 2, "");
	keystore_close(ks);

	unit_row("another master key opens nothing");
	root.k[1] ^= 1;
	ks = keystore_open(dir, &root, &err);
	buf_init(&text, SECRET_MAX);
	CHECK_INT(
	    keystore_secret_get(ks, DEVICE_KEYS, a, one_name, &text, &err), -1);
	CHECK_UINT(text.len, 0);
	buf_clear(&text);
	root.k[1] ^= 1;
	keystore_close(ks);
	drop_dir();
}

static void
t_ring(void)
{
	const struct keydb *keys;
	struct keystore *ks;
	struct keyring *kr;
	struct err err;
	size_t bad;

	make_dir();
	ks = keystore_open(dir, &root, &err);
	kr = keyring_new(ks, NULL);
	add(ks, "a@x.test", one("a@x.test", "keyAgreement"));
	keys = keyring_get(kr, STR("a@x.test"), &bad, &err);
	CHECK(keys != NULL && keydb_count(keys) == 1);
	CHECK(keyring_get(kr, STR("a@x.test"), &bad, &err) == keys);
	unit_row("a change is seen");
	add(ks, "a@x.test", one("a@x.test", "keyAgreement"));
	keys = keyring_get(kr, STR("a@x.test"), &bad, &err);
	CHECK(keys != NULL && keydb_count(keys) == 2);
	keyring_free(kr);
	keystore_close(ks);
	drop_dir();
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"store", t_store},
	    {"bound", t_bound},
	    {"secrets", t_secrets},
	    {"ring", t_ring},
	    {NULL, NULL},
	};

	return (unit_main("keystore", tests));
}
