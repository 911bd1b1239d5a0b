#include "config.h"

#include "smime/algo.h"

#include <openssl/obj_mac.h>

#include "smime/der.h"
#include "smime/oid.h"

/* STR() makes a compound literal, which a static table must not use. */
#define S(lit)                         \
	{                              \
		(lit), sizeof(lit) - 1 \
	}

static const struct {
	struct str oid;
	struct algo_cipher c;
	unsigned cap;
} ciphers[] = {
    {S(P_NIST "\x01\x2a"),
        {"AES-256-CBC", "AES-256-CBC", NID_aes_256_cbc, 0, 32, 16, 16,
            "enveloped-data"},
        CAP_AES256_CBC},
    {S(P_NIST "\x01\x02"),
        {"AES-128-CBC", "AES-128-CBC", NID_aes_128_cbc, 0, 16, 16, 16,
            "enveloped-data"},
        CAP_AES128_CBC},
    {S(P_NIST "\x01\x16"),
        {"AES-192-CBC", "AES-192-CBC", NID_aes_192_cbc, 0, 24, 16, 16,
            "enveloped-data"},
        0},
    {S(P_NIST "\x01\x2e"),
        {"AES-256-GCM", "AES-256-GCM", NID_aes_256_gcm, ALGO_AEAD, 32, 12, 1,
            "authEnveloped-data"},
        CAP_AES256_GCM},
    {S(P_NIST "\x01\x06"),
        {"AES-128-GCM", "AES-128-GCM", NID_aes_128_gcm, ALGO_AEAD, 16, 12, 1,
            "authEnveloped-data"},
        CAP_AES128_GCM},
    {S(P_NIST "\x01\x1a"),
        {"AES-192-GCM", "AES-192-GCM", NID_aes_192_gcm, ALGO_AEAD, 24, 12, 1,
            "authEnveloped-data"},
        0},
    {S(P_PKCS "\x03\x07"),
        {"3DES-CBC", "DES-EDE3-CBC", NID_des_ede3_cbc, ALGO_OPEN_ONLY, 24, 8, 8,
            "enveloped-data"},
        CAP_3DES},
    {S(P_PKCS "\x03\x02"),
        {"RC2-CBC", "RC2-CBC", NID_rc2_cbc, ALGO_OPEN_ONLY | ALGO_LEGACY, 16, 8,
            8, "enveloped-data"},
        CAP_RC2},
};
#define NCIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

static const struct {
	struct str oid;
	struct algo_digest d;
} digests[] = {
    {S(P_NIST "\x02\x01"), {"SHA-256", "sha-256", "SHA256", NID_sha256, 0, 32}},
    {S(P_NIST "\x02\x02"), {"SHA-384", "sha-384", "SHA384", NID_sha384, 0, 48}},
    {S(P_NIST "\x02\x03"), {"SHA-512", "sha-512", "SHA512", NID_sha512, 0, 64}},
    {S(P_NIST "\x02\x04"),
        {"SHA-224", "sha-224", "SHA224", NID_sha224, ALGO_OPEN_ONLY, 28}},
    /* Chosen-prefix collisions in SHA-1 cost some ten thousand dollars. */
    {S("\x2b\x0e\x03\x02\x1a"),
        {"SHA-1", "sha-1", "SHA1", NID_sha1, ALGO_OPEN_ONLY | ALGO_BROKEN, 20}},
    {S(P_PKCS "\x02\x05"),
        {"MD5", "md5", "MD5", NID_md5, ALGO_OPEN_ONLY | ALGO_BROKEN, 16}},
};
#define NDIGESTS (sizeof(digests) / sizeof(digests[0]))

const struct algo_cipher *
algo_cipher_oid(struct str oid)
{
	size_t i;

	for (i = 0; i < NCIPHERS; i++)
		if (str_eq(ciphers[i].oid, oid))
			return (&ciphers[i].c);
	return (NULL);
}

const struct algo_cipher *
algo_cipher_nid(int nid)
{
	size_t i;

	for (i = 0; i < NCIPHERS; i++)
		if (ciphers[i].c.nid == nid)
			return (&ciphers[i].c);
	return (NULL);
}

struct str
algo_cipher_id(const struct algo_cipher *c)
{
	size_t i;

	for (i = 0; i < NCIPHERS; i++)
		if (&ciphers[i].c == c)
			return (ciphers[i].oid);
	return (STR(""));
}

const struct algo_digest *
algo_digest_oid(struct str oid)
{
	size_t i;

	for (i = 0; i < NDIGESTS; i++)
		if (str_eq(digests[i].oid, oid))
			return (&digests[i].d);
	return (NULL);
}

