#include "config.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "acme/b64url.h"
#include "acme/jws.h"
#include "acme/object.h"
#include "unit.h"

#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC_JWK                                                               \
	"{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y \
	"\"}"

/* RFC 7638 3.1 */
#define RSA_JWK                                                             \
	"{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9" \
	"nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"  \
	"ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5"  \
	"w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZ"  \
	"Hzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd"  \
	"2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\"}"

/* RFC 7515 A.2 */
#define A2_JWK                                                       \
	"{\"kty\":\"RSA\",\"n\":\""                                  \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx" \
	"HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs" \
	"D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH" \
	"SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV" \
	"MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8" \
	"NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"       \
	"\",\"e\":\"AQAB\"}"

#define A_PAYLOAD                                                          \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt" \
	"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

#define URL "https://ca.test/new"

static EVP_PKEY *
get(const char *jwk)
{
	struct err err = {0};
	EVP_PKEY *pkey = jwk_get(str_c(jwk), &err);

	CHECK_CSTR(err.text, "");
	return (pkey);
}

static void
t_vectors(void)
{
	static const struct {
		const char *name, *jwk, *alg, *input, *signature;
	} rows[] = {
	    {"A.2", A2_JWK, "RS256", "eyJhbGciOiJSUzI1NiJ9." A_PAYLOAD,
	        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5R"
	        "Zmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQ"
	        "jbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB"
	        "MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqt"
	        "FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq"
	        "Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
	    {"A.3", EC_JWK, "ES256", "eyJhbGciOiJFUzI1NiJ9." A_PAYLOAD,
	        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8I"
	        "SlSApmWQxfKTUJqPP3-Kg6NU1Q"},
	};
	struct jws jws = {0};
	struct buf sig;
	EVP_PKEY *pkey;
	size_t i;

	buf_init(&sig, 1000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		pkey = get(rows[i].jwk);
		buf_reset(&sig);
		CHECK_INT(b64url_decode(str_c(rows[i].signature), &sig), 0);
		jws.alg = str_c(rows[i].alg);
		jws.input = str_c(rows[i].input);
		jws.signature = buf_text(&sig);
		CHECK_INT(jws_verify(&jws, pkey, NULL), 0);
		sig.data[sig.len - 1] ^= 1;
		CHECK_INT(jws_verify(&jws, pkey, NULL), -1);
		EVP_PKEY_free(pkey);
	}
	buf_clear(&sig);
}

static void
t_thumbprint(void)
{
	struct buf b;
	EVP_PKEY *pkey = get(RSA_JWK);

	buf_init(&b, 1000);
	CHECK_INT(jwk_thumbprint(pkey, &b, NULL), 0);
	CHECK_BUF(&b, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	buf_reset(&b);
	CHECK_INT(jwk_put(pkey, &b, NULL), 0);
	CHECK_BUF(&b, RSA_JWK);
	EVP_PKEY_free(pkey);

	unit_row("EC, other order, more members");
	pkey = get("{\"kid\":\"x\", \"y\":\"" EC_Y "\",\"x\":\"" EC_X
	           "\",\"kty\":\"EC\",\"crv\":\"P-256\"}");
	buf_reset(&b);
	CHECK_INT(jwk_put(pkey, &b, NULL), 0);
	CHECK_BUF(&b, EC_JWK);
	EVP_PKEY_free(pkey);
	buf_clear(&b);
}

static void
t_bad_keys(void)
{
	static const struct {
		const char *name, *jwk;
		enum err_code code;
	} rows[] = {
	    {"not JSON", "EC", ERR_SYNTAX},
	    {"no object", "[]", ERR_SYNTAX},
	    {"no kind", "{\"crv\":\"P-256\"}", ERR_SYNTAX},
	    {"private",
	        "{\"crv\":\"P-256\",\"kty\":\"EC\",\"d\":\"AA\",\"x\":\"" EC_X
	        "\",\"y\":\"" EC_Y "\"}",
	        ERR_SYNTAX},
	    {"symmetric", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", ERR_SYNTAX},
	    {"other kind", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}",
	        ERR_UNTRUSTED},
	    {"other curve",
	        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X
	        "\",\"y\":\"" EC_Y "\"}",
	        ERR_UNTRUSTED},
	    {"twice", "{\"kty\":\"EC\",\"kty\":\"EC\"}", ERR_SYNTAX},
	    {"beside the curve",
	        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X
	        "\",\"y\":\"" EC_X "\"}",
	        ERR_UNTRUSTED},
	    {"short x",
	        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"" EC_Y
	        "\"}",
	        ERR_UNTRUSTED},
	    {"no y", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}",
	        ERR_SYNTAX},
	    {"small RSA", "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"zQ\"}",
	        ERR_UNTRUSTED},
	    {"e = 1", "{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"zQ\"}",
	        ERR_UNTRUSTED},
	    {"n with a leading zero",
	        "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AM0\"}",
	        ERR_UNTRUSTED},
	};
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		memset(&err, 0, sizeof(err));
		CHECK(jwk_get(str_c(rows[i].jwk), &err) == NULL);
		CHECK_INT(err.code, rows[i].code);
	}
}

