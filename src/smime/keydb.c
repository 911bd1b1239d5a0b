#include "config.h"

#include "smime/keydb.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "smime/der.h"
#include "smime/ossl.h"

/* Longer chains than this are not built by anybody. */
#define CHAIN_MAX 8

#define RECORD_VERSION 1

struct keydb {
	struct key **keys; /* owned, each too */
	size_t n;
	size_t cap;
};

/* --- one key --- */

void
key_free(struct key *k)
{
	size_t i;

	if (k == NULL)
		return;
	for (i = 0; i < k->nchain; i++)
		cert_unref(k->chain[i]);
	free(k->chain);
	cert_unref(k->cert);
	EVP_PKEY_free(k->pkey);
	free(k->address);
	free(k);
}

static struct cert *
issuer_among(const struct cert *c, struct cert *const *certs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (certs[i] != c && X509_check_issued(cert_x509(certs[i]),
		                         cert_x509(c)) == X509_V_OK)
			return (certs[i]);
	return (NULL);
}

/* Keep what leads from the certificate upward, without the root: whoever
 * trusts the root has it. */
static int
key_chain(struct key *k, struct cert *const *certs, size_t n)
{
	struct cert *c = k->cert;

	if (n == 0)
		return (0);
	if ((k->chain = calloc(CHAIN_MAX, sizeof(k->chain[0]))) == NULL)
		return (-1);
	while (k->nchain < CHAIN_MAX &&
	       (c = issuer_among(c, certs, n)) != NULL &&
	       !cert_facts(c)->self_issued)
		k->chain[k->nchain++] = cert_ref(c);
	return (0);
}

struct key *
key_new(struct str address, unsigned use, struct cert *cert,
    struct cert *const *chain, size_t nchain, EVP_PKEY *pkey, struct err *err)
{
	struct key *k;

	use &= cert_facts(cert)->use & (CERT_SIGN | CERT_ENCRYPT);
	if (use == 0) {
		err_set(err, ERR_DENIED,
		    "the certificate does not allow this use of its key");
		return (NULL);
	}
	if (EVP_PKEY_eq(pkey, cert_pkey(cert)) != 1) {
		err_openssl(err, ERR_CRYPTO,
		    "the private key is not the certificate's");
		return (NULL);
	}
	if ((k = calloc(1, sizeof(*k))) == NULL ||
	    (k->address = strndup(address.p, address.len)) == NULL)
		goto memory;
	k->use = use;
	k->cert = cert_ref(cert);
	EVP_PKEY_up_ref(pkey);
	k->pkey = pkey;
	if (key_chain(k, chain, nchain) == -1)
		goto memory;
	ossl_forget();
	return (k);
memory:
	err_set(err, ERR_MEMORY, "no memory for a key");
	key_free(k);
	return (NULL);
}

/* --- the record: a DER SEQUENCE in the order of key_put's comment --- */

/* INTEGER of eight octets and a zero in front, so that it is never
 * negative.  Times before 1970 become 0. */
static void
put_time(struct buf *out, int64_t t)
{
	uint64_t v = t > 0 ? (uint64_t)t : 0;
	int i;

	der_put_head(out, DER_INTEGER, 9);
	buf_putc(out, 0);
	for (i = 56; i >= 0; i -= 8)
		buf_putc(out, (char)(v >> i & 0xff));
}

static int
put_pkcs8(EVP_PKEY *pkey, struct buf *out)
{
	PKCS8_PRIV_KEY_INFO *p8;
	unsigned char *der = NULL;
	int len = -1;

	if ((p8 = EVP_PKEY2PKCS8(pkey)) != NULL)
		len = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);
	PKCS8_PRIV_KEY_INFO_free(p8);
	if (len <= 0)
		return (-1);
	der_put(out, DER_OCTETS, str_of((char *)der, (size_t)len));
	OPENSSL_clear_free(der, (size_t)len);
	return (0);
}

int
key_put(const struct key *k, struct buf *out, struct err *err)
{
	const struct cert_facts *f = cert_facts(k->cert);
	size_t all, chain, i;

	all = der_begin(out, DER_SEQUENCE);
	der_put_uint(out, RECORD_VERSION);
	der_put(out, DER_UTF8, str_c(k->address));
	der_put_uint(out, k->use);
	der_put(out, DER_OCTETS, f->issuer);
	der_put(out, DER_OCTETS, f->serial);
	der_put(out, DER_OCTETS, f->ski);
	put_time(out, f->from);
	put_time(out, f->until);
	der_put(out, DER_OCTETS, f->der);
	chain = der_begin(out, DER_SEQUENCE);
	for (i = 0; i < k->nchain; i++)
		der_put(out, DER_OCTETS, cert_facts(k->chain[i])->der);
	der_finish(out, chain);
	if (put_pkcs8(k->pkey, out) == -1) {
		err_openssl(err, ERR_CRYPTO, "cannot write a private key");
		return (-1);
	}
	der_finish(out, all);
	if (out->failed) {
		err_set(err, ERR_LIMIT, "a key record does not fit");
		return (-1);
	}
	return (0);
}

static bool
get_octets(struct der *d, struct str *s)
{
	struct der_item it;

	if (!der_take(d, DER_OCTETS, &it))
		return (false);
	*s = it.in;
	return (true);
}

