/*
 * bench-crypt - what sealing and opening cost: ours against libcrypto's CMS_*
 * on DER in memory with EVP's base64 and keys kept parsed, and against its
 * SMIME_* path, as ratios of one run.
 */
#include "config.h"

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base64bio.h"
#include "figure.h"
#include "opener/peel.h"
#include "smime/entity.h"

#define BENCH_TIME 1790000000

/* Both sides use the same: P-256 signs, RSA-3072 is sealed to. */
struct side {
	EVP_PKEY *pkey;
	X509 *x509;
	struct cert *cert;
	struct key *key;
};

static struct side signer, reader;
static struct keydb *keys;
static struct cert_cache *cache;

/* One mail, and the text that our sealing made of it. */
static struct buf mail, sealed;
static char *cms_sealed; /* the base64 of the same made by CMS_* */
static size_t cms_sealed_len;
static char *smime_sealed; /* made by SMIME_* */
static size_t smime_sealed_len;

static void
die(const char *what)
{
	fprintf(stderr, "bench-crypt: %s\n", what);
	exit(1);
}

static void
extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	if (e == NULL || X509_add_ext(x, e, -1) != 1)
		die("cannot make an extension");
	X509_EXTENSION_free(e);
}

static void
make_side(struct side *s, EVP_PKEY *pkey, const char *usage, unsigned use)
{
	struct err err = {.code = ERR_OK};
	unsigned char *der = NULL;
	X509_NAME *name;
	int len;

	s->pkey = pkey;
	s->x509 = X509_new();
	X509_set_version(s->x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(s->x509), (long)use);
	ASN1_TIME_set(X509_getm_notBefore(s->x509), BENCH_TIME - 86400);
	ASN1_TIME_set(X509_getm_notAfter(s->x509), BENCH_TIME + 86400);
	name = X509_get_subject_name(s->x509);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"bench", -1, -1, 0);
	X509_set_issuer_name(s->x509, name);
	X509_set_pubkey(s->x509, pkey);
	extension(s->x509, NID_subject_alt_name, "email:bench@example.test");
	extension(s->x509, NID_key_usage, usage);
	extension(s->x509, NID_ext_key_usage, "emailProtection");
	if (X509_sign(s->x509, pkey, EVP_sha256()) == 0)
		die("cannot sign a certificate");
	len = i2d_X509(s->x509, &der);
	if (len <= 0 ||
	    (s->cert = cert_get(cache, str_of((char *)der, (size_t)len),
	         &err)) == NULL ||
	    (s->key = key_new(STR("bench@example.test"), use, s->cert, NULL, 0,
	         pkey, &err)) == NULL)
		die(err.text);
	OPENSSL_free(der);
}

/* --- ours --- */

static void
ours_seal(void)
{
	const struct cms_sign by = {signer.key, NULL, BENCH_TIME};
	const struct cms_recipient to = {reader.cert, TRANSPORT_PKCS1};
	const struct cms_seal how = {&to, 1, algo_cipher_nid(NID_aes_256_cbc)};
	struct err err;

	buf_reset(&sealed);
	if (entity_sign_seal(buf_text(&mail), &by, &how, &sealed, &err) == -1)
		die(err.text);
}

static void
ours_open(void)
{
	const struct peel_ask ask = {.wire = buf_text(&sealed),
	    .keys = keys,
	    .cache = cache};
	struct peeled p;
	struct err err;

	if (peel(&ask, &p, &err) == -1 || p.nlayers != 2 ||
	    p.layers[1].sig.signers[0].state != SIGNER_OK)
		die("our opening failed");
	peeled_clear(&p);
}

/* --- CMS_* on DER in memory --- */

static CMS_ContentInfo *
cms_signature(void)
{
	BIO *in = BIO_new_mem_buf(mail.data, (int)mail.len);
	CMS_ContentInfo *cms;

	cms = CMS_sign(signer.x509, signer.pkey, NULL, in,
	    CMS_DETACHED | CMS_BINARY);
	BIO_free(in);
	if (cms == NULL)
		die("CMS_sign failed");
	return (cms);
}

