#include "config.h"

#include <openssl/pkcs12.h>
#include <string.h>

#include "smime/ossl.h"
#include "smime/p12.h"

/* PBKDF2 rounds: for each key again, as each has a salt of its own. */
#define ROUNDS 50000

/* What a person types. */
#define PASS_MAX 1024

/* Everything on its way into a file. */
struct writing {
	const char *pass;
	STACK_OF(PKCS12_SAFEBAG) * certs;
	STACK_OF(PKCS12_SAFEBAG) * keys;
	STACK_OF(PKCS7) * safes;
};

static bool
is_earlier(const struct key *const *keys, size_t n, const struct cert *c)
{
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < keys[i]->nchain; j++)
			if (memcmp(cert_facts(keys[i]->chain[j])->sha256,
			        cert_facts(c)->sha256, 32) == 0)
				return (true);
	return (false);
}

/* A certificate and its key know each other by localKeyID (RFC 7292 4.2). */
static int
add_key(struct writing *w, const struct key *k)
{
	unsigned char id[32];
	PKCS12_SAFEBAG *bag;

	memcpy(id, cert_facts(k->cert)->sha256, sizeof(id));
	bag = PKCS12_add_cert(&w->certs, cert_x509(k->cert));
	if (bag == NULL || PKCS12_add_localkeyid(bag, id, sizeof(id)) != 1 ||
	    PKCS12_add_friendlyname_utf8(bag, k->address, -1) != 1)
		return (-1);
	bag = PKCS12_add_key(&w->keys, k->pkey, 0, ROUNDS, NID_aes_256_cbc,
	    w->pass);
	if (bag == NULL || PKCS12_add_localkeyid(bag, id, sizeof(id)) != 1 ||
	    PKCS12_add_friendlyname_utf8(bag, k->address, -1) != 1)
		return (-1);
	return (0);
}

static int
add_all(struct writing *w, const struct key *const *keys, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		if (add_key(w, keys[i]) == -1)
			return (-1);
		for (j = 0; j < keys[i]->nchain; j++)
			if (!is_earlier(keys, i, keys[i]->chain[j]) &&
			    PKCS12_add_cert(&w->certs,
			        cert_x509(keys[i]->chain[j])) == NULL)
				return (-1);
	}
	if (PKCS12_add_safe(&w->safes, w->certs, NID_aes_256_cbc, ROUNDS,
	        w->pass) != 1 ||
	    PKCS12_add_safe(&w->safes, w->keys, -1, 0, NULL) != 1)
		return (-1);
	return (0);
}

static int
put_file(struct writing *w, struct buf *out)
{
	PKCS12 *p12 = PKCS12_add_safes(w->safes, 0);
	unsigned char *der = NULL;
	int n = -1;

	if (p12 != NULL && PKCS12_set_mac(p12, w->pass, -1, NULL, 0, ROUNDS,
	                       EVP_sha256()) == 1)
		n = i2d_PKCS12(p12, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	PKCS12_free(p12);
	return (n > 0 && !out->failed ? 0 : -1);
}

int
p12_write(const struct key *const *keys, size_t n, struct str pass,
    struct buf *out, struct err *err)
{
	struct writing w = {.pass = NULL};
	char text[PASS_MAX + 1];
	int rc = -1;

	if (pass.len == 0 || pass.len > PASS_MAX ||
	    memchr(pass.p, '\0', pass.len) != NULL) {
		err_set(err, ERR_SYNTAX, "a passphrase has 1 to %d bytes",
		    PASS_MAX);
		return (-1);
	}
	memcpy(text, pass.p, pass.len);
	text[pass.len] = '\0';
	w.pass = text;
	if (add_all(&w, keys, n) == 0)
		rc = put_file(&w, out);
	sk_PKCS12_SAFEBAG_pop_free(w.certs, PKCS12_SAFEBAG_free);
	sk_PKCS12_SAFEBAG_pop_free(w.keys, PKCS12_SAFEBAG_free);
	sk_PKCS7_pop_free(w.safes, PKCS7_free);
	OPENSSL_cleanse(text, sizeof(text));
	if (rc == -1)
		err_openssl(err, ERR_CRYPTO, "cannot write a PKCS#12 file");
	return (rc);
}
