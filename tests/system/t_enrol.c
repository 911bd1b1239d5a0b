/*
 * t_enrol - the sealer's half of enrolment, asked as the agent would, with a
 * cloud that is played here: an honest one, and many that are not.
 */
#include "config.h"

#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/b64url.h"
#include "acme/email.h"
#include "acme/jws.h"
#include "acme/kms.h"
#include "acme/object.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cloudside.h"
#include "house.h"
#include "proto/enrol.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "sealer/sealer.h"
#include "smime/csr.h"
#include "smime/p12.h"
#include "smime/pkey.h"
#include "sys/memfd.h"

#define URL  "https://cloud.test:8443"
#define KID  URL "/acme/acct/1"
#define ANNA "anna@x.test"

#define DAY INT64_C(86400)

static struct house h;
static struct tenant sealer;
static char keys[300]; /* where the cloud's certificates are */

/* --- the house --- */

static void
start(void)
{
	CHECK(tenant_start(&h, &sealer, ROLE_SEALER, sealer_main, "") == 0);
	house_proxy(&h, &sealer);
	house_agent(&h, &sealer);
}

static void
open_house(void)
{
	char conf[1600];

	(void)snprintf(conf, sizeof(conf),
	    "[cloud]\nurl = " URL "\nca_file = %s/ca.crt\n"
	    "kms_key = %s/kms.crt\n"
	    "[account anna@x.test]\naddresses = anna@x.test, info@x.test\n"
	    "[account bert@x.test]\naddresses = bert@x.test\n",
	    keys, keys);
	house_open(&h, conf);
	start();
}

static void
restart(void)
{
	CHECK_INT(tenant_stop(&sealer), 0);
	start();
}

static void
close_house(void)
{
	CHECK_INT(tenant_stop(&sealer), 0);
	house_close(&h);
}

/* --- what the agent asks --- */

static struct jws_req
question(enum jws_kind kind)
{
	struct jws_req q = {.kind = (uint8_t)kind};

	q.account = STR(ANNA);
	q.address = STR(ANNA);
	q.url = STR(URL "/acme/x");
	q.nonce = STR("bm9uY2U");
	q.kid = kind == JWS_NEW_ACCOUNT ? STR("") : STR(KID);
	return (q);
}

/* The JWS is appended to out. */
static enum err_code
ask_jws(const struct jws_req *q, struct buf *out, struct err *why)
{
	struct jws_ans a = {.err = {.code = ERR_PEER}};
	struct buf body;
	struct reply r;
	struct err err;

	buf_init(&body, LIMIT_RECORD);
	jws_req_put(&body, q);
	reply_ask(&r, sealer.agent, OP_JWS, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	if (r.body.len == 0)
		a.err = r.err;
	else
		CHECK(jws_ans_get(buf_text(&r.body), &a, &err) == 0);
	if (out != NULL)
		buf_str(out, a.jws);
	CHECK((a.jws.len > 0) == (a.err.code == ERR_OK));
	if (why != NULL)
		*why = a.err;
	reply_clear(&r);
	buf_clear(&body);
	return (a.err.code);
}

static enum err_code
ask_digest(const char *account, struct buf *out)
{
	struct digest_req q = {str_c(account), STR("one"), STR("two")};
	struct jws_ans a = {.err = {.code = ERR_PEER}};
	struct buf body;
	struct reply r;
	struct err err;

	buf_init(&body, LIMIT_RECORD);
	digest_req_put(&body, &q);
	reply_ask(&r, sealer.agent, OP_DIGEST, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	CHECK(jws_ans_get(buf_text(&r.body), &a, &err) == 0);
	buf_str(out, a.jws);
	reply_clear(&r);
	buf_clear(&body);
	return (a.err.code);
}

/* --- JWS --- */

/* The account key, as newAccount tells it. */
static EVP_PKEY *
account_key(void)
{
	struct jws_req q = question(JWS_NEW_ACCOUNT);
	EVP_PKEY *pkey = NULL;
	struct arena arena;
	struct jws jws;
	struct buf out;

	buf_init(&out, LIMIT_RECORD);
	arena_init(&arena, ACME_JSON_MAX * 8);
	CHECK_INT(ask_jws(&q, &out, NULL), ERR_OK);
	if (CHECK(jws_parse(buf_text(&out), &arena, &jws, NULL) == 0)) {
		CHECK(jws_verify(&jws, jws.jwk, NULL) == 0);
		CHECK_STR(jws.head.nonce, "bm9uY2U");
		CHECK_STR(jws.head.url, URL "/acme/x");
		pkey = jws.jwk;
		jws.jwk = NULL;
		jws_clear(&jws);
	}
	buf_clear(&out);
	arena_clear(&arena);
	return (pkey);
}

/* What a question carries, after its signature was checked. */
static enum err_code
payload(const struct jws_req *q, EVP_PKEY *pkey, struct buf *out)
{
	struct arena arena;
	enum err_code code;
	struct jws jws;
	struct buf text;

	buf_init(&text, LIMIT_RECORD);
	arena_init(&arena, ACME_JSON_MAX * 8);
	if ((code = ask_jws(q, &text, NULL)) == ERR_OK &&
	    CHECK(jws_parse(buf_text(&text), &arena, &jws, NULL) == 0)) {
		CHECK(jws_verify(&jws, pkey, NULL) == 0);
		CHECK_STR_EQ(jws.head.kid, q->kid);
		buf_str(out, jws.payload);
		jws_clear(&jws);
	}
	buf_clear(&text);
	arena_clear(&arena);
	return (code);
}

static void
t_jws(void)
{
	static const struct {
		enum jws_kind kind;
		const char *want;
	} t[] = {
	    {JWS_NEW_ORDER, "{\"identifiers\":[{\"type\":\"email\",\"value\":"
	                    "\"anna@x.test\"}]}"},
	    {JWS_GET, ""},
	    {JWS_CHALLENGE, "{}"},
	    {JWS_DEACTIVATE, "{\"status\":\"deactivated\"}"},
	};
	EVP_PKEY *pkey, *again;
	struct jws_req q;
	struct buf out;
	size_t i;

	open_house();
	pkey = account_key();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].want);
		q = question(t[i].kind);
		buf_init(&out, LIMIT_RECORD);
		CHECK_INT(payload(&q, pkey, &out), ERR_OK);
		CHECK_BUF(&out, t[i].want);
		buf_clear(&out);
	}
	unit_row("the key stays");
	restart();
	again = account_key();
	CHECK(EVP_PKEY_eq(pkey, again) == 1);
	EVP_PKEY_free(again);
	EVP_PKEY_free(pkey);
	close_house();
}

