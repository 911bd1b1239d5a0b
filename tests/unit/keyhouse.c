#include "config.h"

#include "keyhouse.h"

#include <event2/http.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/jws.h"
#include "base/clock.h"
#include "cloud/acme.h"
#include "cloud/ca.h"
#include "cloud/directory.h"
#include "cloud/kms.h"
#include "cloud/kms_paths.h"
#include "cloud/limits.h"
#include "smime/cms.h"
#include "smime/issue.h"
#include "sys/log.h"

#define URL   "https://cloud.test"
#define NONCE STR("0123456789abcdef")

static void
must(bool cond, const char *what)
{
	if (cond)
		return;
	fprintf(stderr, "keyhouse: cannot %s\n", what);
	exit(1);
}

static const char *
path_of(const struct keyhouse *h, const char *name)
{
	static char path[96];

	(void)snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	return (path);
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, path);
}

void
house_clock(const struct keyhouse *h, int64_t offset)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld\n", (long long)offset);
	write_text(path_of(h, "clock"), text);
}

static struct issue_terms
terms_of(void)
{
	int64_t now = clock_now().wall;

	return ((struct issue_terms){
	    .serial = STR("\x11\x22\x33\x44\x55\x66\x77\x11"),
	    .from = now - 3600,
	    .until = now + INT64_C(3650) * 86400,
	});
}

static struct cert *
read_made(struct buf *der)
{
	struct err err = {0};
	struct cert *cert = cert_get(NULL, buf_text(der), &err);

	must(cert != NULL, err.text);
	buf_clear(der);
	return (cert);
}

/* A key with a certificate signed by itself. */
static struct key *
self_signed(const char *name, unsigned use)
{
	struct issue_terms terms = terms_of();
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	struct cert *cert;
	struct key *key;
	struct err err = {0};
	struct buf der;

	buf_init(&der, 65536);
	must(pkey != NULL &&
	         issue_self(pkey, str_c(name), use, &terms, &der, &err) == 0,
	    "make a certificate");
	cert = read_made(&der);
	key = key_new(str_c(name), use, cert, NULL, 0, pkey, &err);
	must(key != NULL, err.text);
	cert_unref(cert);
	EVP_PKEY_free(pkey);
	return (key);
}

static void
make_keys(struct cloud_keys *k)
{
	struct issue_terms terms = terms_of();
	EVP_PKEY *root_key = EVP_EC_gen("P-256");
	struct issuer issuer;
	struct err err = {0};
	struct buf der;

	buf_init(&der, 65536);
	k->issuing_key = EVP_EC_gen("P-256");
	must(issue_root(root_key, STR("Root"), &terms, &der, &err) == 0,
	    "make a root");
	k->root = read_made(&der);
	issuer = (struct issuer){k->root, root_key};
	must(issue_authority(&issuer, k->issuing_key, STR("Issuing"), &terms,
	         &der, &err) == 0,
	    "make an authority");
	k->issuing = read_made(&der);
	k->kms = self_signed("kms", CERT_SIGN);
	must(crypt_random(k->kek.k, sizeof(k->kek.k)) == 0, "make a key");
	EVP_PKEY_free(root_key);
}

void
house_open(struct keyhouse *h, const char *kind)
{
	struct cloud *c = &h->cloud;
	struct err err = {0};
	char text[512];

	memset(h, 0, sizeof(*h));
	log_init("test", LOG_LEVEL_ERROR);
	(void)strcpy(h->dir, "keyhouse.XXXXXX");
	must(mkdtemp(h->dir) != NULL, "make a directory");
	must(setenv("WAXWING_CLOCK", path_of(h, "clock"), 1) == 0, "setenv");
	house_clock(h, 0);
	(void)snprintf(text, sizeof(text),
	    "[cloud]\nurl = " URL "\n[mail]\nfrom = acme@cloud.test\n"
	    "[ca]\ncrl_url = http://cloud.test/crl\n"
	    "ca_url = http://cloud.test/ca\nlifetime = 90d\n"
	    "[kms]\nkeys = %s\nready_keys = 2\nrequests_per_hour = 1000\n"
	    "[directory]\nsearches_per_minute = 40\n",
	    kind);
	write_text(path_of(h, "conf"), text);
	c->conf = cloud_conf(path_of(h, "conf"), &err);
	must(c->conf != NULL, err.text);
	c->url = URL;
	c->base = event_base_new();
	make_keys(&c->keys);
	c->store = store_open(path_of(h, "store"), &err);
	must(c->store != NULL, err.text);
	c->nonces = nonces_new();
	c->revoked = revoked_new(c, &err);
	must(c->revoked != NULL, err.text);
	must(limits_set(c, c->conf, &err) == 0, err.text);
	must(kms_open(c, &err) == 0, err.text);
}

