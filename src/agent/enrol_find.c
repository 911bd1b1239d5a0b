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

/* Challenges of ours that were never answered are removed too, so many. */
#define TIDY_MAX 10

/* --- one mail that may be it --- */

static void
ask_find(struct enrol *e, ipc_answer_fn *done)
{
	struct challenge_find_req q = {enrol_str(e, "account"),
	    enrol_str(e, "from"), enrol_str(e, "address"), e->look.uidvalidity,
	    e->look.low, e->look.high};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	challenge_find_req_put(&body, &q);
	enrol_ask(e, ROLE_PROXY, OP_CHALLENGE_FIND, &body, NULL, 0, done);
	buf_clear(&body);
}

static void
ask_check(struct enrol *e, struct blob *mail, ipc_answer_fn *done)
{
	struct challenge_check_req q = {enrol_str(e, "from"),
	    enrol_str(e, "address"), clock_now().wall};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	challenge_check_req_put(&body, &q);
	enrol_ask(e, ROLE_OPENER, OP_CHALLENGE_CHECK, &body, &mail, 1, done);
	buf_clear(&body);
}

/* What was found; where it is, is noted. */
static struct blob *
take_found(struct enrol *e, struct ipc_msg *msg, const struct err *why,
    struct err *err)
{
	struct challenge_find_ans ans;
	struct blob *mail = NULL;

	e->id = 0;
	err->code = ERR_OK;
	if (msg == NULL) {
		*err = *why;
		return (NULL);
	}
	if (challenge_find_ans_get(msg->body, &ans, err) == 0)
		*err = ans.err;
	if (err->code == ERR_OK)
		mail = ipc_msg_blob(msg, 0, MAIL_MAX, err);
	if (mail == NULL)
		return (NULL);
	if (ans.uidvalidity != e->look.uidvalidity)
		e->look = (struct look){.uidvalidity = ans.uidvalidity};
	e->look.uid = ans.uid;
	return (mail);
}

/* Strings in ans are the message's. */
static void
take_checked(struct enrol *e, struct ipc_msg *msg, const struct err *why,
    struct challenge_check_ans *ans, struct err *err)
{
	e->id = 0;
	err->code = ERR_OK;
	if (msg == NULL)
		*err = *why;
	else if (challenge_check_ans_get(msg->body, ans, err) == 0)
		*err = ans->err;
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

/* --- until one holds --- */

static void
look_later(struct enrol *e)
{
	if (e->polls < LOOKS_MAX)
		enrol_poll(e, -1);
	else
		enrol_next(e, STEP_AUTHZ);
}

static void on_found(struct ipc_msg *, const struct err *, void *);

static void
on_checked(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct challenge_check_ans ans;
	struct enrol *e = arg;
	struct err err;

	take_checked(e, msg, why, &ans, &err);
	if (err.code == ERR_OK) {
		enrol_set_num(e, "uidvalidity", e->look.uidvalidity);
		enrol_set_num(e, "uid", e->look.uid);
		enrol_set_str(e, "token1", ans.token1);
		enrol_set_str(e, "message_id", ans.message_id);
		enrol_set_str(e, "reply_to", ans.reply_to);
		enrol_next(e, STEP_ANSWER);
		return;
	}
	err_prefix(&err, "the challenge mail");
	if (!is_verdict(&err) && e->look.stuck != e->look.uid) {
		e->look.stuck = e->look.uid;
		enrol_retry(e, &err, -1);
		return;
	}
	/* The verifier may die of one: it is not what all others wait for. */
	e->look.again = e->look.again || !is_verdict(&err);
	pass_over(e, &err);
	enrol_set_str(e, "error", str_c(err.text));
	if (++e->look.checks < CHECKS_MAX)
		ask_find(e, on_found);
	else
		look_later(e);
}

static void
on_found(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct blob *mail;
	struct err err;

	if ((mail = take_found(e, msg, why, &err)) != NULL)
		ask_check(e, mail, on_checked);
	else if (err.code != ERR_NOTFOUND)
		enrol_retry(e, &err, -1);
	else {
		if (e->look.again)
			e->look = (struct look){.low = 0};
		look_later(e);
	}
	blob_unref(mail);
}

void
step_find(struct enrol *e)
{
	e->look.checks = 0;
	ask_find(e, on_found);
}
/* --- remove it, and others of the same kind --- */

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
			step_tidy(e);
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

static void on_other(struct ipc_msg *, const struct err *, void *);

static void
on_other_checked(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct challenge_check_ans ans;
	struct enrol *e = arg;
	struct err err;

	take_checked(e, msg, why, &ans, &err);
	if (err.code == ERR_OK) {
		enrol_set_num(e, "uidvalidity", e->look.uidvalidity);
		enrol_set_num(e, "uid", e->look.uid);
		ask_remove(e);
	} else if (is_verdict(&err) && ++e->look.checks < CHECKS_MAX) {
		pass_over(e, &err);
		ask_find(e, on_other);
	} else
		tidied(e, &err);
}

static void
on_other(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct blob *mail;
	struct err err;

	if ((mail = take_found(e, msg, why, &err)) != NULL)
		ask_check(e, mail, on_other_checked);
	else
		tidied(e, &err);
	blob_unref(mail);
}

/* Ours first; then what a restart may have left there. */
void
step_tidy(struct enrol *e)
{
	if (json_object_get(e->rec, "uid") != NULL)
		ask_remove(e);
	else
		ask_find(e, on_other);
}
