#include "config.h"

#include "proxy/smtp_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "proxy/listener.h"
#include "proxy/smtp_tx.h"
#include "smtp/ehlo.h"
#include "smtp/verb.h"
#include "sys/log.h"

/* Replies that a client may leave unread before its commands wait: those of a
 * full pipeline of recipients fit. */
#define OUTPUT_HIGH (256UL * 1024)

/* Seconds that the client may be silent. */
static unsigned
patience(const struct smtp_session *s)
{
	switch (s->state) {
	case SESSION_LOGIN:
	case SESSION_MAIL:
		return (0); /* it waits for us */
	case SESSION_TLS:
	case SESSION_COMMAND:
	case SESSION_AUTH:
	case SESSION_TEXT:
		return (s->account != NULL ? LIMIT_SMTP_IDLE_S : LIMIT_LOGIN_S);
	}
	return (LIMIT_LOGIN_S);
}

void
smtp_session_state(struct smtp_session *s, enum session_state state)
{
	log_trace("smtp-state id=%s from=%d to=%d", s->base.id, (int)s->state,
	    (int)state);
	s->state = state;
	if (s->client != NULL)
		stream_timeout(s->client, patience(s), LIMIT_SMTP_IDLE_S);
}

void
smtp_session_kill(struct smtp_session *s)
{
	s->dead = true;
}

void
smtp_session_reply(struct smtp_session *s, unsigned code, const char *text)
{
	struct buf out;

	if (s->client == NULL)
		return;
	buf_init(&out, LIMIT_REPLY * 2);
	reply_print(&out, code, "", str_c(text));
	if (out.failed)
		smtp_session_kill(s);
	else
		stream_str(s->client, buf_text(&out));
	buf_clear(&out);
}

void
smtp_session_relay(struct smtp_session *s, const struct reply *reply)
{
	struct reply copy = *reply;
	struct buf out;

	if (s->client == NULL)
		return;
	if (copy.code == 421)
		copy.code = 451;
	buf_init(&out, LIMIT_REPLY * 2);
	reply_relay(&out, &copy);
	if (out.failed)
		smtp_session_kill(s);
	else
		stream_str(s->client, buf_text(&out));
	buf_clear(&out);
}

void
smtp_session_hang_up(struct smtp_session *s, unsigned code, const char *text)
{
	smtp_session_reply(s, code, text);
	if (s->client != NULL)
		stream_finish(s->client);
	s->client = NULL;
	smtp_session_kill(s);
}

/* The host name to greet with; clients do not care. */
static void
our_name(char *out, size_t size)
{
	if (gethostname(out, size) == -1 || out[0] == '\0')
		(void)snprintf(out, size, "localhost");
	out[size - 1] = '\0';
}

static void
greet(struct smtp_session *s)
{
	char host[256], text[300];

	our_name(host, sizeof(host));
	(void)snprintf(text, sizeof(text), "%s ESMTP Waxwing", host);
	s->greeted = true;
	smtp_session_state(s, SESSION_COMMAND);
	smtp_session_reply(s, 220, text);
}

static void
drop_tx(struct smtp_session *s)
{
	if (s->tx == NULL)
		return;
	smtp_tx_free(s->tx);
	s->tx = NULL;
	smtp_session_reset_up(s);
}

/* The upstream's side. */

static void
reset_answered(const struct reply *reply, const struct err *err, void *arg)
{
	struct smtp_session *s = arg;

	(void)err;
	/* A server that does not take RSET: nobody knows what is open there. */
	if (reply != NULL && reply->code != 250)
		smtp_up_give_up(s->up, "RSET was refused");
}

void
smtp_session_reset_up(struct smtp_session *s)
{
	if (!s->up_open)
		return;
	s->up_open = false;
	if (smtp_up_alive(s->up) &&
	    smtp_up_ask(s->up, STR("RSET"), reset_answered, s) == -1)
		smtp_up_give_up(s->up, "out of memory");
}

