#include "config.h"

#include "enrolhouse.h"

#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/b64url.h"
#include "acme/jws.h"
#include "acme/object.h"
#include "base/clock.h"
#include "base/limits.h"
#include "proto/keys.h"
#include "sealer/sealer.h"
#include "smime/csr.h"
#include "smime/pkey.h"
#include "sys/memfd.h"

struct house h;
struct tenant sealer;

static char keys[300]; /* where the cloud's certificates are */

const char *const LOG[4] = {"{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}"};
const char *const OTHER_LOG[4] = {"{\"n\":1}", "{\"n\":9}", "{\"n\":3}",
    "{\"n\":4}"};

void
start_sealer(void)
{
	CHECK(tenant_start(&h, &sealer, ROLE_SEALER, sealer_main, "") == 0);
	house_proxy(&h, &sealer);
	house_agent(&h, &sealer);
}

void
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
	start_sealer();
}

void
restart(void)
{
	CHECK_INT(tenant_stop(&sealer), 0);
	start_sealer();
}

void
close_house(void)
{
	CHECK_INT(tenant_stop(&sealer), 0);
	house_close(&h);
}

struct jws_req
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
enum err_code
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

/* What a question carries, after its signature was checked. */
enum err_code
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

/* The account key, as newAccount tells it. */
EVP_PKEY *
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

void
open_anna(struct anna *a)
{
	a->one = fake_hosted(&fake_ca, ANNA);
	a->two = fake_hosted(&fake_ca, ANNA);
	open_house();
	a->account = account_key();
	arena_init(&a->arena, 1024 * 1024);
}

void
close_anna(struct anna *a)
{
	hosted_clear(&a->one);
	hosted_clear(&a->two);
	EVP_PKEY_free(a->account);
	arena_clear(&a->arena);
	close_house();
}

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

size_t
count_keys(const char *usage)
{
	json_t *list = key_list(usage);
	size_t n = json_array_size(list);

	json_decref(list);
	return (n);
}

/* The key that the CSR of JWS_FINALIZE is for. */
EVP_PKEY *
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
enum err_code
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

enum err_code
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

struct cert *
good_cert(EVP_PKEY *pkey)
{
	int64_t now = clock_now().wall;

	return (fake_cert(&fake_ca, pkey, ANNA, CERT_SIGN, now - 60,
	    now + 90 * DAY));
}

/* Ask for keys (or for the log); an honest answer to it, so far. */
struct fake_bundle
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
enum err_code
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

void
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

int
enrolhouse_main(const char *name, const struct unit_test *tests)
{
	char line[400], here[200];
	int rc;

	if (getcwd(here, sizeof(here)) == NULL)
		return (1);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(keys, sizeof(keys), "%s/t_%s.keys", here, name);
	(void)snprintf(line, sizeof(line), "mkdir -p %s", keys);
	if (system(line) != 0)
		return (1);
	fake_open(keys);
	rc = unit_main(name, tests);
	fake_close();
	(void)snprintf(line, sizeof(line), "rm -rf %s", keys);
	return (system(line) == 0 ? rc : 1);
}
