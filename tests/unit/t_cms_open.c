#include "config.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "smime/der.h"
#include "smime/oid.h"
#include "smime_help.h"

static const char one_text[] = "the message cannot be decrypted";

static struct key *rsa, *p256, *p384;

static struct key *
key_named(const char *name)
{
	if (strcmp(name, "rsa") == 0)
		return (rsa);
	return (strcmp(name, "p256") == 0 ? p256 : p384);
}

/* The keys live as long as the program; sets get copies. */
static struct keydb *
keydb_of(const struct key *k)
{
	return (help_keydb(key_new(str_c(k->address), k->use, k->cert, NULL, 0,
	    k->pkey, NULL)));
}

static void
seal_to(const struct key *k, int nid, enum algo_transport how, struct str text,
    struct buf *out)
{
	const struct cms_recipient to = {k->cert, how};
	const struct cms_seal seal = {&to, 1, algo_cipher_nid(nid)};
	struct err err;

	buf_init(out, (size_t)1 << 28);
	if (!CHECK_INT(cms_seal(text, &seal, out, &err), 0))
		CHECK_CSTR(err.text, "");
}

/* Opens to text, or fails with a code. */
static void
check_open(struct str der, const struct key *k, const struct str *want,
    enum err_code code)
{
	struct keydb *db = keydb_of(k);
	struct cms_opened opened;
	struct buf out;
	struct err err = {.code = ERR_OK};

	buf_init(&out, (size_t)1 << 28);
	if (want != NULL) {
		if (!CHECK_INT(cms_open(der, db, &out, &opened, &err), 0))
			CHECK_CSTR(err.text, "");
		CHECK_BUF_EQ(&out, *want);
	} else {
		CHECK_INT(cms_open(der, db, &out, &opened, &err), -1);
		CHECK_INT(err.code, code);
		CHECK_UINT(out.len, 0);
		if (code == ERR_CRYPTO)
			CHECK_CSTR(err.text, one_text);
	}
	buf_reset(&out);
	buf_str(&out, der);
	CHECK_INT(cms_open_inside(&out, db, &opened, &err),
	    want != NULL ? 0 : -1);
	CHECK_BUF_EQ(&out, want != NULL ? *want : STR(""));
	if (want == NULL)
		CHECK_INT(err.code, code);
	buf_wipe(&out);
	keydb_free(db);
}

static const struct {
	const char *name;
	const char *key;
	enum algo_transport how;
} ways[] = {
    {"rsa pkcs1", "rsa", TRANSPORT_PKCS1},
    {"rsa oaep", "rsa", TRANSPORT_OAEP},
    {"rsa auto", "rsa", TRANSPORT_AUTO},
    {"p256", "p256", TRANSPORT_ECDH},
    {"p384 auto", "p384", TRANSPORT_AUTO},
};
static const int ciphers[] = {NID_aes_256_cbc, NID_aes_128_cbc, NID_aes_256_gcm,
    NID_aes_128_gcm};
#define NWAYS    (sizeof(ways) / sizeof(ways[0]))
#define NCIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

/* OpenSSL's own CMS code opens what we seal. */
static void
check_openssl_opens(struct str der, const struct key *k, struct str want)
{
	const unsigned char *p = (const unsigned char *)der.p;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.len);
	BIO *out = BIO_new(BIO_s_mem());
	char *data;
	long n;

	CHECK(p == (const unsigned char *)der.p + der.len);
	if (CHECK(cms != NULL))
		CHECK_INT(CMS_decrypt(cms, k->pkey, cert_x509(k->cert), NULL,
		              out, CMS_BINARY),
		    1);
	n = BIO_get_mem_data(out, &data);
	CHECK_STR_EQ(str_of(data, (size_t)n), want);
	CMS_ContentInfo_free(cms);
	BIO_free(out);
}

static void
t_round(void)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 5000, 3000001};
	struct buf text, der, ber;
	struct str want;
	size_t i, j, s;

	for (i = 0; i < NWAYS; i++)
		for (j = 0; j < NCIPHERS; j++) {
			const struct key *k = key_named(ways[i].key);

			unit_row(ways[i].name);
			s = (i + j) % (sizeof(sizes) / sizeof(sizes[0]));
			help_text(&text, sizes[s]);
			want = buf_text(&text);
			seal_to(k, ciphers[j], ways[i].how, want, &der);
			check_open(buf_text(&der), k, &want, ERR_OK);
			check_openssl_opens(buf_text(&der), k, want);
			/* CMS from other encoders: indefinite lengths all
			 * over, strings in pieces. */
			buf_init(&ber, (size_t)1 << 28);
			help_ber(buf_text(&der), 1000, &ber);
			check_open(buf_text(&ber), k, &want, ERR_OK);
			buf_clear(&ber);
			buf_clear(&der);
			buf_clear(&text);
		}
}

