#include "config.h"

#include "acme/jws.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "acme/b64url.h"
#include "acme/jwk.h"
#include "acme/member.h"
#include "acme/object.h"

/* r and s of ES256 one after the other (RFC 7518 3.4). */
#define P256_LEN      32
#define ES256_LEN     ((size_t)2 * P256_LEN)
#define SIGNATURE_MAX 1024

#define WORD_MAX 64

static const char *
alg_of(EVP_PKEY *pkey)
{
	return (EVP_PKEY_is_a(pkey, "EC") ? "ES256" : "RS256");
}

/* --- signing --- */

static void
put_json_str(const char *name, struct str s, struct buf *out, bool *bad)
{
	json_t *v = json_stringn(s.p, s.len);
	char *text = v != NULL ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

	if (text == NULL)
		*bad = true;
	else
		buf_printf(out, ",\"%s\":%s", name, text);
	free(text);
	json_decref(v);
}

static int
put_protected(EVP_PKEY *pkey, const struct jws_head *head, struct buf *out,
    struct err *err)
{
	bool bad = false;

	buf_printf(out, "{\"alg\":\"%s\"", alg_of(pkey));
	if (head->kid.len == 0) {
		buf_puts(out, ",\"jwk\":");
		if (jwk_put(pkey, out, err) == -1)
			return (-1);
	} else
		put_json_str("kid", head->kid, out, &bad);
	if (head->nonce.len > 0)
		put_json_str("nonce", head->nonce, out, &bad);
	put_json_str("url", head->url, out, &bad);
	buf_putc(out, '}');
	if (!bad && !out->failed)
		return (0);
	err_set(err, ERR_SYNTAX, "cannot write a JWS header");
	return (-1);
}

/* DER of ECDSA-Sig-Value to r and s. */
static int
ecdsa_raw(struct buf *sig)
{
	const unsigned char *p = (const unsigned char *)sig->data;
	unsigned char raw[ES256_LEN];
	ECDSA_SIG *es;
	int rc = -1;

	if ((es = d2i_ECDSA_SIG(NULL, &p, (long)sig->len)) != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(es), raw, P256_LEN) == P256_LEN &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(es), raw + P256_LEN, P256_LEN) ==
	        P256_LEN) {
		buf_reset(sig);
		buf_put(sig, raw, sizeof(raw));
		rc = 0;
	}
	ECDSA_SIG_free(es);
	return (rc);
}

static int
make_signature(EVP_PKEY *pkey, struct str input, struct buf *sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = SIGNATURE_MAX;
	char *room = buf_room(sig, len);
	int rc = -1;

	if (ctx != NULL && room != NULL &&
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestSign(ctx, (unsigned char *)room, &len,
	        (const unsigned char *)input.p, input.len) == 1) {
		sig->len = len;
		rc = EVP_PKEY_is_a(pkey, "EC") ? ecdsa_raw(sig) : 0;
	}
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return (rc);
}

int
jws_sign(EVP_PKEY *pkey, const struct jws_head *head, struct str payload,
    struct buf *out, struct err *err)
{
	struct buf protected, input, sig;
	size_t dot;
	int rc = -1;

	buf_init(&protected, ACME_JSON_MAX);
	buf_init(&input, 2 * ACME_JSON_MAX);
	buf_init(&sig, SIGNATURE_MAX);
	if (put_protected(pkey, head, &protected, err) == -1)
		goto out;
	b64url_encode(buf_text(&protected), &input);
	dot = input.len;
	buf_putc(&input, '.');
	b64url_encode(payload, &input);
	if (input.failed) {
		err_set(err, ERR_LIMIT, "the payload is too long to sign");
		goto out;
	}
	if (make_signature(pkey, buf_text(&input), &sig) == -1) {
		err_set(err, ERR_CRYPTO, "cannot sign a JWS");
		goto out;
	}
	buf_puts(out, "{\"protected\":\"");
	buf_put(out, input.data, dot);
	buf_puts(out, "\",\"payload\":\"");
	buf_put(out, input.data + dot + 1, input.len - dot - 1);
	buf_puts(out, "\",\"signature\":\"");
	b64url_encode(buf_text(&sig), out);
	buf_puts(out, "\"}");
	if (!out->failed)
		rc = 0;
	else
		err_set(err, ERR_LIMIT, "the JWS is too long");
out:
	buf_clear(&sig);
	buf_clear(&input);
	buf_clear(&protected);
	return (rc);
}

/* --- reading --- */

static int
syntax(struct err *err, const char *why)
{
	err_set(err, ERR_SYNTAX, "%s", why);
	return (-1);
}

static int
read_alg(const json_t *h, struct arena *arena, struct jws *jws, struct err *err)
{
	if (member_str(h, "alg", REQUIRED, WORD_MAX, arena, &jws->alg, err) ==
	    -1)
		return (-1);
	if (str_eq(jws->alg, STR("ES256")) || str_eq(jws->alg, STR("RS256")))
		return (0);
	err_set(err, ERR_UNSUPPORTED, "alg is neither ES256 nor RS256");
	return (-1);
}

/* Either the key itself or its account's URL (RFC 8555 6.2). */
static int
read_whose(const json_t *h, struct arena *arena, struct jws *jws,
    struct err *err)
{
	const json_t *jwk = json_object_get(h, "jwk");
	const json_t *kid = json_object_get(h, "kid");

	if ((jwk == NULL) == (kid == NULL))
		return (syntax(err,
		    "not exactly one of jwk and kid (RFC 8555 6.2)"));
	if (kid != NULL)
		return (
		    member_url(h, "kid", REQUIRED, arena, &jws->head.kid, err));
	if ((jws->jwk = jwk_read(jwk, err)) == NULL)
		return (-1);
	if (str_eq(jws->alg, str_c(alg_of(jws->jwk))))
		return (0);
	return (syntax(err, "alg is not the key's"));
}

