#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "imap/id.h"
#include "proxy/append.h"
#include "proxy/imap.h"
#include "proxy/job.h"
#include "proxy/listener.h"
#include "sys/fault.h"
#include "sys/log.h"

/* A client that does not take what we send. */
#define CLIENT_WRITE_S 300

/* s is the first member. */
struct imap *
imap_of(struct session *s)
{
	return ((struct imap *)(void *)s);
}

static const char *
state_word(enum imap_state state)
{
	switch (state) {
	case IMAP_NEW:
		return ("new");
	case IMAP_NOAUTH:
		return ("noauth");
	case IMAP_TLS:
		return ("tls");
	case IMAP_LOGIN:
		return ("login");
	case IMAP_OPEN:
		return ("open");
	case IMAP_LEAVING:
		return ("leaving");
	case IMAP_DEAD:
		return ("dead");
	}
	return ("?");
}

void
imap_enter(struct imap *s, enum imap_state state)
{
	log_trace("imap-state session=%s from=%s to=%s", s->s.id,
	    state_word(s->state), state_word(state));
	s->state = state;
}

void
imap_die(struct imap *s, const char *bye, const char *fmt, ...)
{
	char why[300];
	va_list ap;

	if (s->state == IMAP_DEAD)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	log_info("imap-end session=%s login=%s reason=%s", s->s.id,
	    s->account != NULL ? log_addr(str_c(s->account->login)) : "-",
	    log_str(str_c(why)));
	/* Within a response the words would become part of it. */
	if (bye != NULL && !s->mid && s->state != IMAP_NEW)
		stream_printf(s->client, "* BYE %s\r\n", bye);
	imap_enter(s, IMAP_DEAD);
}

void
imap_say(struct imap *s, struct str text)
{
	if (!s->mid) {
		stream_str(s->client, text);
		return;
	}
	buf_str(&s->said, text);
	if (s->said.failed)
		imap_die(s, NULL, "out of memory");
}

void
imap_said(struct imap *s)
{
	if (s->mid || s->said.len == 0)
		return;
	stream_str(s->client, buf_text(&s->said));
	buf_clear(&s->said);
}

void
imap_tagged(struct imap *s, const char *tag, const char *fmt, ...)
{
	char text[512], line[sizeof(text) + CMD_TAG_MAX + 4];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_trace("imap-answer session=%s tag=%s text=%s", s->s.id,
	    log_str(str_c(tag)), log_str(str_c(text)));
	(void)snprintf(line, sizeof(line), "%s %s\r\n", tag, text);
	imap_say(s, str_c(line));
}

void
imap_expect(struct imap *s, unsigned seconds)
{
	s->up_until = seconds == 0 ? 0 : s->p->mono + (uint64_t)seconds * 1000;
}

static void
imap_free(struct imap *s)
{
	proxy_session_del(s->p, &s->s);
	job_free(s->job);
	append_free(s->append);
	while (s->nfl > 0) {
		free(s->fl[--s->nfl].sealed);
		share_clear(&s->fl[s->nfl].share);
	}
	special_free(s->special);
	gather_free(s->gather);
	mailbox_free(s->box);
	mailbox_free(s->opening);
	buf_clear(&s->renames);
	buf_clear(&s->id);
	buf_clear(&s->said);
	uplogin_free(s->uplogin);
	throttle_end(s->attempt, false);
	login_clear(&s->login);
	if (s->up != NULL)
		stream_finish(s->up);
	stream_finish(s->client);
	cmd_clear(&s->in);
	account_leave(s->account);
	free(s);
}

/* What came from the client is more than we can take now: let it wait. */
static void
imap_balance(struct imap *s, bool reading)
{
	bool full = stream_output_len(s->client) >= IMAP_HIGH;

	if (full)
		stream_want_drained(s->client);
	if (s->up != NULL && full != s->up_paused) {
		s->up_paused = full;
		if (full)
			stream_pause(s->up);
		else
			stream_resume(s->up);
	}
	if (s->up != NULL && stream_output_len(s->up) >= IMAP_HIGH)
		stream_want_drained(s->up);
	full = !reading && stream_input_len(s->client) > LIMIT_CLIENT_LINE;
	if (full != s->client_paused) {
		s->client_paused = full;
		if (full)
			stream_pause(s->client);
		else
			stream_resume(s->client);
	}
}

