#include "config.h"

#include "cloud/kms.h"

#include <openssl/obj_mac.h>
#include <string.h>

#include "acme/b64url.h"
#include "base/limits.h"
#include "cloud/hosted.h"
#include "cloud/keypool.h"
#include "cloud/release.h"
#include "smime/cms.h"
#include "smtp/verb.h"
#include "sys/fault.h"
#include "sys/log.h"

#define RSA_BITS 3072

/* All keys of a mailbox and a stretch of its log, before they are JSON. */
#define ANSWER_ARENA (8UL * 1024 * 1024)

/* The log tells who got keys, but no key: for its owner an old proof of
 * control is good enough, as devices ask for it all the year. */
#define LOG_VALIDATION_S (INT64_C(400) * 86400)

/* How long it takes to make a key, most often. */
#define POOL_RETRY_S 2

/* One request. */
struct ask {
	struct acme_call *call;
	struct kms_ask q;
	struct buf mailbox;     /* canonical */
	struct cert *transport; /* owned; NULL for the log */
	struct hosted hosted;
	struct arena arena; /* for the answer */
	const char *what;   /* done, as the log calls it */
};

/* --- release rules --- */

/* May this account have the mailbox's keys?  0, or -1 after an answer. */
typedef int rule_fn(struct ask *);

struct rule {
	const char *name;
	rule_fn *allows;
};

/* Did the account prove control of the mailbox within so many seconds?  0, or
 * -1 after an answer. */
static int
check_validation(struct ask *a, int64_t within)
{
	struct acme_call *call = a->call;
	struct err err;
	int64_t at;
	int rc;

	rc = acme_validated_at(call->cloud, call->account_id,
	    buf_text(&a->mailbox), &at, &err);
	if (rc == 1 && call->now.wall < at + within)
		return (0);
	if (rc < 0)
		acme_fail(call, &err);
	else if (rc == 0)
		acme_refuse(call->res, 403, "unauthorized",
		    "this account never proved control of the mailbox; place "
		    "an order for it first");
	else
		acme_refuse(call->res, 403, "userActionRequired",
		    "this account proved control of the mailbox %lld days "
		    "ago, which is too long; place an order for it again",
		    (long long)((call->now.wall - at) / 86400));
	return (-1);
}

/* Control of the mailbox is enough, on every device. */
static int
allow_mailbox(struct ask *a)
{
	return (check_validation(a,
	    (int64_t)conf_num(a->call->cloud->conf, "acme", "validation")));
}

static const struct rule rules[] = {
    {"mailbox", allow_mailbox},
};

/* The rule of a mailbox: there is one for all of them. */
static const struct rule *
rule_of(const struct ask *a)
{
	(void)a;
	return (&rules[0]);
}

/* --- reading requests --- */

static void
ask_clear(struct ask *a)
{
	buf_clear(&a->mailbox);
	cert_unref(a->transport);
	arena_clear(&a->arena);
}

/* The payload; -1 after an answer. */
static int
read_ask(struct ask *a, struct acme_call *call)
{
	struct err err;
	unsigned wait;

	memset(a, 0, sizeof(*a));
	a->call = call;
	buf_init(&a->mailbox, LIMIT_ADDRESS);
	arena_init(&a->arena, ANSWER_ARENA);
	wait =
	    rate_take(call->cloud->rate_keys, call->account_id, call->now.mono);
	if (wait != 0) {
		acme_limit(call->res, wait, "requests for keys");
		return (-1);
	}
	if (kms_ask_get(call->jws.payload, call->arena, &a->q, &err) != 0) {
		acme_refuse(call->res, 400, "malformed", "%s", err.text);
		return (-1);
	}
	if (verb_canonical(a->q.mailbox, &a->mailbox) == 0)
		return (0);
	acme_refuse(call->res, 400, "malformed", "\"mailbox\" is no address");
	return (-1);
}

/* The device's transport key: P-256, for encryption.  Nobody vouches for it
 * but the account that signed the request. */
static int
read_transport(struct ask *a)
{
	const struct cert_facts *f;
	struct err err;

	err_set(&err, ERR_SYNTAX, "the certificate is missing");
	if (a->q.transport.len > 0)
		a->transport = cert_get(NULL, a->q.transport, &err);
	if (a->transport == NULL) {
		acme_refuse(a->call->res, 400, "malformed", "\"transport\": %s",
		    err.text);
		return (-1);
	}
	f = cert_facts(a->transport);
	if (f->key == CERT_KEY_EC && f->curve == NID_X9_62_prime256v1 &&
	    (f->use & CERT_ENCRYPT) != 0 && !f->weak)
		return (0);
	acme_refuse(a->call->res, 400, "badPublicKey",
	    "\"transport\" must be a P-256 certificate for key agreement");
	return (-1);
}