/* How OpenSSL is told to seal. */
struct other {
	const char *name;
	const char *key;
	const char *cipher;
	const char *oaep; /* OAEP with this digest */
	const char *mgf;
	const char *kdf; /* ECDH with this digest */
	unsigned flags;
};

static const struct other others[] = {
    {"pkcs1", "rsa", "AES-128-CBC", NULL, NULL, NULL, 0},
    {"aes192", "rsa", "AES-192-CBC", NULL, NULL, NULL, 0},
    {"3des", "rsa", "DES-EDE3-CBC", NULL, NULL, NULL, 0},
    {"gcm", "rsa", "AES-192-GCM", NULL, NULL, NULL, 0},
    {"key id", "rsa", "AES-256-CBC", NULL, NULL, NULL, CMS_USE_KEYID},
    {"oaep sha1", "rsa", "AES-256-CBC", "SHA1", "SHA1", NULL, 0},
    {"oaep sha256", "rsa", "AES-256-GCM", "SHA256", "SHA256", NULL, 0},
    {"oaep mixed", "rsa", "AES-256-CBC", "SHA384", "SHA1", NULL, 0},
    {"ecdh sha1", "p256", "AES-256-CBC", NULL, NULL, "SHA1", 0},
    {"ecdh sha224", "p256", "AES-128-CBC", NULL, NULL, "SHA224", 0},
    {"ecdh sha256", "p384", "AES-128-GCM", NULL, NULL, "SHA256", 0},
    {"ecdh sha384", "p384", "AES-256-CBC", NULL, NULL, "SHA384", 0},
    {"ecdh sha512", "p256", "AES-256-CBC", NULL, NULL, "SHA512", 0},
    {"ecdh key id", "p256", "AES-256-CBC", NULL, NULL, "SHA256", CMS_USE_KEYID},
};

static void
other_seals(const struct other *o, struct str text, bool ber, struct buf *out)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, o->cipher, NULL);
	BIO *in = BIO_new_mem_buf(text.p, (int)text.len);
	BIO *to = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms;
	CMS_RecipientInfo *ri;
	EVP_PKEY_CTX *ctx;
	char *data;
	long n;

	cms = CMS_encrypt(NULL, NULL, cipher, flags | (ber ? CMS_STREAM : 0));
	ri = CMS_add1_recipient_cert(cms, cert_x509(key_named(o->key)->cert),
	    o->flags | (o->oaep != NULL || o->kdf != NULL ? CMS_KEY_PARAM : 0));
	ctx = CMS_RecipientInfo_get0_pkey_ctx(ri);
	if (o->oaep != NULL) {
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING);
		EVP_PKEY_CTX_set_rsa_oaep_md(ctx,
		    EVP_get_digestbyname(o->oaep));
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_get_digestbyname(o->mgf));
	}
	if (o->kdf != NULL)
		EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_get_digestbyname(o->kdf));
	if (ber)
		CHECK_INT(i2d_CMS_bio_stream(to, cms, in, flags | CMS_STREAM),
		    1);
	else {
		CHECK_INT(CMS_final(cms, in, NULL, flags), 1);
		CHECK_INT(i2d_CMS_bio(to, cms), 1);
	}
	buf_init(out, (size_t)1 << 28);
	n = BIO_get_mem_data(to, &data);
	buf_put(out, data, (size_t)n);
	CMS_ContentInfo_free(cms);
	BIO_free(to);
	BIO_free(in);
	EVP_CIPHER_free(cipher);
}

static void
t_others(void)
{
	struct buf text, der;
	struct str want;
	size_t i;
	int ber;

	help_text(&text, 70000);
	want = buf_text(&text);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		for (ber = 0; ber < 2; ber++) {
			unit_row(others[i].name);
			other_seals(&others[i], want, ber != 0, &der);
			check_open(buf_text(&der), key_named(others[i].key),
			    &want, ERR_OK);
			buf_clear(&der);
		}
	buf_clear(&text);
}

