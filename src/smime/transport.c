#include "config.h"

#include "smime/transport.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/limits.h"

#include "smime/oid.h"
#include "smime/ossl.h"

/* RSA-16384; larger keys are not read from certificates as usable. */
#define RSA_MAX_BYTES 2048

/* STR() makes a compound literal, which a static table must not use. */
#define S(lit)                         \
	{                              \
		(lit), sizeof(lit) - 1 \
	}

/* Key agreement schemes (RFC 5753 7.1.4).  The curves have cofactor 1, so
 * that the cofactor schemes give the same secret. */
static const struct {
	struct str oid;
	const char *digest;
} schemes[] = {
    {S(P_SECG "\x01\x0b\x01"), "SHA256"},
    {S(P_SECG "\x01\x0b\x02"), "SHA384"},
    {S(P_SECG "\x01\x0b\x03"), "SHA512"},
    {S(P_SECG "\x01\x0b\x00"), "SHA224"},
    {S(P_X963 "\x00\x02"), "SHA1"},
    {S(P_SECG "\x01\x0e\x01"), "SHA256"},
    {S(P_SECG "\x01\x0e\x02"), "SHA384"},
    {S(P_SECG "\x01\x0e\x03"), "SHA512"},
    {S(P_SECG "\x01\x0e\x00"), "SHA224"},
    {S(P_X963 "\x00\x03"), "SHA1"},
};

static const struct {
	struct str oid;
	const char *cipher;
	size_t kek_len;
} wraps[] = {
    {S(P_NIST "\x01\x2d"), "AES-256-WRAP", 32},
    {S(P_NIST "\x01\x05"), "AES-128-WRAP", 16},
    {S(P_NIST "\x01\x19"), "AES-192-WRAP", 24},
};

/* What a key agreement needs beside the keys. */
struct agreement {
	const char *digest;
	const char *cipher;
	size_t kek_len;
	struct str wrap; /* the AlgorithmIdentifier of the wrap */
	struct str ukm;
};

/* --- RSA --- */

/* 1 if a == b, else 0, without a branch on either. */
static unsigned
ct_eq(unsigned a, unsigned b)
{
	return (((a ^ b) - 1) >> (sizeof(unsigned) * 8 - 1));
}

/*
 * EM = 00 02 PS 00 M (RFC 8017 7.2.2), where the length of M is known.  cek
 * holds random bytes, which are replaced by M if everything is as it must
 * be; neither time nor result tells which.
 */
static void
pkcs1_unpad(const unsigned char *em, size_t n, unsigned char *cek, size_t len)
{
	unsigned good;
	unsigned char mask;
	size_t i;

	good = ct_eq(em[0], 0) & ct_eq(em[1], 2);
	for (i = 2; i < n - len - 1; i++)
		good &= ct_eq(em[i], 0) ^ 1;
	good &= ct_eq(em[n - len - 1], 0);
	mask = (unsigned char)(0 - good);
	for (i = 0; i < len; i++)
		cek[i] = (unsigned char)((em[n - len + i] & mask) |
		                         (cek[i] & (unsigned char)~mask));
}

static void
unwrap_pkcs1(EVP_PKEY_CTX *ctx, struct str enc, size_t size, unsigned char *cek,
    size_t len)
{
	unsigned char em[RSA_MAX_BYTES];
	size_t n = sizeof(em);

	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	    EVP_PKEY_decrypt(ctx, em, &n, (const unsigned char *)enc.p,
	        enc.len) == 1 &&
	    n == size && n >= len + 11)
		pkcs1_unpad(em, n, cek, len);
	OPENSSL_cleanse(em, sizeof(em));
}

/* Hash and label of RSAES-OAEP-params (RFC 4055 4.1). */
struct oaep {
	const struct algo_digest *hash;
	const struct algo_digest *mgf;
	struct str label;
};

static bool
oaep_read(const struct der_item *params, struct oaep *o)
{
	struct der_item it;
	struct der d, in;
	struct str oid;

	memset(o, 0, sizeof(*o));
	d = der_of(params->in);
	if (params->all.len > 0 && params->tag != DER_SEQUENCE)
		return (false);
	if (!algo_hash_param(&d, false, &o->hash) ||
	    !algo_hash_param(&d, true, &o->mgf))
		return (false);
	if (!der_enter(&d, DER_CTX0_CONS + 2, &in))
		return (true);
	if (!der_algorithm(&in, &oid, &it) || !str_eq(oid, OID_PSPECIFIED) ||
	    it.tag != DER_OCTETS)
		return (false);
	o->label = it.in;
	return (true);
}

