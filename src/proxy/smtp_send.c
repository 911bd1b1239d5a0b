/*
 * smtp_send.c - the groups of a mail go to the upstream.
 *
 * A single group with exactly the recipients of the transaction that is open
 * there takes its DATA; else each group is a transaction of its own.  As long
 * as nobody got the mail, the first refusal ends it and is the client's
 * answer.  After that a temporary failure is remembered, and the client is
 * told 4yz in the end so that it tries again (recorder.h); a permanent one is
 * logged.  250 is said only after the upstream's own 250 for the last group.
 *
 * Only a 354 to DATA and a 250 to the final dot are success.  Any other
 * success is a failure: a server that says it has no idea what it did.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proxy/rules.h"
#include "proxy/sentlog.h"
#include "proxy/smtp_tx.h"
#include "sys/log.h"

/* Texts that more than one place needs. */
#define UNEXPECTED "4.5.0 The mail server said something unexpected"
#define UNREACHED  "4.4.1 The mail server cannot be reached"
#define HUNG_UP    "4.4.2 The mail server hung up"

/* The groups are a loop through the event loop: these two close it. */
static void next_group(struct smtp_tx *);
static void reconnect(struct smtp_tx *);

static struct tx_group *
group_now(struct smtp_tx *tx)
{
	return (&tx->groups[tx->now]);
}

/* Its text, in clear or encrypted; NULL if it needs none. */
static struct blob *
group_text(const struct tx_group *g)
{
	return (g->sealed != NULL ? sealed_text(g->sealed) : g->text);
}

static struct tx_rcpt *
group_rcpt(const struct smtp_tx *tx, size_t i)
{
	return (tx->to[tx->groups[tx->now].is->rcpts[i]]);
}

static bool
any_with(const struct smtp_tx *tx, enum rcpt_fate fate)
{
	size_t i;

	for (i = 0; i < tx->nto; i++)
		if (tx->to[i]->fate == fate)
			return (true);
	return (false);
}

/* Keep the reply that the client gets in the end, unless a worse one is
 * kept already. */
static void
keep_reply(struct smtp_tx *tx, const struct reply *reply)
{
	if (reply->code < tx->last.code)
		return;
	reply_copy(&tx->last, reply);
}

/* Remember who got it, for the client's next attempt. */
static void
record(struct smtp_tx *tx)
{
	struct smtp_session *s = tx->session;
	struct recorder *rec = s->proxy->recorder;
	size_t i;

	if (!tx->recorded &&
	    recorder_id(rec, str_c(s->account->login), buf_text(&tx->from),
	        blob_str(tx->raw), &tx->id) == -1)
		return;
	tx->recorded = true;
	for (i = 0; i < tx->nto; i++)
		if (tx->to[i]->fate == FATE_DELIVERED ||
		    tx->to[i]->fate == FATE_NEVER)
			(void)recorder_add(rec, &tx->id,
			    buf_text(&tx->to[i]->address), clock_now().wall);
}

/* The client will put a copy into its sent mailbox. */
static void
record_sent(struct smtp_tx *tx)
{
	struct smtp_session *s = tx->session;
	struct blob *text = NULL;
	bool sealed = false;
	size_t i, k;

	for (i = 0; i < tx->plan.ngroups; i++)
		sealed |= tx->plan.groups[i].encrypt;
	/* If any of it was sealed, the copy is one that was. */
	for (i = 0; i < tx->plan.ngroups; i++)
		for (k = 0; text == NULL && k < tx->plan.groups[i].n; k++)
			if (tx->plan.groups[i].encrypt == sealed &&
			    tx->to[tx->plan.groups[i].rcpts[k]]->visible)
				text = group_text(&tx->groups[i]);
	if (rules_sent(s->proxy->conf, str_c(s->account->login)) !=
	    SENT_AS_SENT)
		text = NULL;
	sentlog_put(s->proxy->sent, str_c(s->account->login),
	    blob_str(tx->text), sealed, text, clock_now().wall);
}