int
smtp_session_reconnect(struct smtp_session *s, smtp_up_fn *done, void *arg,
    struct err *err)
{
	smtp_up_free(s->up);
	s->up_open = false;
	s->up = smtp_up_open(s->proxy, s->account->up, buf_text(&s->hello),
	    str_c(s->account->login), buf_text(&s->account->password), done,
	    arg, err);
	return (s->up == NULL ? -1 : 0);
}

/* The commands. */

static void
cmd_hello(struct smtp_session *s, const struct verb_line *v)
{
	char host[256];
	struct ehlo_offer offer = {.host = {NULL, 0}};
	const char *words;
	struct str word;
	struct buf out;
	size_t pos = 0;

	/* RFC 5321 4.1.4: EHLO resets as RSET does. */
	drop_tx(s);
	buf_reset(&s->hello);
	buf_str(&s->hello, v->arg);
	our_name(host, sizeof(host));
	if (v->code == VERB_HELO) {
		smtp_session_reply(s, 250, host);
		return;
	}
	offer.host = str_c(host);
	offer.size = conf_num(s->proxy->conf, "smtp", "size");
	offer.starttls =
	    s->proxy->smtp_tls != NULL && !stream_has_tls(s->client);
	words = conf_str(s->proxy->conf, "smtp", "extensions");
	while (words != NULL && conf_word(words, &pos, &word))
		(void)ehlo_offer_add(&offer, word);
	offer.auth = s->account == NULL && smtp_login_allowed(s);
	buf_init(&out, LIMIT_REPLY);
	ehlo_print(&out, &offer);
	stream_str(s->client, buf_text(&out));
	buf_clear(&out);
}

static void
cmd_starttls(struct smtp_session *s)
{
	struct err err;

	if (stream_has_tls(s->client)) {
		smtp_session_reply(s, 503, "5.5.1 TLS is on already");
		return;
	}
	if (s->proxy->smtp_tls == NULL) {
		smtp_session_reply(s, 502, "5.5.1 TLS is not offered");
		return;
	}
	if (s->account != NULL) {
		smtp_session_reply(s, 503, "5.5.1 Too late, log in after TLS");
		return;
	}
	smtp_session_reply(s, 220, "2.0.0 Go ahead");
	/* RFC 3207 4.2: what was said before does not count. */
	buf_reset(&s->hello);
	smtp_session_state(s, SESSION_TLS);
	if (stream_starttls_server(s->client, s->proxy->smtp_tls, &err) == -1) {
		log_warn("smtp-tls id=%s reason=%s", s->base.id,
		    log_str(str_c(err.text)));
		smtp_session_kill(s);
	}
}

static void
cmd_mail(struct smtp_session *s, const struct verb_line *v)
{
	if (s->account == NULL) {
		smtp_session_reply(s, 530, "5.7.0 Log in first");
		return;
	}
	if (s->tx != NULL) {
		smtp_session_reply(s, 503, "5.5.1 One mail at a time");
		return;
	}
	if ((s->tx = smtp_tx_new(s, v)) == NULL)
		smtp_session_reply(s, 451, "4.3.0 Out of memory");
}

static void
run_command(struct smtp_session *s, const struct verb_line *v)
{
	switch (v->code) {
	case VERB_EHLO:
	case VERB_HELO:
		cmd_hello(s, v);
		return;
	case VERB_STARTTLS:
		cmd_starttls(s);
		return;
	case VERB_AUTH:
		smtp_login_auth(s, v);
		return;
	case VERB_MAIL:
		cmd_mail(s, v);
		return;
	case VERB_RCPT:
		if (s->tx == NULL)
			smtp_session_reply(s, 503, "5.5.1 MAIL comes first");
		else
			smtp_tx_rcpt(s->tx, v);
		return;
	case VERB_DATA:
		if (s->tx == NULL)
			smtp_session_reply(s, 503, "5.5.1 MAIL comes first");
		else
			smtp_tx_data(s->tx);
		return;
	case VERB_RSET:
		drop_tx(s);
		smtp_session_reply(s, 250, "2.0.0 Forgotten");
		return;
	case VERB_NOOP:
		smtp_session_reply(s, 250, "2.0.0 Yes");
		return;
	case VERB_QUIT:
		smtp_session_hang_up(s, 221, "2.0.0 Bye");
		return;
	case VERB_VRFY:
		/* RFC 5321 3.5.3: the honest answer. */
		smtp_session_reply(s, 252, "2.5.2 Send it and see");
		return;
	case VERB_HELP:
		smtp_session_reply(s, 214, "2.0.0 See RFC 5321");
		return;
	}
}