static bool
oaep_set(EVP_PKEY_CTX *ctx, const struct oaep *o)
{
	unsigned char *label;

	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx,
	        EVP_get_digestbyname(o->hash->ossl)) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx,
	        EVP_get_digestbyname(o->mgf->ossl)) != 1)
		return (false);
	if (o->label.len == 0)
		return (true);
	if ((label = OPENSSL_memdup(o->label.p, o->label.len)) == NULL)
		return (false);
	if (EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)o->label.len) ==
	    1)
		return (true);
	OPENSSL_free(label);
	return (false);
}

static void
unwrap_oaep(EVP_PKEY_CTX *ctx, const struct oaep *o, struct str enc,
    unsigned char *cek, size_t len)
{
	unsigned char out[RSA_MAX_BYTES];
	size_t n = sizeof(out);

	if (oaep_set(ctx, o) &&
	    EVP_PKEY_decrypt(ctx, out, &n, (const unsigned char *)enc.p,
	        enc.len) == 1 &&
	    n == len)
		memcpy(cek, out, len);
	OPENSSL_cleanse(out, sizeof(out));
}

static int
unwrap_rsa(const struct recipient *r, EVP_PKEY *pkey, unsigned char *cek,
    size_t len, struct err *err)
{
	struct oaep oaep;
	bool is_oaep = str_eq(r->oid, OID_OAEP);
	size_t size = (size_t)EVP_PKEY_get_size(pkey);
	EVP_PKEY_CTX *ctx;

	if (!is_oaep && !str_eq(r->oid, OID_RSA)) {
		err_set(err, ERR_UNSUPPORTED, "unknown key transport");
		return (-1);
	}
	if (is_oaep && !oaep_read(&r->params, &oaep)) {
		err_set(err, ERR_UNSUPPORTED,
		    "unknown RSAES-OAEP parameters (RFC 4055 4.1)");
		return (-1);
	}
	if (size > RSA_MAX_BYTES ||
	    (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)) == NULL) {
		err_openssl(err, ERR_UNSUPPORTED, "cannot use the key");
		return (-1);
	}
	if (EVP_PKEY_decrypt_init(ctx) == 1) {
		if (is_oaep)
			unwrap_oaep(ctx, &oaep, r->encrypted_key, cek, len);
		else
			unwrap_pkcs1(ctx, r->encrypted_key, size, cek, len);
	}
	EVP_PKEY_CTX_free(ctx);
	return (0);
}

/* --- ECDH --- */

static bool
agreement_of(struct str oid, const struct der_item *params, struct str ukm,
    struct agreement *a)
{
	struct der d = der_of(params->all);
	struct der_item none;
	struct str wrap;
	size_t i;

	memset(a, 0, sizeof(*a));
	a->wrap = params->all;
	a->ukm = ukm;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_eq(schemes[i].oid, oid))
			a->digest = schemes[i].digest;
	if (a->digest == NULL || !der_algorithm(&d, &wrap, &none))
		return (false);
	for (i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++)
		if (str_eq(wraps[i].oid, wrap)) {
			a->cipher = wraps[i].cipher;
			a->kek_len = wraps[i].kek_len;
		}
	return (a->cipher != NULL);
}

/* ECC-CMS-SharedInfo (RFC 5753 7.2). */
static bool
shared_info(const struct agreement *a, struct buf *out)
{
	unsigned bits = (unsigned)a->kek_len * 8;
	const char supp[4] = {0, 0, (char)(bits >> 8), (char)(bits & 0xff)};
	size_t seq, field;

	seq = der_begin(out, DER_SEQUENCE);
	buf_str(out, a->wrap);
	if (a->ukm.len > 0) {
		field = der_begin(out, DER_CTX0_CONS);
		der_put(out, DER_OCTETS, a->ukm);
		der_finish(out, field);
	}
	field = der_begin(out, DER_CTX0_CONS + 2);
	der_put(out, DER_OCTETS, str_of(supp, sizeof(supp)));
	der_finish(out, field);
	der_finish(out, seq);
	return (!out->failed);
}

/*
 * The key encryption key from our key and the peer's.  A certificate's point
 * was seen to be on its curve when it was parsed, and the curves we write to
 * have no small subgroups; a message's key is checked in full.
 */