static EVP_PKEY *
fresh(const char *type)
{
	return (strcmp(type, "EC") == 0
	            ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
	            : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
}

static void
t_round(void)
{
	static const struct {
		const char *name, *type, *nonce, *kid, *payload;
	} rows[] = {
	    {"newAccount", "EC", "bm9uY2U", "", "{\"a\":1}"},
	    {"POST-as-GET", "EC", "bm9uY2U", "https://ca.test/acct/1", ""},
	    {"inner", "EC", "", "", "{}"},
	    {"RSA", "RSA", "bm9uY2U", "", "{}"},
	};
	struct jws_head head;
	struct arena arena;
	struct buf b;
	struct jws jws;
	EVP_PKEY *pkey, *other;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		pkey = fresh(rows[i].type);
		other = fresh(rows[i].type);
		arena_init(&arena, 100000);
		buf_init(&b, 100000);
		head = (struct jws_head){str_c(rows[i].nonce), STR(URL),
		    str_c(rows[i].kid)};
		CHECK_INT(
		    jws_sign(pkey, &head, str_c(rows[i].payload), &b, NULL), 0);
		CHECK_INT(jws_parse(buf_text(&b), &arena, &jws, NULL), 0);
		CHECK_STR(jws.head.url, URL);
		CHECK_STR(jws.head.nonce, rows[i].nonce);
		CHECK_STR(jws.head.kid, rows[i].kid);
		CHECK_STR(jws.payload, rows[i].payload);
		CHECK((jws.jwk == NULL) == (rows[i].kid[0] != '\0'));
		CHECK_INT(jws_verify(&jws, pkey, NULL), 0);
		CHECK_INT(jws_verify(&jws, other, NULL), -1);
		if (jws.jwk != NULL) {
			CHECK(EVP_PKEY_eq(jws.jwk, pkey) == 1);
			CHECK_INT(jws_verify(&jws, jws.jwk, NULL), 0);
		}
		jws_clear(&jws);
		buf_clear(&b);
		arena_clear(&arena);
		EVP_PKEY_free(pkey);
		EVP_PKEY_free(other);
	}
}

/* A JWS of any protected header, with more members if asked. */
static void
forge(const char *protected, const char *more, struct buf *out)
{
	buf_reset(out);
	buf_printf(out, "{%s\"protected\":\"", more);
	b64url_encode(str_c(protected), out);
	buf_puts(out, "\",\"payload\":\"\",\"signature\":\"AAAA\"}");
}

#define JWK   "\"jwk\":" EC_JWK
#define NONCE "\"nonce\":\"bm9u\""
#define WHERE "\"url\":\"" URL "\""
#define KID   "\"kid\":\"https://ca.test/acct/1\""
#define ES    "\"alg\":\"ES256\""