static void
drop_answer(struct keyhouse *h)
{
	if (h->evhttp == NULL)
		return;
	buf_wipe(&h->res.body);
	evhttp_request_free(h->evhttp);
	h->evhttp = NULL;
}

void
house_close(struct keyhouse *h)
{
	static const char *const files[] = {"clock", "conf", "store/data.mdb",
	    "store/lock.mdb"};
	struct cloud *c = &h->cloud;
	size_t i;

	drop_answer(h);
	kms_close(c);
	limits_clear(c);
	revoked_free(c->revoked);
	nonces_free(c->nonces);
	store_close(c->store);
	cloud_keys_clear(&c->keys);
	conf_free(c->conf);
	event_base_free(c->base);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)unlink(path_of(h, files[i]));
	(void)rmdir(path_of(h, "store"));
	(void)rmdir(h->dir);
}

void
person_open(struct keyhouse *h, struct person *p)
{
	struct key *key = self_signed("device", CERT_ENCRYPT);
	struct buf jwk, print;
	struct err err = {0};
	json_t *o;

	memset(p, 0, sizeof(*p));
	p->account = EVP_EC_gen("P-256");
	p->keys = keydb_new();
	must(keydb_add(p->keys, key) == 0 && cloud_id(p->id) == 0, "make ids");
	p->transport = keydb_at(p->keys, 0)->cert;
	buf_init(&jwk, 4096);
	buf_init(&print, 128);
	must(jwk_put(p->account, &jwk, &err) == 0 &&
	         jwk_thumbprint(p->account, &print, &err) == 0,
	    "write a JWK");
	o = json_pack("{s:s%, s:s%, s:s, s:[]}", "jwk", jwk.data, jwk.len,
	    "thumbprint", print.data, print.len, "status", "valid", "contact");
	must(store_put_json(h->cloud.store, "account", str_c(p->id), o, &err) ==
	         0,
	    err.text);
	json_decref(o);
	buf_clear(&jwk);
	buf_clear(&print);
}

void
person_clear(struct person *p)
{
	EVP_PKEY_free(p->account);
	keydb_free(p->keys);
}

void
person_proves(struct keyhouse *h, const struct person *p, const char *mailbox)
{
	char id[400];
	struct err err = {0};
	json_t *o;

	(void)snprintf(id, sizeof(id), "%s/%s", p->id, mailbox);
	o = json_pack("{s:s, s:I}", "authz", "x", "time",
	    (json_int_t)clock_now().wall);
	must(store_put_json(h->cloud.store, "valid", str_c(id), o, &err) == 0,
	    err.text);
	json_decref(o);
}

static void
start_answer(struct keyhouse *h)
{
	drop_answer(h);
	h->evhttp = evhttp_request_new(NULL, NULL);
	must(h->evhttp != NULL, "make a request");
	h->res = (struct http_res){.status = 200, .evhttp = h->evhttp};
	buf_init(&h->res.body, 8UL * 1024 * 1024);
}

unsigned
house_post(struct keyhouse *h, const struct person *p, const char *path,
    struct str payload)
{
	struct http_req req = {.method = HTTP_POST,
	    .path = str_c(path),
	    .query = STR(""),
	    .type = STR("application/jose+json"),
	    .peer = "127.0.0.1"};
	char url[100], kid[100];
	struct buf nonce, body;
	struct jws_head head;
	struct err err = {0};

	start_answer(h);
	req.evhttp = h->evhttp;
	(void)snprintf(url, sizeof(url), URL "%s", path);
	(void)snprintf(kid, sizeof(kid), URL ACME_ACCOUNT "%s", p->id);
	buf_init(&nonce, 100);
	buf_init(&body, 100000);
	must(nonce_make(h->cloud.nonces, &nonce) == 0, "make a nonce");
	head = (struct jws_head){buf_text(&nonce), str_c(url), str_c(kid)};
	must(jws_sign(p->account, &head, payload, &body, &err) == 0, err.text);
	req.body = buf_text(&body);
	acme_serve(&h->cloud, ACME_TAKES_KID | ACME_TAKES_OBJECT, STR(""),
	    strcmp(path, KMS_KEYS) == 0 ? kms_keys : kms_release_log, &req,
	    &h->res);
	buf_clear(&nonce);
	buf_clear(&body);
	return (h->res.status);
}