static bool
derive_kek(const struct agreement *a, EVP_PKEY *mine, EVP_PKEY *peer,
    bool check, unsigned char *kek)
{
	EVP_PKEY_CTX *ctx = NULL;
	struct buf info;
	unsigned char *ukm = NULL;
	size_t n = a->kek_len;
	bool ok = false;

	buf_init(&info, LIMIT_RECORD);
	if (!shared_info(a, &info) ||
	    (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL)) == NULL ||
	    EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_ecdh_kdf_type(ctx, EVP_PKEY_ECDH_KDF_X9_63) != 1 ||
	    EVP_PKEY_CTX_set_ecdh_kdf_md(ctx,
	        EVP_get_digestbyname(a->digest)) != 1 ||
	    EVP_PKEY_CTX_set_ecdh_kdf_outlen(ctx, (int)a->kek_len) != 1 ||
	    (ukm = OPENSSL_memdup(info.data, info.len)) == NULL)
		goto out;
	if (EVP_PKEY_CTX_set0_ecdh_kdf_ukm(ctx, ukm, (int)info.len) != 1) {
		OPENSSL_free(ukm);
		goto out;
	}
	ok = EVP_PKEY_derive_set_peer_ex(ctx, peer, check ? 1 : 0) == 1 &&
	     EVP_PKEY_derive(ctx, kek, &n) == 1 && n == a->kek_len;
out:
	EVP_PKEY_CTX_free(ctx);
	buf_clear(&info);
	return (ok);
}

/* AES key wrap (RFC 3394), either way.  out holds in.len + 8. */
static bool
aes_wrap(const struct agreement *a, const unsigned char *kek, struct str in,
    unsigned char *out, size_t *len, bool wrap)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, a->cipher, NULL);
	int n = 0, m = 0;
	bool ok = false;

	if (ctx != NULL && cipher != NULL) {
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
		ok = EVP_CipherInit_ex2(ctx, cipher, kek, NULL, wrap ? 1 : 0,
		         NULL) == 1 &&
		     EVP_CipherUpdate(ctx, out, &n, (const unsigned char *)in.p,
		         (int)in.len) == 1 &&
		     EVP_CipherFinal_ex(ctx, out + n, &m) == 1;
		*len = (size_t)(n + m);
	}
	EVP_CIPHER_free(cipher);
	EVP_CIPHER_CTX_free(ctx);
	return (ok);
}

static int
unwrap_ecdh(const struct recipient *r, EVP_PKEY *pkey, unsigned char *cek,
    size_t len, struct err *err)
{
	struct agreement a;
	unsigned char kek[CEK_MAX], out[CEK_MAX + 16];
	EVP_PKEY *peer;
	size_t n = 0;

	if (r->point.len == 0 || r->ukm.len > 1024 ||
	    r->params.all.len > 1024 ||
	    !agreement_of(r->oid, &r->params, r->ukm, &a)) {
		err_set(err, ERR_UNSUPPORTED, "unknown key agreement");
		return (-1);
	}
	if ((peer = EVP_PKEY_new()) != NULL &&
	    EVP_PKEY_copy_parameters(peer, pkey) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(peer,
	        (const unsigned char *)r->point.p, r->point.len) == 1 &&
	    r->encrypted_key.len == len + 8 &&
	    derive_kek(&a, pkey, peer, true, kek) &&
	    aes_wrap(&a, kek, r->encrypted_key, out, &n, false) && n == len)
		memcpy(cek, out, len);
	OPENSSL_cleanse(kek, sizeof(kek));
	OPENSSL_cleanse(out, sizeof(out));
	EVP_PKEY_free(peer);
	return (0);
}

int
transport_unwrap(const struct recipient *r, EVP_PKEY *pkey, unsigned char *cek,
    size_t len, struct err *err)
{
	int rc;

	if (len > CEK_MAX ||
	    EVP_PKEY_is_a(pkey, r->agree ? "EC" : "RSA") != 1) {
		err_set(err, ERR_UNSUPPORTED,
		    "the message does not fit the kind of key it names");
		return (-1);
	}
	if (RAND_priv_bytes(cek, (int)len) != 1) {
		err_openssl(err, ERR_CRYPTO, "no random bytes");
		return (-1);
	}
	rc = r->agree ? unwrap_ecdh(r, pkey, cek, len, err)
	              : unwrap_rsa(r, pkey, cek, len, err);
	ossl_forget();
	return (rc);
}

/* --- writing --- */

static enum algo_transport
transport_of(const struct cms_recipient *to)
{
	if (to->how != TRANSPORT_AUTO)
		return (to->how);
	return (cert_facts(to->cert)->key == CERT_KEY_EC ? TRANSPORT_ECDH
	                                                 : TRANSPORT_PKCS1);
}

bool
transport_agrees(const struct cms_recipient *to)
{
	return (transport_of(to) == TRANSPORT_ECDH);
}

static void
put_rid(struct buf *out, const struct cert_facts *f)
{
	size_t mark = der_begin(out, DER_SEQUENCE);

	buf_str(out, f->issuer);
	der_put(out, DER_INTEGER, f->serial);
	der_finish(out, mark);
}