static void
t_bad(void)
{
	static const struct {
		const char *name, *protected, *more;
		enum err_code code;
	} rows[] = {
	    {"good", "{" ES "," JWK "," NONCE "," WHERE "}", "", ERR_OK},
	    {"good kid", "{" ES "," KID "," NONCE "," WHERE "}", "", ERR_OK},
	    {"good, unknown members",
	        "{" ES "," KID "," NONCE "," WHERE ",\"typ\":\"x\"}",
	        "\"x\":[1],", ERR_OK},
	    {"none", "{\"alg\":\"none\"," JWK "," NONCE "," WHERE "}", "",
	        ERR_UNSUPPORTED},
	    {"None", "{\"alg\":\"None\"," JWK "," NONCE "," WHERE "}", "",
	        ERR_UNSUPPORTED},
	    {"MAC", "{\"alg\":\"HS256\"," KID "," NONCE "," WHERE "}", "",
	        ERR_UNSUPPORTED},
	    {"MAC with the public key",
	        "{\"alg\":\"HS256\"," JWK "," NONCE "," WHERE "}", "",
	        ERR_UNSUPPORTED},
	    {"other ECDSA", "{\"alg\":\"ES384\"," JWK "," NONCE "," WHERE "}",
	        "", ERR_UNSUPPORTED},
	    {"RS256 with an EC key",
	        "{\"alg\":\"RS256\"," JWK "," NONCE "," WHERE "}", "",
	        ERR_SYNTAX},
	    {"ES256 with an RSA key",
	        "{" ES ",\"jwk\":" RSA_JWK "," NONCE "," WHERE "}", "",
	        ERR_SYNTAX},
	    {"no alg", "{" JWK "," NONCE "," WHERE "}", "", ERR_SYNTAX},
	    {"alg no string", "{\"alg\":1," JWK "," NONCE "," WHERE "}", "",
	        ERR_SYNTAX},
	    {"alg twice",
	        "{" ES ",\"alg\":\"none\"," JWK "," NONCE "," WHERE "}", "",
	        ERR_SYNTAX},
	    {"jwk and kid", "{" ES "," JWK "," KID "," NONCE "," WHERE "}", "",
	        ERR_SYNTAX},
	    {"neither", "{" ES "," NONCE "," WHERE "}", "", ERR_SYNTAX},
	    {"jwk null", "{" ES ",\"jwk\":null," NONCE "," WHERE "}", "",
	        ERR_SYNTAX},
	    {"jwk private",
	        "{" ES ",\"jwk\":{\"kty\":\"EC\",\"d\":\"AA\"}," NONCE "," WHERE
	        "}",
	        "", ERR_SYNTAX},
	    {"jwk symmetric",
	        "{" ES ",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}," NONCE
	        "," WHERE "}",
	        "", ERR_SYNTAX},
	    {"jwk of another kind",
	        "{" ES ",\"jwk\":{\"kty\":\"OKP\",\"x\":\"AA\"}," NONCE
	        "," WHERE "}",
	        "", ERR_UNTRUSTED},
	    {"critical",
	        "{" ES "," JWK "," NONCE "," WHERE ",\"crit\":[\"exp\"]}", "",
	        ERR_SYNTAX},
	    {"unencoded payload",
	        "{" ES "," JWK "," NONCE "," WHERE ",\"b64\":false}", "",
	        ERR_SYNTAX},
	    {"no url", "{" ES "," JWK "," NONCE "}", "", ERR_SYNTAX},
	    {"empty url", "{" ES "," JWK "," NONCE ",\"url\":\"\"}", "",
	        ERR_SYNTAX},
	    {"url with a line end",
	        "{" ES "," JWK "," NONCE ",\"url\":\"https://a\\r\\nb\"}", "",
	        ERR_SYNTAX},
	    {"nonce no base64url",
	        "{" ES "," JWK ",\"nonce\":\"a b\"," WHERE "}", "", ERR_SYNTAX},
	    {"nonce no string", "{" ES "," JWK ",\"nonce\":7," WHERE "}", "",
	        ERR_SYNTAX},
	    {"kid no string", "{" ES ",\"kid\":{}," NONCE "," WHERE "}", "",
	        ERR_SYNTAX},
	    {"header not protected", "{" ES "," JWK "," NONCE "," WHERE "}",
	        "\"header\":{\"alg\":\"none\"},", ERR_SYNTAX},
	    {"several signatures", "{" ES "," JWK "," NONCE "," WHERE "}",
	        "\"signatures\":[],", ERR_SYNTAX},
	    {"protected twice", "{" ES "," JWK "," NONCE "," WHERE "}",
	        "\"protected\":\"\",", ERR_SYNTAX},
	    {"payload twice", "{" ES "," JWK "," NONCE "," WHERE "}",
	        "\"payload\":\"e30\",", ERR_SYNTAX},
	    {"deep", "{" ES "," JWK "," NONCE "," WHERE "}",
	        "\"x\":[[[[[[[[[1]]]]]]]]],", ERR_LIMIT},
	    {"protected deep",
	        "{" ES "," JWK "," NONCE "," WHERE
	        ",\"x\":[[[[[[[[[1]]]]]]]]]}",
	        "", ERR_LIMIT},
	    {"protected no object", "[]", "", ERR_SYNTAX},
	    {"protected empty", "", "", ERR_SYNTAX},
	};
	struct arena arena;
	struct err err;
	struct jws jws;
	struct buf b;
	size_t i;
	int rc;

	buf_init(&b, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		arena_init(&arena, 100000);
		memset(&err, 0, sizeof(err));
		forge(rows[i].protected, rows[i].more, &b);
		rc = jws_parse(buf_text(&b), &arena, &jws, &err);
		CHECK_INT(rc, rows[i].code == ERR_OK ? 0 : -1);
		CHECK_INT(err.code, rows[i].code);
		if (rc == 0)
			jws_clear(&jws);
		CHECK(jws.jwk == NULL);
		arena_clear(&arena);
	}
	buf_clear(&b);
}

