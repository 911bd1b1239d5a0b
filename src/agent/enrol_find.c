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

/* Challenges of ours that were never answered are removed too, so many; and so
 * many orders are remembered for that. */
#define TIDY_MAX   10
#define STRAYS_MAX 5

/* --- orders of ours whose challenge may be there still --- */

void
enrol_stray(struct enrol *e)
{
	json_t *strays = json_object_get(e->rec, "strays");

	if (json_object_get(e->rec, "from") == NULL)
		return;
	if (strays == NULL) {
		strays = json_array();
		json_object_set_new(e->rec, "strays", strays);
	}
	if (json_array_size(strays) == STRAYS_MAX)
		json_array_remove(strays, 0);
	json_array_append(strays, json_object_get(e->rec, "from"));
	enrol_unset(e, "from");
}

bool
enrol_untidy(const struct enrol *e)
{
	return (json_object_get(e->rec, "uid") != NULL ||
	        json_object_get(e->rec, "from") != NULL ||
	        json_object_get(e->rec, "strays") != NULL);
}

/* Where that sender stands in the list, or its end. */
static size_t
stray_at(const struct enrol *e, struct str from)
{
	const json_t *strays = json_object_get(e->rec, "strays");
	size_t i;

	for (i = 0; i < json_array_size(strays); i++)
		if (str_eq(str_c(json_string_value(json_array_get(strays, i))),
		        from))
			break;
	return (i);
}

/* Take it off the list; false if it is not there. */
static bool
stray_drop(struct enrol *e, struct str from)
{
	json_t *strays = json_object_get(e->rec, "strays");

	if (json_array_remove(strays, stray_at(e, from)) == -1)
		return (false);
	if (json_array_size(strays) == 0)
		enrol_unset(e, "strays");
	return (true);
}

/* --- one mail that may be it --- */

static void on_found(struct ipc_msg *, const struct err *, void *);
static void on_checked(struct ipc_msg *, const struct err *, void *);

/* From whom: this order's challenge; while tidying then the others', too. */
static struct str
sender(const struct enrol *e)
{
	const json_t *strays = json_object_get(e->rec, "strays");

	if (json_object_get(e->rec, "from") != NULL || strays == NULL)
		return (enrol_str(e, "from"));
	return (str_c(json_string_value(json_array_get(strays, 0))));
}

static void
ask_find(struct enrol *e)
{
	struct challenge_find_req q = {enrol_str(e, "account"), sender(e),
	    enrol_str(e, "address"), e->look.uidvalidity, e->look.low,
	    e->look.high};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	challenge_find_req_put(&body, &q);
	enrol_ask(e, ROLE_PROXY, OP_CHALLENGE_FIND, &body, NULL, 0, on_found);
	buf_clear(&body);
}

static void
ask_check(struct enrol *e)
{
	struct challenge_check_req q = {sender(e), enrol_str(e, "address"),
	    clock_now().wall, buf_text(&e->keys)};
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
	log_warn("enrol address=%s challenge uid=%u refused=%s",
	    log_addr(enrol_str(e, "address")), (unsigned)l->uid,
	    log_str(str_c(err->text)));
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

/* --- tidy: remove it, and what earlier orders of ours left --- */

void
enrol_rest(struct enrol *e)
{
	if (!e->near || !enrol_untidy(e)) {
		enrol_next(e, STEP_DONE);
		return;
	}
	e->near = false;
	json_object_set_new(e->rec, "rests", json_true());
	enrol_next(e, STEP_TIDY);
}

/* The mailbox is only less tidy; what is left is removed at another time. */
static void
tidied(struct enrol *e, const struct err *err)
{
	bool rests = json_is_true(json_object_get(e->rec, "rests"));

	if (err->code != ERR_OK && err->code != ERR_NOTFOUND) {
		log_warn("enrol address=%s tidy=%s",
		    log_addr(enrol_str(e, "address")),
		    log_str(str_c(err->text)));
		enrol_stray(e);
	}
	enrol_unset(e, "from");
	enrol_unset(e, "uid");
	enrol_unset(e, "uidvalidity");
	enrol_unset(e, "rests");
	enrol_next(e, rests ? STEP_DONE : STEP_FINALIZE);
}

/* There is no more of this sender: the next one. */
static void
tidy_next(struct enrol *e, const struct err *err)
{
	struct str from = sender(e);

	if (json_object_get(e->rec, "from") != NULL)
		enrol_unset(e, "from");
	else
		(void)stray_drop(e, from);
	e->look = (struct look){.low = 0};
	if (json_object_get(e->rec, "strays") != NULL)
		ask_find(e);
	else
		tidied(e, err);
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

/*
 * It is genuine.  Is it ours?  One that was answered is; of the others there
 * are as many as orders that came to nothing.  More are another device's.
 */
static bool
is_ours(struct enrol *e, struct str token1)
{
	return (enrol_tried(e, token1) ||
	        (json_object_get(e->rec, "from") == NULL
	                ? stray_at(e, sender(e)) == 0
	                : stray_drop(e, enrol_str(e, "from"))));
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

/* The one that was answered first. */
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
	else if (err.code == ERR_NOTFOUND)
		tidy_next(e, &err);
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
	if (e->step == STEP_TIDY && !is_ours(e, ans.token1)) {
		err_set(&err, ERR_DENIED, "answers no order of ours");
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