static void
cms_seal_once(void)
{
	STACK_OF(X509) *to = sk_X509_new_null();
	CMS_ContentInfo *cms = cms_signature();
	BIO *inner = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *text;
	int len;

	len = i2d_CMS_ContentInfo(cms, &der);
	BIO_puts(inner, "Content-Type: multipart/signed; boundary=b\r\n\r\n"
	                "--b\r\n");
	BIO_write(inner, mail.data, (int)mail.len);
	BIO_puts(inner, "\r\n--b\r\n\r\n");
	base64_write(inner, der, (size_t)len);
	BIO_puts(inner, "\r\n--b--\r\n");
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);

	sk_X509_push(to, reader.x509);
	cms = CMS_encrypt(to, inner, EVP_aes_256_cbc(), CMS_BINARY);
	der = NULL;
	if (cms == NULL || (len = i2d_CMS_ContentInfo(cms, &der)) <= 0)
		die("CMS_encrypt failed");
	base64_write(out, der, (size_t)len);
	free(cms_sealed);
	cms_sealed_len = (size_t)BIO_get_mem_data(out, &text);
	if ((cms_sealed = malloc(cms_sealed_len)) == NULL)
		die("out of memory");
	memcpy(cms_sealed, text, cms_sealed_len);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	sk_X509_free(to);
	BIO_free(inner);
	BIO_free(out);
}

static unsigned char *
get_base64(const char *text, size_t len, int *got)
{
	unsigned char *der = malloc(len / 4 * 3 + 3);
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	int rest = 0;

	EVP_DecodeInit(ctx);
	if (EVP_DecodeUpdate(ctx, der, got, (const unsigned char *)text,
	        (int)len) == -1)
		die("EVP_DecodeUpdate failed");
	EVP_DecodeFinal(ctx, der + *got, &rest);
	*got += rest;
	EVP_ENCODE_CTX_free(ctx);
	return (der);
}

static CMS_ContentInfo *
cms_parse(const char *text, size_t len)
{
	CMS_ContentInfo *cms;
	const unsigned char *p;
	unsigned char *der;
	int n;

	p = der = get_base64(text, len, &n);
	cms = d2i_CMS_ContentInfo(NULL, &p, n);
	free(der);
	if (cms == NULL)
		die("d2i_CMS_ContentInfo failed");
	return (cms);
}

