#include "config.h"

#include "proxy/challenge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "policy/policy.h"
#include "proto/enrol.h"
#include "proto/op.h"
#include "proxy/account.h"
#include "proxy/candidate.h"
#include "proxy/side.h"
#include "proxy/smtp_up.h"
#include "role/role.h"
#include "sys/fault.h"
#include "sys/log.h"
#include "sys/memfd.h"

/* Addresses that go into a quoted string or a path. */
#define ADDRESS_MAX 254

/* One thing that the agent asked for. */
struct errand {
	LIST_ENTRY(errand) next;
	struct proxy *proxy;
	struct ipc *link;
	uint16_t op;
	uint32_t id;
	char from[ADDRESS_MAX + 1];
	char to[ADDRESS_MAX + 1];
	uint32_t uidvalidity;
	uint32_t uid;
	struct candidate_span seen; /* find: those are skipped */
	struct side *side;          /* owned; find and remove */
	struct smtp_up *up;         /* owned; submit */
	struct blob *mail;          /* owned reference: found, or to be sent */
	const char *problem;        /* what a response had wrong */
};

static void
errand_free(struct errand *e)
{
	LIST_REMOVE(e, next);
	side_free(e->side);
	smtp_up_free(e->up);
	blob_unref(e->mail);
	free(e);
}

/* Answer, and that was it. */
static void
errand_end(struct errand *e, const struct err *err)
{
	struct challenge_find_ans ans = {.uidvalidity = e->uidvalidity,
	    .uid = e->uid};
	struct buf body;

	if (err != NULL)
		ans.err = *err;
	log_info("challenge op=%s result=%s reason=%s", op_name(e->op),
	    err_word(ans.err.code), log_str(str_c(ans.err.text)));
	(void)FAULT("proxy.challenge.answer");
	buf_init(&body, LIMIT_RECORD);
	if (e->op == OP_CHALLENGE_FIND)
		challenge_find_ans_put(&body, &ans);
	else
		rec_put_err(&body, &ans.err);
	ipc_answer(e->link, e->op, e->id, buf_text(&body), &e->mail,
	    e->op == OP_CHALLENGE_FIND && err == NULL ? 1 : 0);
	buf_clear(&body);
	errand_free(e);
}

static void
errand_fail(struct errand *e, enum err_code code, const char *why)
{
	struct err err;

	err_set(&err, code, "%s", why);
	errand_end(e, &err);
}

/* An address that needs no quoting, in IMAP or in SMTP. */
static bool
take_address(char out[ADDRESS_MAX + 1], struct str s)
{
	size_t i;

	if (s.len == 0 || s.len > ADDRESS_MAX)
		return (false);
	for (i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    strchr("\"\\<>(),:;[]{}%*", s.p[i]) != NULL)
			return (false);
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return (strchr(out, '@') != NULL);
}

/* --- finding --- */

static void
find_fetched(const struct resp *r, const struct err *err, void *arg)
{
	struct errand *e = arg;

	(void)r;
	if (err != NULL)
		errand_end(e, err);
	else if (e->problem != NULL)
		errand_fail(e, ERR_PEER, e->problem);
	else if (e->mail == NULL)
		errand_fail(e, ERR_NOTFOUND, "the challenge is gone again");
	else
		errand_end(e, NULL);
}

static void
find_body(const struct resp *r, struct str text, void *arg)
{
	struct errand *e = arg;
	struct resp_item item;
	struct arena arena;
	struct tok t;
	struct err err;
	uint64_t uid = 0;
	struct str body = {NULL, 0};

	if (r->kind != RESP_FETCH || e->mail != NULL)
		return;
	arena_init(&arena, 2 * LIMIT_CHALLENGE);
	tok_init(&t, text);
	if (resp_items_open(&t))
		while (resp_item_next(&t, &arena, &item) == 1) {
			if (str_ieq(item.name, STR("UID")))
				(void)num_parse(item.value, UINT32_MAX, &uid);
			if (str_ieq(item.name, STR("BODY[]")))
				body = item.data;
		}
	if (uid == e->uid && body.p != NULL && body.len > 0) {
		if (body.len > LIMIT_CHALLENGE)
			e->problem = "the challenge is too long";
		else if ((e->mail = memfd_copy(body.p, body.len, &err)) == NULL)
			e->problem = "out of memory";
	}
	arena_clear(&arena);
}