static void
t_jws_refuse(void)
{
	struct jws_req q;
	struct err err;

	open_house();
	unit_row("another origin");
	q = question(JWS_NEW_ORDER);
	q.url = STR("https://cloud.test:8444/acme/x");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	CHECK(strstr(err.text, "another host") != NULL);
	q.url = STR("https://cloud.test@evil.test:8443/acme/x");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	q.url = STR("http://cloud.test:8443/acme/x");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	unit_row("an account elsewhere");
	q = question(JWS_NEW_ORDER);
	q.kid = STR("https://evil.test/acme/acct/1");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	unit_row("no kid");
	q.kid = STR("");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_PEER);
	unit_row("no address");
	q = question(JWS_FINALIZE);
	q.address = STR("");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_PEER);
	unit_row("another's address");
	q.address = STR("bert@x.test");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	unit_row("revoke what is not ours");
	q = question(JWS_REVOKE);
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_NOTFOUND);
	close_house();
}

static void
t_digest(void)
{
	struct buf got, want, thumb;
	EVP_PKEY *pkey;

	open_house();
	buf_init(&got, LIMIT_RECORD);
	buf_init(&want, LIMIT_RECORD);
	buf_init(&thumb, LIMIT_RECORD);
	unit_row("before there is a key");
	CHECK_INT(ask_digest(ANNA, &got), ERR_NOTFOUND);
	unit_row("as RFC 8823 says");
	pkey = account_key();
	CHECK(jwk_thumbprint(pkey, &thumb, NULL) == 0);
	CHECK(acme_email_digest(STR("one"), STR("two"), buf_text(&thumb),
	          &want) == 0);
	CHECK_INT(ask_digest("Anna@X.test", &got), ERR_OK);
	CHECK_BUF_EQ(&got, buf_text(&want));
	EVP_PKEY_free(pkey);
	buf_clear(&thumb);
	buf_clear(&want);
	buf_clear(&got);
	close_house();
}

/* --- OP_CERT_TAKE --- */