/* What surrounds the header. */
static void
t_bad_outside(void)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
	    {"empty", ""},
	    {"compact form", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"},
	    {"no payload", "{\"protected\":\"e30\",\"signature\":\"AAAA\"}"},
	    {"payload null", "{\"protected\":\"e30\",\"payload\":null,"
	                     "\"signature\":\"AAAA\"}"},
	    {"payload an object", "{\"protected\":\"e30\",\"payload\":{},"
	                          "\"signature\":\"AAAA\"}"},
	    {"payload padded", "{\"protected\":\"e30\",\"payload\":\"Zg==\","
	                       "\"signature\":\"AAAA\"}"},
	    {"no protected", "{\"payload\":\"\",\"signature\":\"AAAA\"}"},
	    {"no signature", "{\"protected\":\"e30\",\"payload\":\"\"}"},
	    {"more behind", "{\"protected\":\"e30\",\"payload\":\"\","
	                    "\"signature\":\"AAAA\"}x"},
	};
	struct arena arena;
	struct err err;
	struct jws jws;
	struct buf b;
	size_t i;

	arena_init(&arena, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		CHECK_INT(jws_parse(str_c(rows[i].text), &arena, &jws, &err),
		    -1);
		CHECK_INT(err.code, ERR_SYNTAX);
	}
	unit_row("too long");
	buf_init(&b, ACME_JSON_MAX + 1);
	while (b.len < b.max)
		buf_putc(&b, ' ');
	CHECK_INT(jws_parse(buf_text(&b), &arena, &jws, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&b);
	arena_clear(&arena);
}

/* Signatures that are no signatures: the raw form is all that counts. */
static void
t_bad_signatures(void)
{
	static const char zeros[64];
	EVP_PKEY *ec = fresh("EC"), *rsa = fresh("RSA"), *pss, *small;
	struct jws jws = {.alg = STR("ES256"), .input = STR("a.b")};
	struct err err;

	unit_row("zeros");
	jws.signature = str_of(zeros, 64);
	CHECK_INT(jws_verify(&jws, ec, &err), -1);
	CHECK_INT(err.code, ERR_CRYPTO);
	unit_row("too short");
	jws.signature = str_of(zeros, 63);
	CHECK_INT(jws_verify(&jws, ec, NULL), -1);
	unit_row("empty");
	jws.signature = STR("");
	CHECK_INT(jws_verify(&jws, ec, NULL), -1);
	unit_row("alg of the other kind");
	CHECK_INT(jws_verify(&jws, rsa, &err), -1);
	CHECK_INT(err.code, ERR_CRYPTO);
	unit_row("RSA, empty");
	jws.alg = STR("RS256");
	CHECK_INT(jws_verify(&jws, rsa, NULL), -1);
	unit_row("weak key");
	small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	CHECK_INT(jws_verify(&jws, small, &err), -1);
	CHECK_INT(err.code, ERR_UNTRUSTED);
	unit_row("other curve");
	pss = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	CHECK_INT(jws_verify(&jws, pss, &err), -1);
	CHECK_INT(err.code, ERR_UNTRUSTED);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(pss);
	EVP_PKEY_free(small);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"vectors", t_vectors},
	    {"thumbprint", t_thumbprint},
	    {"bad-keys", t_bad_keys},
	    {"round", t_round},
	    {"bad", t_bad},
	    {"bad-outside", t_bad_outside},
	    {"bad-signatures", t_bad_signatures},
	    {NULL, NULL},
	};

	return (unit_main("t_jws", tests));
}
