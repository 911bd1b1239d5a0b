#include "config.h"

#include "acme/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <string.h>

#include "acme/b64url.h"
#include "acme/member.h"
#include "acme/object.h"
#include "base/limits.h"

#define P256_LEN 32

#define JWK_MAX ((size_t)8 * 1024)

int
jwk_check(EVP_PKEY *pkey, struct err *err)
{
	char group[64];
	int bits = EVP_PKEY_get_bits(pkey);

	if (EVP_PKEY_is_a(pkey, "EC") &&
	    EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
	    strcmp(group, "prime256v1") == 0)
		return (0);
	if (EVP_PKEY_is_a(pkey, "RSA") && bits >= LIMIT_RSA_LEAST &&
	    bits <= LIMIT_RSA_MOST)
		return (0);
	ERR_clear_error();
	err_set(err, ERR_UNTRUSTED,
	    "the key is neither P-256 nor RSA of %d to %d bits",
	    LIMIT_RSA_LEAST, LIMIT_RSA_MOST);
	return (-1);
}

/* --- writing --- */

/* ,"name":"base64url of a number": len octets, 0 for as few as it takes
 * (RFC 7518 6.2.1.2, 6.3.1.1). */
static int
put_number(EVP_PKEY *pkey, const char *param, int len, const char *before,
    struct buf *out)
{
	unsigned char bytes[LIMIT_RSA_MOST / 8];
	BIGNUM *n = NULL;
	int rc = -1;

	if (EVP_PKEY_get_bn_param(pkey, param, &n) == 1) {
		if (len == 0)
			len = BN_num_bytes(n);
		if (len <= (int)sizeof(bytes) &&
		    BN_bn2binpad(n, bytes, len) == len) {
			buf_puts(out, before);
			b64url_encode(str_of((const char *)bytes, (size_t)len),
			    out);
			rc = 0;
		}
	}
	BN_free(n);
	return (rc);
}

int
jwk_put(EVP_PKEY *pkey, struct buf *out, struct err *err)
{
	size_t start = out->len;
	int rc;

	if (jwk_check(pkey, err) == -1)
		return (-1);
	if (EVP_PKEY_is_a(pkey, "EC")) {
		rc = put_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, P256_LEN,
		    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"", out);
		if (rc == 0)
			rc = put_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y,
			    P256_LEN, "\",\"y\":\"", out);
	} else {
		rc = put_number(pkey, OSSL_PKEY_PARAM_RSA_E, 0, "{\"e\":\"",
		    out);
		if (rc == 0)
			rc = put_number(pkey, OSSL_PKEY_PARAM_RSA_N, 0,
			    "\",\"kty\":\"RSA\",\"n\":\"", out);
	}
	buf_puts(out, "\"}");
	if (rc == 0 && !out->failed)
		return (0);
	ERR_clear_error();
	out->len = out->failed ? out->len : start;
	err_set(err, ERR_CRYPTO, "cannot write the key as JWK");
	return (-1);
}

int
jwk_thumbprint(EVP_PKEY *pkey, struct buf *out, struct err *err)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct buf jwk;
	int rc;

	buf_init(&jwk, JWK_MAX);
	if ((rc = jwk_put(pkey, &jwk, err)) == 0) {
		SHA256((const unsigned char *)jwk.data, jwk.len, hash);
		b64url_encode(str_of((const char *)hash, sizeof(hash)), out);
		if (out->failed) {
			err_set(err, ERR_MEMORY, "no memory for a thumbprint");
			rc = -1;
		}
	}
	buf_clear(&jwk);
	return (rc);
}

/* --- reading --- */

/* Make a public key of parameters, which are freed; NULL if it is none. */
static EVP_PKEY *
make_key(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey = NULL;

	ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return (pkey);
}

/* Is the point on the curve (RFC 7518 6.2.1.2 leaves that to us)? */
static bool
point_holds(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool holds = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return (holds);
}