static json_t *
key_list(const char *usage)
{
	json_t *all = NULL, *e, *some = json_array();
	struct buf body;
	struct reply r;
	size_t i;

	buf_init(&body, LIMIT_RECORD);
	list_req_put(&body, STR(ANNA));
	reply_ask(&r, sealer.parent, OP_KEY_LIST, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	if (r.blob != NULL)
		all = json_loadb(blob_data(r.blob), blob_len(r.blob), 0, NULL);
	reply_clear(&r);
	buf_clear(&body);
	json_array_foreach(all, i, e)
	{
		if (strcmp(json_string_value(json_object_get(e, "usage")),
		        usage) == 0)
			(void)json_array_append(some, e);
	}
	json_decref(all);
	return (some);
}

static size_t
count_keys(const char *usage)
{
	json_t *list = key_list(usage);
	size_t n = json_array_size(list);

	json_decref(list);
	return (n);
}

/* The key that the CSR of JWS_FINALIZE is for. */
static EVP_PKEY *
csr_key(EVP_PKEY *account, const char *address)
{
	struct jws_req q = question(JWS_FINALIZE);
	struct csr csr = {.pkey = NULL};
	EVP_PKEY *pkey = NULL;
	struct buf json, der;
	struct err err;
	json_t *o;
	const char *text;

	q.address = str_c(address);
	buf_init(&json, LIMIT_RECORD);
	buf_init(&der, LIMIT_RECORD);
	CHECK_INT(payload(&q, account, &json), ERR_OK);
	o = json_loadb(json.data, json.len, 0, NULL);
	text = json_string_value(json_object_get(o, "csr"));
	if (CHECK(text != NULL && b64url_decode(str_c(text), &der) == 0) &&
	    CHECK(csr_get(buf_text(&der), &csr, &err) == 0)) {
		CHECK(csr_check(&csr, str_c(address), &err) == 0);
		CHECK_UINT(csr.use, CERT_SIGN);
		pkey = csr.pkey;
		EVP_PKEY_up_ref(pkey);
		csr_clear(&csr);
	}
	json_decref(o);
	buf_clear(&der);
	buf_clear(&json);
	return (pkey);
}

/* Hand over what came from the cloud; how many certificates the answer lists
 * in *n. */
static enum err_code
give(uint16_t op, const char *address, struct str bytes, size_t *n,
    struct err *why)
{
	struct take_req q = {STR(ANNA), str_c(address)};
	enum err_code code;
	struct blob *blob;
	struct cert_rec c;
	struct buf body;
	struct reply r;
	struct rec in;
	int fd;

	blob = memfd_copy(bytes.p, bytes.len, NULL);
	fd = blob_fd(blob);
	buf_init(&body, LIMIT_RECORD);
	take_req_put(&body, &q);
	reply_ask(&r, sealer.agent, op, buf_text(&body), &fd, 1);
	reply_wait(&h, &r);
	*n = 0;
	if (r.blob != NULL) {
		rec_init(&in, blob_str(r.blob));
		while (cert_rec_get(&in, &c, NULL) == 1)
			(*n)++;
	}
	CHECK((r.blob != NULL) == (r.err.code == ERR_OK));
	CHECK(
	    (r.more != NULL) == (r.err.code == ERR_OK && op == OP_BUNDLE_TAKE));
	code = r.err.code;
	if (why != NULL)
		*why = r.err;
	reply_clear(&r);
	buf_clear(&body);
	blob_unref(blob);
	return (code);
}

static enum err_code
give_cert(const struct cert *c, struct err *why)
{
	enum err_code code;
	struct buf pem;
	size_t n;

	buf_init(&pem, LIMIT_RECORD);
	fake_pem(c, &pem);
	fake_pem(fake_ca.cert, &pem);
	code = give(OP_CERT_TAKE, ANNA, buf_text(&pem), &n, why);
	CHECK_UINT(n, code == ERR_OK);
	buf_clear(&pem);
	return (code);
}

static void
refuse_cert(const char *row, const struct authority *a, EVP_PKEY *pkey,
    const char *address, unsigned use, int64_t age, const char *words)
{
	int64_t from = clock_now().wall - age;
	struct cert *c;
	struct err err;

	unit_row(row);
	c = fake_cert(a, pkey, address, use, from, from + 30 * DAY);
	CHECK_INT(give_cert(c, &err), ERR_UNTRUSTED);
	if (!CHECK(strstr(err.text, words) != NULL))
		(void)fprintf(stderr, "%s: %s\n", row, err.text);
	CHECK_UINT(count_keys("sign"), 0);
	cert_unref(c);
}

static struct cert *
good_cert(EVP_PKEY *pkey)
{
	int64_t now = clock_now().wall;

	return (fake_cert(&fake_ca, pkey, ANNA, CERT_SIGN, now - 60,
	    now + 90 * DAY));
}

static void
t_cert_refuse(void)
{
	EVP_PKEY *account, *pkey, *other, *again;
	struct cert *c;
	struct err err;
	size_t n;

	open_house();
	account = account_key();
	other = pkey_new(NULL);
	unit_row("nothing was asked for");
	c = good_cert(other);
	CHECK_INT(give_cert(c, &err), ERR_NOTFOUND);
	cert_unref(c);
	pkey = csr_key(account, ANNA);
	refuse_cert("another key", &fake_ca, other, ANNA, CERT_SIGN, 60,
	    "for another key");
	refuse_cert("another address", &fake_ca, pkey, "bert@x.test", CERT_SIGN,
	    60, "is bert@x.test's, not anna@x.test's");
	refuse_cert("another authority", &fake_evil, pkey, ANNA, CERT_SIGN, 60,
	    "");
	refuse_cert("another use", &fake_ca, pkey, ANNA, CERT_ENCRYPT, 60,
	    "not for signing");
	refuse_cert("expired", &fake_ca, pkey, ANNA, CERT_SIGN, 31 * DAY,
	    "expired");
	refuse_cert("of next week", &fake_ca, pkey, ANNA, CERT_SIGN, -7 * DAY,
	    "not yet valid");
	unit_row("no certificate");
	CHECK(give(OP_CERT_TAKE, ANNA, STR("rubbish"), &n, NULL) != ERR_OK);
	unit_row("another's mailbox");
	CHECK_INT(give(OP_CERT_TAKE, "bert@x.test", STR("x"), &n, NULL),
	    ERR_DENIED);
	unit_row("the key still waits");
	restart();
	again = csr_key(account, ANNA);
	CHECK(EVP_PKEY_eq(pkey, again) == 1);
	EVP_PKEY_free(again);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(other);
	EVP_PKEY_free(account);
	close_house();
}

/* What JWS_REVOKE carries is this certificate. */
static enum err_code
ask_revoke(EVP_PKEY *account, const struct cert *c)
{
	struct jws_req q = question(JWS_REVOKE);
	enum err_code code;
	struct buf json, want;

	memcpy(q.fingerprint, cert_facts(c)->sha256, FINGERPRINT);
	buf_init(&json, LIMIT_RECORD);
	buf_init(&want, LIMIT_RECORD);
	if ((code = payload(&q, account, &json)) == ERR_OK) {
		buf_puts(&want, "{\"certificate\":\"");
		b64url_encode(cert_facts(c)->der, &want);
		buf_puts(&want, "\"}");
		CHECK_BUF_EQ(&json, buf_text(&want));
	}
	buf_clear(&want);
	buf_clear(&json);
	return (code);
}

static void
t_cert(void)
{
	EVP_PKEY *account, *first, *second;
	struct cert *c, *d;
	struct err err;

	open_house();
	account = account_key();
	unit_row("first");
	first = csr_key(account, ANNA);
	c = good_cert(first);
	CHECK_INT(give_cert(c, &err), ERR_OK);
	CHECK_UINT(count_keys("sign"), 1);
	unit_row("again");
	CHECK_INT(give_cert(c, &err), ERR_OK);
	restart();
	CHECK_INT(give_cert(c, &err), ERR_OK);
	CHECK_UINT(count_keys("sign"), 1);
	unit_row("renewal");
	second = csr_key(account, ANNA);
	CHECK(EVP_PKEY_eq(first, second) == 0);
	d = good_cert(second);
	CHECK_INT(give_cert(d, &err), ERR_OK);
	CHECK_UINT(count_keys("sign"), 1);
	CHECK_UINT(count_keys("retired"), 1);
	unit_row("the one before is gone");
	CHECK_INT(give_cert(c, &err), ERR_NOTFOUND);
	unit_row("both can be revoked");
	CHECK_INT(ask_revoke(account, c), ERR_OK);
	CHECK_INT(ask_revoke(account, d), ERR_OK);
	unit_row("what is not ours cannot");
	CHECK_INT(ask_revoke(account, fake_evil.cert), ERR_NOTFOUND);
	cert_unref(d);
	cert_unref(c);
	EVP_PKEY_free(second);
	EVP_PKEY_free(first);
	EVP_PKEY_free(account);
	close_house();
}

/* --- OP_BUNDLE_TAKE --- */

static const char *const LOG[] = {"{\"n\":1}", "{\"n\":2}", "{\"n\":3}",
    "{\"n\":4}"};
static const char *const OTHER_LOG[] = {"{\"n\":1}", "{\"n\":9}", "{\"n\":3}",
    "{\"n\":4}"};

/* Ask for keys (or for the log); an honest answer to it, so far. */
static struct fake_bundle
asked(enum jws_kind kind, EVP_PKEY *account, struct arena *arena)
{
	struct fake_bundle f = {.signer = &fake_kms, .log = LOG, .nlog = 2};
	static uint8_t digest[32];
	struct jws_req q = question(kind);
	struct buf json;
	struct err err;

	buf_init(&json, LIMIT_RECORD);
	q.create = kind == JWS_KMS_KEYS;
	CHECK_INT(payload(&q, account, &json), ERR_OK);
	CHECK(kms_ask_get(buf_text(&json), arena, &f.ask, &err) == 0);
	CHECK_STR(f.ask.mailbox, ANNA);
	CHECK_UINT(f.ask.create, kind == JWS_KMS_KEYS);
	if (kind == JWS_KMS_KEYS) {
		f.to = cert_get(NULL, f.ask.transport, &err);
		CHECK(f.to != NULL);
		(void)crypt_sha256(f.ask.transport, digest);
		f.transport = str_of((const char *)digest, sizeof(digest));
	}
	buf_clear(&json);
	return (f);
}

/* Send it; how many keys the answer lists in *n. */
static enum err_code
give_bundle(const struct fake_bundle *f, size_t *n, struct err *why)
{
	enum err_code code;
	struct buf der;

	buf_init(&der, KMS_BUNDLE_MAX);
	fake_bundle_put(f, &der);
	code = give(OP_BUNDLE_TAKE, ANNA, buf_text(&der), n, why);
	buf_clear(&der);
	return (code);
}

static void
refuse_bundle(const char *row, const struct fake_bundle *f, const char *words)
{
	size_t n, had = count_keys("encrypt");
	unsigned told = sealer.told;
	struct err err;

	unit_row(row);
	CHECK(give_bundle(f, &n, &err) != ERR_OK);
	if (!CHECK(strstr(err.text, words) != NULL))
		(void)fprintf(stderr, "%s: %s\n", row, err.text);
	CHECK_UINT(count_keys("encrypt"), had);
	CHECK_UINT(sealer.told, told);
}

static void
t_bundle(void)
{
	struct hosted one = fake_hosted(&fake_ca, ANNA);
	struct hosted two = fake_hosted(&fake_ca, ANNA);
	struct fake_bundle f, news;
	struct arena arena;
	EVP_PKEY *account;
	struct err err;
	size_t n;

	open_house();
	account = account_key();
	arena_init(&arena, 1024 * 1024);
	unit_row("first");
	f = asked(JWS_KMS_KEYS, account, &arena);
	CHECK_UINT(f.ask.from, 0);
	f.keys[0] = &one;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	CHECK_UINT(n, 1);
	CHECK_UINT(sealer.told, 1);
	CHECK_UINT(count_keys("encrypt"), 1);
	unit_row("again, also after a restart");
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	restart();
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	CHECK_UINT(n, 1);
	CHECK_UINT(sealer.told, 0);
	cert_unref(f.to);
	unit_row("rotation keeps the old");
	f = asked(JWS_KMS_KEYS, account, &arena);
	CHECK_UINT(f.ask.from, 2);
	f.nlog = 3;
	f.keys[0] = &two;
	f.keys[1] = &one;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	CHECK_UINT(n, 2);
	CHECK_UINT(sealer.told, 1);
	CHECK_UINT(count_keys("encrypt"), 2);
	unit_row("news of the log alone");
	news = asked(JWS_KMS_LOG, account, &arena);
	CHECK_UINT(news.ask.from, 0);
	news.nlog = 4;
	CHECK_INT(give_bundle(&news, &n, &err), ERR_OK);
	CHECK_UINT(n, 0);
	refuse_bundle("older than the news", &f, "rolled back");
	cert_unref(f.to);
	hosted_clear(&one);
	hosted_clear(&two);
	EVP_PKEY_free(account);
	arena_clear(&arena);
	close_house();
}

/* A page of the log, from entry number from to the end of the first nlog. */
static enum err_code
give_page(EVP_PKEY *account, struct arena *arena, uint64_t from,
    const struct fake_bundle *page, struct err *err)
{
	struct jws_req q = question(JWS_KMS_LOG);
	struct fake_bundle f = *page;
	enum err_code code;
	struct buf json;
	size_t n;

	q.from = from;
	buf_init(&json, LIMIT_RECORD);
	if ((code = payload(&q, account, &json)) == ERR_OK) {
		CHECK(kms_ask_get(buf_text(&json), arena, &f.ask, err) == 0);
		CHECK_UINT(f.ask.from, from);
		code = give_bundle(&f, &n, err);
	}
	buf_clear(&json);
	return (code);
}

/* A log that was seen up to its third entry is read again, page by page. */
static void
t_log_pages(void)
{
	struct hosted one = fake_hosted(&fake_ca, ANNA);
	struct fake_bundle f,
	    page = {.signer = &fake_kms, .log = LOG, .nlog = 1, .more = true};
	struct arena arena;
	EVP_PKEY *account;
	struct err err;
	size_t n;

	open_house();
	account = account_key();
	arena_init(&arena, 1024 * 1024);
	f = asked(JWS_KMS_KEYS, account, &arena);
	f.nlog = 3;
	f.keys[0] = &one;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	cert_unref(f.to);

	unit_row("all of it");
	CHECK_INT(give_page(account, &arena, 0, &page, &err), ERR_OK);
	restart();
	page.nlog = 2;
	CHECK_INT(give_page(account, &arena, 1, &page, &err), ERR_OK);
	page.nlog = 4;
	page.more = false;
	CHECK_INT(give_page(account, &arena, 2, &page, &err), ERR_OK);
	unit_row("from the middle");
	CHECK_INT(give_page(account, &arena, 2, &page, &err), ERR_NOTFOUND);

	unit_row("ends before what was seen");
	page.nlog = 2;
	CHECK_INT(give_page(account, &arena, 0, &page, &err), ERR_UNTRUSTED);
	page.more = true;
	CHECK_INT(give_page(account, &arena, 0, &page, &err), ERR_OK);
	page.more = false;
	CHECK_INT(give_page(account, &arena, 2, &page, &err), ERR_UNTRUSTED);
	unit_row("an empty page");
	page.more = true;
	CHECK_INT(give_page(account, &arena, 2, &page, &err), ERR_UNTRUSTED);
	unit_row("another log from the first page on");
	page.log = OTHER_LOG;
	CHECK_INT(give_page(account, &arena, 0, &page, &err), ERR_OK);
	page.nlog = 4;
	CHECK_INT(give_page(account, &arena, 2, &page, &err), ERR_UNTRUSTED);
	unit_row("another log on the second page");
	page.log = LOG;
	page.nlog = 1;
	CHECK_INT(give_page(account, &arena, 0, &page, &err), ERR_OK);
	page.log = OTHER_LOG;
	page.nlog = 4;
	CHECK_INT(give_page(account, &arena, 1, &page, &err), ERR_UNTRUSTED);
	unit_row("what was seen is still what counts");
	page.log = LOG;
	page.more = false;
	page.nlog = 3;
	CHECK_INT(give_page(account, &arena, 0, &page, &err), ERR_UNTRUSTED);
	page.nlog = 4;
	CHECK_INT(give_page(account, &arena, 0, &page, &err), ERR_OK);
	hosted_clear(&one);
	EVP_PKEY_free(account);
	arena_clear(&arena);
	close_house();
}

static void
t_bundle_refuse(void)
{
	struct hosted one = fake_hosted(&fake_ca, ANNA);
	struct hosted two = fake_hosted(&fake_ca, ANNA);
	struct hosted bert = fake_hosted(&fake_ca, "bert@x.test");
	struct hosted evil = fake_hosted(&fake_evil, ANNA);
	struct fake_bundle good, f;
	struct arena arena;
	EVP_PKEY *account, *pkey;
	struct cert *cert;
	struct err err;
	size_t n;

	open_house();
	account = account_key();
	arena_init(&arena, 1024 * 1024);
	good = asked(JWS_KMS_KEYS, account, &arena);
	good.keys[0] = &one;
	CHECK_INT(give_bundle(&good, &n, &err), ERR_OK);
	cert_unref(good.to);
	f = good; /* until the next question */
	good = asked(JWS_KMS_KEYS, account, &arena);
	good.nlog = 3;
	good.keys[0] = &two;
	good.keys[1] = &one;
	f.to = good.to;
	f.log = LOG;
	f.nlog = 3;
	f.keys[0] = &two;
	refuse_bundle("replayed nonce", &f, "nonce is not the one");

	f = good;
	f.signer = NULL;
	refuse_bundle("unsigned", &f, "the key service's answer");
	f.signer = &fake_evilkms;
	refuse_bundle("signed by another", &f, "not signed by [cloud] kms_key");
	f = good;
	f.nlog = 1;
	refuse_bundle("rolled-back head", &f, "release log");
	f.nlog = 3;
	f.log = OTHER_LOG;
	refuse_bundle("rewritten log", &f, "release log");
	f.log = LOG;
	f.ask.from = 1;
	refuse_bundle("log from elsewhere", &f, "release log");
	f = good;
	f.ask.mailbox = STR("info@x.test");
	refuse_bundle("another mailbox", &f, "another mailbox");
	f = good;
	f.transport =
	    str_of((const char *)cert_facts(fake_ca.cert)->sha256, FINGERPRINT);
	refuse_bundle("names another transport key", &f,
	    "another transport key");
	f = good;
	f.transport = STR("");
	f.keys[0] = NULL;
	refuse_bundle("names none", &f, "nonce is not the one");
	f = good;
	pkey = pkey_new(NULL);
	cert = fake_cert(&fake_ca, pkey, ANNA, CERT_ENCRYPT,
	    clock_now().wall - 60, clock_now().wall + DAY);
	f.to = cert;
	refuse_bundle("sealed to another transport key", &f, "not encrypted");
	cert_unref(cert);
	EVP_PKEY_free(pkey);
	f = good;
	f.enveloped = true;
	refuse_bundle("no AEAD", &f, "AuthEnvelopedData");
	f = good;
	f.other = bert.pkey;
	refuse_bundle("key of another certificate", &f,
	    "not that of its certificate");
	f = good;
	f.keys[1] = &bert;
	refuse_bundle("certificate of another address", &f,
	    "is bert@x.test's, not anna@x.test's");
	f.keys[1] = &evil;
	refuse_bundle("certificate of another authority", &f, "");

	unit_row("and the honest one still counts");
	CHECK_INT(give_bundle(&good, &n, &err), ERR_OK);
	CHECK_UINT(n, 2);
	CHECK_UINT(count_keys("encrypt"), 2);
	cert_unref(good.to);
	hosted_clear(&one);
	hosted_clear(&two);
	hosted_clear(&bert);
	hosted_clear(&evil);
	EVP_PKEY_free(account);
	arena_clear(&arena);
	close_house();
}

/* --- OP_KEY_EXPORT --- */

static enum err_code export(const char *address, const char *pass,
    struct err *why) {
	struct enrol_req q = {str_c(address), STR(ANNA)}; enum err_code code;
	struct blob * blob;
	struct buf body;
	struct reply r;
	int fd;

	blob = memfd_copy(pass, strlen(pass), NULL);
	fd = blob_fd(blob);
	buf_init(&body, LIMIT_RECORD);
	enrol_req_put(&body, &q);
	reply_ask(&r, sealer.parent, OP_KEY_EXPORT, buf_text(&body), &fd, 1);
	reply_wait(&h, &r);
	code = r.err.code;
	CHECK((r.blob != NULL) == (code == ERR_OK));
	if (r.blob != NULL) house_write(&h, "out.p12", blob_str(r.blob));
	if (why != NULL) *why = r.err;
	reply_clear(&r);
	buf_clear(&body);
	blob_unref(blob);
	return (code);
}

static void
t_export(void)
{
	struct hosted one = fake_hosted(&fake_ca, ANNA);
	struct hosted two = fake_hosted(&fake_ca, ANNA);
	EVP_PKEY *account, *pkey;
	struct fake_bundle f;
	struct arena arena;
	struct cert *cert;
	struct buf file;
	struct p12 p12;
	struct err err;
	size_t n;

	open_house();
	unit_row("nothing to export");
	CHECK_INT(export(ANNA, "secret", &err), ERR_NOTFOUND);
	account = account_key();
	arena_init(&arena, 1024 * 1024);
	f = asked(JWS_KMS_KEYS, account, &arena);
	f.keys[0] = &one;
	f.keys[1] = &two;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	pkey = csr_key(account, ANNA);
	cert = good_cert(pkey);
	CHECK_INT(give_cert(cert, &err), ERR_OK);
	unit_row("encryption keys only");
	CHECK_INT(export(ANNA, "gr\xc3\xbcn secret", &err), ERR_OK);
	house_read(&h, "out.p12", &file);
	if (CHECK(p12_read(&p12, buf_text(&file), STR("gr\xc3\xbcn secret"),
	              NULL, &err) == 0)) {
		CHECK_UINT(p12.nkeys, 2);
		p12_clear(&p12);
	}
	buf_clear(&file);
	unit_row("others can read it");
	CHECK_INT(house_run(&h, "printf 'gr\\303\\274n secret' >pass && "
	                        "openssl pkcs12 -in out.p12 -passin file:pass "
	                        "-nodes -out all.pem && "
	                        "test $(grep -c 'BEGIN PRIVATE' all.pem) = 2 "
	                        "&& openssl pkcs12 -in out.p12 -passin "
	                        "file:pass -info -noout 2>&1 | "
	                        "grep -q AES-256-CBC"),
	    0);
	unit_row("no passphrase");
	CHECK_INT(export(ANNA, "", &err), ERR_SYNTAX);
	unit_row("an address without keys");
	CHECK_INT(export("info@x.test", "secret", &err), ERR_NOTFOUND);
	unit_row("all of the account");
	CHECK_INT(export("", "secret", &err), ERR_OK);
	cert_unref(cert);
	cert_unref(f.to);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(account);
	hosted_clear(&one);
	hosted_clear(&two);
	arena_clear(&arena);
	close_house();
}

/* --- at rest --- */

/* PKCS#8 of any P-256 key begins so (RFC 5958, RFC 5480). */
static const uint8_t P256_KEY[] = {0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30,
    0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};

static void
t_at_rest(void)
{
	struct hosted one = fake_hosted(&fake_ca, ANNA);
	EVP_PKEY *account, *pkey, *made = pkey_new(NULL);
	struct fake_bundle f;
	struct arena arena;
	struct buf state, der;
	struct err err;
	size_t n;

	open_house();
	account = account_key();
	pkey = csr_key(account, ANNA);
	arena_init(&arena, 1024 * 1024);
	f = asked(JWS_KMS_KEYS, account, &arena);
	f.keys[0] = &one;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	CHECK_INT(tenant_stop(&sealer), 0);
	house_read(&h, "state/key/data.mdb", &state);
	CHECK(state.len > 4096);
	unit_row("device keys");
	CHECK(
	    memmem(state.data, state.len, P256_KEY, sizeof(P256_KEY)) == NULL);
	CHECK(memmem(state.data, state.len, ANNA, strlen(ANNA)) == NULL);
	unit_row("hosted keys");
	buf_init(&der, LIMIT_RECORD);
	CHECK(pkey_put(one.pkey, &der, &err) == 0);
	CHECK(memmem(state.data, state.len, der.data + 600, 64) == NULL);
	buf_wipe(&der);
	unit_row("the search finds what is there");
	buf_init(&der, LIMIT_RECORD);
	CHECK(pkey_put(made, &der, &err) == 0);
	CHECK(memmem(der.data, der.len, P256_KEY, sizeof(P256_KEY)) != NULL);
	buf_wipe(&der);
	buf_clear(&state);
	start();
	cert_unref(f.to);
	EVP_PKEY_free(made);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(account);
	hosted_clear(&one);
	arena_clear(&arena);
	close_house();
}

#ifdef WAXWING_TEST_HOOKS
/* --- dying --- */

static unsigned revived;

static void
revive(bool dead)
{
	revived++;
	house_faults(&h, "");
	if (!dead)
		return;
	(void)tenant_stop(&sealer);
	start();
}

/* Until it works, which is the second time at the latest. */
static void
insist_jws(enum jws_kind kind, bool dead)
{
	struct jws_req q = question(kind);
	struct err err;

	if (ask_jws(&q, NULL, &err) == ERR_OK)
		return;
	revive(dead);
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_OK);
}

