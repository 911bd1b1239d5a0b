#include "config.h"

#include "smime/cert.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/codec.h"
#include "base/limits.h"
#include "base/map.h"
#include "smime/algo.h"
#include "smime/der.h"
#include "smime/ossl.h"

/* Facts are copies of what is inside, and addresses. */
#define CERT_ARENA     (8 * LIMIT_CERT)
#define CERT_ADDRESSES 100

struct cert {
	unsigned refs;
	struct arena arena; /* owned; holds the facts */
	X509 *x509;         /* owned */
	struct cert_facts facts;
	/* Neighbours in the cache's list, most recently used first. */
	struct cert *newer, *older;
};

struct cert_cache {
	struct map *by_hash; /* struct cert, a reference each */
	struct cert *newest, *oldest;
	size_t max;
};

/* --- facts --- */

/* Can this be compared with an address at all?  No controls, no NUL. */
static bool
is_address(struct str s)
{
	size_t i, at = 0;

	for (i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
			return (false);
		if (s.p[i] == '@')
			at = i;
	}
	return (at > 0 && at + 1 < s.len && s.len <= 320);
}

struct address_list {
	struct cert *cert;
	const char **v;
};

static bool
add_address(struct address_list *list, struct str s)
{
	struct cert_facts *f = &list->cert->facts;
	char *copy;
	size_t i;

	s = str_trim(s);
	if (!is_address(s) || f->naddresses == CERT_ADDRESSES)
		return (true);
	for (i = 0; i < f->naddresses; i++)
		if (str_ieq(str_c(list->v[i]), s))
			return (true);
	if ((copy = arena_strdup(&list->cert->arena, s)) == NULL)
		return (false);
	for (i = str_find(s, '@'); i < s.len; i++)
		copy[i] = ascii_lower(copy[i]);
	list->v[f->naddresses++] = copy;
	return (true);
}

static struct str
asn1_str(const ASN1_STRING *s)
{
	int len = ASN1_STRING_length(s);

	return (str_of((const char *)ASN1_STRING_get0_data(s),
	    len > 0 ? (size_t)len : 0));
}

/* rfc822Name, and SmtpUTF8Mailbox (RFC 9598) which is an otherName. */
static bool
add_san(struct address_list *list, const GENERAL_NAME *gn)
{
	char oid[32];
	const OTHERNAME *other;

	if (gn->type == GEN_EMAIL)
		return (add_address(list, asn1_str(gn->d.rfc822Name)));
	if (gn->type != GEN_OTHERNAME)
		return (true);
	other = gn->d.otherName;
	OBJ_obj2txt(oid, sizeof(oid), other->type_id, 1);
	if (strcmp(oid, "1.3.6.1.5.5.7.8.9") != 0 ||
	    other->value->type != V_ASN1_UTF8STRING)
		return (true);
	return (add_address(list, asn1_str(other->value->value.utf8string)));
}

static int
read_addresses(struct cert *c)
{
	struct address_list list = {c, NULL};
	const X509_NAME *subject = X509_get_subject_name(c->x509);
	GENERAL_NAMES *san;
	int i, rc = 0;

	list.v = arena_array(&c->arena, CERT_ADDRESSES, sizeof(list.v[0]));
	if (list.v == NULL)
		return (-1);
	c->facts.addresses = list.v;
	san = X509_get_ext_d2i(c->x509, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(san) && rc == 0; i++)
		if (!add_san(&list, sk_GENERAL_NAME_value(san, i)))
			rc = -1;
	GENERAL_NAMES_free(san);
	i = -1;
	while (rc == 0 && (i = X509_NAME_get_index_by_NID(subject,
	                       NID_pkcs9_emailAddress, i)) >= 0)
		if (!add_address(&list, asn1_str(X509_NAME_ENTRY_get_data(
		                            X509_NAME_get_entry(subject, i)))))
			rc = -1;
	return (rc);
}

static const char *
name_text(struct cert *c, const X509_NAME *name)
{
	char *data, text[400];
	BIO *bio;
	long len;
	const char *out = NULL;

	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		return (NULL);
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0 &&
	    (len = BIO_get_mem_data(bio, &data)) >= 0) {
		err_escape(text, sizeof(text), str_of(data, (size_t)len));
		out = arena_strdup(&c->arena, str_c(text));
	}
	BIO_free(bio);
	return (out);
}

