/* The answer to the challenge mail (RFC 8823 3.2). */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acme/email.h"
#include "agent/enrol_priv.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "proto/op.h"
#include "sys/fault.h"
#include "sys/log.h"

/* An answer is a few lines. */
#define MAIL_MAX ((size_t)64 * 1024)

/* RFC 5322 3.3, in UTC. */
static void
put_date(char out[64])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = (time_t)clock_now().wall;
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	(void)snprintf(out, 64, "%.3s, %02d %.3s %d %02d:%02d:%02d +0000",
	    days + (size_t)tm.tm_wday % 7 * 3, tm.tm_mday,
	    months + (size_t)tm.tm_mon % 12 * 3, tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

static struct blob *
make_reply(struct enrol *e, struct str digest, struct err *err)
{
	struct str address = enrol_str(e, "address");
	size_t at = str_find(address, '@');
	struct acme_reply_mail m = {.digest = digest};
	uint8_t random[16];
	char date[64], hex[33], id[LIMIT_ADDRESS + 40];
	struct blob *blob = NULL;
	struct buf mail;

	put_date(date);
	if (crypt_random(random, sizeof(random)) == -1)
		memset(random, 0, sizeof(random));
	hex_encode(random, sizeof(random), hex);
	(void)snprintf(id, sizeof(id), "<%s%.*s>", hex, (int)(address.len - at),
	    address.p + at);
	m.from = address;
	m.to = enrol_str(e, "reply_to");
	m.token1 = enrol_str(e, "token1");
	m.in_reply_to = enrol_str(e, "message_id");
	m.message_id = str_c(id);
	m.date = str_c(date);
	buf_init(&mail, MAIL_MAX);
	if (acme_reply_put(&m, &mail) == 0)
		blob = blob_take(&mail);
	if (blob == NULL)
		err_set(err, ERR_PEER, "cannot write an answer to that");
	buf_clear(&mail);
	return (blob);
}

/* Note which challenges of this order were answered. */
static void
note_tried(struct enrol *e)
{
	json_t *tried = json_object_get(e->rec, "tried");

	if (enrol_tried(e, enrol_str(e, "token1")))
		return;
	if (tried == NULL) {
		tried = json_array();
		json_object_set_new(e->rec, "tried", tried);
	}
	json_array_append(tried, json_object_get(e->rec, "token1"));
}

/*
 * The submission server has it, or has it not, or nobody knows.  In the last
 * case it is sent again only if the cloud does not see it either.
 */
static void
on_submitted(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err = {.code = ERR_OK};
	struct rec r;

	e->id = 0;
	if (msg == NULL) {
		log_info("enrol address=%s answer=unsure reason=%s",
		    log_addr(enrol_str(e, "address")),
		    log_str(str_c(why->text)));
		json_object_set_new(e->rec, "unsure", json_true());
		enrol_next(e, STEP_RESPOND);
		return;
	}
	rec_init(&r, msg->body);
	rec_get_err(&r, &err);
	if (err.code == ERR_OK) {
		enrol_next(e, STEP_RESPOND);
		return;
	}
	enrol_unset(e, "answered");
	err_prefix(&err, "the answer was refused");
	enrol_retry(e, &err, err.code == ERR_DENIED ? 60 : -1);
}

static void
submit(struct enrol *e, struct str digest)
{
	struct reply_submit_req q = {enrol_str(e, "account"),
	    enrol_str(e, "address"), enrol_str(e, "reply_to")};
	struct blob *mail;
	struct err err;
	struct buf body;

	if ((mail = make_reply(e, digest, &err)) == NULL) {
		enrol_restart(e, &err);
		return;
	}
	/* on disk before it leaves: it is answered once */
	json_object_set_new(e->rec, "answered", json_true());
	note_tried(e);
	if (enrol_save(e) == -1) {
		enrol_unset(e, "answered");
		blob_unref(mail);
		return;
	}
	(void)FAULT("agent.enrol.submit");
	buf_init(&body, LIMIT_RECORD);
	reply_submit_req_put(&body, &q);
	enrol_ask(e, ROLE_PROXY, OP_REPLY_SUBMIT, &body, &mail, 1,
	    on_submitted);
	if (e->id == 0) /* it did not leave */
		enrol_unset(e, "answered");
	buf_clear(&body);
	blob_unref(mail);
}

static void
on_digest(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err = {.code = ERR_OK};
	struct jws_ans ans;

	e->id = 0;
	if (msg == NULL)
		err = *why;
	else if (jws_ans_get(msg->body, &ans, &err) == 0)
		err = ans.err;
	if (err.code == ERR_OK)
		submit(e, ans.jws);
	else
		enrol_retry(e, &err, -1);
}

void
step_answer(struct enrol *e)
{
	struct digest_req q = {enrol_str(e, "account"), enrol_str(e, "token1"),
	    enrol_str(e, "token2")};
	struct buf body;

	if (json_is_true(json_object_get(e->rec, "answered"))) {
		/* we died before we knew */
		json_object_set_new(e->rec, "unsure", json_true());
		enrol_next(e, STEP_RESPOND);
		return;
	}
	buf_init(&body, LIMIT_RECORD);
	digest_req_put(&body, &q);
	enrol_ask(e, ROLE_SEALER, OP_DIGEST, &body, NULL, 0, on_digest);
	buf_clear(&body);
}