/* Of the hits of a SEARCH response, the one to be looked at next. */
static void
find_hits(const struct resp *r, struct str text, void *arg)
{
	struct errand *e = arg;
	struct str word;
	uint64_t uid;
	size_t n;

	(void)r;
	text = str_trim(text);
	if (!str_istarts(text, STR("* SEARCH")))
		return;
	text = str_of(text.p + 8, text.len - 8);
	while ((text = str_trim(text)).len > 0) {
		n = str_find(text, ' ');
		word = str_of(text.p, n);
		if (num_parse(word, UINT32_MAX, &uid))
			e->uid =
			    candidate_first(e->seen, e->uid, (uint32_t)uid);
		text = str_of(text.p + n, text.len - n);
	}
}

static void
find_searched(const struct resp *r, const struct err *err, void *arg)
{
	struct errand *e = arg;
	char line[100];

	(void)r;
	if (err != NULL) {
		errand_end(e, err);
		return;
	}
	if (e->uid == 0) {
		errand_fail(e, ERR_NOTFOUND, "no challenge in the mailbox yet");
		return;
	}
	(void)snprintf(line, sizeof(line), "UID FETCH %u (UID BODY.PEEK[])",
	    (unsigned)e->uid);
	side_ask(e->side, line, find_body, find_fetched, e);
}

static void
find_selected(const struct resp *r, const struct err *err, void *arg)
{
	struct errand *e = arg;
	char line[400];

	(void)r;
	if (err != NULL) {
		errand_end(e, err);
		return;
	}
	(void)snprintf(line, sizeof(line),
	    "UID SEARCH UNDELETED SMALLER %lu FROM \"%s\" SUBJECT \"ACME:\"",
	    LIMIT_CHALLENGE, e->from);
	side_ask(e->side, line, find_hits, find_searched, e);
}

/* * OK [UIDVALIDITY n] */
static void
note_uidvalidity(const struct resp *r, struct str text, void *arg)
{
	struct errand *e = arg;
	struct str rest;
	uint64_t n;

	(void)text;
	if (r->kind == RESP_STATUS &&
	    str_ieq(resp_code_word(r->code, &rest), STR("UIDVALIDITY")) &&
	    num_parse(str_trim(rest), UINT32_MAX, &n))
		e->uidvalidity = (uint32_t)n;
}

/* In another mailbox nothing was looked at. */
static void
find_uidvalidity(const struct resp *r, struct str text, void *arg)
{
	struct errand *e = arg;
	uint32_t was = e->uidvalidity;

	note_uidvalidity(r, text, e);
	if (e->uidvalidity != was)
		e->seen.low = e->seen.high = 0;
}

static void
find_ready(const struct resp *r, const struct err *err, void *arg)
{
	struct errand *e = arg;

	(void)r;
	if (err != NULL)
		errand_end(e, err);
	else
		side_ask(e->side, "EXAMINE INBOX", find_uidvalidity,
		    find_selected, e);
}

/* --- removing --- */

static void
remove_done(const struct resp *r, const struct err *err, void *arg)
{
	(void)r;
	errand_end(arg, err);
}

/* Never a bare EXPUNGE: it would remove what the user only marked. */
static void
remove_stored(const struct resp *r, const struct err *err, void *arg)
{
	struct errand *e = arg;
	char line[60];

	(void)r;
	if (err != NULL) {
		errand_end(e, err);
		return;
	}
	if (!side_caps(e->side)->uidplus) {
		errand_end(e, NULL);
		return;
	}
	(void)snprintf(line, sizeof(line), "UID EXPUNGE %u", (unsigned)e->uid);
	side_ask(e->side, line, NULL, remove_done, e);
}