unsigned
house_search(struct keyhouse *h, const char *query, const char *field,
    const char *value)
{
	struct http_req req = {.method = HTTP_GET,
	    .path = STR(DIRECTORY_SEARCH),
	    .query = str_c(query),
	    .type = STR(""),
	    .body = STR(""),
	    .peer = "192.0.2.1"};

	start_answer(h);
	req.evhttp = h->evhttp;
	if (field != NULL)
		must(evhttp_add_header(
		         evhttp_request_get_input_headers(h->evhttp), field,
		         value) == 0,
		    "add a field");
	directory_search(&h->cloud, &req, &h->res);
	return (h->res.status);
}

const char *
house_field(const struct keyhouse *h, const char *name)
{
	const char *value;

	if (strcmp(name, "Content-Type") == 0 && h->res.type != NULL)
		return (h->res.type);
	value = evhttp_find_header(evhttp_request_get_output_headers(h->evhttp),
	    name);
	return (value != NULL ? value : "");
}

bool
house_says(const struct keyhouse *h, const char *text)
{
	const struct buf *b = &h->res.body;

	return (
	    b->len > 0 && memmem(b->data, b->len, text, strlen(text)) != NULL);
}

unsigned
house_ask(struct keyhouse *h, const struct person *p, const char *mailbox,
    const char *words, uint64_t from)
{
	struct kms_ask q = {
	    .mailbox = str_c(mailbox),
	    .transport = cert_facts(p->transport)->der,
	    .nonce = NONCE,
	    .from = from,
	    .create = strcmp(words, "create") == 0,
	    .rotate = strcmp(words, "rotate") == 0,
	};
	bool log = strcmp(words, "log") == 0;
	struct buf b;
	unsigned status;

	if (log)
		q.transport = STR("");
	buf_init(&b, 65536);
	must(kms_ask_put(&q, &b) == 0, "write a request");
	status =
	    house_post(h, p, log ? KMS_RELEASE_LOG : KMS_KEYS, buf_text(&b));
	buf_clear(&b);
	return (status);
}

bool
house_bundle(struct keyhouse *h, struct arena *arena, struct kms_bundle *b)
{
	const struct cert *kms = h->cloud.keys.kms->cert;
	struct cms_signed s;
	struct err err = {0};
	bool ok;

	memset(b, 0, sizeof(*b));
	if (!CHECK_UINT(h->res.status, 200) ||
	    !CHECK_CSTR(h->res.type, "application/pkcs7-mime") ||
	    !CHECK_INT(cms_verify(buf_text(&h->res.body), NULL, NULL, &s, &err),
	        0))
		return (false);
	ok = CHECK_UINT(s.nsigners, 1) &&
	     CHECK_INT(s.signers[0].state, SIGNER_OK) &&
	     CHECK_STR_EQ(cert_facts(s.signers[0].cert)->der,
	         cert_facts(kms)->der) &&
	     CHECK_INT(kms_bundle_get(s.inside, arena, b, &err), 0) &&
	     CHECK_STR_EQ(b->nonce, NONCE);
	cms_signed_clear(&s);
	return (ok);
}

EVP_PKEY *
person_opens(const struct person *p, const struct kms_key *key)
{
	struct cms_opened opened;
	const unsigned char *at;
	EVP_PKEY *pkey = NULL;
	struct err err = {0};
	struct cert *cert;
	struct buf pkcs8;

	buf_init(&pkcs8, 65536);
	CHECK_INT(cms_kind(key->key), CMS_IS_AUTH_ENVELOPED);
	if (CHECK_INT(cms_open(key->key, p->keys, &pkcs8, &opened, &err), 0)) {
		at = (const unsigned char *)pkcs8.data;
		pkey = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8.len);
	}
	buf_wipe(&pkcs8);
	cert = cert_get(NULL, key->cert, &err);
	if (CHECK(cert != NULL) && CHECK(pkey != NULL)) {
		CHECK_INT(EVP_PKEY_eq(cert_pkey(cert), pkey), 1);
		CHECK_UINT(cert_facts(cert)->use, CERT_ENCRYPT);
	}
	cert_unref(cert);
	return (pkey);
}

void
house_revoke(struct keyhouse *h, struct str cert_der)
{
	struct err err = {0};
	struct cert *cert = cert_get(NULL, cert_der, &err);
	char serial[65];
	size_t i;

	must(cert != NULL, err.text);
	for (i = 0; i < cert_facts(cert)->serial.len && i < 32; i++)
		(void)snprintf(serial + 2 * i, 3, "%02x",
		    (unsigned char)cert_facts(cert)->serial.p[i]);
	must(ca_revoke(&h->cloud, str_c(serial), cert_facts(cert)->until, 1,
	         clock_now().wall, &err) == 0,
	    err.text);
	cert_unref(cert);
}