static EVP_PKEY *
make_ec(struct str x, struct str y)
{
	unsigned char point[1 + 2 * P256_LEN] = {4}; /* SEC 1 2.3.3 */
	OSSL_PARAM_BLD *bld;
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey;

	if (x.len != P256_LEN || y.len != P256_LEN)
		return (NULL);
	memcpy(point + 1, x.p, P256_LEN);
	memcpy(point + 1 + P256_LEN, y.p, P256_LEN);
	if ((bld = OSSL_PARAM_BLD_new()) != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
	        "prime256v1", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
	        point, sizeof(point)) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	OSSL_PARAM_BLD_free(bld);
	pkey = make_key("EC", params);
	if (pkey == NULL || point_holds(pkey))
		return (pkey);
	EVP_PKEY_free(pkey);
	return (NULL);
}

/* A number without leading zeros (RFC 7518 2, Base64urlUInt). */
static BIGNUM *
number(struct str s)
{
	if (s.len == 0 || s.p[0] == '\0')
		return (NULL);
	return (BN_bin2bn((const unsigned char *)s.p, (int)s.len, NULL));
}

static EVP_PKEY *
make_rsa(struct str modulus, struct str exponent)
{
	BIGNUM *n = number(modulus), *e = number(exponent);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	/* An even or giant exponent, 1, or an even modulus is nobody's key. */
	if (n != NULL && e != NULL && bld != NULL && BN_is_odd(n) &&
	    BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= 32 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params != NULL)
		pkey = make_key("RSA", params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	return (pkey);
}

/* The key of two members; *pkey stays NULL for a kind that we do not do. */
static int
read_key(const json_t *o, struct arena *arena, EVP_PKEY **pkey, struct err *err)
{
	struct str kty, crv, a, b;

	if (member_str(o, "kty", REQUIRED, 16, arena, &kty, err) == -1 ||
	    member_str(o, "crv", OPTIONAL, 16, arena, &crv, err) == -1)
		return (-1);
	if (str_eq(kty, STR("EC")) && str_eq(crv, STR("P-256"))) {
		if (member_b64url(o, "x", REQUIRED, P256_LEN, arena, &a, err) ==
		        -1 ||
		    member_b64url(o, "y", REQUIRED, P256_LEN, arena, &b, err) ==
		        -1)
			return (-1);
		*pkey = make_ec(a, b);
	} else if (str_eq(kty, STR("RSA"))) {
		if (member_b64url(o, "n", REQUIRED, LIMIT_RSA_MOST / 8, arena,
		        &a, err) == -1 ||
		    member_b64url(o, "e", REQUIRED, 8, arena, &b, err) == -1)
			return (-1);
		*pkey = make_rsa(a, b);
	}
	return (0);
}

/* Public keys only: who sends us a private one has lost it, and symmetric
 * ones have no place here. */
static bool
is_secret(const json_t *o)
{
	return (
	    json_object_get(o, "d") != NULL || json_object_get(o, "k") != NULL);
}

EVP_PKEY *
jwk_read(const json_t *o, struct err *err)
{
	EVP_PKEY *pkey = NULL;
	struct arena arena;
	int rc;

	if (!json_is_object(o) || is_secret(o)) {
		err_set(err, ERR_SYNTAX, "not a public key as JWK (RFC 7517)");
		return (NULL);
	}
	arena_init(&arena, 2 * JWK_MAX);
	rc = read_key(o, &arena, &pkey, err);
	arena_clear(&arena);
	if (rc == -1)
		return (NULL);
	if (pkey == NULL)
		err_set(err, ERR_UNTRUSTED,
		    "not a P-256 or RSA key (RFC 7518 6)");
	else if (jwk_check(pkey, err) == 0)
		return (pkey);
	ERR_clear_error();
	EVP_PKEY_free(pkey);
	return (NULL);
}

EVP_PKEY *
jwk_get(struct str json, struct err *err)
{
	EVP_PKEY *pkey;
	json_t *o;

	if ((o = acme_json(json, JWK_MAX, err)) == NULL)
		return (NULL);
	pkey = jwk_read(o, err);
	json_decref(o);
	return (pkey);
}