/*
 * Copy the next line into s->line, without its end; *taken says how
 * much of the input it is.  Returns false if there is none yet.
 */
static bool
copy_line(struct smtp_session *s, size_t *taken)
{
	struct str in = stream_peek(s->client, LIMIT_SMTP_LINE);
	size_t len = str_find(in, '\n');

	*taken = len + 1;
	if (len == in.len) {
		if (in.len >= LIMIT_SMTP_LINE)
			smtp_session_hang_up(s, 421,
			    "4.5.2 The line is too long");
		return (false);
	}
	if (len > 0 && in.p[len - 1] == '\r')
		len--;
	buf_wipe(&s->line);
	buf_put(&s->line, in.p, len);
	if (s->line.failed)
		smtp_session_hang_up(s, 421, "4.3.0 Out of memory");
	return (!s->line.failed);
}

/* Run the next line, if it may be; false when there is nothing to do. */
static bool
run_line(struct smtp_session *s)
{
	struct verb_fault fault;
	struct verb_line v;
	size_t taken;
	int rc;

	if (!copy_line(s, &taken))
		return (false);
	if (s->state == SESSION_AUTH) {
		stream_consume(s->client, taken);
		smtp_login_line(s, buf_text(&s->line));
		buf_wipe(&s->line);
		return (true);
	}
	rc = verb_parse(buf_text(&s->line), &v, &fault);
	/* Replies keep the order of the commands. */
	if (s->tx != NULL && smtp_tx_owes(s->tx) &&
	    (rc == -1 || v.code != VERB_RCPT || smtp_tx_full(s->tx)))
		return (false);
	stream_consume(s->client, taken);
	if (rc == -1)
		smtp_session_reply(s, fault.code, fault.text);
	else
		run_command(s, &v);
	buf_wipe(&s->line);
	return (true);
}

/* Does the client not take our replies? */
static bool
is_full(const struct smtp_session *s)
{
	return (stream_output_len(s->client) >= OUTPUT_HIGH);
}

/* Read on as far as the state allows. */
static void
run(struct smtp_session *s)
{
	struct str in;
	bool more = true;

	while (more && !s->dead && s->client != NULL && !is_full(s)) {
		if (s->tx != NULL && s->tx->state == TX_OVER)
			drop_tx(s);
		if (s->stopping && s->state != SESSION_MAIL) {
			smtp_session_hang_up(s, 421, "4.3.2 Going down");
			return;
		}
		switch (s->state) {
		case SESSION_COMMAND:
		case SESSION_AUTH:
			more = run_line(s);
			break;
		case SESSION_TEXT:
			in = stream_chunk(s->client);
			more = in.len > 0;
			if (more)
				stream_consume(s->client,
				    smtp_tx_text(s->tx, in));
			break;
		case SESSION_TLS:
		case SESSION_LOGIN:
		case SESSION_MAIL:
			return;
		}
	}
}

static void
session_free(struct smtp_session *s)
{
	log_debug("smtp-end id=%s", s->base.id);
	smtp_tx_free(s->tx);
	smtp_up_free(s->up);
	throttle_end(s->attempt, false);
	login_clear(&s->login);
	account_leave(s->account);
	buf_clear(&s->hello);
	buf_wipe(&s->line);
	buf_wipe(&s->user);
	buf_wipe(&s->password);
	if (s->client != NULL)
		stream_free(s->client);
	proxy_session_del(s->proxy, &s->base);
	free(s);
}

