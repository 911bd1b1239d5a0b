#include "config.h"

#include "proxy/smtp_tx.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proto/op.h"
#include "proxy/rules.h"
#include "sys/log.h"

/* Memory for what is made of one mail: the addresses in a header of 1 MiB
 * and the plan for 1000 recipients. */
#define TX_ARENA (LIMIT_PARSE + 1024UL * 1024)

/* RFC 5321 4.2.3: 452, insufficient system storage. */
#define TOO_MUCH "4.3.1 Too much is being sent, try again later"

void
smtp_tx_state(struct smtp_tx *tx, enum tx_state state)
{
	log_trace("smtp-tx-state id=%s from=%d to=%d", tx->session->base.id,
	    (int)tx->state, (int)state);
	tx->state = state;
}

static void
tx_over(struct smtp_tx *tx)
{
	smtp_tx_state(tx, TX_OVER);
	smtp_session_state(tx->session, SESSION_COMMAND);
}

/* The text may name addresses. */
static void
log_result(const struct smtp_tx *tx, unsigned code, struct str text)
{
	log_info("smtp-mail id=%s result=%u rcpts=%zu groups=%zu bytes=%zu",
	    tx->session->base.id, code, tx->nto, tx->plan.ngroups,
	    tx->raw != NULL ? blob_len(tx->raw) : 0);
	log_debug("smtp-mail id=%s text=%s", tx->session->base.id,
	    log_str(text));
}

void
smtp_tx_answer(struct smtp_tx *tx, unsigned code, const char *text)
{
	log_result(tx, code, str_c(text));
	smtp_session_reply(tx->session, code, text);
	tx_over(tx);
}

void
smtp_tx_relay(struct smtp_tx *tx, const struct reply *reply)
{
	log_result(tx, reply->code, buf_text(&reply->text));
	smtp_session_relay(tx->session, reply);
	tx_over(tx);
}

static void
rcpt_free(struct tx_rcpt *r)
{
	if (r->look_up != 0)
		ipc_forget(r->tx->session->proxy->agent, r->look_up);
	smtp_up_forget(r->tx->session->up, r);
	buf_clear(&r->path);
	buf_clear(&r->address);
	buf_clear(&r->answer);
	free(r);
}

void
smtp_tx_free(struct smtp_tx *tx)
{
	size_t i;

	if (tx == NULL)
		return;
	for (i = 0; i < tx->nrcpts; i++)
		rcpt_free(tx->rcpts[i]);
	free(tx->rcpts);
	if (tx->ask != 0)
		ipc_forget(tx->session->proxy->sealer, tx->ask);
	smtp_up_forget(tx->session->up, tx);
	if (tx->timer != NULL)
		event_free(tx->timer);
	for (i = 0; i < LIMIT_GROUPS; i++) {
		blob_unref(tx->groups[i].text);
		sealed_free(tx->groups[i].sealed);
	}
	memfd_free(tx->spool);
	blob_unref(tx->raw);
	blob_unref(tx->text);
	share_clear(&tx->share);
	policy_free(tx->policy);
	buf_clear(&tx->from);
	reply_clear(&tx->worst);
	reply_clear(&tx->last);
	arena_clear(&tx->arena);
	free(tx);
}

/* MAIL. */

static void mail_answered(const struct reply *reply, const struct err *why,
    void *arg);

/* What the upstream can do is known: does the mail fit?  NULL or a text. */
static const char *
mail_fits(struct smtp_tx *tx, uint64_t size, unsigned *code)
{
	const struct ehlo_caps *caps = smtp_up_caps(tx->session->up);

	/* Sealing makes a mail up to 1.4 times as large. */
	if (caps->size > 0 && tx->size_max > caps->size / 7 * 5)
		tx->size_max = caps->size / 7 * 5;
	*code = 552;
	if (size > tx->size_max)
		return ("5.3.4 Too large for the mail server");
	*code = 554;
	if (tx->body == BODY_8BITMIME && !caps->eightbit)
		return ("5.6.3 The mail server does not take 8-bit mail");
	return (NULL);
}

static void
ask_mail(struct smtp_tx *tx)
{
	struct smtp_session *s = tx->session;
	struct buf line;
	int rc = -1;

	buf_init(&line, LIMIT_SMTP_LINE);
	buf_puts(&line, "MAIL FROM:<");
	buf_str(&line, buf_text(&tx->from));
	buf_putc(&line, '>');
	if (tx->body == BODY_8BITMIME)
		buf_puts(&line, " BODY=8BITMIME");
	if (!line.failed)
		rc = smtp_up_ask(s->up, buf_text(&line), mail_answered, tx);
	buf_clear(&line);
	if (rc == -1)
		smtp_tx_answer(tx, 451, "4.3.0 Out of memory");
}

