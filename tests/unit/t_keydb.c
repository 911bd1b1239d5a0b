#include "config.h"

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "smime/p12.h"
#include "smime_help.h"

/* --- records --- */

static void
t_record(void)
{
	static const char *const names[] = {"alice.sign", "bob.encrypt"};
	struct key_head head;
	struct key *k, *back;
	const struct cert_facts *f;
	struct buf rec;
	struct err err;
	size_t i;

	for (i = 0; i < 2; i++) {
		unit_row(names[i]);
		k = help_key(names[i]);
		f = cert_facts(k->cert);
		buf_init(&rec, 65536);
		CHECK_INT(key_put(k, &rec, &err), 0);
		if (CHECK_INT(key_peek(buf_text(&rec), &head, &err), 0)) {
			CHECK_STR_EQ(head.address, str_c(k->address));
			CHECK_UINT(head.use, k->use);
			CHECK_STR_EQ(head.issuer, f->issuer);
			CHECK_STR_EQ(head.serial, f->serial);
			CHECK_STR_EQ(head.ski, f->ski);
			CHECK_INT(head.from, f->from);
			CHECK_INT(head.until, f->until);
			CHECK_STR_EQ(head.cert, f->der);
		}
		back = key_get(buf_text(&rec), NULL, &err);
		if (CHECK(back != NULL)) {
			CHECK_CSTR(back->address, k->address);
			CHECK_UINT(back->use, k->use);
			CHECK_INT(EVP_PKEY_eq(back->pkey, k->pkey), 1);
		}
		key_free(back);
		key_free(k);
		buf_wipe(&rec);
	}
}

static void
t_record_broken(void)
{
	struct key *k = help_key("alice.sign"), *back;
	struct key_head head;
	struct buf rec;
	struct err err;
	size_t i;

	buf_init(&rec, 65536);
	CHECK_INT(key_put(k, &rec, &err), 0);
	unit_row("truncated");
	for (i = 0; i < rec.len; i++) {
		CHECK(key_get(str_of(rec.data, i), NULL, &err) == NULL);
		CHECK_INT(key_peek(str_of(rec.data, i), &head, &err), -1);
	}
	unit_row("changed");
	for (i = 0; i < rec.len; i += 5) {
		rec.data[i] ^= 0x20;
		back = key_get(buf_text(&rec), NULL, &err);
		if (back != NULL)
			CHECK_INT(
			    EVP_PKEY_eq(back->pkey, cert_pkey(back->cert)), 1);
		key_free(back);
		rec.data[i] ^= 0x20;
	}
	buf_wipe(&rec);
	key_free(k);
}

static void
t_key_new(void)
{
	struct key *alice = help_key("alice.sign");
	struct key *bob = help_key("bob.encrypt");
	struct cert *ca = help_cert("ca.rsa"),
	            *cross = help_cert("ca.rsa.cross");
	struct cert *given[3];
	struct err err;
	struct key *k;

	given[0] = ca;
	given[1] = cross;
	given[2] = bob->cert;
	unit_row("not the certificate's key");
	CHECK(key_new(STR("x"), CERT_SIGN, alice->cert, NULL, 0, bob->pkey,
	          &err) == NULL);
	CHECK_INT(err.code, ERR_CRYPTO);
	unit_row("not this use");
	CHECK(key_new(STR("x"), CERT_SIGN, bob->cert, NULL, 0, bob->pkey,
	          &err) == NULL);
	CHECK_INT(err.code, ERR_DENIED);
	unit_row("chain without root and strangers");
	k = key_new(STR("x"), CERT_SIGN, alice->cert, &given[1], 2, alice->pkey,
	    &err);
	if (CHECK(k != NULL)) {
		CHECK_UINT(k->nchain, 1);
		CHECK(k->nchain == 1 && k->chain[0] == cross);
	}
	key_free(k);
	k = key_new(STR("x"), CERT_SIGN, alice->cert, &given[0], 1, alice->pkey,
	    &err);
	if (CHECK(k != NULL))
		CHECK_UINT(k->nchain, 0);
	key_free(k);
	cert_unref(ca);
	cert_unref(cross);
	key_free(alice);
	key_free(bob);
}

/* --- sets --- */