/* May the next bytes of the client be looked at? */
static bool
imap_may_read(const struct imap *s)
{
	switch (s->state) {
	case IMAP_NEW:
	case IMAP_TLS:
	case IMAP_LOGIN:
	case IMAP_LEAVING:
	case IMAP_DEAD:
		return (false);
	case IMAP_NOAUTH:
		return (stream_output_len(s->client) < IMAP_HIGH);
	case IMAP_OPEN:
		break;
	}
	if (stream_output_len(s->up) >= IMAP_HIGH ||
	    stream_output_len(s->client) >= IMAP_HIGH || s->said.len > 0)
		return (false);
	if (s->idling)
		return (true);
	if (s->append != NULL && !append_reads(s->append))
		return (false);
	return (s->job == NULL && !s->held && !s->barrier && !s->literal_wait &&
	        s->nfl < IMAP_PIPELINE);
}

/* The condition of what the reader refused. */
static const char *
refusal(const struct imap *s)
{
	return (s->in.too_big ? "NO [TOOBIG]" : "BAD");
}

/* The reader has something to tell. */
static void
imap_command(struct imap *s, enum cmd_event ev)
{
	switch (ev) {
	case CMD_MORE:
		return;
	case CMD_GO_AHEAD:
		imap_say(s, STR("+ OK\r\n"));
		return;
	case CMD_READY:
		if (s->state == IMAP_NOAUTH)
			imap_noauth(s);
		else if (s->appending)
			imap_append_end(s, true);
		else if (s->idling)
			imap_done_line(s);
		else
			imap_route(s);
		return;
	case CMD_STREAM:
		if (s->state == IMAP_OPEN) {
			imap_route_append(s);
			return;
		}
		cmd_skip_stream(&s->in);
		imap_tagged(s, s->in.tag, "BAD log in first");
		return;
	case CMD_REFUSED:
		if (s->appending)
			imap_append_end(s, false);
		else
			imap_tagged(s, s->sasl ? s->tag : s->in.tag, "%s %s",
			    refusal(s), s->in.why);
		s->sasl = false;
		return;
	case CMD_FATAL:
		imap_tagged(s, s->in.tag, "%s %s", refusal(s), s->in.why);
		imap_die(s, "too large", "client: %s", s->in.why);
		return;
	}
}

/* A job that has said its last word goes. */
static void
imap_job_end(struct imap *s)
{
	if (s->state == IMAP_DEAD || s->job == NULL || !s->job->over ||
	    !TAILQ_EMPTY(&s->job->asks))
		return;
	job_free(s->job);
	s->job = NULL;
	imap_expect(s, s->nfl > 0 ? IMAP_PASSED_S : 0);
	if (!s->kept)
		return;
	s->kept = false;
	if (s->pass_kept)
		s->held = true;
	else
		cmd_next(&s->in);
}

/* What waited for the others, or for its job, goes on. */
static void
imap_resume(struct imap *s)
{
	imap_job_end(s);
	if (s->state == IMAP_OPEN)
		append_resume(s);
	while (s->held && s->state == IMAP_OPEN && s->nfl == 0) {
		s->held = false;
		imap_route(s);
		imap_job_end(s);
	}
}

static void
imap_read(struct imap *s)
{
	enum cmd_event ev;
	struct str in;
	size_t n;

	imap_resume(s);
	while (imap_may_read(s)) {
		if (stream_input_len(s->client) == 0) {
			if (s->appending || s->in.text.len > 0)
				stream_ack_now(s->client);
			return;
		}
		if (s->append_left > 0) {
			imap_append_move(s);
			continue;
		}
		in = stream_chunk(s->client);
		n = cmd_feed(&s->in, in, &ev);
		stream_consume(s->client, n);
		imap_command(s, ev);
		imap_resume(s);
	}
}

void
imap_turn(struct imap *s)
{
	imap_read(s);
	if (s->state == IMAP_DEAD) {
		imap_free(s);
		return;
	}
	imap_balance(s, imap_may_read(s));
}

static void
on_client_ready(struct stream *st, void *arg)
{
	struct imap *s = arg;

	(void)st;
	if (s->state == IMAP_NEW)
		imap_greet(s);
	imap_enter(s, IMAP_NOAUTH);
	imap_turn(s);
}

static void
on_client_input(struct stream *st, void *arg)
{
	struct imap *s = arg;

	(void)st;
	if (s->state == IMAP_OPEN)
		s->client_until = s->p->mono + LIMIT_IMAP_IDLE_S * 1000;
	imap_turn(s);
}

static void
on_drained(struct stream *st, void *arg)
{
	(void)st;
	imap_turn(arg);
}

static void
on_client_closed(struct stream *st, const struct err *err, void *arg)
{
	struct imap *s = arg;

	(void)st;
	imap_die(s, NULL, "client: %s",
	    err->code == ERR_OK ? "closed" : err->text);
	imap_turn(s);
}