/* RFC 4134: messages of old implementations. */
static const struct {
	const char *file;
	enum cms_kind kind;
	enum err_code code;
	bool opens;
} vectors[] = {
    {"3.1.bin", CMS_IS_OTHER, ERR_UNSUPPORTED, false},  /* data, BER */
    {"3.2.bin", CMS_IS_OTHER, ERR_UNSUPPORTED, false},  /* data, DER */
    {"4.2.bin", CMS_IS_SIGNED, ERR_UNSUPPORTED, false}, /* not encrypted */
    {"4.11.bin", CMS_IS_CERTS_ONLY, ERR_UNSUPPORTED, false},
    {"5.1.bin", CMS_IS_ENVELOPED, ERR_OK, true},       /* 3DES */
    {"5.2.bin", CMS_IS_ENVELOPED, ERR_OK, true},       /* RC2, 128 bits */
    {"6.0.bin", CMS_IS_OTHER, ERR_UNSUPPORTED, false}, /* digested-data */
    {"7.1.bin", CMS_IS_OTHER, ERR_UNSUPPORTED, false}, /* encrypted-data */
    {"7.2.bin", CMS_IS_OTHER, ERR_UNSUPPORTED, false},
};

static struct key *
bob_of_4134(void)
{
	struct buf cert, pri;
	struct str text;
	const unsigned char *p;
	PKCS8_PRIV_KEY_INFO *p8;
	EVP_PKEY *pkey;
	struct cert *c;
	struct key *k;

	help_data("smime/rfc4134/bob.crt.pem", &cert);
	help_data("smime/rfc4134/BobPrivRSAEncrypt.pri", &pri);
	text = buf_text(&cert);
	c = cert_get_pem(NULL, &text, NULL);
	p = (const unsigned char *)pri.data;
	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)pri.len);
	pkey = EVP_PKCS82PKEY(p8);
	k = key_new(STR("BobRSA@example.com"), CERT_ENCRYPT, c, NULL, 0, pkey,
	    NULL);
	CHECK(k != NULL);
	cert_unref(c);
	PKCS8_PRIV_KEY_INFO_free(p8);
	EVP_PKEY_free(pkey);
	buf_clear(&cert);
	buf_clear(&pri);
	return (k);
}

static void
t_rfc4134(void)
{
	struct key *bob = bob_of_4134();
	struct buf file, content;
	char name[64];
	struct str want;
	size_t i;

	help_data("smime/rfc4134/ExContent.bin", &content);
	want = buf_text(&content);
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		unit_row(vectors[i].file);
		snprintf(name, sizeof(name), "smime/rfc4134/%s",
		    vectors[i].file);
		help_data(name, &file);
		CHECK_INT(cms_kind(buf_text(&file)), vectors[i].kind);
		check_open(buf_text(&file), bob,
		    vectors[i].opens ? &want : NULL, vectors[i].code);
		buf_clear(&file);
	}
	buf_clear(&content);
	key_free(bob);
}

/* One flipped bit anywhere in a GCM message or its tag, or in the RSA block,
 * gives the one answer and no byte. */
static void
t_tamper_gcm(void)
{
	struct buf text, der;
	size_t i;

	help_text(&text, 200);
	seal_to(rsa, NID_aes_256_gcm, TRANSPORT_OAEP, buf_text(&text), &der);
	for (i = der.len - 18 - 200; i < der.len; i++) {
		if (i == der.len - 18 || i == der.len - 17)
			continue; /* the head of mac */
		unit_row("content or tag");
		der.data[i] ^= 0x10;
		check_open(buf_text(&der), rsa, NULL, ERR_CRYPTO);
		der.data[i] ^= 0x10;
	}
	unit_row("key block");
	der.data[der.len - 18 - 200 - 60] ^= 1;
	check_open(buf_text(&der), rsa, NULL, ERR_CRYPTO);
	buf_clear(&der);
	buf_clear(&text);
}

