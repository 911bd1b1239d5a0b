/* The steps that bring certificates and keys to the sealer. */
#include "config.h"

#include <string.h>

#include "acme/kms.h"
#include "agent/enrol_priv.h"
#include "agent/renew.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "proto/op.h"
#include "sys/log.h"

/* After so many the wait for keys gets no longer: some seconds. */
#define PATIENT_TRIES 1

/* Releases that the status shows. */
#define RELEASES 20

/* --- what the sealer took --- */

static void
note_cert(struct enrol *e, const char *use, const struct cert_rec *c)
{
	json_t *old = json_object_get(e->rec, use);
	char hex[2 * FINGERPRINT + 1];
	uint32_t random = 0;

	if (json_integer_value(json_object_get(old, "not_before")) >
	    (json_int_t)c->not_before)
		return;
	hex_encode(c->fingerprint, FINGERPRINT, hex);
	if (old != NULL && strcmp(hex, json_string_value(json_object_get(old,
	                                   "fingerprint"))) == 0)
		return;
	(void)crypt_random(&random, sizeof(random));
	json_object_set_new(e->rec, use,
	    json_pack("{s:s, s:I, s:I, s:I}", "fingerprint", hex, "not_before",
	        (json_int_t)c->not_before, "not_after",
	        (json_int_t)c->not_after, "random", (json_int_t)random));
}

int
enrol_keep_certs(struct enrol *e, struct str list, struct err *err)
{
	struct cert_rec c;
	struct rec in;
	int got;

	rec_init(&in, list);
	while ((got = cert_rec_get(&in, &c, err)) == 1) {
		if (store_put(e->agent->store, &c, TRUST_VERIFIED,
		        clock_now().wall, err) == -1)
			return (-1);
		if ((c.usage & USAGE_SIGN) != 0)
			note_cert(e, "sign", &c);
		if ((c.usage & USAGE_ENCRYPT) != 0)
			note_cert(e, "encrypt", &c);
	}
	return (got == -1 ? -1 : 0);
}

/* The sealer's answer to a take: its certificates are kept. */
static int
take_answer(struct enrol *e, struct ipc_msg *msg, const struct err *why,
    struct err *err)
{
	struct blob *list = NULL;
	struct rec r;
	int rc = -1;

	e->id = 0;
	err->code = ERR_OK;
	if (msg == NULL) {
		*err = *why;
		return (-1);
	}
	rec_init(&r, msg->body);
	rec_get_err(&r, err);
	if (r.bad)
		err_set(err, ERR_PEER, "malformed answer of the sealer");
	if (err->code == ERR_OK)
		list = ipc_msg_blob(msg, 0, LIMIT_CERT_LIST, err);
	if (list != NULL)
		rc = enrol_keep_certs(e, blob_str(list), err);
	blob_unref(list);
	return (rc);
}

static void
ask_take(struct enrol *e, uint16_t op, struct blob *blob, ipc_answer_fn *done)
{
	struct take_req q = {enrol_str(e, "account"), enrol_str(e, "address")};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	take_req_put(&body, &q);
	enrol_ask(e, ROLE_SEALER, op, &body, &blob, 1, done);
	buf_clear(&body);
}

/* --- the certificate (RFC 8555 7.4.2) --- */

/* 3. The sealer has it. */
static void
on_cert_taken(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err;

	if (take_answer(e, msg, why, &err) == 0)
		enrol_next(e, STEP_KEYS);
	else if (err.code == ERR_UNTRUSTED || err.code == ERR_SYNTAX ||
	         err.code == ERR_NOTFOUND)
		enrol_restart(e, &err); /* this one will never be taken */
	else
		enrol_retry(e, &err, -1);
}

/* All that is no authority's has to hold. */
static int
judge(struct enrol *e, struct str list, struct err *err)
{
	struct cert_rec c;
	struct rec in;
	size_t n = 0;
	int got;

	rec_init(&in, list);
	while ((got = cert_rec_get(&in, &c, err)) == 1) {
		n++;
		if (c.verdict.code != ERR_OK) {
			*err = c.verdict;
			return (-1);
		}
		if (!certlist_names(&c, enrol_str(e, "address"))) {
			err_set(err, ERR_UNTRUSTED,
			    "the certificate is for another address");
			return (-1);
		}
	}
	if (got == 0 && n != 1)
		err_set(err, ERR_UNTRUSTED, "the cloud gave %zu certificates",
		    n);
	return (got == 0 && n == 1 ? 0 : -1);
}