/* --- deciding --- */

/* No key but the caller's was ready or possible: an answer that says so. */
static void
refuse_key(struct ask *a, const struct err *err)
{
	struct http_res *res = a->call->res;

	if (err->code == ERR_UNAVAILABLE) {
		http_res_header(res, "Retry-After", "%d", POOL_RETRY_S);
		acme_refuse(res, 503, "serverInternal",
		    "keys are being made; ask again in %d seconds",
		    POOL_RETRY_S);
	} else if (err->code == ERR_LIMIT)
		acme_refuse(res, 403, "unauthorized", "no new key: %s",
		    err->text);
	else
		acme_fail(a->call, err);
}

/* Whether a new key is to be made; -1 after an answer. */
static int
wants_key(struct ask *a, enum hosted_state state)
{
	struct cloud *c = a->call->cloud;
	struct err err;
	unsigned wait;

	if (state == HOSTED_NONE && !a->q.create && !a->q.rotate) {
		acme_refuse(a->call->res, 404, "malformed",
		    "the mailbox has no keys yet; \"create\" makes the first");
		return (-1);
	}
	if (!a->q.rotate &&
	    (!a->q.create || state == HOSTED_GOOD || state == HOSTED_DUE))
		return (0);
	if (c->keypool != NULL && !keypool_ready(c->keypool)) {
		err_set(&err, ERR_UNAVAILABLE, "keys are being made");
		refuse_key(a, &err);
		return (-1);
	}
	wait = rate_take(c->rate_rotations, buf_text(&a->mailbox),
	    a->call->now.mono);
	if (wait == 0)
		return (1);
	acme_limit(a->call->res, wait, "new keys for the mailbox");
	return (-1);
}

/* Change the list of keys as it is asked and as it is due; -1 after an
 * answer. */
static int
update_keys(struct ask *a)
{
	struct acme_call *call = a->call;
	struct cloud *c = call->cloud;
	enum hosted_state state;
	struct err err;
	int make, rc = 0;

	if (hosted_load(c, buf_text(&a->mailbox), &a->arena, &a->hosted,
	        &err) != 0 ||
	    hosted_state(c, &a->hosted, call->now.wall, &state, &err) != 0 ||
	    store_begin(c->store, &err) != 0) {
		acme_fail(call, &err);
		return (-1);
	}
	if ((make = wants_key(a, state)) < 0)
		return (-1);
	a->what = "release";
	if (make == 1) {
		a->what = state == HOSTED_NONE ? "create" : "rotate";
		rc =
		    hosted_make(c, &a->hosted, &a->arena, call->now.wall, &err);
	} else if (state == HOSTED_DUE && a->hosted.n < KMS_KEYS_MAX) {
		a->what = "renew";
		rc = hosted_renew(c, &a->hosted, &a->arena, call->now.wall,
		    &err);
	}
	if (rc != 0)
		refuse_key(a, &err);
	return (rc);
}

/* Into the log with it, and all of it into the store; -1 after an answer. */
static int
commit(struct ask *a)
{
	struct acme_call *call = a->call;
	struct cloud *c = call->cloud;
	const struct cert_facts *f = cert_facts(a->transport);
	struct release r = {.what = a->what, .keys = a->hosted.n};
	char when[CLOUD_TIME];
	struct buf hash;
	struct err err;
	int rc = -1;

	buf_init(&hash, 64);
	b64url_encode(str_of((const char *)f->sha256, sizeof(f->sha256)),
	    &hash);
	buf_putc(&hash, '\0');
	r.time = cloud_time(call->now.wall, when);
	r.account = acme_member(call->account, "thumbprint");
	r.transport = hash.data;
	err_set(&err, ERR_MEMORY, "no memory for a release");
	if (!hash.failed &&
	    release_add(c->store, buf_text(&a->mailbox), &r, &err) == 0) {
		if (FAULT("cloud.kms.store"))
			err_set(&err, ERR_IO, "no space left on device");
		else
			rc = store_commit(c->store, &err);
	}
	buf_clear(&hash);
	if (rc != 0) {
		acme_fail(call, &err);
		return (-1);
	}
	(void)FAULT("cloud.kms.stored");
	log_info("kms-release what=%s mailbox=%s account=%s keys=%zu", a->what,
	    log_addr(buf_text(&a->mailbox)), log_str(call->account_id),
	    a->hosted.n);
	return (0);
}

/* --- answering --- */

/* One private key, sealed to the device. */
static int
seal_key(struct ask *a, const struct hosted_cert *cert, struct str *out,
    struct err *err)
{
	struct cms_recipient to = {a->transport, TRANSPORT_ECDH};
	struct cms_seal how = {&to, 1, algo_cipher_nid(NID_aes_256_gcm)};
	struct buf pkcs8, sealed;
	int rc = -1;

