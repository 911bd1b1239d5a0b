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
#include "base/limits.h"
#include "house.h"
#include "proto/enrol.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "sealer/sealer.h"
#include "smime/cms.h"
#include "smime/pkey.h"
#include "sys/memfd.h"

#define URL  "https://cloud.test:8443"
#define KID  URL "/acme/acct/1"
#define ANNA "anna@x.test"

static struct house h;
static struct tenant sealer;
static char keys[300]; /* where enrol-keys put them */

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

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"jws", t_jws},
	    {"jws refuse", t_jws_refuse},
	    {"digest", t_digest},
	    {NULL, NULL},
	};
	const char *src = getenv("srcdir");
	char line[1600], here[200];
	int rc;

	if (getcwd(here, sizeof(here)) == NULL)
		return (1);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(keys, sizeof(keys), "%s/t_enrol.keys", here);
	(void)snprintf(line, sizeof(line), "sh %s/tests/system/enrol-keys %s",
	    src != NULL ? src : ".", keys);
	if (system(line) != 0) {
		(void)fprintf(stderr, "cannot make the keys\n");
		return (1);
	}
	rc = unit_main("enrol", tests);
	(void)snprintf(line, sizeof(line), "rm -rf %s", keys);
	return (system(line) == 0 ? rc : 1);
}