static int64_t
time_of(const ASN1_TIME *t)
{
	int days, secs;
	int64_t epoch;
	ASN1_TIME *zero = ASN1_TIME_set(NULL, 0);

	epoch = -1;
	if (zero != NULL && ASN1_TIME_diff(&days, &secs, zero, t) == 1)
		epoch = (int64_t)days * 86400 + secs;
	ASN1_TIME_free(zero);
	return (epoch);
}

static unsigned
read_use(X509 *x, enum cert_key kind)
{
	uint32_t ku = X509_get_key_usage(x),
	         eku = X509_get_extended_key_usage(x);
	unsigned use = 0;

	if (X509_check_ca(x) == 1)
		use |= CERT_CA;
	/* Without the extension OpenSSL says UINT32_MAX: anything goes. */
	if ((eku & (XKU_SMIME | XKU_ANYEKU)) == 0)
		return (use);
	if (kind != CERT_KEY_OTHER &&
	    (ku & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0)
		use |= CERT_SIGN;
	/* A key that is for PSS only does not decrypt (RFC 4055 1.2). */
	if ((kind == CERT_KEY_RSA && (ku & KU_KEY_ENCIPHERMENT) != 0 &&
	        EVP_PKEY_is_a(X509_get0_pubkey(x), "RSA") == 1) ||
	    (kind == CERT_KEY_EC && (ku & KU_KEY_AGREEMENT) != 0))
		use |= CERT_ENCRYPT;
	return (use);
}

static void
read_key(struct cert_facts *f, X509 *x)
{
	EVP_PKEY *pkey = X509_get0_pubkey(x);
	char group[64];
	int md = NID_undef;

	f->bits = EVP_PKEY_get_bits(pkey);
	f->weak = true;
	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		f->key = CERT_KEY_RSA;
		f->weak = f->bits < 2048 || f->bits > 16384;
		break;
	case EVP_PKEY_EC:
		f->key = CERT_KEY_EC;
		if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) ==
		    1)
			f->curve = OBJ_txt2nid(group);
		f->weak = f->curve != NID_X9_62_prime256v1 &&
		          f->curve != NID_secp384r1 &&
		          f->curve != NID_secp521r1;
		break;
	default:
		f->key = CERT_KEY_OTHER;
	}
	X509_get_signature_info(x, &md, NULL, NULL, NULL);
	if (md == NID_md5 || md == NID_sha1)
		f->weak = true;
}

/* Issuer and serial as they stand in the DER: matching compares bytes. */
static int
read_spans(struct cert_facts *f)
{
	struct der d = der_of(f->der), cert, tbs;
	struct der_item it;

	if (!der_enter(&d, DER_SEQUENCE, &cert) ||
	    !der_enter(&cert, DER_SEQUENCE, &tbs))
		return (-1);
	der_skip(&tbs, DER_CTX0_CONS);
	if (!der_take(&tbs, DER_INTEGER, &it))
		return (-1);
	f->serial = it.in;
	if (!der_take(&tbs, DER_SEQUENCE, &it) ||
	    !der_take(&tbs, DER_SEQUENCE, &it))
		return (-1);
	f->issuer = it.all;
	return (0);
}

static void
read_caps(struct cert *c)
{
	int i = X509_get_ext_by_NID(c->x509, NID_SMIMECapabilities, -1);
	const ASN1_OCTET_STRING *v;

	if (i < 0)
		return;
	v = X509_EXTENSION_get_data(X509_get_ext(c->x509, i));
	c->facts.caps = algo_caps_parse(asn1_str(v));
}

