#include "config.h"

#include "smime/p12.h"

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#include "smime/der.h"
#include "smime/oid.h"
#include "smime/ossl.h"

/* A file is the user's own, but still: this many keys and certificates. */
#define KEYS_MAX  16
#define CERTS_MAX 64
#define FILE_MAX  ((size_t)4 * 1024 * 1024)

/* Rounds of hashing that a file may ask for, once and in all: NSS writes
 * 600,000 for each of its parts, and a million takes half a second. */
#define ROUNDS_MAX     2000000
#define ROUNDS_ALL_MAX 10000000

/* What is being read. */
struct reading {
	OSSL_LIB_CTX *ctx; /* owned; default and legacy algorithms */
	OSSL_PROVIDER *plain, *legacy;
	const char *pass; /* NULL is another empty passphrase than "" */
	int passlen;
	struct cert_cache *cache;
	EVP_PKEY *keys[KEYS_MAX];
	size_t nkeys;
	struct cert *certs[CERTS_MAX];
	size_t ncerts;
	uint64_t rounds; /* so far */
	struct err *err;
};

static int
reading_init(struct reading *r)
{
	if ((r->ctx = OSSL_LIB_CTX_new()) == NULL)
		return (-1);
	r->plain = OSSL_PROVIDER_load(r->ctx, "default");
	/* Without it only new files can be read. */
	r->legacy = OSSL_PROVIDER_load(r->ctx, "legacy");
	return (r->plain != NULL ? 0 : -1);
}

static void
reading_clear(struct reading *r)
{
	size_t i;

	for (i = 0; i < r->nkeys; i++)
		EVP_PKEY_free(r->keys[i]);
	for (i = 0; i < r->ncerts; i++)
		cert_unref(r->certs[i]);
	if (r->plain != NULL)
		OSSL_PROVIDER_unload(r->plain);
	if (r->legacy != NULL)
		OSSL_PROVIDER_unload(r->legacy);
	OSSL_LIB_CTX_free(r->ctx);
}

/* The key is made in the ordinary context: it outlives ours. */
static int
add_key(struct reading *r, const PKCS8_PRIV_KEY_INFO *p8)
{
	EVP_PKEY *pkey;

	if (p8 == NULL || (pkey = EVP_PKCS82PKEY(p8)) == NULL) {
		err_openssl(r->err, ERR_CRYPTO, "cannot read a private key");
		return (-1);
	}
	if (r->nkeys == KEYS_MAX) {
		EVP_PKEY_free(pkey);
		err_set(r->err, ERR_LIMIT, "too many private keys");
		return (-1);
	}
	r->keys[r->nkeys++] = pkey;
	return (0);
}

static int
add_cert(struct reading *r, X509 *x)
{
	unsigned char *der = NULL;
	struct cert *c;
	int len;

	len = x != NULL ? i2d_X509(x, &der) : -1;
	X509_free(x);
	if (len <= 0) {
		err_openssl(r->err, ERR_SYNTAX, "cannot read a certificate");
		return (-1);
	}
	c = cert_get(r->cache, str_of((char *)der, (size_t)len), r->err);
	OPENSSL_free(der);
	if (c == NULL)
		return (-1);
	if (r->ncerts == CERTS_MAX) {
		cert_unref(c);
		err_set(r->err, ERR_LIMIT, "too many certificates");
		return (-1);
	}
	r->certs[r->ncerts++] = c;
	return (0);
}

static int
add_rounds(struct reading *r, bool known, uint64_t n)
{
	r->rounds += n;
	if (known && n <= ROUNDS_MAX && r->rounds <= ROUNDS_ALL_MAX)
		return (0);
	err_set(r->err, ERR_LIMIT, "the file asks for too much hashing");
	return (-1);
}

/*
 * What it costs to derive a key by this algorithm.  Its parameters are {salt,
 * rounds} (RFC 7292 C), or begin with an AlgorithmIdentifier of that kind
 * (PBES2, RFC 8018 A.4).
 */
