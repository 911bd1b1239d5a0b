/*
 * Logging in at the real server: greeting, STARTTLS where the conf says so,
 * capabilities, then AUTHENTICATE PLAIN or LOGIN with the client's own
 * credential.  The client gets its OK only after the server's.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "proxy/imap.h"
#include "sys/log.h"

enum step {
	STEP_CONNECT,
	STEP_GREETING,
	STEP_STARTTLS,
	STEP_TLS,
	STEP_CAPABILITY,
	STEP_AUTH,
	STEP_AFTER /* capabilities once more, now that we are somebody */
};

struct uplogin {
	enum step step;
	struct buf user;     /* as the client wrote it */
	struct buf password; /* wiped */
	struct buf later;    /* what the next "+" asks for; wiped */
	struct buf list;     /* the last capability list */
};

static const char *const tags[] = {
    [STEP_STARTTLS] = "w1",
    [STEP_CAPABILITY] = "w2",
    [STEP_AUTH] = "w3",
    [STEP_AFTER] = "w4",
};

void
uplogin_free(struct uplogin *u)
{
	if (u == NULL)
		return;
	buf_wipe(&u->user);
	buf_wipe(&u->password);
	buf_wipe(&u->later);
	buf_clear(&u->list);
	free(u);
}

int
uplogin_start(struct imap *s, struct str user, struct str password)
{
	struct uplogin *u;

	if ((u = calloc(1, sizeof(*u))) == NULL)
		return (-1);
	buf_init(&u->user, LOGIN_MAX);
	buf_init(&u->password, LIMIT_CLIENT_LINE);
	buf_init(&u->later, 3 * LIMIT_CLIENT_LINE);
	buf_init(&u->list, RESP_LINE_MAX);
	buf_str(&u->user, user);
	buf_str(&u->password, password);
	if (u->user.failed || u->password.failed) {
		uplogin_free(u);
		return (-1);
	}
	s->uplogin = u;
	return (0);
}

/* Back to where the client may try again. */
static void
uplogin_end(struct imap *s)
{
	imap_disconnect(s);
	uplogin_free(s->uplogin);
	s->uplogin = NULL;
	login_clear(&s->login);
	memset(&s->caps, 0, sizeof(s->caps));
	imap_enter(s, IMAP_NOAUTH);
}

void
uplogin_failed(struct imap *s, const struct err *err)
{
	log_warn("imap-login session=%s login=%s result=unavailable "
	         "reason=\"%s\"",
	    s->s.id, log_addr(str_c(s->login.name)), err->text);
	throttle_drop(s->attempt);
	s->attempt = NULL;
	imap_tagged(s, s->tag,
	    "NO [UNAVAILABLE] the mail server cannot be reached");
	uplogin_end(s);
}

static void
uplogin_fail(struct imap *s, const char *why)
{
	struct err err;

	err_set(&err, ERR_PEER, "%s", why);
	uplogin_failed(s, &err);
}

static void
uplogin_capability(struct imap *s, enum step step)
{
	s->uplogin->step = step;
	stream_printf(s->up, "%s CAPABILITY\r\n", tags[step]);
}

static void
put_quoted(struct buf *b, struct str s)
{
	size_t i;

	buf_putc(b, '"');
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, s.p[i]);
	}
	buf_putc(b, '"');
}

/* LOGIN; a password that cannot be quoted waits in later as a literal. */
static void
auth_login(struct imap *s, struct buf *line)
{
	struct uplogin *u = s->uplogin;
	struct str pw = buf_text(&u->password);
	bool quotable = true;
	size_t i;

	for (i = 0; i < pw.len; i++)
		quotable &= pw.p[i] >= ' ' && pw.p[i] <= '~';
	buf_printf(line, "%s LOGIN ", tags[STEP_AUTH]);
	put_quoted(line, buf_text(&u->user));
	buf_putc(line, ' ');
	if (quotable) {
		put_quoted(line, pw);
	} else {
		buf_printf(line, "{%zu}", pw.len);
		buf_str(&u->later, pw);
		buf_puts(&u->later, "\r\n");
	}
	buf_puts(line, "\r\n");
}