static int
read_facts(struct cert *c)
{
	struct cert_facts *f = &c->facts;
	const ASN1_OCTET_STRING *ski;
	char *hex;

	SHA256((const unsigned char *)f->der.p, f->der.len, f->sha256);
	/* Fills in OpenSSL's own idea of the extensions. */
	if (X509_check_purpose(c->x509, -1, 0) != 1 ||
	    X509_get0_pubkey(c->x509) == NULL || read_spans(f) == -1)
		return (-1);
	if ((ski = X509_get0_subject_key_id(c->x509)) != NULL)
		f->ski = arena_str(&c->arena, asn1_str(ski));
	if ((hex = arena_alloc(&c->arena, 2 * f->serial.len + 1)) == NULL)
		return (-1);
	hex_encode(f->serial.p, f->serial.len, hex);
	f->serial_hex = hex;
	f->subject = name_text(c, X509_get_subject_name(c->x509));
	f->issuer_text = name_text(c, X509_get_issuer_name(c->x509));
	if (f->subject == NULL || f->issuer_text == NULL)
		return (-1);
	f->from = time_of(X509_get0_notBefore(c->x509));
	f->until = time_of(X509_get0_notAfter(c->x509));
	read_key(f, c->x509);
	f->use = read_use(c->x509, f->key);
	f->self_issued = (X509_get_extension_flags(c->x509) & EXFLAG_SI) != 0;
	read_caps(c);
	return (read_addresses(c));
}

static struct cert *
cert_parse(struct str der, struct err *err)
{
	const unsigned char *p;
	struct cert *c;

	if (der.len > LIMIT_CERT) {
		err_set(err, ERR_LIMIT, "certificate longer than 64 KiB");
		return (NULL);
	}
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a certificate");
		return (NULL);
	}
	c->refs = 1;
	arena_init(&c->arena, CERT_ARENA);
	c->facts.der = arena_str(&c->arena, der);
	p = (const unsigned char *)c->facts.der.p;
	if (p == NULL ||
	    (c->x509 = d2i_X509(NULL, &p, (long)c->facts.der.len)) == NULL ||
	    p != (const unsigned char *)c->facts.der.p + der.len ||
	    read_facts(c) == -1) {
		err_openssl(err, ERR_SYNTAX, "not a certificate we can read");
		cert_unref(c);
		return (NULL);
	}
	ossl_forget();
	return (c);
}

struct cert *
cert_ref(struct cert *c)
{
	c->refs++;
	return (c);
}

void
cert_unref(struct cert *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	X509_free(c->x509);
	arena_clear(&c->arena);
	free(c);
}

/* --- cache --- */

static struct str
hash_key(const unsigned char *hash)
{
	return (str_of((const char *)hash, SHA256_DIGEST_LENGTH));
}

static void
list_drop(struct cert_cache *cache, struct cert *c)
{
	if (c->newer != NULL)
		c->newer->older = c->older;
	else
		cache->newest = c->older;
	if (c->older != NULL)
		c->older->newer = c->newer;
	else
		cache->oldest = c->newer;
	c->newer = c->older = NULL;
}

static void
list_front(struct cert_cache *cache, struct cert *c)
{
	c->older = cache->newest;
	if (cache->newest != NULL)
		cache->newest->newer = c;
	else
		cache->oldest = c;
	cache->newest = c;
}

struct cert_cache *
cert_cache_new(size_t max)
{
	struct cert_cache *cache;

	if ((cache = calloc(1, sizeof(*cache))) == NULL)
		return (NULL);
	cache->max = max;
	if ((cache->by_hash = map_new(NULL)) == NULL) {
		free(cache);
		return (NULL);
	}
	return (cache);
}

static void
cache_drop_oldest(struct cert_cache *cache)
{
	struct cert *c = cache->oldest;

	list_drop(cache, c);
	map_del(cache->by_hash, hash_key(c->facts.sha256));
	cert_unref(c);
}

void
cert_cache_free(struct cert_cache *cache)
{
	if (cache == NULL)
		return;
	while (cache->oldest != NULL)
		cache_drop_oldest(cache);
	map_free(cache->by_hash);
	free(cache);
}

struct cert *
cert_get(struct cert_cache *cache, struct str der, struct err *err)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct cert *c;

	if (cache == NULL || cache->max == 0)
		return (cert_parse(der, err));
	SHA256((const unsigned char *)der.p, der.len, hash);
	if ((c = map_get(cache->by_hash, hash_key(hash))) != NULL) {
		list_drop(cache, c);
		list_front(cache, c);
		return (cert_ref(c));
	}
	if ((c = cert_parse(der, err)) == NULL)
		return (NULL);
	/* Out of memory for the cache is no reason to fail. */
	if (map_put(cache->by_hash, hash_key(hash), c) == 0) {
		list_front(cache, cert_ref(c));
		if (map_count(cache->by_hash) > cache->max)
			cache_drop_oldest(cache);
	}
	return (c);
}