/* CBC cannot notice everything; what it notices has the one answer. */
static void
t_tamper_cbc(void)
{
	struct keydb *db = keydb_of(rsa);
	struct cms_opened opened;
	struct buf text, der, out;
	uint8_t wrapped[sizeof(opened.wrapped)];
	struct err err;
	size_t i, failed = 0;

	help_text(&text, 200);
	buf_init(&out, 4096);
	seal_to(rsa, NID_aes_256_cbc, TRANSPORT_PKCS1, buf_text(&text), &der);
	CHECK_INT(cms_open(buf_text(&der), db, &out, &opened, &err), 0);
	memcpy(wrapped, opened.wrapped, sizeof(wrapped));
	buf_clear(&der);
	unit_row("sealed anew");
	seal_to(rsa, NID_aes_256_cbc, TRANSPORT_PKCS1, buf_text(&text), &der);
	CHECK_INT(cms_open(buf_text(&der), db, &out, &opened, &err), 0);
	CHECK(memcmp(wrapped, opened.wrapped, sizeof(wrapped)) != 0);
	memcpy(wrapped, opened.wrapped, sizeof(wrapped));
	buf_wipe(&out);
	unit_row("bit flips");
	for (i = der.len - 208; i < der.len; i++) {
		der.data[i] ^= 0x10;
		buf_init(&out, 4096);
		if (cms_open(buf_text(&der), db, &out, &opened, &err) == -1) {
			CHECK_INT(err.code, ERR_CRYPTO);
			CHECK_CSTR(err.text, one_text);
			CHECK_UINT(out.len, 0);
			failed++;
		} else
			CHECK(!str_eq(buf_text(&out), buf_text(&text)));
		/* Whose it is does not hang on the content. */
		CHECK_INT(memcmp(wrapped, opened.wrapped, sizeof(wrapped)), 0);
		buf_wipe(&out);
		der.data[i] ^= 0x10;
	}
	CHECK(failed > 0);
	buf_clear(&der);
	buf_clear(&text);
	keydb_free(db);
}

/* The message names our key, but was made for another: with RSA the content
 * key is random then, and nothing tells so before the end. */
static void
t_wrong_key(void)
{
	struct key *alice = help_key("alice.encrypt"), *mixed;
	struct key *other =
	    help_make_key("EC", "P-256", "other@example.test", "keyAgreement");
	struct buf text, der;

	help_text(&text, 999);
	mixed =
	    key_new(STR("x"), rsa->use, rsa->cert, NULL, 0, rsa->pkey, NULL);
	EVP_PKEY_free(mixed->pkey);
	EVP_PKEY_up_ref(alice->pkey);
	mixed->pkey = alice->pkey;
	/* check_open copies with key_new, which would notice. */
	{
		struct keydb *db = help_keydb(mixed);
		struct cms_opened opened;
		struct err err;
		struct buf out;

		unit_row("gcm");
		buf_init(&out, 4096);
		seal_to(rsa, NID_aes_256_gcm, TRANSPORT_PKCS1, buf_text(&text),
		    &der);
		CHECK_INT(cms_open(buf_text(&der), db, &out, &opened, &err),
		    -1);
		CHECK_CSTR(err.text, one_text);
		buf_clear(&der);
		unit_row("cbc");
		seal_to(rsa, NID_aes_256_cbc, TRANSPORT_OAEP, buf_text(&text),
		    &der);
		if (cms_open(buf_text(&der), db, &out, &opened, &err) == -1)
			CHECK_CSTR(err.text, one_text);
		else
			CHECK(!str_eq(buf_text(&out), buf_text(&text)));
		buf_clear(&der);
		buf_wipe(&out);
		keydb_free(db);
	}
	unit_row("not for us at all");
	seal_to(rsa, NID_aes_256_cbc, TRANSPORT_PKCS1, buf_text(&text), &der);
	check_open(buf_text(&der), other, NULL, ERR_NOKEY);
	buf_clear(&der);
	buf_clear(&text);
	key_free(alice);
	key_free(other);
}

static void
t_truncated(void)
{
	static const int nids[] = {NID_aes_256_cbc, NID_aes_256_gcm};
	struct keydb *db = keydb_of(p256);
	struct cms_opened opened;
	struct buf text, der, ber, out;
	struct err err;
	size_t i, j;

	help_text(&text, 100);
	for (i = 0; i < 2; i++) {
		unit_row(i == 0 ? "enveloped" : "authEnveloped");
		seal_to(p256, nids[i], TRANSPORT_ECDH, buf_text(&text), &der);
		buf_init(&ber, 1 << 20);
		help_ber(buf_text(&der), 30, &ber);
		for (j = 0; j < der.len; j++) {
			buf_init(&out, 4096);
			CHECK_INT(cms_open(str_of(der.data, j), db, &out,
			              &opened, &err),
			    -1);
			CHECK(err.code == ERR_SYNTAX);
			buf_clear(&out);
		}
		for (j = 0; j < ber.len; j++) {
			buf_init(&out, 4096);
			CHECK_INT(cms_open(str_of(ber.data, j), db, &out,
			              &opened, &err),
			    -1);
			buf_clear(&out);
		}
		buf_clear(&ber);
		buf_clear(&der);
	}
	buf_clear(&text);
	keydb_free(db);
}