	buf_init(&pkcs8, LIMIT_RECORD);
	buf_init(&sealed, LIMIT_RECORD);
	if (hosted_open(a->call->cloud, &a->hosted, cert, &pkcs8, err) == 0 &&
	    cms_seal(buf_text(&pkcs8), &how, &sealed, err) == 0) {
		*out = arena_str(&a->arena, buf_text(&sealed));
		if (out->p != NULL)
			rc = 0;
		else
			err_set(err, ERR_MEMORY, "no memory for a bundle");
	}
	buf_wipe(&pkcs8);
	buf_clear(&sealed);
	return (rc);
}

static int
put_keys(struct ask *a, struct kms_bundle *b, struct err *err)
{
	struct str *chain = arena_array(&a->arena, 1, sizeof(*chain));
	struct kms_key *key;
	size_t i;

	b->keys = arena_array(&a->arena, a->hosted.n, sizeof(b->keys[0]));
	if (b->keys == NULL || chain == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a bundle");
		return (-1);
	}
	*chain = cert_facts(a->call->cloud->keys.issuing)->der;
	for (i = 0; i < a->hosted.n; i++) {
		key = &b->keys[b->nkeys++];
		key->cert = a->hosted.certs[i].der;
		key->chain = chain;
		key->nchain = 1;
		if (seal_key(a, &a->hosted.certs[i], &key->key, err) != 0)
			return (-1);
	}
	return (0);
}

/* What is said, signed by the key service. */
static int
sign(struct ask *a, const struct kms_bundle *b, struct err *err)
{
	struct acme_call *call = a->call;
	struct cms_sign how = {.key = call->cloud->keys.kms,
	    .time = call->now.wall};
	struct buf text;
	int rc = -1;

	buf_init(&text, KMS_BUNDLE_MAX);
	if (FAULT("cloud.kms.answer") || kms_bundle_put(b, &text) != 0)
		err_set(err, ERR_MEMORY, "no memory for a bundle");
	else
		rc = cms_sign_opaque(buf_text(&text), &how, &call->res->body,
		    err);
	buf_clear(&text);
	if (rc == 0)
		call->res->type = "application/pkcs7-mime";
	return (rc);
}

/* A page of the release log, and whether it is the last. */
static int
put_log(struct ask *a, struct kms_bundle *b, struct err *err)
{
	struct cloud *c = a->call->cloud;
	size_t max = (size_t)conf_num(c->conf, "kms", "log_entries");
	struct kms_head head;

	if (release_read(c->store, buf_text(&a->mailbox), a->q.from, max,
	        &a->arena, &b->log, &b->nlog, &b->head, err) != 0 ||
	    release_head(c->store, buf_text(&a->mailbox), &head, err) != 0)
		return (-1);
	b->more = head.size > b->head.size;
	return (0);
}

static void
answer(struct ask *a)
{
	struct kms_bundle b = {.mailbox = a->q.mailbox, .nonce = a->q.nonce};
	const struct cert_facts *f;
	struct err err;

	if (a->transport != NULL) {
		f = cert_facts(a->transport);
		b.transport =
		    str_of((const char *)f->sha256, sizeof(f->sha256));
	}
	if (put_log(a, &b, &err) != 0 ||
	    (a->transport != NULL && put_keys(a, &b, &err) != 0) ||
	    sign(a, &b, &err) != 0) {
		buf_reset(&a->call->res->body);
		acme_fail(a->call, &err);
	}
}

void
kms_keys(struct acme_call *call)
{
	struct ask a;

	if (read_ask(&a, call) == 0 && read_transport(&a) == 0 &&
	    rule_of(&a)->allows(&a) == 0 && update_keys(&a) == 0 &&
	    commit(&a) == 0)
		answer(&a);
	ask_clear(&a);
}

void
kms_release_log(struct acme_call *call)
{
	struct ask a;

	if (read_ask(&a, call) == 0 &&
	    check_validation(&a, LOG_VALIDATION_S) == 0)
		answer(&a);
	ask_clear(&a);
}

/* --- opening --- */

int
kms_open(struct cloud *c, struct err *err)
{
	const struct conf *conf = c->conf;

	if (strcmp(conf_str(conf, "kms", "keys"), "rsa") != 0)
		return (0);
	c->keypool = keypool_new(c, RSA_BITS,
	    (unsigned)conf_num(conf, "kms", "ready_keys"), err);
	return (c->keypool != NULL ? 0 : -1);
}

void
kms_close(struct cloud *c)
{
	keypool_free(c->keypool);
}