/* A connection stands. */
static void
begin_mail(struct smtp_tx *tx)
{
	const char *text;
	unsigned code;

	if ((text = mail_fits(tx, tx->declared, &code)) != NULL)
		smtp_tx_answer(tx, code, text);
	else
		ask_mail(tx);
}

static void
unreached(struct smtp_tx *tx, const char *why)
{
	char text[500]; /* a line has 512 (RFC 5321 4.5.3.1.5) */

	(void)snprintf(text, sizeof(text),
	    "4.4.1 The mail server cannot be reached: %s", why);
	smtp_tx_answer(tx, 451, text);
}

static void
connected(const struct reply *reply, const struct err *why, void *arg)
{
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;

	smtp_session_enter(s);
	if (reply != NULL && reply->code == 235) {
		begin_mail(tx);
	} else {
		log_warn("smtp-upstream id=%s reason=%s code=%u", s->base.id,
		    log_str(str_c(reply == NULL ? why->text : "")),
		    reply == NULL ? 0 : reply->code);
		unreached(tx,
		    reply == NULL ? why->text : "it refuses the login");
	}
	smtp_session_leave(s);
}

static void
connect_for_mail(struct smtp_tx *tx)
{
	struct err err;

	tx->reconnected = true;
	if (smtp_session_reconnect(tx->session, connected, tx, &err) == -1) {
		log_warn("smtp-upstream id=%s reason=%s", tx->session->base.id,
		    log_str(str_c(err.text)));
		unreached(tx, err.text);
	}
}

static void
mail_answered(const struct reply *reply, const struct err *why, void *arg)
{
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;

	(void)why;
	smtp_session_enter(s);
	if ((reply == NULL || reply->code == 421) && !tx->reconnected) {
		/* It hung up while nothing was going on, as it may. */
		connect_for_mail(tx);
	} else if (reply == NULL) {
		smtp_tx_answer(tx, 451, "4.4.2 The mail server hung up");
	} else if (reply->code == 250) {
		s->up_open = true;
		tx->reconnected = false;
		smtp_tx_state(tx, TX_RCPT);
		smtp_session_relay(s, reply);
		smtp_session_state(s, SESSION_COMMAND);
	} else if (reply_class(reply) >= 4) {
		smtp_tx_relay(tx, reply);
	} else {
		smtp_tx_answer(tx, 451,
		    "4.5.0 The mail server said something "
		    "unexpected");
	}
	smtp_session_leave(s);
}

struct smtp_tx *
smtp_tx_new(struct smtp_session *s, const struct verb_line *v)
{
	struct smtp_tx *tx;
	struct err err;

	if ((tx = calloc(1, sizeof(*tx))) == NULL)
		return (NULL);
	tx->session = s;
	tx->body = v->body;
	tx->declared = v->size;
	tx->size_max = conf_num(s->proxy->conf, "smtp", "size");
	if (tx->size_max == 0 || tx->size_max > LIMIT_MESSAGE)
		tx->size_max = LIMIT_MESSAGE;
	arena_init(&tx->arena, TX_ARENA);
	reply_init(&tx->worst);
	reply_init(&tx->last);
	buf_init(&tx->from, LIMIT_ADDRESS);
	buf_str(&tx->from, v->path);
	smtp_session_state(s, SESSION_MAIL);
	if ((tx->policy = rules_read(s->proxy->conf, &err)) == NULL) {
		log_error("smtp-policy id=%s reason=%s", s->base.id,
		    log_str(str_c(err.text)));
		smtp_tx_answer(tx, 451, "4.3.5 The policy cannot be read");
	} else if (smtp_up_alive(s->up)) {
		begin_mail(tx);
	} else {
		connect_for_mail(tx);
	}
	return (tx);
}

/* RCPT. */

bool
smtp_tx_owes(const struct smtp_tx *tx)
{
	return (tx->answered < tx->nrcpts);
}

bool
smtp_tx_full(const struct smtp_tx *tx)
{
	return (tx->nrcpts >= LIMIT_RCPTS);
}