/* Everything before the chain; d is left there. */
static bool
get_head(struct der *d, struct key_head *h)
{
	struct der_item it;
	uint64_t version, use, from, until;

	if (!der_uint(d, RECORD_VERSION, &version) ||
	    version != RECORD_VERSION || !der_take(d, DER_UTF8, &it))
		return (false);
	h->address = it.in;
	if (!der_uint(d, CERT_SIGN | CERT_ENCRYPT, &use) ||
	    !get_octets(d, &h->issuer) || !get_octets(d, &h->serial) ||
	    !get_octets(d, &h->ski) || !der_uint(d, INT64_MAX, &from) ||
	    !der_uint(d, INT64_MAX, &until) || !get_octets(d, &h->cert))
		return (false);
	h->use = (unsigned)use;
	h->from = (int64_t)from;
	h->until = (int64_t)until;
	return (true);
}

int
key_peek(struct str record, struct key_head *h, struct err *err)
{
	struct der d = der_of(record), in;

	if (der_enter(&d, DER_SEQUENCE, &in) && get_head(&in, h))
		return (0);
	err_set(err, ERR_SYNTAX, "not a key record");
	return (-1);
}

static EVP_PKEY *
get_pkcs8(struct der *d)
{
	PKCS8_PRIV_KEY_INFO *p8;
	const unsigned char *p;
	EVP_PKEY *pkey = NULL;
	struct str der;

	if (!get_octets(d, &der))
		return (NULL);
	p = (const unsigned char *)der.p;
	if ((p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.len)) != NULL)
		pkey = EVP_PKCS82PKEY(p8);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return (pkey);
}

static struct key *
get_rest(struct der *d, const struct key_head *h, struct cert_cache *cache,
    struct err *err)
{
	struct cert *chain[CHAIN_MAX], *cert = NULL;
	EVP_PKEY *pkey = NULL;
	struct key *k = NULL;
	struct der list;
	struct str der;
	size_t n = 0;

	if (!der_enter(d, DER_SEQUENCE, &list))
		goto out;
	while (n < CHAIN_MAX && get_octets(&list, &der)) {
		if ((chain[n] = cert_get(cache, der, err)) == NULL)
			goto out;
		n++;
	}
	if ((cert = cert_get(cache, h->cert, err)) == NULL ||
	    (pkey = get_pkcs8(d)) == NULL)
		goto out;
	k = key_new(h->address, h->use, cert, chain, n, pkey, err);
out:
	if (k == NULL)
		err_openssl(err, ERR_SYNTAX, "not a usable key record");
	EVP_PKEY_free(pkey);
	cert_unref(cert);
	while (n-- > 0)
		cert_unref(chain[n]);
	return (k);
}

struct key *
key_get(struct str record, struct cert_cache *cache, struct err *err)
{
	struct der d = der_of(record), in;
	struct key_head h;

	if (!der_enter(&d, DER_SEQUENCE, &in) || !get_head(&in, &h)) {
		err_set(err, ERR_SYNTAX, "not a key record");
		return (NULL);
	}
	return (get_rest(&in, &h, cache, err));
}

/* --- many keys --- */

struct keydb *
keydb_new(void)
{
	return (calloc(1, sizeof(struct keydb)));
}

void
keydb_free(struct keydb *db)
{
	size_t i;

	if (db == NULL)
		return;
	for (i = 0; i < db->n; i++)
		key_free(db->keys[i]);
	free(db->keys);
	free(db);
}

int
keydb_add(struct keydb *db, struct key *k)
{
	struct key **keys;
	size_t i, cap;

	for (i = 0; i < db->n; i++)
		if (str_eq(cert_facts(db->keys[i]->cert)->der,
		        cert_facts(k->cert)->der)) {
			key_free(db->keys[i]);
			db->keys[i] = k;
			return (0);
		}
	if (db->n == db->cap) {
		cap = db->cap > 0 ? 2 * db->cap : 8;
		keys = reallocarray(db->keys, cap, sizeof(keys[0]));
		if (keys == NULL) {
			key_free(k);
			return (-1);
		}
		db->keys = keys;
		db->cap = cap;
	}
	db->keys[db->n++] = k;
	return (0);
}

size_t
keydb_count(const struct keydb *db)
{
	return (db->n);
}

const struct key *
keydb_at(const struct keydb *db, size_t i)
{
	return (i < db->n ? db->keys[i] : NULL);
}

const struct key *
keydb_for(const struct keydb *db, const struct rid *rid)
{
	size_t i;

	for (i = 0; i < db->n; i++)
		if (cert_is(db->keys[i]->cert, rid))
			return (db->keys[i]);
	return (NULL);
}

const struct key *
keydb_find(const struct keydb *db, struct str address, enum cert_use use,
    int64_t at)
{
	const struct key *best = NULL, *k;
	size_t i;

	for (i = 0; i < db->n; i++) {
		k = db->keys[i];
		if ((k->use & use) == 0 || !cert_valid_at(k->cert, at) ||
		    !str_ieq(str_c(k->address), address))
			continue;
		if (best == NULL ||
		    cert_facts(k->cert)->until > cert_facts(best->cert)->until)
			best = k;
	}
	return (best);
}