static void
t_for(void)
{
	struct keydb *db = keydb_new();
	const struct cert_facts *f;
	struct rid rid;

	CHECK_INT(keydb_add(db, help_key("alice.encrypt")), 0);
	CHECK_INT(keydb_add(db, help_key("bob.encrypt")), 0);
	CHECK_INT(keydb_add(db, help_key("bob.encrypt")), 0);
	CHECK_UINT(keydb_count(db), 2);
	f = cert_facts(keydb_at(db, 1)->cert);

	unit_row("issuer and serial");
	memset(&rid, 0, sizeof(rid));
	rid.issuer = f->issuer;
	rid.serial = f->serial;
	CHECK(keydb_for(db, &rid) == keydb_at(db, 1));
	unit_row("another serial");
	rid.serial = STR("\x01\x02");
	CHECK(keydb_for(db, &rid) == NULL);
	unit_row("key identifier");
	memset(&rid, 0, sizeof(rid));
	rid.ski = f->ski;
	CHECK(keydb_for(db, &rid) == keydb_at(db, 1));
	unit_row("nothing at all");
	memset(&rid, 0, sizeof(rid));
	CHECK(keydb_for(db, &rid) == NULL);
	keydb_free(db);
}

static void
t_find(void)
{
	struct keydb *db = keydb_new();
	const struct key *k;

	CHECK_INT(keydb_add(db, help_key("alice.encrypt")), 0);
	CHECK_INT(keydb_add(db, help_key("alice.sign")), 0);
	unit_row("by use");
	k = keydb_find(db, STR("ALICE@smime.example"), CERT_SIGN, HELP_NOW);
	CHECK(k == keydb_at(db, 1));
	k = keydb_find(db, STR("alice@smime.example"), CERT_ENCRYPT, HELP_NOW);
	CHECK(k == keydb_at(db, 0));
	unit_row("nobody");
	CHECK(keydb_find(db, STR("bob@smime.example"), CERT_SIGN, HELP_NOW) ==
	      NULL);
	unit_row("expired");
	CHECK(keydb_find(db, STR("alice@smime.example"), CERT_SIGN,
	          4000000000) == NULL);
	keydb_free(db);
}

/* --- PKCS#12 --- */

/* The files of RFC 9216 are PEM around PKCS#12. */
static void
read_rfc9216(const char *who, struct buf *out)
{
	char path[64], *p, *end;
	struct b64dec dec;
	struct buf pem;

	snprintf(path, sizeof(path), "smime/rfc9216/%s.p12", who);
	help_data(path, &pem);
	buf_init(out, 65536);
	p = memchr(pem.data, '\n', pem.len);
	end = memmem(pem.data, pem.len, "-----END", 8);
	if (!CHECK(p != NULL && end != NULL))
		return;
	b64dec_init(&dec);
	out->len =
	    b64dec_feed(&dec, p, (size_t)(end - p), buf_room(out, pem.len));
	buf_clear(&pem);
}

static void
t_p12_rfc9216(void)
{
	static const struct {
		const char *who;
		size_t others;
	} rows[] = {{"alice", 1}, {"bob", 1}, {"carlos", 1}, {"dana", 1}};
	struct p12 p;
	struct buf file;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].who);
		read_rfc9216(rows[i].who, &file);
		if (!CHECK_INT(p12_read(&p, buf_text(&file), str_c(rows[i].who),
		                   NULL, &err),
		        0))
			CHECK_CSTR(err.text, "");
		CHECK_UINT(p.nkeys, 2);
		CHECK_UINT(p.nothers, rows[i].others);
		p12_clear(&p);
		CHECK_INT(
		    p12_read(&p, buf_text(&file), STR("wrong"), NULL, &err),
		    -1);
		CHECK_INT(err.code, ERR_DENIED);
		buf_clear(&file);
	}
}

/* Kinds of encryption that programs have used; 0: none. */
static const struct {
	const char *name;
	int key, cert;
	const char *pass;
} kinds[] = {
    {"aes-256", NID_aes_256_cbc, NID_aes_256_cbc, "secret"},
    {"3des", NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
        NID_pbe_WithSHA1And3_Key_TripleDES_CBC, "secret"},
    {"rc2-40", NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
        NID_pbe_WithSHA1And40BitRC2_CBC, "secret"},
    {"rc2-128", NID_pbe_WithSHA1And128BitRC2_CBC,
        NID_pbe_WithSHA1And128BitRC2_CBC, "secret"},
    {"open certificates", NID_aes_256_cbc, -1, "secret"},
    {"empty passphrase", NID_aes_256_cbc, NID_aes_256_cbc, ""},
    {"not ASCII", NID_aes_256_cbc, NID_aes_256_cbc, "p\xc3\xa4ss"},
};