/* All is known of the oldest unanswered recipient: answer the client. */
static void
answer_rcpt(struct smtp_tx *tx, struct tx_rcpt *r)
{
	struct smtp_session *s = tx->session;
	struct policy_rcpt pr = {.address = buf_text(&r->address),
	    .cert = r->cert,
	    .recent = r->recent};
	const struct policy_refusal *no;

	if (r->same != NULL) {
		if (r->same->accepted)
			smtp_session_reply(s, 250, "2.1.5 Known already");
		else
			answer_rcpt(tx, r->same);
		return;
	}
	/* The upstream's no says more than ours. */
	if (r->code >= 400) {
		stream_str(s->client, buf_text(&r->answer));
		return;
	}
	if (r->code != 250 && r->code != 251) {
		tx->tainted = true;
		smtp_session_reply(s, 451,
		    "4.4.2 The mail server did not answer as it should");
		return;
	}
	no = policy_refuse_rcpt(tx->policy, &pr, &tx->arena);
	if (no != NULL) {
		tx->tainted = true;
		smtp_session_reply(s, no->code, no->text);
		return;
	}
	r->accepted = r->there = true;
	tx->nto++;
	stream_str(s->client, buf_text(&r->answer));
}

static void
answer_rcpts(struct smtp_tx *tx)
{
	struct tx_rcpt *r;

	while (tx->answered < tx->nrcpts && tx->session->client != NULL) {
		r = tx->rcpts[tx->answered];
		if (r->look_up != 0 || r->trying)
			return;
		tx->answered++;
		answer_rcpt(tx, r);
	}
}

static void
looked_up(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct tx_rcpt *r = arg;
	struct smtp_session *s = r->tx->session;
	struct lookup_ans ans = {.state = LOOKUP_ERROR};
	struct err err = {.code = ERR_OK};

	smtp_session_enter(s);
	r->look_up = 0;
	if (msg == NULL) {
		err = *why;
		s->proxy->agent_late |= why->code == ERR_TIMEOUT;
	} else if (lookup_ans_get(msg->body, &ans, &err) == 0)
		err = ans.err;
	r->cert = CERT_FAILED;
	if (err.code != ERR_OK) {
		log_warn("smtp-look-up id=%s rcpt=%s reason=%s", s->base.id,
		    log_addr(buf_text(&r->address)), log_str(str_c(err.text)));
	} else {
		r->recent = ans.recent;
		r->gcm = ans.gcm && ans.oaep;
		memcpy(r->fingerprint, ans.fingerprint, FINGERPRINT);
		if (ans.state == LOOKUP_USABLE)
			r->cert = CERT_USABLE;
		else if (ans.state == LOOKUP_NONE)
			r->cert = CERT_NONE;
	}
	answer_rcpts(r->tx);
	smtp_session_leave(s);
}

/* Ask the agent, unless the rule does not want to know. */
static void
look_up(struct tx_rcpt *r)
{
	struct proxy *proxy = r->tx->session->proxy;
	struct lookup_req req = {.address = buf_text(&r->address)};
	struct buf body;

	r->cert = CERT_NONE;
	if (policy_lookup(r->tx->policy, req.address).encrypt == ENCRYPT_OFF)
		return;
	r->cert = CERT_FAILED;
	if (proxy->agent == NULL)
		return;
	buf_init(&body, LIMIT_RECORD);
	lookup_req_put(&body, &req);
	if (!body.failed)
		r->look_up = ipc_ask(proxy->agent, OP_LOOKUP, buf_text(&body),
		    NULL, 0, LIMIT_LOOKUP_MS, looked_up, r);
	buf_clear(&body);
}

static void
tried(const struct reply *reply, const struct err *why, void *arg)
{
	struct tx_rcpt *r = arg;
	struct smtp_session *s = r->tx->session;

	(void)why;
	smtp_session_enter(s);
	r->trying = false;
	if (reply != NULL) {
		r->code = reply->code == 421 ? 451 : reply->code;
		reply_relay(&r->answer, reply);
		if (reply->code == 421 || r->answer.failed)
			r->code = 0;
	}
	answer_rcpts(r->tx);
	smtp_session_leave(s);
}

int
smtp_tx_ask_rcpt(struct tx_rcpt *r, smtp_up_fn *done)
{
	struct buf line;
	int rc = -1;

	buf_init(&line, LIMIT_SMTP_LINE);
	buf_puts(&line, "RCPT TO:<");
	buf_str(&line, buf_text(&r->path));
	buf_putc(&line, '>');
	if (!line.failed)
		rc = smtp_up_ask(r->tx->session->up, buf_text(&line), done, r);
	buf_clear(&line);
	return (rc);
}

/* The same address, given before and not refused (yet), or NULL. */
static struct tx_rcpt *
known(const struct smtp_tx *tx, struct str address)
{
	struct tx_rcpt *r;
	size_t i;

	for (i = 0; i < tx->nrcpts; i++) {
		r = tx->rcpts[i];
		if (r->same == NULL && (r->accepted || i >= tx->answered) &&
		    str_eq(buf_text(&r->address), address))
			return (r);
	}
	return (NULL);
}

