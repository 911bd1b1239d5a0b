#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "imap/id.h"
#include "imap/nstring.h"
#include "proxy/account.h"
#include "proxy/imap_upstream.h"

enum step {
	STEP_CONNECT,
	STEP_GREETING,
	STEP_STARTTLS,
	STEP_TLS,
	STEP_CAPABILITY,
	STEP_AUTH,
	STEP_AFTER, /* capabilities once more, now that we are somebody */
	STEP_ID
};

struct uplogin {
	enum step step;
	struct buf user;     /* as the client wrote it */
	struct buf password; /* wiped */
	struct buf later;    /* what the next "+" asks for; wiped */
	struct buf id;       /* to be told the server; may be empty */
	struct buf list;     /* the last capability list */
	struct caps caps;    /* what was read of it */
	const struct upstream *at;
	struct stream *up; /* the owner's; NULL until connected */
	uplogin_fn *fn;
	void *arg;
};

static const char *const tags[] = {
    [STEP_STARTTLS] = "w1",
    [STEP_CAPABILITY] = "w2",
    [STEP_AUTH] = "w3",
    [STEP_AFTER] = "w4",
    [STEP_ID] = "w5",
};

void
uplogin_free(struct uplogin *u)
{
	if (u == NULL)
		return;
	buf_wipe(&u->user);
	buf_wipe(&u->password);
	buf_wipe(&u->later);
	buf_clear(&u->id);
	buf_clear(&u->list);
	free(u);
}

struct uplogin *
uplogin_new(const struct upstream *at, struct str user, struct str password,
    uplogin_fn *fn, void *arg)
{
	struct uplogin *u;

	if ((u = calloc(1, sizeof(*u))) == NULL)
		return (NULL);
	u->at = at;
	u->fn = fn;
	u->arg = arg;
	buf_init(&u->user, LOGIN_MAX);
	buf_init(&u->password, LIMIT_CLIENT_LINE);
	buf_init(&u->later, 3 * LIMIT_CLIENT_LINE);
	buf_init(&u->id, ID_MAX);
	buf_init(&u->list, RESP_LINE_MAX);
	buf_str(&u->user, user);
	buf_str(&u->password, password);
	if (u->user.failed || u->password.failed) {
		uplogin_free(u);
		return (NULL);
	}
	return (u);
}

void
uplogin_introduce(struct uplogin *u, struct str id)
{
	buf_reset(&u->id);
	buf_str(&u->id, id);
}

void
uplogin_connect(struct uplogin *u, struct stream *up)
{
	u->up = up;
	u->step = STEP_CONNECT;
	memset(&u->caps, 0, sizeof(u->caps));
	buf_reset(&u->list);
	buf_wipe(&u->later);
	buf_init(&u->later, 3 * LIMIT_CLIENT_LINE);
}

const struct caps *
uplogin_caps(const struct uplogin *u)
{
	return (&u->caps);
}

struct str
uplogin_list(const struct uplogin *u)
{
	return (buf_text(&u->list));
}

struct str
uplogin_password(const struct uplogin *u)
{
	return (buf_text(&u->password));
}

/* These three end it: u may be gone when they return. */

void
uplogin_lost(struct uplogin *u, const struct err *err)
{
	u->fn(UPLOGIN_FAILED, NULL, err, u->arg);
}

static void
uplogin_fail(struct uplogin *u, const char *why)
{
	struct err err;

	err_set(&err, ERR_PEER, "%s", why);
	uplogin_lost(u, &err);
}

static void
uplogin_done(struct uplogin *u)
{
	u->fn(UPLOGIN_DONE, NULL, NULL, u->arg);
}

/* Logged in: what is left to be said? */
static void
uplogin_last(struct uplogin *u)
{
	if (u->step == STEP_ID || u->id.len == 0 || !u->caps.id) {
		uplogin_done(u);
		return;
	}
	u->step = STEP_ID;
	stream_printf(u->up, "%s ID ", tags[STEP_ID]);
	stream_str(u->up, buf_text(&u->id));
	stream_str(u->up, STR("\r\n"));
}

static void
uplogin_capability(struct uplogin *u, enum step step)
{
	u->step = step;
	stream_printf(u->up, "%s CAPABILITY\r\n", tags[step]);
}

/* LOGIN; a password that cannot be quoted waits in later as a literal. */
static void
auth_login(struct uplogin *u, struct buf *line)
{
	struct str pw = buf_text(&u->password);
	bool quotable = true;
	size_t i;

	for (i = 0; i < pw.len; i++)
		quotable &= pw.p[i] >= ' ' && pw.p[i] <= '~';
	buf_printf(line, "%s LOGIN ", tags[STEP_AUTH]);
	nstring_put_quoted(line, buf_text(&u->user));
	buf_putc(line, ' ');
	if (quotable) {
		nstring_put_quoted(line, pw);
	} else {
		buf_printf(line, "{%zu}", pw.len);
		buf_str(&u->later, pw);
		buf_puts(&u->later, "\r\n");
	}
	buf_puts(line, "\r\n");
}

