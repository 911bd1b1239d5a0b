/*
 * The challenge mail is looked for, checked and, at the end, removed (RFC 8823
 * 3.1).  Anybody can send mails that look like it: all that may be it are
 * checked, each once, until one holds; the others stay where they are.
 */
#include "config.h"

#include "agent/enrol_priv.h"
#include "base/clock.h"
#include "base/limits.h"
#include "proto/op.h"
#include "sys/log.h"

/* A challenge is a page of text with a signature. */
#define MAIL_MAX ((size_t)256 * 1024)

/* After so many looks the authorization is looked at, which may have ended. */
#define LOOKS_MAX 20

/* Mails that are checked at one look; each is a login upstream. */
#define CHECKS_MAX 10

/* Keys that are looked up for one mail. */
#define KEYS_MAX 4

/* Challenges of ours that were never answered are removed too, so many. */
#define TIDY_MAX 10

/* --- one mail that may be it --- */

static void on_found(struct ipc_msg *, const struct err *, void *);
static void on_checked(struct ipc_msg *, const struct err *, void *);

static void
ask_find(struct enrol *e)
{
	struct challenge_find_req q = {enrol_str(e, "account"),
	    enrol_str(e, "from"), enrol_str(e, "address"), e->look.uidvalidity,
	    e->look.low, e->look.high};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	challenge_find_req_put(&body, &q);
	enrol_ask(e, ROLE_PROXY, OP_CHALLENGE_FIND, &body, NULL, 0, on_found);
	buf_clear(&body);
}

static void
ask_check(struct enrol *e)
{
	struct challenge_check_req q = {enrol_str(e, "from"),
	    enrol_str(e, "address"), clock_now().wall, buf_text(&e->keys)};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	challenge_check_req_put(&body, &q);
	enrol_ask(e, ROLE_OPENER, OP_CHALLENGE_CHECK, &body, &e->held, 1,
	    on_checked);
	buf_clear(&body);
}

/* What was found is held; where it is, is noted. */
static int
take_found(struct enrol *e, struct ipc_msg *msg, const struct err *why,
    struct err *err)
{
	struct challenge_find_ans ans;

	blob_unref(e->held);
	e->held = NULL;
	buf_reset(&e->keys);
	e->nkeys = 0;
	e->id = 0;
	err->code = ERR_OK;
	if (msg == NULL) {
		*err = *why;
		return (-1);
	}
	if (challenge_find_ans_get(msg->body, &ans, err) == 0)
		*err = ans.err;
	if (err->code == ERR_OK)
		e->held = ipc_msg_blob(msg, 0, MAIL_MAX, err);
	if (e->held == NULL)
		return (-1);
	if (ans.uidvalidity != e->look.uidvalidity)
		e->look = (struct look){.uidvalidity = ans.uidvalidity};
	e->look.uid = ans.uid;
	return (0);
}

/* Was the mail judged, or could it not be? */
static bool
is_verdict(const struct err *err)
{
	return (err->code != ERR_MEMORY && err->code != ERR_IO &&
	        err->code != ERR_TIMEOUT && err->code != ERR_UNAVAILABLE);
}

/* This one is not it. */
static void
pass_over(struct enrol *e, const struct err *err)
{
	struct look *l = &e->look;

	/* RFC 8823 3.1: what fails should be logged */
	log_warn("enrol address=%s challenge uid=%u refused=\"%s\"",
	    log_addr(enrol_str(e, "address")), (unsigned)l->uid, err->text);
	if (l->high == 0 || l->uid > l->high)
		l->high = l->uid;
	if (l->low == 0 || l->uid < l->low)
		l->low = l->uid;
}

/* --- find: until one holds --- */

static void
look_later(struct enrol *e)
{
	if (json_object_get(e->rec, "tried") != NULL) {
		/* one was answered, there is no other: it may count yet */
		json_object_set_new(e->rec, "answered", json_true());
		enrol_next(e, STEP_VALID);
	} else if (e->polls < LOOKS_MAX)
		enrol_poll(e, -1);
	else
		enrol_next(e, STEP_AUTHZ);
}

/* It is not this one, or it could not be judged. */
static void
find_refused(struct enrol *e, struct err *err)
{
	err_prefix(err, "the challenge mail");
	if (!is_verdict(err) && e->look.stuck != e->look.uid) {
		e->look.stuck = e->look.uid;
		enrol_retry(e, err, -1);
		return;
	}
	/* The verifier may die of one: it is not what all others wait for. */
	e->look.again = e->look.again || !is_verdict(err);
	pass_over(e, err);
	enrol_set_str(e, "error", str_c(err->text));
	if (++e->look.checks < CHECKS_MAX)
		ask_find(e);
	else
		look_later(e);
}