static void
auth_plain(struct imap *s, struct buf *line)
{
	struct uplogin *u = s->uplogin;
	struct buf plain;

	buf_init(&plain, 2 * LIMIT_CLIENT_LINE);
	buf_putc(&plain, '\0');
	buf_str(&plain, buf_text(&u->user));
	buf_putc(&plain, '\0');
	buf_str(&plain, buf_text(&u->password));
	buf_printf(line, "%s AUTHENTICATE PLAIN", tags[STEP_AUTH]);
	if (s->caps.sasl_ir) {
		buf_putc(line, ' ');
		b64_encode(buf_text(&plain), line);
	} else {
		b64_encode(buf_text(&plain), &u->later);
		buf_puts(&u->later, "\r\n");
	}
	buf_puts(line, "\r\n");
	buf_wipe(&plain);
}

/* Say who we are. */
static void
uplogin_auth(struct imap *s)
{
	struct buf line;

	if (!s->caps.auth_plain && s->caps.logindisabled) {
		uplogin_fail(s, "the server offers neither PLAIN nor LOGIN");
		return;
	}
	buf_init(&line, 3 * LIMIT_CLIENT_LINE);
	if (s->caps.auth_plain)
		auth_plain(s, &line);
	else
		auth_login(s, &line);
	s->uplogin->step = STEP_AUTH;
	buf_reset(&s->uplogin->list);
	if (line.failed || s->uplogin->later.failed)
		uplogin_fail(s, "password too long");
	else
		stream_secret(s->up, buf_text(&line));
	buf_wipe(&line);
}

/* Capabilities are known, TLS is as it shall be? */
static void
uplogin_next(struct imap *s)
{
	bool starttls = s->login.up->at[UPSTREAM_IMAP].tls == UPSTREAM_STARTTLS;

	if (starttls && !stream_has_tls(s->up)) {
		/* Whether it is listed is not asked: the list came in clear. */
		s->uplogin->step = STEP_STARTTLS;
		stream_printf(s->up, "%s STARTTLS\r\n", tags[STEP_STARTTLS]);
	} else if (!s->caps.known)
		uplogin_capability(s, STEP_CAPABILITY);
	else
		uplogin_auth(s);
}

void
uplogin_ready(struct imap *s)
{
	struct uplogin *u = s->uplogin;

	if (u->step == STEP_CONNECT) {
		u->step = STEP_GREETING;
		return;
	}
	/* TLS stands: what was said before it counts for nothing. */
	memset(&s->caps, 0, sizeof(s->caps));
	buf_reset(&u->list);
	uplogin_next(s);
}

static void
uplogin_caps(struct imap *s, struct str list)
{
	buf_reset(&s->uplogin->list);
	buf_str(&s->uplogin->list, list);
	caps_read(list, &s->caps);
}

/* The server took the credential, and we know what it can. */
static void
uplogin_done(struct imap *s)
{
	struct uplogin *u = s->uplogin;
	struct err err;
	struct buf b;

	throttle_end(s->attempt, true);
	s->attempt = NULL;
	s->account =
	    account_enter(s->p, &s->login, buf_text(&u->password), &err);
	if (s->account == NULL) {
		log_warn("imap-login session=%s login=%s result=refused "
		         "reason=\"%s\"",
		    s->s.id, log_addr(str_c(s->login.name)), err.text);
		imap_tagged(s, s->tag, "NO [LIMIT] %s", err.text);
		uplogin_end(s);
		return;
	}
	log_info("imap-login session=%s login=%s peer=%s result=ok", s->s.id,
	    log_addr(str_c(s->login.name)), stream_peer(s->client));
	buf_init(&b, RESP_LINE_MAX);
	buf_printf(&b, "%s OK [CAPABILITY ", s->tag);
	caps_filter(buf_text(&u->list), &b);
	buf_puts(&b, "] Logged in\r\n");
	stream_str(s->client, buf_text(&b));
	buf_clear(&b);
	uplogin_free(u);
	s->uplogin = NULL;
	imap_expect(s, 0);
	s->client_until = s->p->mono + LIMIT_IMAP_IDLE_S * 1000;
	imap_enter(s, IMAP_OPEN);
}

