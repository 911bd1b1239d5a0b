#include "config.h"

#include "smime_help.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smime/der.h"

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "smime_help: %s\n", what);
	exit(99);
}

void
help_data(const char *name, struct buf *out)
{
	buf_init(out, (size_t)1 << 28);
	unit_data(name, out);
}

struct cert *
help_cert(const char *name)
{
	char path[128];
	struct buf file;
	struct str text;
	struct cert *c;

	snprintf(path, sizeof(path), "smime/rfc9216/%s.crt", name);
	help_data(path, &file);
	text = buf_text(&file);
	c = cert_get_pem(NULL, &text, NULL);
	must(c != NULL, path);
	buf_clear(&file);
	return (c);
}

static EVP_PKEY *
read_key(const char *path)
{
	struct buf file;
	EVP_PKEY *pkey;
	BIO *bio;

	help_data(path, &file);
	bio = BIO_new_mem_buf(file.data, (int)file.len);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	must(pkey != NULL, path);
	BIO_free(bio);
	buf_clear(&file);
	return (pkey);
}

struct key *
help_key(const char *name)
{
	struct cert *c = help_cert(name);
	char path[128];
	EVP_PKEY *pkey;
	struct key *k;
	char *who;

	snprintf(path, sizeof(path), "smime/rfc9216/%s.key", name);
	pkey = read_key(path);
	must(asprintf(&who, "%.*s@smime.example", (int)strcspn(name, "."),
	         name) > 0,
	    name);
	k = key_new(str_c(who), CERT_SIGN | CERT_ENCRYPT, c, NULL, 0, pkey,
	    NULL);
	must(k != NULL, path);
	free(who);
	EVP_PKEY_free(pkey);
	cert_unref(c);
	return (k);
}

static void
add_ext(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext != NULL && X509_add_ext(x, ext, -1) == 1, value);
	X509_EXTENSION_free(ext);
}

static X509 *
make_cert(EVP_PKEY *pkey, const char *address, const char *key_usage,
    const struct key *issuer)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();
	char san[200];

	X509_set_version(x, 2);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 0x7fedcba987654321);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)address, -1, -1, 0);
	X509_set_subject_name(x, name);
	X509_set_issuer_name(x,
	    issuer == NULL ? name
	                   : X509_get_subject_name(cert_x509(issuer->cert)));
	X509_NAME_free(name);
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(HELP_NOW - 86400));
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(HELP_NOW + 86400));
	X509_set_pubkey(x, pkey);
	snprintf(san, sizeof(san), "email:%s", address);
	add_ext(x, NID_subject_alt_name, san);
	add_ext(x, NID_key_usage, key_usage);
	add_ext(x, NID_ext_key_usage, "emailProtection");
	add_ext(x, NID_subject_key_identifier, "hash");
	must(X509_sign(x, issuer == NULL ? pkey : issuer->pkey, EVP_sha256()) >
	         0,
	    "cannot sign");
	return (x);
}

/* Swallows the private key. */
static struct key *
key_with_cert(EVP_PKEY *pkey, const char *address, const char *key_usage,
    const struct key *issuer)
{
	X509 *x = make_cert(pkey, address, key_usage, issuer);
	unsigned char *der = NULL;
	struct cert *c;
	struct key *k;
	int n;

	n = i2d_X509(x, &der);
	c = cert_get(NULL, str_of((char *)der, (size_t)n), NULL);
	must(c != NULL, "cannot read back a certificate");
	k = key_new(str_c(address), CERT_SIGN | CERT_ENCRYPT, c, NULL, 0, pkey,
	    NULL);
	must(k != NULL, "cannot make a key record");
	cert_unref(c);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(pkey);
	return (k);
}

struct key *
help_make_key(const char *type, const char *param, const char *address,
    const char *key_usage)
{
	EVP_PKEY *pkey;

	if (strcmp(type, "EC") == 0)
		pkey = EVP_EC_gen(param);
	else
		pkey = EVP_RSA_gen((unsigned)atoi(param));
	must(pkey != NULL, "cannot make a key");
	return (key_with_cert(pkey, address, key_usage, NULL));
}

struct key *
help_issue(const char *address, const struct key *issuer)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");

	must(pkey != NULL, "cannot make a key");
	return (key_with_cert(pkey, address, "digitalSignature", issuer));
}

struct keydb *
help_keydb(struct key *k)
{
	struct keydb *db = keydb_new();

	must(db != NULL && keydb_add(db, k) == 0, "no memory");
	return (db);
}

void
help_text(struct buf *out, size_t n)
{
	static const char head[] = "Content-Type: text/plain\r\n\r\n";
	size_t i;

	buf_init(out, (size_t)1 << 28);
	for (i = 0; i < n; i++)
		buf_putc(out, i < sizeof(head) - 1
		                  ? head[i]
		                  : (char)('a' + (i * 7 + i / 97) % 26));
}

static void
put_pieces(struct str s, size_t piece, struct buf *out)
{
	struct str one;

	while (s.len > 0) {
		one = str_of(s.p, s.len < piece ? s.len : piece);
		der_put(out, DER_OCTETS, one);
		s.p += one.len;
		s.len -= one.len;
	}
}

/* [0] primitive is only used for the encrypted content and for key
 * identifiers; the latter stay as they are. */
static bool
is_string(const struct der_item *it)
{
	return (
	    it->tag == DER_OCTETS || (it->tag == DER_CTX0 && it->in.len != 20));
}

/* Certificates are DER wherever they are (RFC 5280 4.1). */
static bool
is_cert(struct str all)
{
	struct cert *c = cert_get(NULL, all, NULL);

	cert_unref(c);
	return (c != NULL);
}

void
help_ber(struct str der, size_t piece, struct buf *out)
{
	struct der d = der_of(der);
	struct der_item it;

	while (der_any(&d, &it)) {
		if (((it.tag & 0x20) == 0 && !is_string(&it)) ||
		    is_cert(it.all)) {
			buf_str(out, it.all);
			continue;
		}
		buf_putc(out, (char)(it.tag | 0x20));
		buf_putc(out, (char)0x80);
		if ((it.tag & 0x20) != 0)
			help_ber(it.in, piece, out);
		else
			put_pieces(it.in, piece, out);
		buf_put(out, "\0\0", 2);
	}
}
