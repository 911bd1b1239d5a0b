#include "config.h"

#include "cloudside.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "smime/cms.h"
#include "smime/issue.h"
#include "smime/pkey.h"
#include "sys/crypt.h"

#define DAY INT64_C(86400)

struct authority fake_ca, fake_evil, fake_kms, fake_evilkms;

static struct str
new_serial(char space[16])
{
	if (crypt_random(space, 16) == -1)
		abort();
	space[0] = 0x41;
	return (str_of(space, 16));
}

static void
write_pem(const char *dir, const char *name, const struct cert *c)
{
	char path[400];
	struct buf pem;
	FILE *f;

	buf_init(&pem, LIMIT_RECORD);
	fake_pem(c, &pem);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "we")) == NULL ||
	    fwrite(pem.data, 1, pem.len, f) != pem.len || fclose(f) != 0)
		abort();
	buf_clear(&pem);
}

static void
make(struct authority *a, const char *name, bool root)
{
	int64_t now = clock_now().wall;
	struct issue_terms t = {.from = now - DAY, .until = now + 4000 * DAY};
	char serial[16];
	struct err err;
	struct buf der;
	int rc;

	t.serial = new_serial(serial);
	buf_init(&der, LIMIT_RECORD);
	if ((a->pkey = pkey_new(&err)) == NULL)
		abort();
	rc = root ? issue_root(a->pkey, str_c(name), &t, &der, &err)
	          : issue_self(a->pkey, str_c(name), CERT_SIGN, &t, &der, &err);
	if (rc == -1 ||
	    (a->cert = cert_get(NULL, buf_text(&der), &err)) == NULL) {
		(void)fprintf(stderr, "%s: %s\n", name, err.text);
		abort();
	}
	buf_clear(&der);
}

void
fake_open(const char *dir)
{
	make(&fake_ca, "Good Authority", true);
	make(&fake_evil, "Evil Authority", true);
	make(&fake_kms, "Good Key Service", false);
	make(&fake_evilkms, "Evil Key Service", false);
	write_pem(dir, "ca.crt", fake_ca.cert);
	write_pem(dir, "kms.crt", fake_kms.cert);
}

void
fake_close(void)
{
	struct authority *all[] = {&fake_ca, &fake_evil, &fake_kms,
	    &fake_evilkms};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		EVP_PKEY_free(all[i]->pkey);
		cert_unref(all[i]->cert);
	}
}

struct cert *
fake_cert(const struct authority *a, EVP_PKEY *pkey, const char *address,
    unsigned use, int64_t from, int64_t until)
{
	struct issuer issuer = {a->cert, a->pkey};
	struct issue_terms t = {.from = from, .until = until};
	char serial[16];
	struct cert *c = NULL;
	struct err err;
	struct buf der;

	t.serial = new_serial(serial);
	buf_init(&der, LIMIT_RECORD);
	if (issue_mail(&issuer, pkey, str_c(address), use, &t, &der, &err) ==
	        -1 ||
	    (c = cert_get(NULL, buf_text(&der), &err)) == NULL) {
		(void)fprintf(stderr, "fake_cert: %s\n", err.text);
		abort();
	}
	buf_clear(&der);
	return (c);
}

void
fake_pem(const struct cert *c, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (bio == NULL || PEM_write_bio_X509(bio, cert_x509(c)) != 1)
		abort();
	n = BIO_get_mem_data(bio, &text);
	buf_put(out, text, (size_t)n);
	BIO_free(bio);
}

struct hosted
fake_hosted(const struct authority *a, const char *address)
{
	int64_t now = clock_now().wall;
	struct hosted k;

	if ((k.pkey = EVP_RSA_gen(2048)) == NULL)
		abort();
	k.cert = fake_cert(a, k.pkey, address, CERT_ENCRYPT, now - DAY,
	    now + 100 * DAY);
	return (k);
}

void
hosted_clear(struct hosted *k)
{
	EVP_PKEY_free(k->pkey);
	cert_unref(k->cert);
}

/* --- bundles --- */

static void
seal_key(const struct fake_bundle *f, EVP_PKEY *pkey, struct buf *out)
{
	struct cms_recipient to = {f->to, TRANSPORT_AUTO};
	struct cms_seal how = {.to = &to, .nto = 1};
	struct err err;
	struct buf der;

	how.cipher =
	    algo_cipher_nid(f->enveloped ? NID_aes_256_cbc : NID_aes_256_gcm);
	buf_init(&der, LIMIT_RECORD);
	if (pkey_put(pkey, &der, &err) == -1 ||
	    cms_seal(buf_text(&der), &how, out, &err) == -1) {
		(void)fprintf(stderr, "seal_key: %s\n", err.text);
		abort();
	}
	buf_wipe(&der);
}

static void
sign(const struct authority *who, struct str json, struct buf *out)
{
	struct cms_sign how = {.time = clock_now().wall};
	struct err err;
	struct key *k;

	k = key_new(STR("kms@cloud.test"), CERT_SIGN, who->cert, NULL, 0,
	    who->pkey, &err);
	how.key = k;
	if (k == NULL || cms_sign_opaque(json, &how, out, &err) == -1) {
		(void)fprintf(stderr, "sign: %s\n", err.text);
		abort();
	}
	key_free(k);
}

void
fake_bundle_put(const struct fake_bundle *f, struct buf *out)
{
	struct str log[16], chain = cert_facts(fake_ca.cert)->der;
	struct kms_bundle b = {.mailbox = f->ask.mailbox,
	    .transport = f->transport,
	    .nonce = f->ask.nonce,
	    .more = f->more,
	    .log = log};
	struct kms_key keys[4];
	struct buf sealed[4], json;
	size_t i;

	for (i = 0; i < f->nlog; i++) {
		if (kms_log_step(&b.head, str_c(f->log[i])) == -1)
			abort();
		if (i >= f->ask.from)
			log[b.nlog++] = str_c(f->log[i]);
	}
	b.keys = keys;
	for (i = 0; f->keys[i] != NULL; i++) {
		buf_init(&sealed[i], LIMIT_RECORD);
		seal_key(f,
		    i == 0 && f->other != NULL ? f->other : f->keys[i]->pkey,
		    &sealed[i]);
		keys[i] = (struct kms_key){cert_facts(f->keys[i]->cert)->der,
		    &chain, 1, buf_text(&sealed[i])};
	}
	b.nkeys = i;
	buf_init(&json, KMS_BUNDLE_MAX);
	if (kms_bundle_put(&b, &json) == -1)
		abort();
	if (f->signer != NULL)
		sign(f->signer, buf_text(&json), out);
	else
		buf_str(out, buf_text(&json));
	buf_clear(&json);
	while (i > 0)
		buf_clear(&sealed[--i]);
}