static void
remove_selected(const struct resp *r, const struct err *err, void *arg)
{
	struct errand *e = arg;
	bool move = !side_caps(e->side)->uidplus && side_caps(e->side)->move;
	char line[100];

	(void)r;
	if (err != NULL) {
		errand_end(e, err);
		return;
	}
	if (e->problem != NULL) {
		errand_fail(e, ERR_NOTFOUND, e->problem);
		return;
	}
	if (move)
		(void)snprintf(line, sizeof(line), "UID MOVE %u Trash",
		    (unsigned)e->uid);
	else
		(void)snprintf(line, sizeof(line),
		    "UID STORE %u +FLAGS.SILENT (\\Seen \\Deleted)",
		    (unsigned)e->uid);
	side_ask(e->side, line, NULL, move ? remove_done : remove_stored, e);
}

/* The mailbox must be the one in which the mail was found. */
static void
check_uidvalidity(const struct resp *r, struct str text, void *arg)
{
	struct errand *e = arg;
	uint32_t was = e->uidvalidity;

	note_uidvalidity(r, text, e);
	if (was != 0 && e->uidvalidity != was)
		e->problem = "the mailbox is another one now";
}

static void
remove_ready(const struct resp *r, const struct err *err, void *arg)
{
	struct errand *e = arg;

	(void)r;
	if (err != NULL)
		errand_end(e, err);
	else
		side_ask(e->side, "SELECT INBOX", check_uidvalidity,
		    remove_selected, e);
}

/* --- submitting --- */

/* What the server's reply means for the agent; true if it is the wanted one. */
static bool
submit_ok(struct errand *e, const struct reply *reply, const struct err *why,
    unsigned code)
{
	struct err err;

	if (reply == NULL) {
		errand_end(e, why);
		return (false);
	}
	if (reply->code == code ||
	    (code == 250 && reply_class(reply) == 2 && reply->code != 252))
		return (true);
	err_set(&err, reply_class(reply) == 5 ? ERR_DENIED : ERR_UNAVAILABLE,
	    "the submission server said %u %s", reply->code,
	    log_str(buf_text(&reply->text)));
	errand_end(e, &err);
	return (false);
}

static void
submit_sent(const struct reply *reply, const struct err *why, void *arg)
{
	struct errand *e = arg;

	if (submit_ok(e, reply, why, 250))
		errand_end(e, NULL);
}

/* Text that is not encrypted needs a permit for who is to get it. */
static void
submit_clear(struct errand *e, const struct permit *permit)
{
	if (!permit_covers(permit, 0))
		errand_fail(e, ERR_DENIED, "not permitted in clear");
	else if (smtp_up_text(e->up, e->mail, submit_sent, e) == -1)
		errand_fail(e, ERR_MEMORY, "out of memory");
}

static void
submit_go(const struct reply *reply, const struct err *why, void *arg)
{
	struct errand *e = arg;

	if (submit_ok(e, reply, why, 354))
		submit_clear(e, policy_permit_challenge());
}

static void
submit_rcpt(const struct reply *reply, const struct err *why, void *arg)
{
	struct errand *e = arg;

	if (submit_ok(e, reply, why, 250) &&
	    smtp_up_ask(e->up, STR("DATA"), submit_go, e) == -1)
		errand_fail(e, ERR_MEMORY, "out of memory");
}

static void
submit_mail(const struct reply *reply, const struct err *why, void *arg)
{
	struct errand *e = arg;
	char line[ADDRESS_MAX + 20];

	if (!submit_ok(e, reply, why, 250))
		return;
	(void)snprintf(line, sizeof(line), "RCPT TO:<%s>", e->to);
	if (smtp_up_ask(e->up, str_c(line), submit_rcpt, e) == -1)
		errand_fail(e, ERR_MEMORY, "out of memory");
}

