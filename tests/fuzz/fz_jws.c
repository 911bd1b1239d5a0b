/*
 * A JWS that is taken keeps the promises of its reader: one of two algorithms,
 * either a key of the algorithm's kind or its name, and a url; a key that is
 * taken is written in one way only.  Nothing that was not signed here holds.
 */
#include "config.h"

#include <openssl/evp.h>

#include "acme/b64url.h"
#include "acme/jws.h"
#include "acme/object.h"
#include "fuzz.h"

static void
try_key(EVP_PKEY *pkey)
{
	struct buf once, twice;
	EVP_PKEY *again;

	buf_init(&once, ACME_JSON_MAX);
	buf_init(&twice, ACME_JSON_MAX);
	assert(jwk_put(pkey, &once, NULL) == 0);
	again = jwk_get(buf_text(&once), NULL);
	assert(again != NULL && EVP_PKEY_eq(pkey, again) == 1);
	assert(jwk_put(again, &twice, NULL) == 0);
	assert(str_eq(buf_text(&once), buf_text(&twice)));
	EVP_PKEY_free(again);
	buf_clear(&once);
	buf_clear(&twice);
}

static void
try_jws(struct str text)
{
	bool es, rs;
	struct arena arena;
	struct err err = {0};
	struct jws jws;

	arena_init(&arena, 4 * ACME_JSON_MAX);
	if (jws_parse(text, &arena, &jws, &err) == -1) {
		assert(err.code != ERR_OK && jws.jwk == NULL);
		arena_clear(&arena);
		return;
	}
	es = str_eq(jws.alg, STR("ES256"));
	rs = str_eq(jws.alg, STR("RS256"));
	assert(es || rs);
	assert(jws.head.url.len > 0);
	assert((jws.jwk != NULL) == (jws.head.kid.len == 0));
	if (jws.jwk != NULL) {
		assert(EVP_PKEY_is_a(jws.jwk, es ? "EC" : "RSA"));
		try_key(jws.jwk);
		(void)jws_verify(&jws, jws.jwk, &err);
	}
	jws_clear(&jws);
	arena_clear(&arena);
}

/* What was decoded is encoded again to the same text. */
static void
try_b64url(struct str text)
{
	struct buf plain, coded;

	buf_init(&plain, text.len + 4);
	buf_init(&coded, text.len + 4);
	if (b64url_decode(text, &plain) == 0) {
		b64url_encode(buf_text(&plain), &coded);
		assert(str_eq(buf_text(&coded), text));
	}
	buf_clear(&plain);
	buf_clear(&coded);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of((const char *)data, size);
	EVP_PKEY *pkey;

	try_b64url(text);
	try_jws(text);
	if ((pkey = jwk_get(text, NULL)) != NULL) {
		try_key(pkey);
		EVP_PKEY_free(pkey);
	}
	return (0);
}