/* 2. The verifier has judged. */
static void
on_judged(const struct str *list, struct str crl, const struct err *why,
    void *arg)
{
	struct enrol *e = arg;
	struct err err = {.code = ERR_OK};

	(void)crl;
	e->verify = NULL;
	if (list == NULL) {
		enrol_retry(e, why, -1);
		return;
	}
	if (judge(e, *list, &err) == -1) {
		err_prefix(&err, "the new certificate");
		enrol_restart(e, &err);
		return;
	}
	ask_take(e, OP_CERT_TAKE, e->held, on_cert_taken);
}

/* 1. The chain is here. */
static void
on_chain(const struct posted *p, const struct err *why, void *arg)
{
	struct verify_req q = {.usage = USAGE_SIGN};
	struct enrol *e = arg;
	struct err err;

	e->post = NULL;
	if (p->a == NULL) {
		if (why->code == ERR_DENIED)
			enrol_restart(e, why);
		else
			enrol_retry(e, why, p->retry_after);
		return;
	}
	q.address = enrol_str(e, "address");
	q.time = clock_now().wall;
	if ((e->held = blob_copy(p->a->body.p, p->a->body.len)) != NULL)
		e->verify = verify_start(e->agent->self, &q, e->held, NULL,
		    on_judged, e);
	if (e->verify != NULL)
		return;
	err_set(&err, ERR_MEMORY, "no memory for a certificate");
	enrol_retry(e, &err, -1);
}

void
step_cert(struct enrol *e)
{
	struct post_ask ask = {.to = POST_URL,
	    .q = {.kind = JWS_GET},
	    .accept = "application/pem-certificate-chain",
	    .max = LIMIT_CERT_CHAIN};

	ask.q.url = enrol_str(e, "certificate");
	enrol_post_ask(e, &ask, on_chain);
}

/* --- the encryption keys --- */

void
enrol_add_releases(struct enrol *e, const json_t *log)
{
	json_t *all = json_object_get(e->rec, "releases");
	size_t i;

	if (all == NULL) {
		all = json_array();
		json_object_set_new(e->rec, "releases", all);
	}
	for (i = 0; i < json_array_size(log); i++)
		json_array_append(all, json_array_get(log, i));
	while (json_array_size(all) > RELEASES)
		json_array_remove(all, 0);
}

/* Does an entry say that the mailbox has a new key, or certificate? */
static bool
tells_news(const json_t *log)
{
	const json_t *entry;
	struct str what;
	size_t i;

	json_array_foreach(log, i, entry)
	{
		what = json_is_string(json_object_get(entry, "what"))
		           ? str_c(json_string_value(
		                 json_object_get(entry, "what")))
		           : STR("");
		if (str_eq(what, STR("rotate")) || str_eq(what, STR("renew")))
			return (true);
	}
	return (false);
}

/* Of the sealer's answer; true if there is something new to fetch. */
static bool
note_releases(struct enrol *e, struct ipc_msg *msg)
{
	struct blob *blob = ipc_msg_blob(msg, 1, LIMIT_CERT_LIST, NULL);
	json_t *log;
	bool news;

	if (blob == NULL)
		return (false);
	log = json_loadb(blob_data(blob), blob_len(blob), 0, NULL);
	blob_unref(blob);
	enrol_add_releases(e, log);
	news = tells_news(log);
	json_decref(log);
	return (news);
}

/* Should the encryption key be replaced by now? */
static bool
is_old(const struct enrol *e)
{
	const json_t *c = json_object_get(e->rec, "encrypt");

	return (
	    c != NULL &&
	    clock_now().wall >=
	        renew_at(json_integer_value(json_object_get(c, "not_before")),
	            json_integer_value(json_object_get(c, "not_after")),
	            (uint32_t)json_integer_value(
	                json_object_get(c, "random"))));
}