/* All groups had their turn. */
static void
finish(struct smtp_tx *tx)
{
	struct smtp_session *s = tx->session;

	if (any_with(tx, FATE_LATER) || any_with(tx, FATE_OPEN)) {
		record(tx);
		if (reply_class(&tx->last) == 4)
			smtp_tx_relay(tx, &tx->last);
		else
			smtp_tx_answer(tx, 451,
			    "4.4.2 Not all recipients were reached, try again");
		return;
	}
	if (tx->recorded)
		recorder_drop(s->proxy->recorder, &tx->id);
	record_sent(tx);
	if (tx->last.code == 250)
		smtp_tx_relay(tx, &tx->last);
	else
		smtp_tx_answer(tx, 250, "2.0.0 Delivered");
}

/* The client will hear of a success: only the log knows better. */
static void
log_lost(const struct smtp_tx *tx, const struct tx_rcpt *r)
{
	log_error("smtp-lost id=%s rcpt=%s "
	          "reason=\"refused after others got it\"",
	    tx->session->base.id, log_addr(buf_text(&r->address)));
}

/* What is left of the group shares this fate. */
static void
set_fate(struct smtp_tx *tx, enum rcpt_fate fate)
{
	struct tx_rcpt *r;
	size_t i;

	for (i = 0; i < group_now(tx)->is->n; i++) {
		r = group_rcpt(tx, i);
		if (r->fate != FATE_OPEN)
			continue;
		r->fate = fate;
		if (fate == FATE_NEVER)
			log_lost(tx, r);
	}
}

/* The group was refused. */
static void
group_refused(struct smtp_tx *tx, const struct reply *reply)
{
	if (!any_with(tx, FATE_DELIVERED)) {
		smtp_tx_relay(tx, reply);
		return;
	}
	if (reply_class(reply) == 5) {
		set_fate(tx, FATE_NEVER);
	} else {
		set_fate(tx, FATE_LATER);
		keep_reply(tx, reply);
	}
	tx->now++;
	next_group(tx);
}

/* No answer, or one that makes no sense: nothing more can be said there. */
static void
group_lost(struct smtp_tx *tx, const char *text)
{
	struct smtp_session *s = tx->session;
	size_t i;

	smtp_up_forget(s->up, tx);
	for (i = 0; i < tx->nto; i++)
		smtp_up_forget(s->up, tx->to[i]);
	/* No QUIT: amid a text it would be text. */
	if (s->up != NULL)
		smtp_up_give_up(s->up, "the mail failed");
	s->up_open = false;
	if (any_with(tx, FATE_DELIVERED))
		record(tx);
	smtp_tx_answer(tx, 451, text);
}

/* 3. DATA. */

static void
dot_answered(const struct reply *reply, const struct err *why, void *arg)
{
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;

	smtp_session_enter(s);
	s->up_open = false;
	if (reply == NULL) {
		/* It may have the mail or not; not is assumed, so that none
		 * is lost: the only place where one can come twice. */
		log_warn("smtp-send id=%s reason=%s", s->base.id,
		    log_str(str_c(why->text)));
		group_lost(tx, HUNG_UP);
	} else if (reply->code == 250) {
		set_fate(tx, FATE_DELIVERED);
		if (tx->last.code < 400)
			keep_reply(tx, reply);
		tx->now++;
		next_group(tx);
	} else if (reply_class(reply) >= 4) {
		group_refused(tx, reply);
	} else {
		group_lost(tx, UNEXPECTED);
	}
	smtp_session_leave(s);
}

static void
send_text(struct smtp_tx *tx, struct blob *text)
{
	smtp_tx_state(tx, TX_DOT);
	if (smtp_up_text(tx->session->up, text, dot_answered, tx) == -1)
		group_lost(tx, "4.3.0 Out of memory");
}

/* Encrypted text goes to whom it may concern. */
static void
send_sealed(struct smtp_tx *tx, const struct sealed *sealed)
{
	send_text(tx, sealed_text(sealed));
}

/*
 * The one way for text that is not encrypted.  The permit must cover everyone
 * who is in the transaction upstream.
 */