static void
count_rid(void *arg, const struct rid *rid)
{
	size_t *n = arg;

	if (rid->issuer.len > 0 && rid->serial.len > 0)
		(*n)++;
}

/* Our recipient is the last of many. */
static void
t_many(void)
{
	enum { MANY = 300 };
	static struct cms_recipient to[MANY];
	const struct cms_seal seal = {to, MANY,
	    algo_cipher_nid(NID_aes_256_gcm)};
	struct key *alice = help_key("alice.encrypt");
	struct buf text, der;
	struct err err;
	struct str want;
	size_t i, seen = 0;

	for (i = 0; i < MANY; i++)
		to[i].cert = i < MANY - 1 ? alice->cert : p256->cert;
	help_text(&text, 50);
	want = buf_text(&text);
	buf_init(&der, (size_t)1 << 24);
	unit_row("many");
	CHECK_INT(cms_seal(want, &seal, &der, &err), 0);
	check_open(buf_text(&der), p256, &want, ERR_OK);
	check_open(buf_text(&der), rsa, NULL, ERR_NOKEY);
	CHECK_INT(cms_recipients(buf_text(&der), count_rid, &seen, &err), MANY);
	CHECK_UINT(seen, MANY);
	buf_clear(&der);
	buf_clear(&text);
	key_free(alice);
}

/* EnvelopedData with n recipients that nobody knows. */
static void
put_flood(struct buf *out, size_t n)
{
	size_t ci, ex, ed, set, ri, rid, eci, i;

	ci = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_OID, OID_ENVELOPED);
	ex = der_begin(out, DER_CTX0_CONS);
	ed = der_begin(out, DER_SEQUENCE);
	der_put_uint(out, 0);
	set = der_begin(out, DER_SET);
	for (i = 0; i < n; i++) {
		ri = der_begin(out, DER_SEQUENCE);
		der_put_uint(out, 0);
		rid = der_begin(out, DER_SEQUENCE);
		der_put(out, DER_SEQUENCE, STR(""));
		der_put_uint(out, 5);
		der_finish(out, rid);
		der_put_algorithm(out, OID_RSA, true);
		der_put(out, DER_OCTETS, STR("x"));
		der_finish(out, ri);
	}
	der_finish(out, set);
	eci = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_OID, OID_DATA);
	ri = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_OID, algo_cipher_id(algo_cipher_nid(NID_aes_256_cbc)));
	der_put(out, DER_OCTETS, STR("0123456789abcdef"));
	der_finish(out, ri);
	der_put(out, DER_CTX0, STR("0123456789abcdef"));
	der_finish(out, eci);
	der_finish(out, ed);
	der_finish(out, ex);
	der_finish(out, ci);
}

static void
t_bombs(void)
{
	struct buf b;
	size_t i;

	unit_row("flood of recipients");
	buf_init(&b, (size_t)1 << 24);
	put_flood(&b, LIMIT_CMS_RECIPIENTS + 1);
	check_open(buf_text(&b), rsa, NULL, ERR_LIMIT);
	buf_reset(&b);
	put_flood(&b, LIMIT_CMS_RECIPIENTS);
	check_open(buf_text(&b), rsa, NULL, ERR_NOKEY);

	unit_row("nesting without end");
	buf_reset(&b);
	for (i = 0; i < 1000000; i++)
		buf_put(&b, "\x30\x80", 2);
	check_open(buf_text(&b), rsa, NULL, ERR_SYNTAX);

	unit_row("length beyond everything");
	check_open(STR("\x30\x88\x7f\xff\xff\xff\xff\xff\xff\xff"), rsa, NULL,
	    ERR_SYNTAX);
	check_open(STR("\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff"), rsa, NULL,
	    ERR_SYNTAX);

	unit_row("compressed");
	buf_reset(&b);
	i = der_begin(&b, DER_SEQUENCE);
	der_put(&b, DER_OID, OID_COMPRESSED);
	der_put(&b, DER_CTX0_CONS, STR("\x30\x00"));
	der_finish(&b, i);
	CHECK_INT(cms_kind(buf_text(&b)), CMS_IS_COMPRESSED);
	check_open(buf_text(&b), rsa, NULL, ERR_UNSUPPORTED);
	buf_clear(&b);
}