/* NO or BAD: relayed with its code. */
static void
uplogin_refused(struct imap *s, const struct resp *r)
{
	struct buf b;

	log_info("imap-login session=%s login=%s peer=%s result=no "
	         "text=%s",
	    s->s.id, log_addr(str_c(s->login.name)), stream_peer(s->client),
	    log_str(r->text));
	throttle_end(s->attempt, false);
	s->attempt = NULL;
	buf_init(&b, RESP_LINE_MAX + 100);
	buf_printf(&b, "%s NO ", s->tag);
	caps_code(r->code, &b);
	buf_str(&b, r->text);
	buf_puts(&b, "\r\n");
	stream_str(s->client, buf_text(&b));
	buf_clear(&b);
	uplogin_end(s);
}

static void
uplogin_greeting(struct imap *s, const struct resp *r)
{
	struct str list;

	if (r->kind != RESP_STATUS || r->cond != COND_OK) {
		/* PREAUTH would make everybody the same somebody. */
		uplogin_fail(s, "no greeting that lets us log in");
		return;
	}
	if (str_ieq(resp_code_word(r->code, &list), STR("CAPABILITY")))
		uplogin_caps(s, list);
	uplogin_next(s);
}

static void
uplogin_tagged(struct imap *s, const struct resp *r)
{
	struct uplogin *u = s->uplogin;
	struct str list;
	struct err err;

	if (u->step == STEP_TLS || tags[u->step] == NULL ||
	    !str_eq(r->tag, str_c(tags[u->step]))) {
		uplogin_fail(s, "answer to something not asked");
		return;
	}
	if (u->step == STEP_AUTH && r->cond != COND_OK) {
		uplogin_refused(s, r);
		return;
	}
	if (r->cond != COND_OK) {
		uplogin_fail(s, "the server refuses to begin");
		return;
	}
	if (u->step == STEP_STARTTLS) {
		u->step = STEP_TLS;
		if (upstream_starttls(s->up, s->login.up, UPSTREAM_IMAP,
		        &err) == -1)
			uplogin_failed(s, &err);
		return;
	}
	if (str_ieq(resp_code_word(r->code, &list), STR("CAPABILITY")))
		uplogin_caps(s, list);
	if (u->step == STEP_CAPABILITY)
		uplogin_auth(s);
	else if (u->step == STEP_AUTH && u->list.len == 0)
		uplogin_capability(s, STEP_AFTER);
	else
		uplogin_done(s);
}

void
uplogin_resp(struct imap *s, const struct resp *r)
{
	struct uplogin *u = s->uplogin;

	if (u->step == STEP_GREETING) {
		uplogin_greeting(s, r);
		return;
	}
	switch (r->kind) {
	case RESP_TAGGED:
		uplogin_tagged(s, r);
		return;
	case RESP_CAPABILITY:
		uplogin_caps(s, r->text);
		return;
	case RESP_CONTINUE:
		if (u->later.len == 0) {
			uplogin_fail(s, "the server waits for nothing");
			return;
		}
		stream_secret(s->up, buf_text(&u->later));
		buf_wipe(&u->later);
		return;
	case RESP_STATUS:
		if (r->cond == COND_BYE)
			uplogin_fail(s, "the server said BYE");
		return;
	case RESP_EXISTS:
	case RESP_RECENT:
	case RESP_EXPUNGE:
	case RESP_FETCH:
	case RESP_DATA:
		return;
	}
}