static int
wrap_rsa(const struct cms_recipient *to, bool oaep, const unsigned char *cek,
    size_t len, struct buf *out)
{
	EVP_PKEY_CTX *ctx;
	unsigned char enc[RSA_MAX_BYTES];
	const struct oaep sha256 = {algo_digest_nid(NID_sha256),
	    algo_digest_nid(NID_sha256), {NULL, 0}};
	size_t n = sizeof(enc), mark;
	int rc = -1;

	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, cert_pkey(to->cert), NULL);
	if (ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
	    (oaep ? oaep_set(ctx, &sha256)
	          : EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) ==
	                1) &&
	    EVP_PKEY_encrypt(ctx, enc, &n, cek, len) == 1) {
		mark = der_begin(out, DER_SEQUENCE);
		der_put_uint(out, 0);
		put_rid(out, cert_facts(to->cert));
		if (oaep)
			algo_put_oaep_sha256(out);
		else
			der_put_algorithm(out, OID_RSA, true);
		der_put(out, DER_OCTETS, str_of((char *)enc, n));
		der_finish(out, mark);
		rc = 0;
	}
	EVP_PKEY_CTX_free(ctx);
	return (rc);
}

/* A fresh key on the curve of the peer's. */
static EVP_PKEY *
ephemeral(EVP_PKEY *peer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, peer, NULL);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_keygen(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return (key);
}

/* KeyAgreeRecipientInfo (RFC 5753 3.1.1), without ukm. */
static void
put_agree(struct buf *out, const struct cert_facts *f, struct str point,
    struct str wrap, struct str key)
{
	size_t kari, orig, pub, bits, alg, keys, one;

	kari = der_begin(out, DER_CTX0_CONS + 1);
	der_put_uint(out, 3);
	orig = der_begin(out, DER_CTX0_CONS);
	pub = der_begin(out, DER_CTX0_CONS + 1);
	der_put_algorithm(out, OID_EC_KEY, false);
	bits = der_begin(out, DER_BITS);
	buf_putc(out, 0);
	buf_str(out, point);
	der_finish(out, bits);
	der_finish(out, pub);
	der_finish(out, orig);
	alg = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_OID, OID_ECDH_SHA256);
	buf_str(out, wrap);
	der_finish(out, alg);
	keys = der_begin(out, DER_SEQUENCE);
	one = der_begin(out, DER_SEQUENCE);
	put_rid(out, f);
	der_put(out, DER_OCTETS, key);
	der_finish(out, one);
	der_finish(out, keys);
	der_finish(out, kari);
}

static int
wrap_ecdh(const struct cms_recipient *to, const unsigned char *cek, size_t len,
    struct buf *out)
{
	EVP_PKEY *peer = cert_pkey(to->cert), *mine;
	unsigned char kek[CEK_MAX], key[CEK_MAX + 16], *point = NULL;
	struct agreement a = {"SHA256", "AES-256-WRAP", 32, {NULL, 0},
	    {NULL, 0}};
	struct buf wrap;
	size_t n = 0, npoint;
	int rc = -1;

	buf_init(&wrap, 64);
	der_put_algorithm(&wrap, OID_WRAP256, false);
	a.wrap = buf_text(&wrap);
	if ((mine = ephemeral(peer)) != NULL &&
	    (npoint = EVP_PKEY_get1_encoded_public_key(mine, &point)) > 0 &&
	    derive_kek(&a, mine, peer, false, kek) &&
	    aes_wrap(&a, kek, str_of((const char *)cek, len), key, &n, true)) {
		put_agree(out, cert_facts(to->cert),
		    str_of((char *)point, npoint), a.wrap,
		    str_of((char *)key, n));
		rc = 0;
	}
	OPENSSL_cleanse(kek, sizeof(kek));
	OPENSSL_free(point);
	EVP_PKEY_free(mine);
	buf_clear(&wrap);
	return (rc);
}

int
transport_wrap(const struct cms_recipient *to, const unsigned char *cek,
    size_t len, struct buf *out, struct err *err)
{
	const struct cert_facts *f = cert_facts(to->cert);
	enum algo_transport how = transport_of(to);
	int rc;

	if (f->weak ||
	    f->key != (how == TRANSPORT_ECDH ? CERT_KEY_EC : CERT_KEY_RSA)) {
		err_set(err, ERR_UNSUPPORTED,
		    "cannot seal to the key of %s in this way", f->subject);
		return (-1);
	}
	if (how == TRANSPORT_ECDH)
		rc = wrap_ecdh(to, cek, len, out);
	else
		rc = wrap_rsa(to, how == TRANSPORT_OAEP, cek, len, out);
	if (rc == -1)
		err_openssl(err, ERR_CRYPTO, "cannot seal to a recipient");
	return (rc);
}