static void
make_p12(size_t i, const struct key *k, int rounds, int mac, struct buf *out)
{
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *plain = OSSL_PROVIDER_load(ctx, "default");
	OSSL_PROVIDER *legacy = OSSL_PROVIDER_load(ctx, "legacy");
	unsigned char *der = NULL;
	PKCS12 *p12;
	int n;

	p12 =
	    PKCS12_create_ex(kinds[i].pass, "name", k->pkey, cert_x509(k->cert),
	        NULL, kinds[i].key, kinds[i].cert, rounds, mac, 0, ctx, NULL);
	n = p12 != NULL ? i2d_PKCS12(p12, &der) : -1;
	buf_init(out, 65536);
	if (CHECK(n > 0))
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	PKCS12_free(p12);
	OSSL_PROVIDER_unload(plain);
	OSSL_PROVIDER_unload(legacy);
	OSSL_LIB_CTX_free(ctx);
}

static void
t_p12_kinds(void)
{
	struct key *k = help_key("alice.sign");
	struct p12 p;
	struct buf file;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unit_row(kinds[i].name);
		make_p12(i, k, 1000, 1000, &file);
		if (!CHECK_INT(p12_read(&p, buf_text(&file),
		                   str_c(kinds[i].pass), NULL, &err),
		        0))
			CHECK_CSTR(err.text, "");
		if (CHECK_UINT(p.nkeys, 1))
			CHECK_INT(EVP_PKEY_eq(p.keys[0].pkey, k->pkey), 1);
		p12_clear(&p);
		buf_clear(&file);
	}
	key_free(k);
}

/* A file that asks for hours of key derivation is refused at once. */
static void
t_p12_work(void)
{
	static const struct {
		const char *name;
		size_t kind;
		int mac;  /* rounds, or -1: none */
		size_t n; /* places where a number of rounds is readable */
	} rows[] = {
	    {"MAC", 4, 100000, 2},
	    {"PBES2", 0, -1, 2},
	    {"PBES1", 1, -1, 2},
	};
	static const char some[] = "\x02\x03\x01\x86\xa0"; /* 100000 */
	static const char many[] = "\x02\x03\x7f\xff\xff";
	struct key *k = help_key("alice.sign");
	struct p12 p;
	struct buf file;
	struct err err;
	char *at;
	size_t i, j;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		make_p12(rows[i].kind, k, 100000, rows[i].mac, &file);
		at = file.data;
		for (j = 0; j < rows[i].n; j++) {
			at = memmem(at, file.len - (size_t)(at - file.data),
			    some, sizeof(some) - 1);
			if (!CHECK(at != NULL))
				break;
			/* behind a MAC only its own number can be changed */
			if (rows[i].mac == -1 || j + 1 == rows[i].n) {
				memcpy(at, many, sizeof(many) - 1);
				CHECK_INT(p12_read(&p, buf_text(&file),
				              STR("secret"), NULL, &err),
				    -1);
				CHECK_INT(err.code, ERR_LIMIT);
				memcpy(at, some, sizeof(some) - 1);
			}
			at += sizeof(some) - 1;
		}
		buf_clear(&file);
	}
	unit_row("scrypt");
	make_p12(0, k, 1000, -1, &file);
	at = memmem(file.data, file.len, "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c",
	    9);
	if (CHECK(at != NULL))
		memcpy(at, "\x2b\x06\x01\x04\x01\xda\x47\x04\x0b", 9);
	CHECK_INT(p12_read(&p, buf_text(&file), STR("secret"), NULL, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&file);
	key_free(k);
}

static void
t_p12_broken(void)
{
	struct p12 p;
	struct buf file;
	struct err err;
	size_t i;

	read_rfc9216("alice", &file);
	unit_row("truncated");
	for (i = 0; i < file.len; i += 101)
		CHECK_INT(p12_read(&p, str_of(file.data, i), STR("alice"), NULL,
		              &err),
		    -1);
	unit_row("text");
	CHECK_INT(p12_read(&p, STR("hello"), STR(""), NULL, &err), -1);
	CHECK_INT(err.code, ERR_SYNTAX);
	buf_clear(&file);
}

static const struct unit_test tests[] = {
    {"record", t_record},
    {"record-broken", t_record_broken},
    {"key-new", t_key_new},
    {"for", t_for},
    {"find", t_find},
    {"p12-rfc9216", t_p12_rfc9216},
    {"p12-kinds", t_p12_kinds},
    {"p12-work", t_p12_work},
    {"p12-broken", t_p12_broken},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("keydb", tests));
}