const struct algo_digest *
algo_digest_nid(int nid)
{
	size_t i;

	for (i = 0; i < NDIGESTS; i++)
		if (digests[i].d.nid == nid)
			return (&digests[i].d);
	return (NULL);
}

struct str
algo_digest_id(const struct algo_digest *d)
{
	size_t i;

	for (i = 0; i < NDIGESTS; i++)
		if (&digests[i].d == d)
			return (digests[i].oid);
	return (STR(""));
}

static unsigned
cap_of(struct str oid)
{
	size_t i;

	for (i = 0; i < NCIPHERS; i++)
		if (str_eq(ciphers[i].oid, oid))
			return (ciphers[i].cap);
	if (str_eq(oid, OID_OAEP))
		return (CAP_OAEP);
	if (str_eq(oid, OID_ECDH_SHA256))
		return (CAP_ECDH_SHA256);
	return (0);
}

unsigned
algo_caps_parse(struct str der)
{
	struct der outer = der_of(der), list, one;
	unsigned caps = CAP_KNOWN;
	struct str oid;

	if (!der_enter(&outer, DER_SEQUENCE, &list))
		return (0);
	while (der_enter(&list, DER_SEQUENCE, &one))
		if (der_oid(&one, &oid))
			caps |= cap_of(oid);
	return (caps);
}

/* id-RSAES-OAEP with SHA-256 twice; the octets that RFC 3560 5 prints forget
 * the tags of RFC 4055's parameters. */
void
algo_put_oaep_sha256(struct buf *out)
{
	static const char sha256[] =
	    "\x30\x0d\x06\x09" P_NIST "\x02\x01\x05\x00";
	static const char mgf1[] = "\x30\x1a\x06\x09" P_PKCS1 "\x08";
	size_t alg, params, field;

	alg = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_OID, OID_OAEP);
	params = der_begin(out, DER_SEQUENCE);
	field = der_begin(out, DER_CTX0_CONS);
	buf_put(out, sha256, sizeof(sha256) - 1);
	der_finish(out, field);
	field = der_begin(out, DER_CTX0_CONS + 1);
	buf_put(out, mgf1, sizeof(mgf1) - 1);
	buf_put(out, sha256, sizeof(sha256) - 1);
	der_finish(out, field);
	der_finish(out, params);
	der_finish(out, alg);
}

void
algo_caps_build(struct buf *out)
{
	static const int nids[] = {NID_aes_256_gcm, NID_aes_128_gcm,
	    NID_aes_256_cbc, NID_aes_128_cbc};
	size_t list, one, i;

	list = der_begin(out, DER_SEQUENCE);
	for (i = 0; i < sizeof(nids) / sizeof(nids[0]); i++)
		der_put_algorithm(out, algo_cipher_id(algo_cipher_nid(nids[i])),
		    false);
	algo_put_oaep_sha256(out);
	/* RFC 5753 7.1: the parameter is the key wrap. */
	one = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_OID, OID_ECDH_SHA256);
	der_put_algorithm(out, OID_WRAP256, false);
	der_finish(out, one);
	der_finish(out, list);
}

const struct algo_cipher *
algo_choose(const unsigned *caps, size_t n)
{
	const unsigned modern = CAP_KNOWN | CAP_AES256_GCM | CAP_OAEP;
	size_t i;

	for (i = 0; i < n; i++)
		if ((caps[i] & modern) != modern)
			return (algo_cipher_nid(NID_aes_256_cbc));
	return (algo_cipher_nid(n > 0 ? NID_aes_256_gcm : NID_aes_256_cbc));
}

enum algo_transport
algo_transport_for(unsigned caps, const struct algo_cipher *c)
{
	if ((caps & CAP_OAEP) != 0 && (c->flags & ALGO_AEAD) != 0)
		return (TRANSPORT_OAEP);
	return (TRANSPORT_AUTO);
}

bool
algo_hash_param(struct der *d, bool mgf, const struct algo_digest **md)
{
	struct der_item params;
	struct der in, inner;
	struct str oid;

	*md = algo_digest_nid(NID_sha1);
	if (!der_enter(d, mgf ? DER_CTX0_CONS + 1 : DER_CTX0_CONS, &in))
		return (true);
	if (!der_algorithm(&in, &oid, &params))
		return (false);
	if (mgf) {
		inner = der_of(params.all);
		if (!str_eq(oid, OID_MGF1) ||
		    !der_algorithm(&inner, &oid, &params))
			return (false);
	}
	*md = algo_digest_oid(oid);
	return (*md != NULL);
}
