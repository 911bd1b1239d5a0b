/*
 * The client before it is logged in (RFC 3501 6.1, 6.2): all is answered
 * here, and LOGIN or AUTHENTICATE PLAIN (RFC 4616, with the initial response
 * of RFC 4959) lead to the server that the login's domain names.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "imap/id.h"
#include "proxy/imap.h"
#include "proxy/warm.h"
#include "sys/log.h"

/* Longest decoded answer of a client to AUTHENTICATE PLAIN. */
#define SASL_MAX 8192

/* What a server may take to notice that a connection is gone. */
#define AGAIN_MS 500

/* May a password come over this connection? */
static bool
login_allowed(const struct imap *s)
{
	return (
	    stream_has_tls(s->client) || stream_peer_is_loopback(s->client));
}

static bool
starttls_offered(const struct imap *s)
{
	return (s->p->imap_tls != NULL && !stream_has_tls(s->client));
}

static void
put_caps(struct imap *s, struct buf *b)
{
	caps_greeting(starttls_offered(s), login_allowed(s), b);
}

void
imap_greet(struct imap *s)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_puts(&b, "* OK [CAPABILITY ");
	put_caps(s, &b);
	buf_puts(&b, "] Waxwing ready\r\n");
	stream_str(s->client, buf_text(&b));
	buf_clear(&b);
}

/* Back to where the client may try again. */
static void
login_over(struct imap *s)
{
	imap_disconnect(s);
	uplogin_free(s->uplogin);
	s->uplogin = NULL;
	login_clear(&s->login);
	memset(&s->caps, 0, sizeof(s->caps));
	imap_enter(s, IMAP_NOAUTH);
}

/* The connection of our own may be the one too many: it has gone now, so once
 * more, when the server has noticed. */
static bool
login_again(struct imap *s, struct str code)
{
	struct account *a = account_find(s->p, str_c(s->login.name));

	if (!warm_refused(a, code) || s->again)
		return (false);
	log_info("imap-login session=%s login=%s result=again", s->s.id,
	    log_addr(str_c(s->login.name)));
	imap_disconnect(s);
	s->again = true;
	s->again_at = clock_now().mono + AGAIN_MS;
	return (true);
}

static void
login_failed(struct imap *s, const struct err *err)
{
	if (login_again(s, STR("UNAVAILABLE")))
		return;
	log_warn("imap-login session=%s login=%s result=unavailable "
	         "reason=%s",
	    s->s.id, log_addr(str_c(s->login.name)), log_str(str_c(err->text)));
	throttle_drop(s->attempt);
	s->attempt = NULL;
	imap_tagged(s, s->tag,
	    "NO [UNAVAILABLE] the mail server of %s cannot be reached: %s",
	    s->login.up->domain, err->text);
	login_over(s);
}

/* NO or BAD: relayed with its code. */
static void
login_refused(struct imap *s, const struct resp *r)
{
	struct buf b;

	if (login_again(s, r->code))
		return;
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
	login_over(s);
}

/* Connections of our own for the account say the same. */
static void
account_heard_id(struct account *a, const struct imap *s)
{
	if (a == NULL || s->id.len == 0)
		return;
	buf_reset(&a->id);
	buf_str(&a->id, buf_text(&s->id));
}

bool
imap_heard_id(struct imap *s, struct str args)
{
	struct arena arena;
	struct id id;
	bool ok;

	arena_init(&arena, LIMIT_CLIENT_LINE);
	if ((ok = id_parse(args, &arena, &id))) {
		buf_reset(&s->id);
		id_print(&id, &s->id);
		log_debug("imap-id session=%s name=%s version=%s", s->s.id,
		    log_str(id_value(&id, "name")),
		    log_str(id_value(&id, "version")));
		account_heard_id(s->account, s);
	}
	arena_clear(&arena);
	return (ok);
}

/* The server took the credential, and we know what it can. */
static void
login_done(struct imap *s)
{
	struct uplogin *u = s->uplogin;
	struct err err;
	struct buf b;

	throttle_end(s->attempt, true);
	s->attempt = NULL;
	s->account = account_enter(s->p, &s->login, uplogin_password(u), &err);
	if (s->account == NULL) {
		log_warn("imap-login session=%s login=%s result=refused "
		         "reason=%s",
		    s->s.id, log_addr(str_c(s->login.name)),
		    log_str(str_c(err.text)));
		imap_tagged(s, s->tag, "NO [LIMIT] %s", err.text);
		login_over(s);
		return;
	}
	account_heard_id(s->account, s);
	log_info("imap-login session=%s login=%s peer=%s result=ok", s->s.id,
	    log_addr(str_c(s->login.name)), stream_peer(s->client));
	s->caps = *uplogin_caps(u);
	buf_init(&b, RESP_LINE_MAX);
	buf_printf(&b, "%s OK [CAPABILITY ", s->tag);
	caps_filter(uplogin_list(u), &b);
	buf_puts(&b, "] Logged in\r\n");
	stream_str(s->client, buf_text(&b));
	buf_clear(&b);
	uplogin_free(u);
	s->uplogin = NULL;
	imap_expect(s, 0);
	s->client_until = s->p->mono + LIMIT_IMAP_IDLE_S * 1000;
	imap_enter(s, IMAP_OPEN);
}