static void
insist_cert(EVP_PKEY *account, bool dead)
{
	EVP_PKEY *pkey = csr_key(account, ANNA);
	struct cert *c = good_cert(pkey);
	struct err err;

	if (give_cert(c, &err) != ERR_OK) {
		revive(dead);
		CHECK_INT(give_cert(c, &err), ERR_OK);
	}
	cert_unref(c);
	EVP_PKEY_free(pkey);
}

static void
insist_bundle(EVP_PKEY *account, const struct hosted *k, bool dead)
{
	struct fake_bundle f;
	struct arena arena;
	struct err err;
	size_t n;

	arena_init(&arena, 1024 * 1024);
	f = asked(JWS_KMS_KEYS, account, &arena);
	f.keys[0] = k;
	if (give_bundle(&f, &n, &err) != ERR_OK) {
		revive(dead);
		CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	}
	CHECK_UINT(n, 1);
	cert_unref(f.to);
	arena_clear(&arena);
}

/* Whatever happens at one point, afterwards there is one key of each kind. */
static void
fail_at(const char *point, const char *action, const struct hosted *k)
{
	bool dead = strcmp(action, "exit") == 0;
	EVP_PKEY *account, *again;
	char line[100];

	unit_row(point);
	open_house();
	revived = 0;
	(void)snprintf(line, sizeof(line), "%s %s\n", point, action);
	house_faults(&h, line);
	insist_jws(JWS_NEW_ACCOUNT, dead);
	account = account_key();
	insist_jws(JWS_FINALIZE, dead);
	insist_cert(account, dead);
	insist_jws(JWS_KMS_KEYS, dead);
	insist_bundle(account, k, dead);
	CHECK_UINT(revived, 1);
	CHECK_UINT(count_keys("sign"), 1);
	CHECK_UINT(count_keys("encrypt"), 1);
	restart();
	again = account_key();
	CHECK(EVP_PKEY_eq(account, again) == 1);
	EVP_PKEY_free(again);
	EVP_PKEY_free(account);
	close_house();
}