static int
add_cost(struct reading *r, const X509_ALGOR *alg)
{
	struct der d, in, kdf;
	const ASN1_STRING *params;
	const void *value;
	struct str oid;
	uint64_t n = 0;
	bool known;
	int type;

	X509_ALGOR_get0(NULL, &type, &value, alg);
	if (type != V_ASN1_SEQUENCE)
		return (add_rounds(r, false, 0));
	params = value;
	d = der_of(str_of((const char *)ASN1_STRING_get0_data(params),
	    (size_t)ASN1_STRING_length(params)));
	known = der_enter(&d, DER_SEQUENCE, &in);
	if (known && der_enter(&in, DER_SEQUENCE, &kdf)) {
		/* scrypt has other costs, and no program writes it */
		known = der_oid(&kdf, &oid) && str_eq(oid, OID_PBKDF2) &&
		        der_enter(&kdf, DER_SEQUENCE, &in);
	}
	if (known) {
		der_skip(&in, DER_OCTETS);
		known = der_uint(&in, ROUNDS_MAX, &n);
	}
	return (add_rounds(r, known, n));
}

static int
add_mac_cost(struct reading *r, const PKCS12 *p12)
{
	const ASN1_INTEGER *iter = NULL;
	uint64_t n = 1;
	bool known;

	PKCS12_get0_mac(NULL, NULL, NULL, &iter, p12);
	known = iter == NULL || ASN1_INTEGER_get_uint64(&n, iter) == 1;
	return (add_rounds(r, known, n));
}

static int
read_bag(struct reading *r, const PKCS12_SAFEBAG *bag)
{
	PKCS8_PRIV_KEY_INFO *p8;
	const X509_ALGOR *alg;
	int rc;

	switch (PKCS12_SAFEBAG_get_nid(bag)) {
	case NID_keyBag:
		return (add_key(r, PKCS12_SAFEBAG_get0_p8inf(bag)));
	case NID_pkcs8ShroudedKeyBag:
		X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &alg, NULL);
		if (add_cost(r, alg) == -1)
			return (-1);
		p8 = PKCS12_decrypt_skey_ex(bag, r->pass, r->passlen, r->ctx,
		    NULL);
		rc = add_key(r, p8);
		PKCS8_PRIV_KEY_INFO_free(p8);
		return (rc);
	case NID_certBag:
		if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
			return (0);
		return (add_cert(r, PKCS12_SAFEBAG_get1_cert(bag)));
	default:
		return (0); /* CRLs, secrets: not ours */
	}
}

static int
read_safe(struct reading *r, PKCS7 *p7)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int i, rc = 0;

	if (PKCS7_type_is_data(p7)) {
		bags = PKCS12_unpack_p7data(p7);
	} else if (PKCS7_type_is_encrypted(p7)) {
		if (p7->d.encrypted == NULL ||
		    add_cost(r, p7->d.encrypted->enc_data->algorithm) == -1)
			return (-1);
		bags = PKCS12_unpack_p7encdata(p7, r->pass, r->passlen);
	} else {
		return (0);
	}
	if (bags == NULL) {
		err_openssl(r->err, ERR_CRYPTO,
		    "cannot read this kind of PKCS#12 encryption");
		return (-1);
	}
	for (i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && rc == 0; i++)
		rc = read_bag(r, sk_PKCS12_SAFEBAG_value(bags, i));
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return (rc);
}

/* Does the passphrase fit?  An empty one may be "" or nothing at all. */
static bool
pass_fits(struct reading *r, PKCS12 *p12, struct str pass)
{
	r->pass = pass.len > 0 ? pass.p : "";
	r->passlen = (int)pass.len;
	if (!PKCS12_mac_present(p12) ||
	    PKCS12_verify_mac(p12, r->pass, r->passlen) == 1)
		return (true);
	if (pass.len > 0)
		return (false);
	r->pass = NULL;
	return (PKCS12_verify_mac(p12, NULL, 0) == 1);
}