/* Replace the first occurrence. */
static void
patch(struct buf *b, struct str from, struct str to)
{
	char *p = memmem(b->data, b->len, from.p, from.len);

	if (CHECK(p != NULL && from.len == to.len))
		memcpy(p, to.p, to.len);
}

/* What would weaken an AEAD is refused before a key is used. */
static void
t_odd_gcm(void)
{
	struct buf text, der;

	help_text(&text, 64);
	unit_row("short tag");
	seal_to(rsa, NID_aes_256_gcm, TRANSPORT_PKCS1, buf_text(&text), &der);
	patch(&der, STR("\x02\x01\x10"), STR("\x02\x01\x0c"));
	check_open(buf_text(&der), rsa, NULL, ERR_UNSUPPORTED);
	buf_clear(&der);

	unit_row("cbc called authenticated");
	seal_to(rsa, NID_aes_256_cbc, TRANSPORT_PKCS1, buf_text(&text), &der);
	patch(&der, STR(P_NIST "\x01\x2a"), STR(P_NIST "\x01\x2e"));
	check_open(buf_text(&der), rsa, NULL, ERR_SYNTAX);
	buf_clear(&der);
	buf_clear(&text);
}

static void
t_refused(void)
{
	static const struct {
		const char *name;
		int nid;
		enum algo_transport how;
		const char *key;
	} rows[] = {
	    {"3des", NID_des_ede3_cbc, TRANSPORT_AUTO, "rsa"},
	    {"rc2", NID_rc2_cbc, TRANSPORT_AUTO, "rsa"},
	    {"no such cipher", NID_undef, TRANSPORT_AUTO, "rsa"},
	    {"ecdh to rsa", NID_aes_256_cbc, TRANSPORT_ECDH, "rsa"},
	    {"oaep to ec", NID_aes_256_cbc, TRANSPORT_OAEP, "p256"},
	};
	struct key *bob = bob_of_4134();
	struct cms_recipient to;
	struct cms_seal seal = {&to, 1, NULL};
	struct buf out;
	struct err err;
	size_t i;

	buf_init(&out, 65536);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		to.cert = key_named(rows[i].key)->cert;
		to.how = rows[i].how;
		seal.cipher = algo_cipher_nid(rows[i].nid);
		CHECK_INT(cms_seal(STR("x"), &seal, &out, &err), -1);
		CHECK_UINT(out.len, 0);
	}
	unit_row("weak key");
	to.cert = bob->cert;
	to.how = TRANSPORT_AUTO;
	seal.cipher = algo_cipher_nid(NID_aes_256_cbc);
	CHECK_INT(cms_seal(STR("x"), &seal, &out, &err), -1);
	CHECK_INT(err.code, ERR_UNTRUSTED);
	unit_row("nobody");
	seal.nto = 0;
	CHECK_INT(cms_seal(STR("x"), &seal, &out, &err), -1);
	key_free(bob);
	buf_clear(&out);
}

static const struct unit_test tests[] = {
    {"round", t_round},
    {"others", t_others},
    {"rfc4134", t_rfc4134},
    {"tamper-gcm", t_tamper_gcm},
    {"tamper-cbc", t_tamper_cbc},
    {"wrong-key", t_wrong_key},
    {"truncated", t_truncated},
    {"many", t_many},
    {"bombs", t_bombs},
    {"odd-gcm", t_odd_gcm},
    {"refused", t_refused},
    {NULL, NULL},
};

int
main(void)
{
	int rc;

	rsa = help_key("bob.encrypt");
	p256 = help_make_key("EC", "P-256", "ec@example.test",
	    "digitalSignature,keyAgreement");
	p384 = help_make_key("EC", "P-384", "ec@example.test",
	    "digitalSignature,keyAgreement");
	rc = unit_main("cms_open", tests);
	key_free(rsa);
	key_free(p256);
	key_free(p384);
	return (rc);
}