/* --- PEM --- */

/* Find needle in s at or after from; s.len if it is not there. */
static size_t
find_text(struct str s, size_t from, struct str needle)
{
	const char *p;

	if (from > s.len)
		return (s.len);
	p = memmem(s.p + from, s.len - from, needle.p, needle.len);
	return (p != NULL ? (size_t)(p - s.p) : s.len);
}

struct cert *
cert_get_pem(struct cert_cache *cache, struct str *text, struct err *err)
{
	const struct str begin = STR("-----BEGIN CERTIFICATE-----");
	const struct str end = STR("-----END CERTIFICATE-----");
	struct b64dec dec;
	struct cert *c;
	struct buf der;
	size_t from, to;
	char *room;

	from = find_text(*text, 0, begin);
	to = find_text(*text, from, end);
	if (to == text->len) {
		err_set(err, ERR_NOTFOUND, "no certificate in PEM");
		return (NULL);
	}
	from += begin.len;
	buf_init(&der, LIMIT_CERT + 3);
	if (to - from > 2 * LIMIT_CERT ||
	    (room = buf_room(&der, (to - from) / 4 * 3 + 3)) == NULL) {
		err_set(err, ERR_LIMIT, "certificate longer than 64 KiB");
		return (NULL);
	}
	b64dec_init(&dec);
	der.len = b64dec_feed(&dec, text->p + from, to - from, room);
	*text = str_of(text->p + to + end.len, text->len - to - end.len);
	c = cert_get(cache, buf_text(&der), err);
	buf_clear(&der);
	return (c);
}

/* --- questions --- */

const struct cert_facts *
cert_facts(const struct cert *c)
{
	return (&c->facts);
}

X509 *
cert_x509(const struct cert *c)
{
	return (c->x509);
}

EVP_PKEY *
cert_pkey(const struct cert *c)
{
	return (X509_get0_pubkey(c->x509));
}

bool
cert_has_address(const struct cert *c, struct str address)
{
	size_t i;

	for (i = 0; i < c->facts.naddresses; i++)
		if (str_ieq(str_c(c->facts.addresses[i]), address))
			return (true);
	return (false);
}

/* Some encoders write a Name with other string types than the certificate
 * has; OpenSSL compares as RFC 5280 7.1 says. */
static bool
same_name(struct str der, const struct cert *c)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509_NAME *name;
	bool same;

	if (str_eq(der, cert_facts(c)->issuer))
		return (true);
	if (der.len > LIMIT_CERT ||
	    (name = d2i_X509_NAME(NULL, &p, (long)der.len)) == NULL) {
		ossl_forget();
		return (false);
	}
	same = X509_NAME_cmp(name, X509_get_issuer_name(cert_x509(c))) == 0;
	X509_NAME_free(name);
	return (same);
}

bool
cert_is(const struct cert *c, const struct rid *rid)
{
	const struct cert_facts *f = cert_facts(c);

	if (rid->issuer.len == 0)
		return (f->ski.len > 0 && str_eq(rid->ski, f->ski));
	return (str_eq(rid->serial, f->serial) && same_name(rid->issuer, c));
}

bool
cert_valid_at(const struct cert *c, int64_t at)
{
	return (c->facts.from <= at && at <= c->facts.until);
}

int
cert_usable_for_encryption(const struct cert *c, int64_t at, struct err *err)
{
	const struct cert_facts *f = &c->facts;

	if ((f->use & CERT_ENCRYPT) == 0) {
		err_set(err, ERR_UNTRUSTED,
		    "the certificate is not for encrypting mail");
		return (-1);
	}
	if (f->weak) {
		err_set(err, ERR_UNTRUSTED, "the certificate is too weak");
		return (-1);
	}
	if (!cert_valid_at(c, at)) {
		err_set(err, ERR_UNTRUSTED, "the certificate %s",
		    at < f->from ? "is not valid yet" : "has expired");
		return (-1);
	}
	return (0);
}