/*
 * RFC 8555 6.2: no unencoded payload (RFC 7797).  Extensions that must be
 * understood are none of ours (RFC 7515 4.1.11).
 */
static int
read_header(const json_t *h, struct arena *arena, struct jws *jws,
    struct err *err)
{
	struct str raw;

	if (json_object_get(h, "crit") != NULL ||
	    json_object_get(h, "b64") != NULL)
		return (syntax(err, "critical extension (RFC 7515 4.1.11)"));
	if (read_alg(h, arena, jws, err) == -1 ||
	    member_url(h, "url", REQUIRED, arena, &jws->head.url, err) == -1 ||
	    member_str(h, "nonce", OPTIONAL, WORD_MAX * 2, arena,
	        &jws->head.nonce, err) == -1 ||
	    member_b64url(h, "nonce", OPTIONAL, WORD_MAX * 2, arena, &raw,
	        err) == -1)
		return (-1);
	return (read_whose(h, arena, jws, err));
}

/* What was signed: the two strings as they stand (RFC 7515 5.2). */
static int
read_input(const json_t *o, struct arena *arena, struct jws *jws,
    struct err *err)
{
	struct str protected, payload;
	char *p;

	if (member_str(o, "protected", REQUIRED, ACME_JSON_MAX, arena,
	        &protected, err) == -1 ||
	    member_str(o, "payload", REQUIRED, ACME_JSON_MAX, arena, &payload,
	        err) == -1)
		return (-1);
	p = arena_alloc(arena, protected.len + 1 + payload.len);
	if (p == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a JWS");
		return (-1);
	}
	memcpy(p, protected.p, protected.len);
	p[protected.len] = '.';
	memcpy(p + protected.len + 1, payload.p, payload.len);
	jws->input = str_of(p, protected.len + 1 + payload.len);
	return (0);
}

static int
read_jws(const json_t *o, struct arena *arena, struct jws *jws, struct err *err)
{
	struct str header;
	json_t *h;
	int rc;

	/* RFC 8555 6.2: flattened, one signature, all of it protected. */
	if (json_object_get(o, "header") != NULL ||
	    json_object_get(o, "signatures") != NULL)
		return (syntax(err,
		    "a header that is not protected, or several signatures"));
	if (read_input(o, arena, jws, err) == -1 ||
	    member_b64url(o, "protected", REQUIRED, ACME_JSON_MAX, arena,
	        &header, err) == -1 ||
	    member_b64url(o, "payload", REQUIRED, ACME_JSON_MAX, arena,
	        &jws->payload, err) == -1 ||
	    member_b64url(o, "signature", REQUIRED, SIGNATURE_MAX, arena,
	        &jws->signature, err) == -1)
		return (-1);
	if ((h = acme_json(header, ACME_JSON_MAX, err)) == NULL)
		return (-1);
	rc = read_header(h, arena, jws, err);
	json_decref(h);
	return (rc);
}

int
jws_parse(struct str text, struct arena *arena, struct jws *jws,
    struct err *err)
{
	json_t *o;
	int rc;

	memset(jws, 0, sizeof(*jws));
	if ((o = acme_json(text, ACME_JSON_MAX, err)) == NULL)
		return (-1);
	rc = read_jws(o, arena, jws, err);
	json_decref(o);
	if (rc == -1)
		jws_clear(jws);
	return (rc);
}

void
jws_clear(struct jws *jws)
{
	EVP_PKEY_free(jws->jwk);
	memset(jws, 0, sizeof(*jws));
}

/* --- verifying --- */

/* r and s to the DER that OpenSSL wants; returns its length, 0 on failure. */
static size_t
ecdsa_der(struct str raw, unsigned char **der)
{
	const unsigned char *p = (const unsigned char *)raw.p;
	BIGNUM *r, *s;
	ECDSA_SIG *es;
	int n = -1;

	if (raw.len != ES256_LEN)
		return (0);
	es = ECDSA_SIG_new();
	r = BN_bin2bn(p, P256_LEN, NULL);
	s = BN_bin2bn(p + P256_LEN, P256_LEN, NULL);
	if (es != NULL && r != NULL && s != NULL &&
	    ECDSA_SIG_set0(es, r, s) == 1)
		n = i2d_ECDSA_SIG(es, der);
	else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(es);
	return (n > 0 ? (size_t)n : 0);
}

static bool
signature_holds(EVP_PKEY *pkey, struct str input, const unsigned char *sig,
    size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool holds;

	holds =
	    ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestVerify(ctx, sig, len, (const unsigned char *)input.p,
	        input.len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return (holds);
}

int
jws_verify(const struct jws *jws, EVP_PKEY *pkey, struct err *err)
{
	unsigned char *der = NULL;
	bool holds = false;
	size_t n;

	if (jwk_check(pkey, err) == -1)
		return (-1);
	if (!str_eq(jws->alg, str_c(alg_of(pkey)))) {
		err_set(err, ERR_CRYPTO, "alg is not the key's");
		return (-1);
	}
	if (EVP_PKEY_is_a(pkey, "RSA"))
		holds = signature_holds(pkey, jws->input,
		    (const unsigned char *)jws->signature.p,
		    jws->signature.len);
	else if ((n = ecdsa_der(jws->signature, &der)) > 0)
		holds = signature_holds(pkey, jws->input, der, n);
	OPENSSL_free(der);
	ERR_clear_error();
	if (holds)
		return (0);
	err_set(err, ERR_CRYPTO, "the signature does not hold");
	return (-1);
}