static const struct stream_ops client_ops = {
    .ready = on_client_ready,
    .input = on_client_input,
    .drained = on_drained,
    .closed = on_client_closed,
};

static void
on_up_ready(struct stream *st, void *arg)
{
	struct imap *s = arg;

	(void)st;
	if (s->uplogin != NULL)
		uplogin_ready(s->uplogin);
	imap_turn(s);
}

static void
on_up_input(struct stream *st, void *arg)
{
	struct imap *s = arg;

	(void)st;
	if (s->state == IMAP_DEAD)
		return;
	if (s->up_until != 0 && s->state != IMAP_LOGIN)
		imap_expect(s, job_patience(s->job));
	imap_reply(s);
	imap_turn(s);
}

static void
on_up_closed(struct stream *st, const struct err *err, void *arg)
{
	struct imap *s = arg;

	(void)st;
	if (s->uplogin != NULL) {
		struct err why = *err;

		if (why.code == ERR_OK)
			err_set(&why, ERR_PEER, "the server closed");
		uplogin_lost(s->uplogin, &why);
	} else
		imap_die(s, "the mail server is gone", "server: %s",
		    err->code == ERR_OK ? "closed" : err->text);
	imap_turn(s);
}

static const struct stream_ops up_ops = {
    .ready = on_up_ready,
    .input = on_up_input,
    .drained = on_drained,
    .closed = on_up_closed,
};

int
imap_connect(struct imap *s, struct err *err)
{
	s->mid = s->eat = s->up_paused = false;
	s->up =
	    upstream_connect(s->p, s->login.up, UPSTREAM_IMAP, &up_ops, s, err);
	if (s->up == NULL)
		return (-1);
	uplogin_connect(s->uplogin, s->up);
	return (0);
}

void
imap_disconnect(struct imap *s)
{
	if (s->up != NULL)
		stream_finish(s->up);
	s->up = NULL;
	s->up_until = 0;
}

static void
imap_stop(struct session *session)
{
	struct imap *s = imap_of(session);

	imap_die(s, "Waxwing is stopping", "stop");
	imap_turn(s);
}

static void
imap_tick(struct session *session, uint64_t mono)
{
	struct imap *s = imap_of(session);
	struct err err;

	/* While we do not read, the server owes nothing; while the client takes
	 * what we send, it is not idle. */
	if (s->up_paused && s->up_until != 0)
		imap_expect(s, job_patience(s->job));
	if (s->client_until != 0 && s->state == IMAP_OPEN &&
	    stream_output_len(s->client) > 0)
		s->client_until = mono + LIMIT_IMAP_IDLE_S * 1000;
	if (s->up_until != 0 && FAULT("proxy.patience"))
		mono += 300000; /* five minutes later */
	if (s->up_until != 0 && mono > s->up_until) {
		err_set(&err, ERR_TIMEOUT, "the server does not answer");
		if (s->uplogin != NULL)
			uplogin_lost(s->uplogin, &err);
		else
			imap_die(s, "the mail server does not answer", "%s",
			    err.text);
	} else if (s->client_until != 0 && mono > s->client_until &&
	           s->state != IMAP_LOGIN && s->job == NULL)
		imap_die(s, "idle for too long", "client idle");
	else if (s->job != NULL)
		job_tick(s->job);
	else
		imap_login_tick(s, mono);
	imap_turn(s);
}

void
imap_session_start(struct proxy *p, int fd, bool tls)
{
	struct imap *s;
	struct err err = {0};

	if (tls && p->imap_tls == NULL) {
		log_warn("imap-refused reason=\"no certificate\"");
		close(fd);
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		close(fd);
		return;
	}
	s->p = p;
	s->tls = tls;
	cmd_init(&s->in);
	buf_init(&s->renames, LIMIT_CLIENT_LINE);
	buf_init(&s->id, ID_MAX);
	buf_init(&s->said, LIMIT_RESULTS + LIMIT_CLIENT_LINE);
	lex_init(&s->up_lex);
	s->client = stream_accept(p->base, fd, tls ? p->imap_tls : NULL,
	    &client_ops, s, &err);
	if (s->client == NULL) {
		log_warn("imap-refused reason=%s", log_str(str_c(err.text)));
		cmd_clear(&s->in);
		free(s);
		return;
	}
	stream_timeout(s->client, 0, CLIENT_WRITE_S);
	s->client_until = p->mono + LIMIT_LOGIN_S * 1000;
	proxy_session_add(p, &s->s, "imap", imap_stop);
	s->s.tick = imap_tick;
	log_debug("imap-start session=%s peer=%s tls=%d", s->s.id,
	    stream_peer(s->client), tls);
}
