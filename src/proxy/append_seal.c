/*
 * The second half of an APPEND: the sealer, and the command for the server.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "proto/op.h"
#include "proto/seal.h"
#include "proxy/append.h"
#include "proxy/own.h"
#include "proxy/reading.h"
#include "proxy/rules.h"
#include "sys/fault.h"
#include "sys/log.h"

/* 3. To the server. */

/* Its class is known as soon as its UID is. */
void
append_passed(struct imap *s, const struct inflight *f, const struct resp *r)
{
	struct str rest, name = str_of(f->sealed, f->sealedlen);
	uint64_t validity, uid;
	size_t n;

	if (r->cond == COND_OK && FAULT("proxy.append.answer"))
		imap_die(s, NULL, "fault proxy.append.answer");
	if (r->cond != COND_OK ||
	    !str_ieq(resp_code_word(r->code, &rest), STR("APPENDUID")) ||
	    (n = num_lead(rest, UINT32_MAX, &validity)) == 0 ||
	    n + 1 >= rest.len || rest.p[n] != ' ' ||
	    !num_parse(str_of(rest.p + n + 1, rest.len - n - 1), UINT32_MAX,
	        &uid))
		return;
	mailbox_appended(s->account, name, (uint32_t)validity, (uint32_t)uid);
}

/* The answer to the command that was just sent will be about this one, which
 * is held until it is sent. */
static void
remember(struct imap *s, struct append *a)
{
	struct inflight *f = imap_inflight(s, str_c(a->tag));

	if (f == NULL)
		return;
	share_move(&f->share, &a->share);
	if (a->put == a->message ||
	    (f->sealed = malloc(a->name.len + 1)) == NULL)
		return;
	memcpy(f->sealed, a->name.data, a->name.len);
	f->sealedlen = a->name.len;
}

void
append_stream(struct imap *s)
{
	struct append *a = s->append;

	s->append = NULL;
	if (a->put == NULL) {
		/* What was looked at; the rest follows from the client. */
		stream_str(s->up, buf_text(&a->first));
		cmd_streamed(&s->in);
	} else {
		stream_blob(s->up, a->put, span_of(0, blob_len(a->put)));
		stream_str(s->up, STR("\r\n"));
		remember(s, a);
		s->appending = false;
		cmd_next(&s->in);
		if (FAULT("proxy.append.sent"))
			imap_die(s, NULL, "fault proxy.append.sent");
	}
	append_free(a);
}

void
append_cut(struct imap *s)
{
	struct append *a = s->append;

	s->append = NULL;
	s->appending = false;
	if (a->put == NULL) {
		/* The client was told to go ahead, so it all comes. */
		s->in.stream = s->append_left;
		s->in.stream_nonsync = true;
		s->append_left = 0;
		cmd_skip_stream(&s->in);
	} else
		cmd_next(&s->in);
	append_free(a);
}

void
append_send(struct append *a)
{
	struct str cmd = buf_text(&a->cmd);
	struct imap *s = a->s;

	if (FAULT("proxy.append.send")) {
		append_finish(a, "NO [UNAVAILABLE] fault proxy.append.send");
		return;
	}
	/* The client's own words up to the length of its message.  Who asked
	 * for consent first hears of a refusal, and goes on: a server may take
	 * for commands what nobody asked it about (Dovecot does, where it does
	 * not like the flags). */
	while (cmd.len > 0 && cmd.p[cmd.len - 1] != '{')
		cmd.len--;
	buf_reset(&s->in.text);
	buf_str(&s->in.text, cmd);
	buf_printf(&s->in.text, "%zu%s}\r\n", blob_len(a->put),
	    s->in.stream_nonsync ? "+" : "");
	if (s->in.text.failed) {
		s->in.text.failed = false;
		cmd_next(&s->in);
		append_finish(a, "NO [LIMIT] the command is too long");
		return;
	}
	memcpy(s->in.lits, a->lits, sizeof(s->in.lits));
	s->in.nlits = a->nlits;
	s->in.stream = blob_len(a->put);
	append_enter(a, APPEND_SEND);
	imap_send_append(s);
}

/* 2. The sealer's answer. */