static void
cms_check(const char *content, size_t len, const char *sig, size_t siglen)
{
	CMS_ContentInfo *cms = cms_parse(sig, siglen);
	BIO *in = BIO_new_mem_buf(content, (int)len);

	if (CMS_verify(cms, NULL, NULL, in, NULL,
	        CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		die("CMS_verify failed");
	BIO_free(in);
	CMS_ContentInfo_free(cms);
}

static void
cms_open_once(void)
{
	CMS_ContentInfo *cms = cms_parse(cms_sealed, cms_sealed_len);
	BIO *out = BIO_new(BIO_s_mem());
	char *text, *content, *sig, *end;
	size_t len;

	if (CMS_decrypt(cms, reader.pkey, reader.x509, NULL, out, CMS_BINARY) !=
	    1)
		die("CMS_decrypt failed");
	len = (size_t)BIO_get_mem_data(out, &text);
	content = (char *)memmem(text, len, "--b\r\n", 5) + 5;
	/* From the end: the content is long. */
	for (sig = text + len - 12; memcmp(sig, "\r\n--b\r\n", 7) != 0; sig--)
		;
	end = text + len - strlen("\r\n--b--\r\n");
	cms_check(content, (size_t)(sig - content), sig + 9,
	    (size_t)(end - sig - 9));
	CMS_ContentInfo_free(cms);
	BIO_free(out);
}

/* --- SMIME_* --- */

static void
smime_seal_once(void)
{
	const int flags = CMS_DETACHED | CMS_BINARY | CMS_STREAM;
	STACK_OF(X509) *to = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(mail.data, (int)mail.len);
	BIO *inner = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms;
	char *text;

	cms = CMS_sign(signer.x509, signer.pkey, NULL, in, flags);
	if (cms == NULL || SMIME_write_CMS(inner, cms, in, flags) != 1)
		die("SMIME_write_CMS failed");
	CMS_ContentInfo_free(cms);
	sk_X509_push(to, reader.x509);
	cms =
	    CMS_encrypt(to, inner, EVP_aes_256_cbc(), CMS_BINARY | CMS_STREAM);
	if (cms == NULL ||
	    SMIME_write_CMS(out, cms, inner, CMS_BINARY | CMS_STREAM) != 1)
		die("SMIME_write_CMS failed");
	CMS_ContentInfo_free(cms);
	free(smime_sealed);
	smime_sealed_len = (size_t)BIO_get_mem_data(out, &text);
	if ((smime_sealed = malloc(smime_sealed_len)) == NULL)
		die("out of memory");
	memcpy(smime_sealed, text, smime_sealed_len);
	sk_X509_free(to);
	BIO_free(in);
	BIO_free(inner);
	BIO_free(out);
}

static void
smime_open_once(void)
{
	BIO *in = BIO_new_mem_buf(smime_sealed, (int)smime_sealed_len);
	BIO *out = BIO_new(BIO_s_mem()), *content = NULL;
	CMS_ContentInfo *cms;

	if ((cms = SMIME_read_CMS(in, NULL)) == NULL ||
	    CMS_decrypt(cms, reader.pkey, reader.x509, NULL, out, 0) != 1)
		die("SMIME_read_CMS failed");
	CMS_ContentInfo_free(cms);
	if ((cms = SMIME_read_CMS(out, &content)) == NULL ||
	    CMS_verify(cms, NULL, NULL, content, NULL,
	        CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		die("CMS_verify failed");
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	BIO_free(in);
	BIO_free(out);
}

/* --- the figures --- */

struct pair {
	const char *name;
	void (*ours)(void);
	void (*theirs)(void);
	const char *what;
	double target;
};

static double
timed(void (*f)(void), int times)
{
	double began = figure_now();
	int i;

	for (i = 0; i < times; i++)
		f();
	return (figure_now() - began);
}

/* Seconds of theirs over seconds of ours, in turn. */
static void
compare(const struct pair *p, const char *size, int times)
{
	double ratio[FIGURE_ROUNDS], ours, theirs;
	char name[96];
	int i;

	timed(p->theirs, 1);
	timed(p->ours, 1);
	for (i = 0; i < FIGURE_ROUNDS; i++) {
		ours = timed(p->ours, times);
		theirs = timed(p->theirs, times);
		ratio[i] = theirs / ours;
	}
	snprintf(name, sizeof(name), "%s %s", p->name, size);
	figure_print(name, figure_median(ratio), p->target, p->what);
}

static void
make_mail(size_t size)
{
	static const char row[] =
	    "The quick brown fox jumps over the lazy dog, and then rests.\r\n";

	buf_reset(&mail);
	buf_puts(&mail, "Content-Type: text/plain\r\n\r\n");
	while (mail.len + sizeof(row) - 1 <= size)
		buf_puts(&mail, row);
}

int
main(void)
{
	static const struct {
		const char *name;
		size_t size;
		int times;
	} sizes[] = {{"4 KiB", 4096, 200}, {"1 MiB", 1 << 20, 20},
	    {"25 MiB", 25 << 20, 1}};
	static const struct pair cms[] = {
	    {"sign+seal", ours_seal, cms_seal_once, "CMS_*", 0.9},
	    {"open+verify", ours_open, cms_open_once, "CMS_*", 0.9},
	};
	static const struct pair smime[] = {
	    {"sign+seal", ours_seal, smime_seal_once, "SMIME_*", 1.5},
	    {"open+verify", ours_open, smime_open_once, "SMIME_*", 1.5},
	};
	size_t i;

	cache = cert_cache_new(16);
	make_side(&signer, EVP_EC_gen("P-256"), "digitalSignature", CERT_SIGN);
	make_side(&reader, EVP_RSA_gen(3072), "keyEncipherment", CERT_ENCRYPT);
	if ((keys = keydb_new()) == NULL || keydb_add(keys, reader.key) == -1)
		die("out of memory");
	buf_init(&mail, LIMIT_MESSAGE);
	buf_init(&sealed, LIMIT_MESSAGE);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make_mail(sizes[i].size);
		compare(&cms[0], sizes[i].name, sizes[i].times);
		compare(&cms[1], sizes[i].name, sizes[i].times);
		if (i == 0)
			continue; /* there the key operations are all */
		compare(&smime[0], sizes[i].name, sizes[i].times);
		compare(&smime[1], sizes[i].name, sizes[i].times);
	}
	return (0);
}