static void
auth_plain(struct uplogin *u, struct buf *line)
{
	struct buf plain;

	buf_init(&plain, 2 * LIMIT_CLIENT_LINE);
	buf_putc(&plain, '\0');
	buf_str(&plain, buf_text(&u->user));
	buf_putc(&plain, '\0');
	buf_str(&plain, buf_text(&u->password));
	buf_printf(line, "%s AUTHENTICATE PLAIN", tags[STEP_AUTH]);
	if (u->caps.sasl_ir) {
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
uplogin_auth(struct uplogin *u)
{
	struct buf line;

	if (!u->caps.auth_plain && u->caps.logindisabled) {
		uplogin_fail(u, "the server offers neither PLAIN nor LOGIN");
		return;
	}
	buf_init(&line, 3 * LIMIT_CLIENT_LINE);
	if (u->caps.auth_plain)
		auth_plain(u, &line);
	else
		auth_login(u, &line);
	u->step = STEP_AUTH;
	buf_reset(&u->list);
	if (line.failed || u->later.failed)
		uplogin_fail(u, "password too long");
	else
		stream_secret(u->up, buf_text(&line));
	buf_wipe(&line);
}

/* Capabilities are known, TLS is as it shall be? */
static void
uplogin_next(struct uplogin *u)
{
	bool starttls = u->at->at[UPSTREAM_IMAP].tls == UPSTREAM_STARTTLS;

	if (starttls && !stream_has_tls(u->up)) {
		/* Whether it is listed is not asked: the list came in clear. */
		u->step = STEP_STARTTLS;
		stream_printf(u->up, "%s STARTTLS\r\n", tags[STEP_STARTTLS]);
	} else if (!u->caps.known)
		uplogin_capability(u, STEP_CAPABILITY);
	else
		uplogin_auth(u);
}

void
uplogin_ready(struct uplogin *u)
{
	if (u->step == STEP_CONNECT) {
		u->step = STEP_GREETING;
		return;
	}
	/* TLS stands: what was said before it counts for nothing. */
	memset(&u->caps, 0, sizeof(u->caps));
	buf_reset(&u->list);
	uplogin_next(u);
}

static void
read_caps(struct uplogin *u, struct str list)
{
	buf_reset(&u->list);
	buf_str(&u->list, list);
	caps_read(list, &u->caps);
}

static void
uplogin_greeting(struct uplogin *u, const struct resp *r)
{
	struct str list;

	if (r->kind != RESP_STATUS || r->cond != COND_OK) {
		/* PREAUTH would make everybody the same somebody. */
		uplogin_fail(u, "no greeting that lets us log in");
		return;
	}
	if (str_ieq(resp_code_word(r->code, &list), STR("CAPABILITY")))
		read_caps(u, list);
	uplogin_next(u);
}

static void
uplogin_tagged(struct uplogin *u, const struct resp *r)
{
	struct str list;
	struct err err;

	if (u->step == STEP_TLS || tags[u->step] == NULL ||
	    !str_eq(r->tag, str_c(tags[u->step]))) {
		uplogin_fail(u, "answer to something not asked");
		return;
	}
	if (u->step == STEP_AUTH && r->cond != COND_OK) {
		u->fn(UPLOGIN_REFUSED, r, NULL, u->arg);
		return;
	}
	if (r->cond != COND_OK && u->step != STEP_ID) {
		uplogin_fail(u, "the server refuses to begin");
		return;
	}
	if (u->step == STEP_STARTTLS) {
		u->step = STEP_TLS;
		if (upstream_starttls(u->up, u->at, UPSTREAM_IMAP, &err) == -1)
			uplogin_lost(u, &err);
		return;
	}
	if (str_ieq(resp_code_word(r->code, &list), STR("CAPABILITY")))
		read_caps(u, list);
	if (u->step == STEP_CAPABILITY)
		uplogin_auth(u);
	else if (u->step == STEP_AUTH && u->list.len == 0)
		uplogin_capability(u, STEP_AFTER);
	else
		uplogin_last(u);
}

void
uplogin_resp(struct uplogin *u, const struct resp *r)
{
	if (u->step == STEP_GREETING) {
		uplogin_greeting(u, r);
		return;
	}
	switch (r->kind) {
	case RESP_TAGGED:
		uplogin_tagged(u, r);
		return;
	case RESP_CAPABILITY:
		read_caps(u, r->text);
		return;
	case RESP_CONTINUE:
		if (u->later.len == 0) {
			uplogin_fail(u, "the server waits for nothing");
			return;
		}
		stream_secret(u->up, buf_text(&u->later));
		buf_wipe(&u->later);
		return;
	case RESP_STATUS:
		if (r->cond == COND_BYE)
			uplogin_fail(u, "the server said BYE");
		return;
	case RESP_EXISTS:
	case RESP_RECENT:
	case RESP_EXPUNGE:
	case RESP_VANISHED:
	case RESP_ENABLED:
	case RESP_FETCH:
	case RESP_DATA:
		return;
	}
}