static void
t_dies(void)
{
	static const char *const points[] = {"sealer.device.made",
	    "sealer.device.stored", "sealer.pending.made",
	    "sealer.pending.stored", "sealer.nonce.made", "sealer.nonce.stored",
	    "sealer.cert.take", "sealer.cert.stored", "sealer.bundle.take",
	    "sealer.bundle.stored"};
	struct hosted k = fake_hosted(&fake_ca, ANNA);
	size_t i;

	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		fail_at(points[i], "exit", &k);
		if (strstr(points[i], "stored") == NULL)
			fail_at(points[i], "error", &k);
	}
	hosted_clear(&k);
}
#endif

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"jws", t_jws},
	    {"jws refuse", t_jws_refuse},
	    {"digest", t_digest},
	    {"cert", t_cert},
	    {"cert refuse", t_cert_refuse},
	    {"bundle", t_bundle},
	    {"log pages", t_log_pages},
	    {"bundle refuse", t_bundle_refuse},
	    {"export", t_export},
	    {"at rest", t_at_rest},
#ifdef WAXWING_TEST_HOOKS
	    {"sealer dies", t_dies},
#endif
	    {NULL, NULL},
	};
	char line[400], here[200];
	int rc;

	if (getcwd(here, sizeof(here)) == NULL)
		return (1);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(keys, sizeof(keys), "%s/t_enrol.keys", here);
	(void)snprintf(line, sizeof(line), "mkdir -p %s", keys);
	if (system(line) != 0)
		return (1);
	fake_open(keys);
	rc = unit_main("enrol", tests);
	fake_close();
	(void)snprintf(line, sizeof(line), "rm -rf %s", keys);
	return (system(line) == 0 ? rc : 1);
}