/* The client gets its OK only after the server's. */
static void
on_uplogin(enum uplogin_end end, const struct resp *r, const struct err *err,
    void *arg)
{
	struct imap *s = arg;

	switch (end) {
	case UPLOGIN_DONE:
		login_done(s);
		return;
	case UPLOGIN_REFUSED:
		login_refused(s, r);
		return;
	case UPLOGIN_FAILED:
		login_failed(s, err);
		return;
	}
}

static void
login_connect(struct imap *s)
{
	struct err err;

	imap_expect(s, LIMIT_UPSTREAM_S);
	if (imap_connect(s, &err) == -1)
		uplogin_lost(s->uplogin, &err);
}

void
imap_login_tick(struct imap *s, uint64_t mono)
{
	if (s->again_at == 0 || mono < s->again_at)
		return;
	s->again_at = 0;
	if (s->state == IMAP_LOGIN)
		login_connect(s);
}

/* The throttle says go. */
static void
login_go(void *arg)
{
	struct imap *s = arg;

	login_connect(s);
	imap_turn(s);
}

static void
login_start(struct imap *s, struct str user, struct str password)
{
	struct err err;

	if (login_parse(s->p, user, &s->login, &err) == -1) {
		log_info("imap-login session=%s peer=%s result=refused "
		         "reason=%s",
		    s->s.id, stream_peer(s->client), log_str(str_c(err.text)));
		imap_tagged(s, s->tag, "NO [AUTHENTICATIONFAILED] %s",
		    err.text);
		return;
	}
	s->uplogin = uplogin_new(s->login.up, user, password, on_uplogin, s);
	if (s->uplogin == NULL ||
	    (s->attempt = throttle_begin(s->p->throttle, stream_peer(s->client),
	         s->login.name, login_go, s)) == NULL) {
		uplogin_free(s->uplogin);
		s->uplogin = NULL;
		login_clear(&s->login);
		imap_tagged(s, s->tag, "NO [UNAVAILABLE] out of memory");
		return;
	}
	uplogin_introduce(s->uplogin, buf_text(&s->id));
	s->again = false;
	s->again_at = 0;
	imap_enter(s, IMAP_LOGIN);
}

/* An astring, unescaped into a buffer that can be wiped. */
static bool
secret_astring(struct tok *t, struct buf *out)
{
	struct str raw;
	size_t i, nth;

	if (tok_peek(t) == '{')
		return (tok_literal(t, &raw, &nth) &&
		        (buf_str(out, raw), !out->failed));
	if (tok_peek(t) != '"') {
		if (!tok_atom(t, &raw))
			return (false);
		buf_str(out, raw);
		return (!out->failed);
	}
	if (!tok_value(t, &raw))
		return (false);
	for (i = 1; i + 1 < raw.len; i++) {
		if (raw.p[i] == '\\')
			i++;
		buf_putc(out, raw.p[i]);
	}
	return (!out->failed);
}

static void
do_login(struct imap *s, const struct cmd *c)
{
	struct buf user, password;
	struct tok t;

	buf_init(&user, LIMIT_CLIENT_LINE);
	buf_init(&password, LIMIT_CLIENT_LINE);
	tok_init(&t, c->args);
	if (!secret_astring(&t, &user) || !tok_char(&t, ' ') ||
	    !secret_astring(&t, &password) || !tok_end(&t))
		imap_tagged(s, s->tag, "BAD LOGIN needs a name and a password");
	else if (str_find(buf_text(&password), '\0') < password.len)
		imap_tagged(s, s->tag, "BAD NUL in the password");
	else
		login_start(s, buf_text(&user), buf_text(&password));
	buf_wipe(&password);
	buf_wipe(&user);
}

