/*
 * The pieces of an entity lie inside its text, the signed content inside the
 * body and before the signature; and what we sign is read back as signed.
 */
#include "config.h"

#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "fz_keys.h"
#include "smime/entity.h"

static struct key *key;

static void
set_up(void)
{
	struct str text = STR(ec_cert);
	struct cert *c;
	EVP_PKEY *pkey;
	BIO *bio;

	if (key != NULL)
		return;
	c = cert_get_pem(NULL, &text, NULL);
	bio = BIO_new_mem_buf(ec_key, -1);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	assert(c != NULL && pkey != NULL);
	key = key_new(STR("f@example.test"), CERT_SIGN, c, NULL, 0, pkey, NULL);
	assert(key != NULL);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	cert_unref(c);
}

static bool
within(struct span in, struct span out)
{
	return (in.off >= out.off && in.off + in.len <= out.off + out.len);
}

static void
check_read(struct str text)
{
	struct entity e;
	struct buf der;
	struct err err;

	if (entity_read(text, &e, &err) == -1) {
		assert(err.code == ERR_SYNTAX || err.code == ERR_LIMIT);
		return;
	}
	assert(e.head.off == 0 && e.head.len == e.body.off);
	assert(e.body.off + e.body.len == text.len);
	if (e.kind == ENTITY_PLAIN)
		return;
	assert(within(e.cms, e.body));
	if (e.kind == ENTITY_SIGNED)
		assert(within(e.content, e.body) &&
		       e.content.off + e.content.len < e.cms.off);
	buf_init(&der, text.len + 8);
	assert(entity_cms(text, &e, &der, &err) == 0);
	buf_clear(&der);
}

/* Any text at all can be signed and is found again. */
static void
check_sign(struct str text)
{
	const struct cms_sign how = {key, NULL, 1767225600};
	struct cms_signed s;
	struct buf out, der;
	struct entity e;
	struct err err;

	buf_init(&out, (size_t)1 << 22);
	buf_init(&der, (size_t)1 << 20);
	assert(entity_sign(text, &how, &out, &err) == 0);
	assert(entity_read(buf_text(&out), &e, &err) == 0);
	assert(e.kind == ENTITY_SIGNED);
	assert(e.content.len >= text.len);
	assert(entity_verify(buf_text(&out), &e, NULL, &der, &s, &err) == 0);
	assert(s.nsigners == 1 && s.signers[0].state == SIGNER_OK);
	cms_signed_clear(&s);
	buf_clear(&der);
	buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of((const char *)data, size);

	set_up();
	check_read(text);
	check_sign(text);
	return (0);
}
