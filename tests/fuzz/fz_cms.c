/*
 * Whatever the bytes, a failed opening gives no byte of plaintext.  What
 * authenticates (a GCM tag, a signature) yields the one text that the
 * messages of the corpus hold, or nothing: changed messages do not pass.
 * BER rewritten as DER is DER, and stays what it is when rewritten again.
 */
#include "config.h"

#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "fz_keys.h"
#include "smime/cms.h"
#include "smime/der.h"

#define KNOWN "Content-Type: text/plain\r\n\r\nfuzz\r\n"

static struct cert_cache *cache;
static struct keydb *keys;

static void
add_key(const char *key, const char *cert)
{
	struct str text = str_c(cert);
	struct cert *c = cert_get_pem(NULL, &text, NULL);
	BIO *bio = BIO_new_mem_buf(key, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	struct key *k;

	assert(c != NULL && pkey != NULL);
	k = key_new(STR("f@example.test"), CERT_ENCRYPT, c, NULL, 0, pkey,
	    NULL);
	assert(k != NULL && keydb_add(keys, k) == 0);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	cert_unref(c);
}

/* Made once: they are constants. */
static void
set_up(void)
{
	if (keys != NULL)
		return;
	cache = cert_cache_new(20);
	keys = keydb_new();
	assert(cache != NULL && keys != NULL);
	add_key(ec_key, ec_cert);
	add_key(rsa_key, rsa_cert);
}

static void
ignore_rid(void *arg, const struct rid *rid)
{
	(void)arg;
	assert(rid->issuer.len > 0 || rid->ski.len > 0);
}

static void
check_open(struct str in)
{
	struct cms_opened opened;
	struct buf out;
	struct err err;

	buf_init(&out, (size_t)1 << 20);
	if (cms_open(in, keys, &out, &opened, &err) == 0) {
		assert(out.len <= in.len);
		if ((opened.cipher->flags & ALGO_AEAD) != 0)
			assert(str_eq(buf_text(&out), STR(KNOWN)));
	} else
		assert(out.len == 0 && err.code != ERR_OK);
	buf_reset(&out);
	buf_str(&out, in);
	if (cms_open_inside(&out, keys, &opened, &err) == 0) {
		assert(out.len <= in.len);
		if ((opened.cipher->flags & ALGO_AEAD) != 0)
			assert(str_eq(buf_text(&out), STR(KNOWN)));
	} else
		assert(out.len == 0);
	buf_wipe(&out);
	(void)cms_recipients(in, ignore_rid, NULL, &err);
}

static void
check_verify(struct str in)
{
	const struct str known = STR(KNOWN), other = STR("other");
	struct cms_signed s;
	struct err err;
	size_t i;

	if (cms_verify(in, NULL, cache, &s, &err) == 0) {
		for (i = 0; i < s.nsigners; i++)
			if (s.signers[i].state == SIGNER_OK)
				assert(str_eq(s.inside, known));
		cms_signed_clear(&s);
	}
	if (cms_verify(in, &other, cache, &s, &err) == 0) {
		for (i = 0; i < s.nsigners; i++)
			assert(s.signers[i].state != SIGNER_OK);
		cms_signed_clear(&s);
	}
}

static void
check_der(struct str in)
{
	struct buf once, twice;

	buf_init(&once, 2 * in.len + 64);
	buf_init(&twice, 2 * in.len + 64);
	if (der_plain(in, &once)) {
		assert(der_is_plain(buf_text(&once)));
		assert(der_plain(buf_text(&once), &twice));
		assert(str_eq(buf_text(&once), buf_text(&twice)));
	}
	buf_clear(&once);
	buf_clear(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of((const char *)data, size);

	set_up();
	check_der(in);
	check_open(in);
	check_verify(in);
	(void)cms_kind(in);
	(void)algo_caps_parse(in);
	return (0);
}