/* The message of PLAIN, in base64: [authzid] NUL authcid NUL passwd. */
static void
do_plain(struct imap *s, struct str in)
{
	struct str whole, authzid, authcid, password;
	struct buf plain;
	size_t n;

	if (str_eq(in, STR("*"))) {
		imap_tagged(s, s->tag, "BAD cancelled");
		return;
	}
	buf_init(&plain, SASL_MAX);
	if (b64_decode(in, &plain) == -1 || plain.failed)
		goto bad;
	whole = buf_text(&plain);
	n = str_find(whole, '\0');
	if (n == whole.len)
		goto bad;
	authzid = str_of(whole.p, n);
	whole = str_of(whole.p + n + 1, whole.len - n - 1);
	n = str_find(whole, '\0');
	if (n == whole.len)
		goto bad;
	authcid = str_of(whole.p, n);
	password = str_of(whole.p + n + 1, whole.len - n - 1);
	if (str_find(password, '\0') != password.len)
		goto bad;
	if (authzid.len > 0 && !str_ieq(authzid, authcid))
		imap_tagged(s, s->tag,
		    "NO [AUTHORIZATIONFAILED] acting for others is not "
		    "supported");
	else
		login_start(s, authcid, password);
	buf_wipe(&plain);
	return;
bad:
	imap_tagged(s, s->tag, "BAD this is no answer to PLAIN");
	buf_wipe(&plain);
}

static void
do_authenticate(struct imap *s, const struct cmd *c)
{
	struct str mech, ir;
	size_t n = str_find(c->args, ' ');

	mech = str_of(c->args.p, n);
	if (!str_ieq(mech, STR("PLAIN"))) {
		imap_tagged(s, s->tag, "NO [CANNOT] only PLAIN is offered");
		return;
	}
	if (n < c->args.len) {
		ir = str_of(c->args.p + n + 1, c->args.len - n - 1);
		do_plain(s, str_eq(ir, STR("=")) ? STR("") : ir);
		return;
	}
	stream_str(s->client, STR("+ \r\n"));
	s->sasl = true;
}

static void
do_starttls(struct imap *s)
{
	struct err err;

	if (!starttls_offered(s)) {
		imap_tagged(s, s->tag, "BAD STARTTLS is not offered");
		return;
	}
	imap_tagged(s, s->tag, "OK begin TLS");
	imap_enter(s, IMAP_TLS);
	if (stream_starttls_server(s->client, s->p->imap_tls, &err) == -1)
		imap_die(s, NULL, "starttls: %s", err.text);
}

static void
do_capability(struct imap *s)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_puts(&b, "* CAPABILITY ");
	put_caps(s, &b);
	buf_puts(&b, "\r\n");
	stream_str(s->client, buf_text(&b));
	buf_clear(&b);
	imap_tagged(s, s->tag, "OK done");
}

/* The server is told when it is known who it is. */
static void
do_id(struct imap *s, const struct cmd *c)
{
	if (!imap_heard_id(s, c->args)) {
		imap_tagged(s, s->tag,
		    "BAD ID needs NIL or pairs of strings in parentheses");
		return;
	}
	stream_str(s->client, STR("* ID NIL\r\n"));
	imap_tagged(s, s->tag, "OK done");
}

static void
noauth_command(struct imap *s, const struct cmd *c)
{
	bool login = str_ieq(c->name, STR("LOGIN"));

	if (c->uid)
		imap_tagged(s, s->tag, "BAD log in first");
	else if (login || str_ieq(c->name, STR("AUTHENTICATE"))) {
		if (!login_allowed(s))
			imap_tagged(s, s->tag,
			    "NO [PRIVACYREQUIRED] use STARTTLS first");
		else if (login)
			do_login(s, c);
		else
			do_authenticate(s, c);
	} else if (str_ieq(c->name, STR("CAPABILITY")))
		do_capability(s);
	else if (str_ieq(c->name, STR("NOOP")))
		imap_tagged(s, s->tag, "OK done");
	else if (str_ieq(c->name, STR("ID")))
		do_id(s, c);
	else if (str_ieq(c->name, STR("STARTTLS")))
		do_starttls(s);
	else if (str_ieq(c->name, STR("LOGOUT"))) {
		stream_str(s->client, STR("* BYE see you\r\n"));
		imap_tagged(s, s->tag, "OK done");
		imap_die(s, NULL, "logout");
	} else
		imap_tagged(s, s->tag, "BAD log in first");
}

void
imap_noauth(struct imap *s)
{
	struct str text = buf_text(&s->in.text);
	const char *why;
	struct cmd c;

	if (s->sasl) {
		s->sasl = false;
		do_plain(s, str_trim(text));
	} else if (!cmd_parse(text, &c, &why)) {
		imap_tagged(s, "*", "BAD %s", why);
	} else {
		memcpy(s->tag, c.tag.p, c.tag.len);
		s->tag[c.tag.len] = '\0';
		noauth_command(s, &c);
	}
	/* There may have been a password in it. */
	cmd_clear(&s->in);
	cmd_next(&s->in);
	if (s->sasl)
		cmd_expect_line(&s->in);
}