static void
submit_ready(const struct reply *reply, const struct err *why, void *arg)
{
	struct errand *e = arg;
	char line[ADDRESS_MAX + 20];

	if (reply != NULL && reply_class(reply) != 2) {
		errand_fail(e, ERR_UNAVAILABLE,
		    "the submission server refused the login");
		return;
	}
	if (reply == NULL) {
		errand_end(e, why);
		return;
	}
	(void)snprintf(line, sizeof(line), "MAIL FROM:<%s>", e->from);
	if (smtp_up_ask(e->up, str_c(line), submit_mail, e) == -1)
		errand_fail(e, ERR_MEMORY, "out of memory");
}

/* --- beginning --- */

/* Read the request; -1 with the reason. */
static int
errand_read(struct errand *e, struct ipc_msg *msg, struct str *account,
    struct err *err)
{
	struct challenge_remove_req rm;
	struct challenge_find_req find;
	struct reply_submit_req sub;
	bool fine = true;

	if (msg->op == OP_CHALLENGE_REMOVE) {
		if (challenge_remove_req_get(msg->body, &rm, err) == -1)
			return (-1);
		*account = rm.account;
		e->uidvalidity = rm.uidvalidity;
		e->uid = rm.uid;
		fine = rm.uid != 0;
	} else if (msg->op == OP_CHALLENGE_FIND) {
		if (challenge_find_req_get(msg->body, &find, err) == -1)
			return (-1);
		*account = find.account;
		e->uidvalidity = find.uidvalidity;
		e->seen = (struct candidate_span){find.low, find.high};
		fine = take_address(e->from, find.from);
	} else {
		if (reply_submit_req_get(msg->body, &sub, err) == -1 ||
		    (e->mail = ipc_msg_blob(msg, 0, LIMIT_CHALLENGE, err)) ==
		        NULL)
			return (-1);
		*account = sub.account;
		fine = take_address(e->from, sub.from) &&
		       take_address(e->to, sub.to);
	}
	if (fine)
		return (0);
	err_set(err, ERR_SYNTAX, "not an address we can work with");
	return (-1);
}

static int
errand_start(struct errand *e, struct ipc_msg *msg, struct err *err)
{
	struct account *a;
	struct str account;

	if (errand_read(e, msg, &account, err) == -1)
		return (-1);
	if (FAULT("proxy.challenge") ||
	    (a = account_find(e->proxy, account)) == NULL) {
		err_set(err, ERR_UNAVAILABLE,
		    "nobody is logged in with this account");
		return (-1);
	}
	if (e->op == OP_REPLY_SUBMIT)
		e->up = smtp_up_open(e->proxy, a->up, STR(""), str_c(a->login),
		    buf_text(&a->password), submit_ready, e, err);
	else
		e->side = side_open(a,
		    e->op == OP_CHALLENGE_FIND ? find_ready : remove_ready, e,
		    err);
	return (e->up != NULL || e->side != NULL ? 0 : -1);
}

void
challenge_asked(struct proxy *p, struct ipc *link, struct ipc_msg *msg)
{
	struct err err = {0};
	struct errand *e;

	if ((e = calloc(1, sizeof(*e))) == NULL) {
		err_set(&err, ERR_MEMORY, "out of memory");
		role_answer_err(link, msg, &err);
		return;
	}
	e->proxy = p;
	e->link = link;
	e->op = msg->op;
	e->id = msg->id;
	LIST_INSERT_HEAD(&p->errands, e, next);
	if (errand_start(e, msg, &err) == -1)
		errand_end(e, &err);
}

void
challenge_abandon(struct proxy *p)
{
	struct errand *e;

	while ((e = LIST_FIRST(&p->errands)) != NULL)
		errand_free(e);
}