static int
read_file(struct reading *r, struct str file, struct str pass)
{
	const unsigned char *p = (const unsigned char *)file.p;
	STACK_OF(PKCS7) *safes = NULL;
	PKCS12 *p12;
	int i, rc = -1;

	p12 = PKCS12_init_ex(NID_pkcs7_data, r->ctx, NULL);
	if (p12 == NULL || d2i_PKCS12(&p12, &p, (long)file.len) == NULL) {
		err_openssl(r->err, ERR_SYNTAX,
		    "not a PKCS#12 file (RFC 7292)");
		p12 = NULL; /* d2i freed it */
		goto out;
	}
	if (add_mac_cost(r, p12) == -1)
		goto out;
	if (!pass_fits(r, p12, pass)) {
		err_set(r->err, ERR_DENIED, "wrong passphrase");
		goto out;
	}
	if ((safes = PKCS12_unpack_authsafes(p12)) == NULL) {
		err_openssl(r->err, ERR_SYNTAX,
		    "broken PKCS#12 file (RFC 7292)");
		goto out;
	}
	for (i = 0, rc = 0; i < sk_PKCS7_num(safes) && rc == 0; i++)
		rc = read_safe(r, sk_PKCS7_value(safes, i));
out:
	sk_PKCS7_pop_free(safes, PKCS7_free);
	PKCS12_free(p12);
	return (rc);
}

static EVP_PKEY *
key_of(struct reading *r, const struct cert *c)
{
	size_t i;

	for (i = 0; i < r->nkeys; i++)
		if (EVP_PKEY_eq(r->keys[i], cert_pkey(c)) == 1)
			return (r->keys[i]);
	return (NULL);
}

/* Bring keys and certificates together; the references move to p. */
static int
pair_up(struct reading *r, struct p12 *p)
{
	EVP_PKEY *pkey;
	size_t i;

	p->keys = calloc(r->ncerts + 1, sizeof(p->keys[0]));
	p->others = calloc(r->ncerts + 1, sizeof(p->others[0]));
	if (p->keys == NULL || p->others == NULL) {
		err_set(r->err, ERR_MEMORY, "no memory for keys");
		return (-1);
	}
	for (i = 0; i < r->ncerts; i++) {
		if ((pkey = key_of(r, r->certs[i])) == NULL) {
			p->others[p->nothers++] = r->certs[i];
			continue;
		}
		EVP_PKEY_up_ref(pkey);
		p->keys[p->nkeys].pkey = pkey;
		p->keys[p->nkeys++].cert = r->certs[i];
	}
	r->ncerts = 0;
	if (p->nkeys > 0)
		return (0);
	err_set(r->err, ERR_NOTFOUND,
	    "no private key with its certificate in the file");
	return (-1);
}

int
p12_read(struct p12 *p, struct str file, struct str pass,
    struct cert_cache *cache, struct err *err)
{
	struct reading r;
	int rc = -1;

	memset(p, 0, sizeof(*p));
	memset(&r, 0, sizeof(r));
	r.cache = cache;
	r.err = err;
	if (file.len > FILE_MAX || pass.len > 1024)
		err_set(err, ERR_LIMIT, "file or passphrase is too long");
	else if (reading_init(&r) == -1)
		err_openssl(err, ERR_MEMORY, "cannot set up OpenSSL");
	else if (read_file(&r, file, pass) == 0)
		rc = pair_up(&r, p);
	if (rc == -1)
		p12_clear(p);
	reading_clear(&r);
	ossl_forget();
	return (rc);
}

void
p12_clear(struct p12 *p)
{
	size_t i;

	for (i = 0; i < p->nkeys; i++) {
		EVP_PKEY_free(p->keys[i].pkey);
		cert_unref(p->keys[i].cert);
	}
	for (i = 0; i < p->nothers; i++)
		cert_unref(p->others[i]);
	free(p->keys);
	free(p->others);
	memset(p, 0, sizeof(*p));
}