static void
seal_failed(struct append *a, const struct err *err)
{
	if (err->code == ERR_NOKEY && a->clear_ok) {
		/* There is no key yet, and no rule that demands one. */
		a->put = blob_ref(a->message);
		append_send(a);
		return;
	}
	log_error("append-seal session=%s code=%s reason=%s", a->s->s.id,
	    err_word(err->code), log_str(str_c(err->text)));
	if (err->code == ERR_NOKEY)
		append_finish(a, "NO this account has no key yet to encrypt it "
		                 "with, so it is not stored");
	else if (err->code == ERR_LIMIT)
		append_finish(a, "NO [TOOBIG] too large to be encrypted");
	else
		append_finish(a, "NO [UNAVAILABLE] it cannot be encrypted now, "
		                 "so it is not stored");
}

static void
seal_done(struct append *a, struct blob *sealed)
{
	struct imap *s = a->s;
	struct err err;

	if (s->caps.append_limit > 0 &&
	    blob_len(sealed) > s->caps.append_limit) {
		append_finish(a,
		    "NO [TOOBIG] encrypted, it has %zu bytes, and the mail "
		    "server takes no more than %" PRIu64,
		    blob_len(sealed), s->caps.append_limit);
		blob_unref(sealed);
		return;
	}
	/* Else its view, which shows no trace, could be put elsewhere in
	 * clear. */
	if (own_note(s->p, blob_str(a->message), &err) == -1 ||
	    reading_write(s->p, &err) == -1) {
		blob_unref(sealed);
		log_error("append session=%s reason=%s", s->s.id,
		    log_str(str_c(err.text)));
		append_finish(a, "NO [UNAVAILABLE] it cannot be noted now, so "
		                 "it is not stored");
		return;
	}
	a->put = sealed;
	append_send(a);
}

/* The sealer died, or is away: it gets one more try when it is there again. */
static bool
try_again(struct append *a, const struct err *err)
{
	static const struct timeval soon = {0, SEALER_RETRY_MS * 1000L};

	if (err->code != ERR_UNAVAILABLE || a->retried)
		return (false);
	a->retried = true;
	a->tries = 0;
	evtimer_add(a->timer, &soon);
	return (true);
}

static void
seal_answered(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct append *a = arg;
	struct imap *s = a->s;
	struct err err = {.code = ERR_OK};
	struct blob *sealed = NULL;
	struct seal_ans ans;

	a->ask = 0;
	if (msg == NULL) {
		err = *why;
		if (err.code == ERR_TIMEOUT && s->p->sealed == a->sealed)
			s->p->sealer_stuck = true;
	} else {
		s->p->sealed++;
		if (seal_ans_get(msg->body, &ans, &err) == 0)
			err = ans.err;
	}
	if (err.code == ERR_OK)
		sealed = ipc_msg_blob(msg, 0, LIMIT_MESSAGE, &err);
	if (sealed != NULL)
		seal_done(a, sealed);
	else if (!try_again(a, &err))
		seal_failed(a, &err);
	imap_turn(s);
}

/* 1. The question. */

static void
ask(struct append *a)
{
	struct proxy *p = a->s->p;
	struct str login = str_c(a->s->account->login);
	const struct self_req q = {login,
	    rules_self_gcm(p->conf, login) ? SEAL_GCM : SEAL_CBC};
	struct buf body;
	struct err err;

	buf_init(&body, LIMIT_RECORD);
	self_req_put(&body, &q);
	a->sealed = p->sealed;
	if (p->sealer != NULL && !body.failed)
		a->ask = ipc_ask(p->sealer, OP_SEAL_SELF, buf_text(&body),
		    &a->message, 1, LIMIT_SEAL_MS, seal_answered, a);
	buf_clear(&body);
	if (a->ask != 0)
		return;
	err_set(&err, ERR_UNAVAILABLE, "the sealer is away");
	if (!try_again(a, &err))
		seal_failed(a, &err);
}

static void
retry(evutil_socket_t fd, short event, void *arg)
{
	static const struct timeval soon = {0, SEALER_RETRY_MS * 1000L};
	struct append *a = arg;
	struct imap *s = a->s;

	(void)fd;
	(void)event;
	if (s->p->sealer == NULL && ++a->tries < SEALER_RETRIES)
		evtimer_add(a->timer, &soon);
	else
		ask(a);
	imap_turn(s);
}

void
append_seal(struct append *a)
{
	append_enter(a, APPEND_SEAL);
	a->timer = evtimer_new(a->s->p->base, retry, a);
	if (a->timer == NULL) {
		append_finish(a, "NO [UNAVAILABLE] out of memory");
		return;
	}
	ask(a);
}