static void
done(struct enrol *e)
{
	enrol_set_num(e, "watched", clock_now().wall);
	enrol_set_num(e, "completed", clock_now().wall);
	enrol_rest(e);
}

static void ask_keys(struct enrol *, bool rotate);

static void
on_bundle_taken(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err;
	bool rotated = e->polls > 0;

	if (take_answer(e, msg, why, &err) == -1) {
		err_prefix(&err, "keys");
		enrol_retry(e, &err, -1);
		return;
	}
	(void)note_releases(e, msg);
	/*
	 * First what is there, then a new one if that is too old: so a crash
	 * in between does not make two.
	 */
	if (is_old(e) && !rotated) {
		e->polls++;
		if (enrol_save(e) == 0)
			ask_keys(e, true);
		return;
	}
	done(e);
}

/*
 * A cloud that says when to come again is making keys: whoever stayed away
 * longer each time would find that others took them.
 */
static void
keys_later(struct enrol *e, const struct err *why, int64_t after)
{
	if (why->code == ERR_UNAVAILABLE && after >= 0 &&
	    enrol_num(e, "tries") > PATIENT_TRIES)
		enrol_set_num(e, "tries", PATIENT_TRIES);
	enrol_retry(e, why, after);
}

static void
on_bundle(const struct posted *p, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct blob *bundle;
	struct err err;

	e->post = NULL;
	if (p->a == NULL) {
		if (why->code == ERR_UNSUPPORTED)
			done(e); /* a mere authority */
		else
			keys_later(e, why, p->retry_after);
		return;
	}
	if ((bundle = blob_copy(p->a->body.p, p->a->body.len)) == NULL) {
		err_set(&err, ERR_MEMORY, "no memory for keys");
		enrol_retry(e, &err, -1);
		return;
	}
	ask_take(e, OP_BUNDLE_TAKE, bundle, on_bundle_taken);
	blob_unref(bundle);
}

static void
ask_keys(struct enrol *e, bool rotate)
{
	struct post_ask ask = {.to = POST_KEYS,
	    .q = {.kind = JWS_KMS_KEYS, .create = !rotate, .rotate = rotate},
	    .accept = "application/pkcs7-mime",
	    .max = KMS_BUNDLE_MAX};

	enrol_post_ask(e, &ask, on_bundle);
}

void
step_keys(struct enrol *e)
{
	e->polls = 0;
	ask_keys(e, false);
}

/* --- the release log --- */

/* It is only watched: what fails is tried at the next occasion. */
static void
watched(struct enrol *e, const struct err *err)
{
	if (err->code != ERR_OK)
		log_warn("release-log address=%s reason=%s",
		    log_addr(enrol_str(e, "address")),
		    log_str(str_c(err->text)));
	enrol_set_num(e, "watched", clock_now().wall);
	enrol_set_num(e, "next", 0);
	if (enrol_save(e) == 0)
		enrol_poll(e, -1);
}

static void
on_log_taken(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err;

	/*
	 * Another device has made a new key: mail will be sealed to it.  The
	 * key service wants a fresh validation, which an order brings.
	 */
	if (take_answer(e, msg, why, &err) == 0 && note_releases(e, msg))
		enrol_next(e, enrol_num(e, "validated") + RENEW_VALIDATION_S >
		                      clock_now().wall
		                  ? STEP_KEYS
		                  : STEP_ACCOUNT);
	else
		watched(e, &err);
}

static void
on_log(const struct posted *p, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct blob *blob;

	e->post = NULL;
	if (p->a == NULL ||
	    (blob = blob_copy(p->a->body.p, p->a->body.len)) == NULL) {
		watched(e, why);
		return;
	}
	ask_take(e, OP_BUNDLE_TAKE, blob, on_log_taken);
	blob_unref(blob);
}

void
enrol_watch(struct enrol *e)
{
	struct post_ask ask = {.to = POST_LOG,
	    .q = {.kind = JWS_KMS_LOG, .from = JWS_LOG_NEWS},
	    .accept = "application/pkcs7-mime",
	    .max = KMS_BUNDLE_MAX};

	enrol_post_ask(e, &ask, on_log);
}