static void
send_clear(struct smtp_tx *tx, struct blob *text, const struct permit *permit)
{
	size_t i;

	for (i = 0; i < tx->nto; i++)
		if (tx->to[i]->there && !permit_covers(permit, i)) {
			log_error("smtp-send id=%s reason=\"no permit\"",
			    tx->session->base.id);
			group_lost(tx, "4.3.0 Not permitted in clear");
			return;
		}
	send_text(tx, text);
}

static void
data_answered(const struct reply *reply, const struct err *why, void *arg)
{
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;
	struct tx_group *g = group_now(tx);

	(void)why;
	smtp_session_enter(s);
	if (reply == NULL || reply->code == 421)
		reconnect(tx);
	else if (reply->code == 354 && g->sealed != NULL)
		send_sealed(tx, g->sealed);
	else if (reply->code == 354)
		send_clear(tx, g->text, g->is->permit);
	else if (reply_class(reply) >= 4)
		group_refused(tx, reply);
	else
		group_lost(tx, UNEXPECTED);
	smtp_session_leave(s);
}

static void
ask_data(struct smtp_tx *tx)
{
	smtp_tx_state(tx, TX_GO);
	if (smtp_up_ask(tx->session->up, STR("DATA"), data_answered, tx) == -1)
		group_lost(tx, "4.3.0 Out of memory");
}

/* 2. The envelope of a group. */

/* All its replies are there. */
static void
envelope_done(struct smtp_tx *tx)
{
	struct tx_rcpt *r;
	bool any = false;
	size_t i;

	/* The upstream took them all a moment ago, so this is rare. */
	if (tx->mail_refused ||
	    (tx->worst.code >= 400 && !any_with(tx, FATE_DELIVERED))) {
		group_refused(tx, &tx->worst);
		return;
	}
	for (i = 0; i < group_now(tx)->is->n; i++) {
		r = group_rcpt(tx, i);
		any = any || r->there;
	}
	if (any)
		ask_data(tx);
	else
		next_group(tx);
}

/* A recipient is refused after others got the mail. */
static void
rcpt_refused(struct smtp_tx *tx, struct tx_rcpt *r, const struct reply *reply)
{
	if (!any_with(tx, FATE_DELIVERED))
		return;
	if (reply_class(reply) == 4) {
		r->fate = FATE_LATER;
		keep_reply(tx, reply);
		return;
	}
	r->fate = FATE_NEVER;
	log_lost(tx, r);
}

/* r is NULL for MAIL. */
static void
envelope_answered(struct smtp_tx *tx, const struct reply *reply,
    struct tx_rcpt *r)
{
	if (reply == NULL || reply->code == 421) {
		reconnect(tx);
		return;
	}
	if (reply_class(reply) < 4 && reply->code != 250 &&
	    (reply->code != 251 || r == NULL)) {
		group_lost(tx, UNEXPECTED);
		return;
	}
	if (reply_class(reply) < 4 && r == NULL)
		tx->session->up_open = true;
	else if (reply_class(reply) < 4)
		r->there = true;
	else if (!tx->mail_refused) {
		/* What follows a refused MAIL are refusals because of that. */
		if (reply->code >= tx->worst.code)
			reply_copy(&tx->worst, reply);
		if (r == NULL)
			tx->mail_refused = true;
		else
			rcpt_refused(tx, r, reply);
	}
	if (--tx->expected == 0)
		envelope_done(tx);
}

static void
mail_answered(const struct reply *reply, const struct err *why, void *arg)
{
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;

	(void)why;
	smtp_session_enter(s);
	envelope_answered(tx, reply, NULL);
	smtp_session_leave(s);
}

static void
rcpt_answered(const struct reply *reply, const struct err *why, void *arg)
{
	struct tx_rcpt *r = arg;
	struct smtp_session *s = r->tx->session;

	(void)why;
	smtp_session_enter(s);
	envelope_answered(r->tx, reply, r);
	smtp_session_leave(s);
}

