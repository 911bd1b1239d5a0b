#include "config.h"

#include "smime/pkey.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "smime/ossl.h"

#define YEARS        50
#define SERIAL_BYTES 16

EVP_PKEY *
pkey_new(struct err *err)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");

	if (pkey == NULL)
		err_openssl(err, ERR_CRYPTO, "cannot make a key");
	return (pkey);
}

int
pkey_put(EVP_PKEY *pkey, struct buf *out, struct err *err)
{
	PKCS8_PRIV_KEY_INFO *p8;
	unsigned char *der = NULL;
	int n = -1;

	if ((p8 = EVP_PKEY2PKCS8(pkey)) != NULL)
		n = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
	PKCS8_PRIV_KEY_INFO_free(p8);
	if (n > 0 && !out->failed)
		return (0);
	err_openssl(err, ERR_CRYPTO, "cannot write a key");
	return (-1);
}

EVP_PKEY *
pkey_get(struct str der, struct err *err)
{
	const unsigned char *p = (const unsigned char *)der.p;
	PKCS8_PRIV_KEY_INFO *p8;
	EVP_PKEY *pkey = NULL;

	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.len);
	if (p8 != NULL && p == (const unsigned char *)der.p + der.len)
		pkey = EVP_PKCS82PKEY(p8);
	PKCS8_PRIV_KEY_INFO_free(p8);
	if (pkey == NULL)
		err_openssl(err, ERR_SYNTAX, "not a private key (RFC 5958)");
	return (pkey);
}

static int
add_ext(X509V3_CTX *ctx, STACK_OF(X509_EXTENSION) * *exts, int nid,
    const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	int rc = -1;

	if (e != NULL && X509v3_add_ext(exts, e, -1) != NULL)
		rc = 0;
	X509_EXTENSION_free(e);
	return (rc);
}

/* Does what a configuration line cannot: any address, commas and all. */
static int
add_address(STACK_OF(X509_EXTENSION) * *exts, const char *address)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *ia5 = ASN1_IA5STRING_new();
	int rc = -1;

	if (names == NULL || name == NULL || ia5 == NULL ||
	    ASN1_STRING_set(ia5, address, -1) != 1)
		goto out;
	GENERAL_NAME_set0_value(name, GEN_EMAIL, ia5);
	ia5 = NULL;
	if (sk_GENERAL_NAME_push(names, name) <= 0)
		goto out;
	name = NULL;
	if (X509V3_add1_i2d(exts, NID_subject_alt_name, names, 0,
	        X509V3_ADD_APPEND) == 1)
		rc = 0;
out:
	ASN1_IA5STRING_free(ia5);
	GENERAL_NAME_free(name);
	GENERAL_NAMES_free(names);
	return (rc);
}

static int
set_serial(X509 *x)
{
	unsigned char raw[SERIAL_BYTES];
	BIGNUM *bn;
	int rc = -1;

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return (-1);
	raw[0] = (unsigned char)((raw[0] & 0x7f) | 0x40); /* positive */
	if ((bn = BN_bin2bn(raw, sizeof(raw), NULL)) != NULL &&
	    BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL)
		rc = 0;
	BN_free(bn);
	return (rc);
}

static int
set_name(X509_NAME *name, const char *text)
{
	return (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	            (const unsigned char *)text, -1, -1, 0) == 1
	            ? 0
	            : -1);
}

static int
fill_cert(X509 *x, EVP_PKEY *pkey, const char *name, int64_t from)
{
	time_t t = (time_t)from;
	STACK_OF(X509_EXTENSION) *exts = NULL;
	X509V3_CTX ctx;
	int i, rc = -1;

	X509V3_set_ctx_nodb(&ctx);
	if (X509_set_version(x, X509_VERSION_3) != 1 || set_serial(x) == -1 ||
	    set_name(X509_get_subject_name(x), name) == -1 ||
	    X509_set_issuer_name(x, X509_get_subject_name(x)) != 1 ||
	    X509_time_adj_ex(X509_getm_notBefore(x), 0, 0, &t) == NULL ||
	    X509_time_adj_ex(X509_getm_notAfter(x), YEARS * 365, 0, &t) ==
	        NULL ||
	    X509_set_pubkey(x, pkey) != 1)
		return (-1);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	if (add_ext(&ctx, &exts, NID_basic_constraints, "critical,CA:FALSE") ==
	        0 &&
	    add_ext(&ctx, &exts, NID_key_usage, "critical,keyAgreement") == 0 &&
	    add_ext(&ctx, &exts, NID_ext_key_usage, "emailProtection") == 0 &&
	    add_ext(&ctx, &exts, NID_subject_key_identifier, "hash") == 0)
		rc = 0;
	for (i = 0; rc == 0 && i < sk_X509_EXTENSION_num(exts); i++)
		if (X509_add_ext(x, sk_X509_EXTENSION_value(exts, i), -1) != 1)
			rc = -1;
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	if (rc == 0 && X509_sign(x, pkey, EVP_sha256()) <= 0)
		rc = -1;
	return (rc);
}

int
pkey_certify(EVP_PKEY *pkey, const char *name, int64_t from, struct buf *out,
    struct err *err)
{
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int n = -1;

	if (x != NULL && fill_cert(x, pkey, name, from) == 0)
		n = i2d_X509(x, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_free(x);
	if (n > 0 && !out->failed)
		return (0);
	err_openssl(err, ERR_CRYPTO, "cannot make a certificate");
	return (-1);
}

static int
fill_request(X509_REQ *r, EVP_PKEY *pkey, const char *address)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;
	X509V3_CTX ctx;
	int rc = -1;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, NULL, NULL, r, NULL, 0);
	if (add_ext(&ctx, &exts, NID_key_usage, "critical,digitalSignature") ==
	        0 &&
	    add_ext(&ctx, &exts, NID_ext_key_usage, "emailProtection") == 0 &&
	    add_address(&exts, address) == 0 &&
	    X509_REQ_set_version(r, X509_REQ_VERSION_1) == 1 &&
	    X509_REQ_set_pubkey(r, pkey) == 1 &&
	    X509_REQ_add_extensions(r, exts) == 1 &&
	    X509_REQ_sign(r, pkey, EVP_sha256()) > 0)
		rc = 0;
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return (rc);
}

int
pkey_request(EVP_PKEY *pkey, const char *address, struct buf *out,
    struct err *err)
{
	X509_REQ *r = X509_REQ_new();
	unsigned char *der = NULL;
	int n = -1;

	if (r != NULL && fill_request(r, pkey, address) == 0)
		n = i2d_X509_REQ(r, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_REQ_free(r);
	if (n > 0 && !out->failed)
		return (0);
	err_openssl(err, ERR_CRYPTO, "cannot make a certificate request");
	return (-1);
}