/* What comes early waits, as much as makes sense. */
static void
bound_input(struct smtp_session *s)
{
	bool full = is_full(s);

	if (full)
		stream_want_drained(s->client);
	if (full || stream_input_len(s->client) > LIMIT_CLIENT_LINE)
		stream_pause(s->client);
	else
		stream_resume(s->client);
}

void
smtp_session_enter(struct smtp_session *s)
{
	s->depth++;
}

void
smtp_session_leave(struct smtp_session *s)
{
	if (s->depth == 1 && !s->dead) {
		run(s);
		if (s->client != NULL)
			bound_input(s);
	}
	if (--s->depth == 0 && s->dead)
		session_free(s);
}

/* Events of the client's stream. */

static void
client_ready(struct stream *stream, void *arg)
{
	struct smtp_session *s = arg;

	(void)stream;
	smtp_session_enter(s);
	if (!s->greeted)
		greet(s);
	else
		smtp_session_state(s, SESSION_COMMAND);
	smtp_session_leave(s);
}

static void
client_input(struct stream *stream, void *arg)
{
	struct smtp_session *s = arg;

	(void)stream;
	smtp_session_enter(s);
	smtp_session_leave(s);
}

/* Our replies are taken again. */
static void
client_drained(struct stream *stream, void *arg)
{
	client_input(stream, arg);
}

static void
client_closed(struct stream *stream, const struct err *why, void *arg)
{
	struct smtp_session *s = arg;

	smtp_session_enter(s);
	log_debug("smtp-closed id=%s reason=%s", s->base.id,
	    log_str(str_c(why->text)));
	stream_free(stream);
	s->client = NULL;
	smtp_session_kill(s);
	smtp_session_leave(s);
}

static void
session_stop(struct session *base)
{
	struct smtp_session *s = (struct smtp_session *)(void *)base;

	smtp_session_enter(s);
	/* A mail that is on its way is finished first: who is told 421 while
	 * the upstream takes it sends it again. */
	s->stopping = true;
	smtp_session_leave(s);
}

/* Commands that need no login do not hold a connection for ever. */
static void
session_tick(struct session *base, uint64_t mono)
{
	struct smtp_session *s = (struct smtp_session *)(void *)base;

	if (s->account != NULL || mono <= s->login_until ||
	    (s->state != SESSION_COMMAND && s->state != SESSION_AUTH))
		return;
	smtp_session_enter(s);
	smtp_session_hang_up(s, 421, "4.4.2 No login for too long");
	smtp_session_leave(s);
}

static const struct stream_ops client_ops = {
    .ready = client_ready,
    .input = client_input,
    .drained = client_drained,
    .closed = client_closed,
};

void
smtp_session_start(struct proxy *proxy, int fd, bool tls)
{
	struct smtp_session *s;
	struct err err;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		log_error("smtp-start reason=\"out of memory\"");
		(void)close(fd);
		return;
	}
	s->proxy = proxy;
	s->state = SESSION_TLS;
	buf_init(&s->hello, LIMIT_SMTP_LINE);
	buf_init(&s->line, LIMIT_SMTP_LINE);
	buf_init(&s->user, LIMIT_SMTP_LINE);
	buf_init(&s->password, LIMIT_SMTP_LINE);
	s->login_until = proxy->mono + LIMIT_LOGIN_S * 1000;
	proxy_session_add(proxy, &s->base, "smtp", session_stop);
	s->base.tick = session_tick;
	s->client = stream_accept(proxy->base, fd, tls ? proxy->smtp_tls : NULL,
	    &client_ops, s, &err);
	if (s->client == NULL) {
		log_error("smtp-start id=%s reason=%s", s->base.id,
		    log_str(str_c(err.text)));
		session_free(s);
		return;
	}
	log_debug("smtp-start id=%s peer=%s", s->base.id,
	    stream_peer(s->client));
	stream_timeout(s->client, LIMIT_LOGIN_S, LIMIT_SMTP_IDLE_S);
}
