/*
 * smtp_login.c - AUTH PLAIN and AUTH LOGIN (RFC 4954).
 *
 * The upstream decides: 235 is said only after it took the same login.
 */
#include "config.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/limits.h"
#include "proxy/smtp_session.h"
#include "smtp/sasl.h"
#include "sys/log.h"

/* Logins that may fail on one connection. */
#define MAX_REFUSED 3

/* It is over, one way or the other. */
static void
login_end(struct smtp_session *s, bool success)
{
	throttle_end(s->attempt, success);
	s->attempt = NULL;
	buf_wipe(&s->password);
	buf_wipe(&s->user);
	smtp_session_state(s, SESSION_COMMAND);
	if (success)
		return;
	smtp_up_free(s->up);
	s->up = NULL;
	login_clear(&s->login);
	if (++s->refused >= MAX_REFUSED)
		smtp_session_hang_up(s, 421, "4.7.0 Too many failed logins");
}

/* The login was not tried: that says nothing about the password. */
static void
login_untried(struct smtp_session *s, const char *text)
{
	throttle_drop(s->attempt);
	s->attempt = NULL;
	smtp_session_reply(s, 454, text);
	login_end(s, false);
}

static void
login_unreached(struct smtp_session *s, const struct err *why)
{
	char text[500]; /* a line has 512 (RFC 5321 4.5.3.1.5) */

	log_warn("smtp-login id=%s upstream=%s result=unreachable reason=%s",
	    s->base.id, s->login.up->domain, log_str(str_c(why->text)));
	(void)snprintf(text, sizeof(text),
	    "4.7.0 The mail server of %s cannot be reached: %s",
	    s->login.up->domain, why->text);
	login_untried(s, text);
}

static void
login_failed(struct smtp_session *s, unsigned code, const char *text)
{
	smtp_session_reply(s, code, text);
	login_end(s, false);
}

/* The upstream took the login, or did not. */
static void
login_answered(const struct reply *reply, const struct err *why, void *arg)
{
	struct smtp_session *s = arg;
	struct err err;

	smtp_session_enter(s);
	if (reply == NULL) {
		login_unreached(s, why);
	} else if (reply->code != 235) {
		log_info("smtp-login id=%s upstream=%s result=refused code=%u",
		    s->base.id, s->login.up->domain, reply->code);
		smtp_session_relay(s, reply);
		login_end(s, false);
	} else if ((s->account = account_enter(s->proxy, &s->login,
	                buf_text(&s->password), &err)) == NULL) {
		log_warn("smtp-login id=%s reason=%s", s->base.id,
		    log_str(str_c(err.text)));
		login_untried(s, "4.7.0 Too many sessions");
	} else {
		log_info("smtp-login id=%s account=%s result=ok", s->base.id,
		    log_addr(str_c(s->account->login)));
		stream_timeout(s->client, LIMIT_SMTP_IDLE_S, LIMIT_SMTP_IDLE_S);
		smtp_session_reply(s, 235, "2.7.0 Welcome");
		login_end(s, true);
	}
	smtp_session_leave(s);
}

/* Its turn has come. */
static void
login_go(void *arg)
{
	struct smtp_session *s = arg;
	struct err err;

	smtp_session_enter(s);
	s->up = smtp_up_open(s->proxy, s->login.up, buf_text(&s->hello),
	    str_c(s->login.name), buf_text(&s->password), login_answered, s,
	    &err);
	if (s->up == NULL)
		login_unreached(s, &err);
	smtp_session_leave(s);
}

/* user and password are there. */
static void
login_start(struct smtp_session *s)
{
	char text[500];
	struct err err;

	if (login_parse(s->proxy, buf_text(&s->user), &s->login, &err) == -1) {
		log_info("smtp-login id=%s result=refused reason=%s",
		    s->base.id, log_str(str_c(err.text)));
		(void)snprintf(text, sizeof(text), "5.7.8 Login refused: %s",
		    err.text);
		login_failed(s, 535, text);
		return;
	}
	smtp_session_state(s, SESSION_LOGIN);
	s->attempt = throttle_begin(s->proxy->throttle, stream_peer(s->client),
	    s->login.name, login_go, s);
	if (s->attempt == NULL)
		login_failed(s, 454, "4.3.0 Out of memory");
}

/* A message of PLAIN (RFC 4616). */
static void
auth_plain(struct smtp_session *s, struct str message)
{
	struct sasl_plain p;

	if (sasl_plain_get(message, &p) == -1) {
		login_failed(s, 501, "5.5.2 Not a PLAIN message");
		return;
	}
	/* Who acts for others must say so to the upstream, not to us. */
	if (p.authzid.len > 0 && !str_eq(p.authzid, p.authcid)) {
		login_failed(s, 535, "5.7.8 Acting for others is not offered");
		return;
	}
	buf_str(&s->user, p.authcid);
	buf_str(&s->password, p.passwd);
	if (s->user.failed || s->password.failed)
		login_failed(s, 454, "4.3.0 Out of memory");
	else
		login_start(s);
}

/* A decoded answer to a 334. */
static void
auth_message(struct smtp_session *s, struct str message)
{
	switch (s->auth) {
	case AUTH_PLAIN:
		auth_plain(s, message);
		return;
	case AUTH_LOGIN_USER:
		buf_str(&s->user, message);
		s->auth = AUTH_LOGIN_PASS;
		smtp_session_reply(s, 334, "UGFzc3dvcmQ6");
		return;
	case AUTH_LOGIN_PASS:
		buf_str(&s->password, message);
		if (message.len == 0 || str_find(message, '\0') < message.len)
			login_failed(s, 535, "5.7.8 Login refused");
		else
			login_start(s);
		return;
	}
}

void
smtp_login_line(struct smtp_session *s, struct str line)
{
	struct buf message;

	if (str_eq(line, STR("*"))) {
		login_failed(s, 501, "5.7.0 Cancelled");
		return;
	}
	buf_init(&message, LIMIT_SMTP_LINE);
	if (b64_decode(line, &message) == -1)
		login_failed(s, 501, "5.5.2 Not base64");
	else
		auth_message(s, buf_text(&message));
	buf_wipe(&message);
}

bool
smtp_login_allowed(const struct smtp_session *s)
{
	return (
	    stream_has_tls(s->client) || stream_peer_is_loopback(s->client));
}

void
smtp_login_auth(struct smtp_session *s, const struct verb_line *v)
{
	bool plain = str_ieq(v->mech, STR("PLAIN"));

	if (s->account != NULL) {
		smtp_session_reply(s, 503, "5.5.1 Already logged in");
		return;
	}
	if (!smtp_login_allowed(s)) {
		smtp_session_reply(s, 538, "5.7.11 Encryption is needed first");
		return;
	}
	if (!plain && !str_ieq(v->mech, STR("LOGIN"))) {
		smtp_session_reply(s, 504,
		    "5.5.4 Only PLAIN and LOGIN are offered");
		return;
	}
	s->auth = plain ? AUTH_PLAIN : AUTH_LOGIN_USER;
	smtp_session_state(s, SESSION_AUTH);
	if (v->initial.p == NULL)
		smtp_session_reply(s, 334, plain ? "" : "VXNlcm5hbWU6");
	else if (str_eq(v->initial, STR("=")))
		smtp_login_line(s, STR("")); /* RFC 4954 4: empty */
	else
		smtp_login_line(s, v->initial);
}
