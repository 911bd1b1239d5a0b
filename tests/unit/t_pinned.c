/*
 * Which certificates need no chain: those that a person imported for the very
 * address, and no others that lie in pub/ for whatever reason.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opener/keys.h"
#include "proto/keys.h"
#include "proto/lookup.h"
#include "sys/db.h"
#include "unit.h"

static const uint8_t fp[FINGERPRINT] = {1, 2, 3};
static char dir[64];

static void
put(struct db *db, const char *kind, const char *address, struct str value)
{
	struct buf id;
	struct err err;

	buf_init(&id, 1024);
	buf_puts(&id, kind);
	buf_put(&id, fp, sizeof(fp));
	buf_puts(&id, address);
	CHECK_INT(db_put(db, buf_text(&id), value, &err), 0);
	buf_clear(&id);
}

static void
put_trust(struct db *db, const char *address, enum trust trust)
{
	struct buf value;

	buf_init(&value, 1024);
	rec_put_u8(&value, (uint8_t)trust);
	rec_put_u64(&value, 1);
	put(db, PUB_TRUST, address, buf_text(&value));
	buf_clear(&value);
}

static void
fill(struct db *db)
{
	const struct cert_rec c = {.verdict = {.code = ERR_OK}};
	struct buf value;

	buf_init(&value, 65536);
	cert_rec_put(&value, &c);
	put(db, PUB_BY_FINGERPRINT, "", buf_text(&value));
	buf_clear(&value);
	put_trust(db, "manual@x.example", TRUST_MANUAL);
	put_trust(db, "found@x.example", TRUST_DISCOVERED);
	put_trust(db, "checked@x.example", TRUST_VERIFIED);
	put(db, PUB_TRUST, "broken@x.example", STR(""));
}

static void
test_pinned(void)
{
	static const struct {
		const char *address;
		bool pinned;
	} rows[] = {
	    {"manual@x.example", true},
	    {"Manual@X.example", true},
	    {"found@x.example", false},
	    {"checked@x.example", false},
	    {"broken@x.example", false},
	    {"other@x.example", false},
	    {"", false},
	};
	char pub[80];
	struct keys *keys;
	struct db *db;
	struct err err;
	size_t i;

	(void)snprintf(pub, sizeof(pub), "%s/pub", dir);
	if (!CHECK(
	        (db = db_open(pub, DB_WRITE, (size_t)1 << 20, &err)) != NULL))
		return;
	fill(db);
	db_close(db);
	if (!CHECK((keys = keys_new(dir, "", NULL, &err)) != NULL))
		return;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].address);
		CHECK_INT(keys_pinned(fp, str_c(rows[i].address), keys),
		    rows[i].pinned);
	}
	keys_free(keys);
}

static void
drop_dir(void)
{
	static const char *const names[] = {"pub/data.mdb", "pub/lock.mdb",
	    "pub", ""};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (unlink(path) == -1)
			(void)rmdir(path);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"pinned", test_pinned},
	    {NULL, NULL},
	};
	int rc;

	(void)snprintf(dir, sizeof(dir), "t_pinned.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	rc = unit_main("pinned", tests);
	drop_dir();
	return (rc);
}