static void
find_holds(struct enrol *e, const struct challenge_check_ans *ans)
{
	enrol_set_str(e, "token1", ans->token1);
	enrol_set_str(e, "message_id", ans->message_id);
	enrol_set_str(e, "reply_to", ans->reply_to);
	enrol_next(e, STEP_ANSWER);
}

static void
find_none(struct enrol *e, const struct err *err)
{
	if (err->code != ERR_NOTFOUND) {
		enrol_retry(e, err, -1);
		return;
	}
	if (e->look.again)
		e->look = (struct look){.low = 0};
	look_later(e);
}

void
step_find(struct enrol *e)
{
	e->look.checks = 0;
	ask_find(e);
}

/* --- tidy: remove it, and others of the same kind --- */

/* The mailbox is only less tidy. */
static void
tidied(struct enrol *e, const struct err *err)
{
	if (err->code != ERR_OK && err->code != ERR_NOTFOUND)
		log_warn("enrol address=%s tidy=\"%s\"",
		    log_addr(enrol_str(e, "address")), err->text);
	enrol_unset(e, "uid");
	enrol_unset(e, "uidvalidity");
	enrol_next(e, STEP_FINALIZE);
}

static void
on_removed(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err = {.code = ERR_OK};
	struct rec r;

	e->id = 0;
	if (msg == NULL) {
		err = *why;
	} else {
		rec_init(&r, msg->body);
		rec_get_err(&r, &err);
	}
	if (err.code == ERR_OK || err.code == ERR_NOTFOUND) {
		enrol_unset(e, "uid");
		if (++e->polls < TIDY_MAX) {
			ask_find(e);
			return;
		}
	}
	tidied(e, &err);
}

static void
ask_remove(struct enrol *e)
{
	struct challenge_remove_req q = {enrol_str(e, "account"),
	    (uint32_t)enrol_num(e, "uidvalidity"),
	    (uint32_t)enrol_num(e, "uid")};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	challenge_remove_req_put(&body, &q);
	enrol_ask(e, ROLE_PROXY, OP_CHALLENGE_REMOVE, &body, NULL, 0,
	    on_removed);
	buf_clear(&body);
}

static void
tidy_refused(struct enrol *e, const struct err *err)
{
	if (!is_verdict(err) || ++e->look.checks >= CHECKS_MAX) {
		tidied(e, err);
		return;
	}
	pass_over(e, err);
	ask_find(e);
}

/* Ours first; then what a restart may have left there. */
void
step_tidy(struct enrol *e)
{
	if (json_object_get(e->rec, "uid") != NULL)
		ask_remove(e);
	else
		ask_find(e);
}

/* --- the one look of both --- */

static void
on_found(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err;

	if (take_found(e, msg, why, &err) == 0)
		ask_check(e);
	else if (e->step == STEP_FIND)
		find_none(e, &err);
	else
		tidied(e, &err);
}

static void
refused(struct enrol *e, struct err *err)
{
	if (e->step == STEP_FIND)
		find_refused(e, err);
	else
		tidy_refused(e, err);
}

/* Ask again, with the record (or that there is none). */
static void
on_key(const struct str *text, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err = *why;

	e->txt = NULL;
	if (text == NULL && err.code != ERR_NOTFOUND) {
		refused(e, &err);
		return;
	}
	rec_put_str(&e->keys, text != NULL ? *text : STR(""));
	ask_check(e);
}

/* DKIM: the verifier has no network, so the key is fetched here. */
static void
fetch_key(struct enrol *e, struct str name, struct err *err)
{
	struct self *self = e->agent->self;

	if (e->nkeys++ >= KEYS_MAX) {
		err_set(err, ERR_DENIED, "too many signatures");
		refused(e, err);
		return;
	}
	rec_put_str(&e->keys, name);
	e->txt = txt_start(self->base,
	    conf_str(self->conf, "cloud", "nameservers"), name, on_key, e, err);
	if (e->txt == NULL)
		refused(e, err);
}

static void
on_checked(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct challenge_check_ans ans = {.key = {"", 0}};
	struct err err = {.code = ERR_OK};
	struct enrol *e = arg;

	e->id = 0;
	if (msg == NULL)
		err = *why;
	else if (challenge_check_ans_get(msg->body, &ans, &err) == 0)
		err = ans.err;
	if (err.code == ERR_UNAVAILABLE && ans.key.len > 0) {
		fetch_key(e, ans.key, &err);
		return;
	}
	if (err.code != ERR_OK) {
		refused(e, &err);
		return;
	}
	if (e->step == STEP_FIND && enrol_tried(e, ans.token1)) {
		/* RFC 8823 3 point 6: no challenge is answered twice */
		err_set(&err, ERR_DENIED, "was answered before");
		refused(e, &err);
		return;
	}
	enrol_set_num(e, "uidvalidity", e->look.uidvalidity);
	enrol_set_num(e, "uid", e->look.uid);
	if (e->step == STEP_FIND)
		find_holds(e, &ans);
	else
		ask_remove(e);
}