static int
ask_mail(struct smtp_tx *tx)
{
	const struct tx_group *g = group_now(tx);
	struct smtp_up *up = tx->session->up;
	struct buf line;
	int rc = -1;

	buf_init(&line, LIMIT_SMTP_LINE);
	buf_puts(&line, "MAIL FROM:<");
	buf_str(&line, buf_text(&tx->from));
	buf_putc(&line, '>');
	if (smtp_up_caps(up)->has_size)
		buf_printf(&line, " SIZE=%zu", blob_len(group_text(g)));
	if (tx->body == BODY_8BITMIME)
		buf_puts(&line, " BODY=8BITMIME");
	if (!line.failed)
		rc = smtp_up_ask(up, buf_text(&line), mail_answered, tx);
	buf_clear(&line);
	return (rc);
}

/* A transaction for those of the group who have not got the mail yet. */
static void
send_envelope(struct smtp_tx *tx)
{
	struct tx_rcpt *r;
	size_t i;
	int rc;

	smtp_session_reset_up(tx->session);
	smtp_tx_state(tx, TX_ENVELOPE);
	for (i = 0; i < tx->nto; i++)
		tx->to[i]->there = false;
	reply_reset(&tx->worst);
	tx->mail_refused = false;
	tx->expected = 1;
	rc = ask_mail(tx);
	for (i = 0; rc == 0 && i < group_now(tx)->is->n; i++) {
		r = group_rcpt(tx, i);
		if (r->fate != FATE_OPEN)
			continue;
		tx->expected++;
		rc = smtp_tx_ask_rcpt(r, rcpt_answered);
	}
	if (rc == -1)
		group_lost(tx, "4.3.0 Out of memory");
}

/* 1. Which group, on which connection. */

static void
reconnected(const struct reply *reply, const struct err *why, void *arg)
{
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;

	smtp_session_enter(s);
	if (reply != NULL && reply->code == 235) {
		send_envelope(tx);
	} else {
		log_warn("smtp-upstream id=%s reason=%s", s->base.id,
		    log_str(str_c(
		        reply == NULL ? why->text : "the login was refused")));
		group_lost(tx, UNREACHED);
	}
	smtp_session_leave(s);
}

/* The connection went, maybe while the mail was being sealed: once per mail
 * another one is made, and the group in hand starts again. */
static void
reconnect(struct smtp_tx *tx)
{
	struct err err;

	if (tx->reconnected) {
		group_lost(tx, HUNG_UP);
		return;
	}
	tx->reconnected = true;
	smtp_tx_state(tx, TX_CONNECT);
	if (smtp_session_reconnect(tx->session, reconnected, tx, &err) == -1) {
		log_warn("smtp-upstream id=%s reason=%s", tx->session->base.id,
		    log_str(str_c(err.text)));
		group_lost(tx, UNREACHED);
	}
}

/* Go on with the first group that is not done, or finish. */
static void
next_group(struct smtp_tx *tx)
{
	size_t i;

	for (; tx->now < tx->plan.ngroups; tx->now++)
		for (i = 0; i < group_now(tx)->is->n; i++) {
			if (group_rcpt(tx, i)->fate != FATE_OPEN)
				continue;
			if (smtp_up_alive(tx->session->up))
				send_envelope(tx);
			else
				reconnect(tx);
			return;
		}
	finish(tx);
}

/* Can DATA be said in the transaction that the client opened? */
static bool
open_fits(const struct smtp_tx *tx)
{
	return (tx->plan.ngroups == 1 && !tx->tainted && tx->session->up_open &&
	        smtp_up_alive(tx->session->up) &&
	        !any_with(tx, FATE_DELIVERED));
}

void
smtp_send_start(struct smtp_tx *tx)
{
	struct smtp_up *up = tx->session->up;
	uint64_t max = smtp_up_alive(up) ? smtp_up_caps(up)->size : 0;
	size_t i;

	for (i = 0; i < tx->plan.ngroups; i++)
		if (max > 0 && group_text(&tx->groups[i]) != NULL &&
		    blob_len(group_text(&tx->groups[i])) > max) {
			smtp_tx_answer(tx, 552,
			    "5.3.4 Sealed, it is too large for the mail "
			    "server");
			return;
		}
	tx->now = 0;
	if (open_fits(tx))
		ask_data(tx);
	else
		next_group(tx);
}