static struct tx_rcpt *
rcpt_new(struct smtp_tx *tx, struct str path)
{
	struct tx_rcpt *r, **rcpts;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->tx = tx;
	buf_init(&r->path, LIMIT_ADDRESS);
	buf_init(&r->address, LIMIT_ADDRESS * 2);
	buf_init(&r->answer, LIMIT_REPLY * 2);
	buf_str(&r->path, path);
	if (verb_canonical(path, &r->address) == -1 || r->path.failed)
		goto fail;
	rcpts = reallocarray(tx->rcpts, tx->nrcpts + 1, sizeof(*rcpts));
	if (rcpts == NULL)
		goto fail;
	tx->rcpts = rcpts;
	r->same = known(tx, buf_text(&r->address));
	tx->rcpts[tx->nrcpts++] = r;
	return (r);
fail:
	rcpt_free(r);
	return (NULL);
}

void
smtp_tx_rcpt(struct smtp_tx *tx, const struct verb_line *v)
{
	struct tx_rcpt *r;

	if (smtp_tx_full(tx)) {
		smtp_session_reply(tx->session, 452,
		    "4.5.3 Too many recipients");
		return;
	}
	if ((r = rcpt_new(tx, v->path)) == NULL) {
		smtp_session_kill(tx->session);
		return;
	}
	if (r->same == NULL) {
		if (smtp_tx_ask_rcpt(r, tried) == -1) {
			smtp_session_kill(tx->session);
			return;
		}
		r->trying = true;
		look_up(r);
	}
	answer_rcpts(tx);
}

/* DATA. */

void
smtp_tx_data(struct smtp_tx *tx)
{
	struct err err;

	if (tx->nto == 0) {
		smtp_session_reply(tx->session, 554,
		    "5.5.1 No valid recipients");
		return;
	}
	/* CRLF may be added, and Date and Message-ID are. */
	if ((tx->spool = memfd_new(tx->size_max + 2, &err)) == NULL) {
		log_error("smtp-data id=%s reason=%s", tx->session->base.id,
		    log_str(str_c(err.text)));
		smtp_tx_answer(tx, 451, "4.3.0 No room for the text");
		return;
	}
	dotdec_init(&tx->dots);
	smtp_tx_state(tx, TX_TEXT);
	smtp_session_state(tx->session, SESSION_TEXT);
	smtp_session_reply(tx->session, 354, "End with a dot on a line alone");
}

bool
smtp_tx_hold(struct smtp_tx *tx, uint64_t bytes)
{
	if (share_add(&tx->share, tx->session->account, bytes) == 0)
		return (true);
	smtp_tx_answer(tx, 452, TOO_MUCH);
	return (false);
}

/* The final dot came. */
static void
text_ends(struct smtp_tx *tx)
{
	struct err err;
	char text[80];

	smtp_session_state(tx->session, SESSION_MAIL);
	if (tx->overflow != 0) {
		(void)snprintf(text, sizeof(text),
		    "5.3.4 The mail has more than %" PRIu64 " bytes",
		    tx->size_max);
		smtp_tx_answer(tx, tx->overflow,
		    tx->overflow == 452 ? TOO_MUCH : text);
		return;
	}
	tx->raw = memfd_take(tx->spool, &err);
	tx->spool = NULL;
	if (tx->raw == NULL) {
		log_error("smtp-data id=%s reason=%s", tx->session->base.id,
		    log_str(str_c(err.text)));
		smtp_tx_answer(tx, 451, "4.3.0 The text cannot be kept");
		return;
	}
	smtp_seal_start(tx);
}

/* It does not fit: the rest is read to its end, and nothing is kept. */
static void
text_drop(struct smtp_tx *tx, unsigned code)
{
	tx->overflow = code;
	memfd_free(tx->spool);
	tx->spool = NULL;
	share_clear(&tx->share);
}

static void
text_add(struct smtp_tx *tx, const struct buf *text)
{
	if (share_add(&tx->share, tx->session->account, text->len) == -1)
		text_drop(tx, 452);
	else if (text->failed ||
	         memfd_put(tx->spool, text->data, text->len, NULL) == -1)
		text_drop(tx, 552);
}

size_t
smtp_tx_text(struct smtp_tx *tx, struct str in)
{
	struct buf out;
	size_t used;
	int end;

	buf_init(&out, 2 * in.len + 2);
	(void)buf_room(&out, in.len + 2);
	end = dotdec_feed(&tx->dots, in.p, in.len, &out, &used);
	if (tx->overflow == 0)
		text_add(tx, &out);
	buf_clear(&out);
	if (end == 1)
		text_ends(tx);
	return (used);
}
