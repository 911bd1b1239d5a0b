#include "config.h"

#include "proxy/smtp_up.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "smtp/dot.h"
#include "smtp/sasl.h"
#include "sys/log.h"

/* Bytes of text encoded at a time; as much is held in memory. */
#define PIECE (64UL * 1024)

enum up_state {
	UP_CONNECT,  /* waits for the connection, with implicit TLS */
	UP_GREETING, /* waits for 220 */
	UP_EHLO,
	UP_STARTTLS,
	UP_TLS, /* waits for the handshake */
	UP_AUTH,
	UP_AUTH_USER, /* AUTH LOGIN asks for the name */
	UP_AUTH_PASS,
	UP_READY, /* commands are answered through the waits */
	UP_DEAD,
};

/* A command whose reply is still to come. */
struct wait {
	TAILQ_ENTRY(wait) link;
	struct buf command; /* owned; with CRLF */
	bool sent;
	smtp_up_fn *fn; /* NULL: forgotten */
	void *arg;
};

struct smtp_up {
	struct proxy *proxy;
	const struct upstream *upstream; /* the account holds a reference */
	struct stream *stream;           /* owned; NULL once lost */
	enum up_state state;
	struct buf hello;    /* owned */
	struct buf user;     /* owned */
	struct buf password; /* owned; wiped after the login */
	struct ehlo_caps caps;
	struct reply reply; /* being read */
	smtp_up_fn *done;   /* NULL once called */
	void *done_arg;
	TAILQ_HEAD(wait_list, wait) waits;

	/* The text being sent, when it is. */
	struct blob *text; /* owned reference; NULL: none */
	size_t text_at;
	struct dotenc dots;

	struct err why;        /* why it was lost */
	struct event *failing; /* owned: tells waits that came too late */
	unsigned depth;        /* entries from the event loop */
	bool freed;            /* by the owner; goes at the end of the entry */
};

static void
up_enter(struct smtp_up *up, enum up_state state)
{
	log_trace("smtp-upstream-state up=%p from=%d to=%d", (void *)up,
	    (int)up->state, (int)state);
	up->state = state;
}

static void
wait_free(struct smtp_up *up, struct wait *w)
{
	TAILQ_REMOVE(&up->waits, w, link);
	buf_wipe(&w->command);
	free(w);
}

static void
up_destroy(struct smtp_up *up)
{
	struct wait *w;

	while ((w = TAILQ_FIRST(&up->waits)) != NULL)
		wait_free(up, w);
	if (up->stream != NULL)
		stream_free(up->stream);
	if (up->failing != NULL)
		event_free(up->failing);
	blob_unref(up->text);
	buf_clear(&up->hello);
	buf_clear(&up->user);
	buf_wipe(&up->password);
	reply_clear(&up->reply);
	free(up);
}

/* Every way in from the event loop stands between these two. */
static void
up_begin(struct smtp_up *up)
{
	up->depth++;
}

static void
up_end(struct smtp_up *up)
{
	if (--up->depth == 0 && up->freed)
		up_destroy(up);
}

/* The oldest wait gets its reply, or the reason why there is none. */
static void
answer_first(struct smtp_up *up, const struct reply *reply)
{
	struct wait *w = TAILQ_FIRST(&up->waits);
	smtp_up_fn *fn = w->fn;
	void *arg = w->arg;

	wait_free(up, w);
	if (fn != NULL && !up->freed)
		fn(reply, reply == NULL ? &up->why : NULL, arg);
}

static void
call_done(struct smtp_up *up, const struct reply *reply)
{
	smtp_up_fn *fn = up->done;

	up->done = NULL;
	buf_wipe(&up->password);
	if (fn != NULL && !up->freed)
		fn(reply, reply == NULL ? &up->why : NULL, up->done_arg);
}

/* The connection is gone or of no use: everyone who waits is told. */
static void
up_lost(struct smtp_up *up, const struct err *why)
{
	if (up->state == UP_DEAD)
		return;
	up_enter(up, UP_DEAD);
	up->why = *why;
	if (up->why.code == ERR_OK)
		err_set(&up->why, ERR_UNAVAILABLE, "the server hung up");
	log_debug("smtp-upstream-lost reason=%s", log_str(str_c(up->why.text)));
	stream_free(up->stream);
	up->stream = NULL;
	blob_unref(up->text);
	up->text = NULL;
	call_done(up, NULL);
	while (!up->freed && !TAILQ_EMPTY(&up->waits))
		answer_first(up, NULL);
}

static void
up_broken(struct smtp_up *up, const char *what)
{
	struct err err;

	if (up->reply.code != 0)
		err_set(&err, ERR_PEER, "%s: the server said %u", what,
		    up->reply.code);
	else
		err_set(&err, ERR_PEER, "%s", what);
	up_lost(up, &err);
}

/* Send what may be sent now. */
static void
up_pump(struct smtp_up *up)
{
	bool busy = false;
	struct wait *w;

	if (up->state != UP_READY || up->text != NULL)
		return;
	TAILQ_FOREACH (w, &up->waits, link) {
		if (!w->sent) {
			/* RFC 2920 3: only if it was offered. */
			if (busy && !up->caps.pipelining)
				break;
			stream_str(up->stream, buf_text(&w->command));
			buf_reset(&w->command);
			w->sent = true;
		}
		busy = true;
	}
	stream_timeout(up->stream, busy ? LIMIT_UPSTREAM_S : 0,
	    LIMIT_UPSTREAM_S);
}

/* The login, step by step. */

static void
say_hello(struct smtp_up *up)
{
	up_enter(up, UP_EHLO);
	stream_printf(up->stream, "EHLO %.*s\r\n", (int)up->hello.len,
	    up->hello.data);
}

/* Write a line that holds a secret; it is wiped behind it. */
static void
say_secret(struct smtp_up *up, const char *before, bool plain)
{
	struct buf line;

	buf_init(&line, LIMIT_SMTP_LINE);
	buf_puts(&line, before);
	if (plain)
		sasl_plain_put(&line, buf_text(&up->user),
		    buf_text(&up->password));
	else
		b64_encode(buf_text(&up->password), &line);
	buf_puts(&line, "\r\n");
	if (!line.failed)
		stream_secret(up->stream, buf_text(&line));
	else
		up_broken(up, "the password is too long");
	buf_wipe(&line);
}

static void
start_login(struct smtp_up *up)
{
	if (up->caps.auth_plain) {
		up_enter(up, UP_AUTH);
		say_secret(up, "AUTH PLAIN ", true);
	} else if (up->caps.auth_login) {
		up_enter(up, UP_AUTH_USER);
		stream_printf(up->stream, "AUTH LOGIN\r\n");
	} else {
		up_broken(up, "it offers neither AUTH PLAIN nor LOGIN");
	}
}

static void
took_ehlo(struct smtp_up *up)
{
	if (up->reply.code != 250) {
		up_broken(up, "EHLO was refused");
		return;
	}
	ehlo_parse(buf_text(&up->reply.text), &up->caps);
	if (up->upstream->at[UPSTREAM_SMTP].tls != UPSTREAM_STARTTLS ||
	    stream_has_tls(up->stream)) {
		start_login(up);
		return;
	}
	/* Without it the password would go in clear: no way around. */
	if (!up->caps.starttls) {
		up_broken(up, "it does not offer STARTTLS");
		return;
	}
	up_enter(up, UP_STARTTLS);
	stream_printf(up->stream, "STARTTLS\r\n");
}

static void
took_starttls(struct smtp_up *up)
{
	struct err err;

	if (up->reply.code != 220) {
		up_broken(up, "STARTTLS was refused");
		return;
	}
	up_enter(up, UP_TLS);
	if (upstream_starttls(up->stream, up->upstream, UPSTREAM_SMTP, &err) ==
	    -1)
		up_lost(up, &err);
}

static void
took_auth_user(struct smtp_up *up)
{
	struct buf line;

	if (up->reply.code != 334) {
		call_done(up, &up->reply);
		return;
	}
	buf_init(&line, LIMIT_SMTP_LINE);
	b64_encode(buf_text(&up->user), &line);
	buf_puts(&line, "\r\n");
	up_enter(up, UP_AUTH_PASS);
	stream_str(up->stream, buf_text(&line));
	buf_clear(&line);
}

static void
took_auth_pass(struct smtp_up *up)
{
	if (up->reply.code != 334) {
		call_done(up, &up->reply);
		return;
	}
	up_enter(up, UP_AUTH);
	say_secret(up, "", false);
}

static void
took_auth(struct smtp_up *up)
{
	/* RFC 4954 6: success is 235 and nothing else. */
	if (up->reply.code == 235) {
		up_enter(up, UP_READY);
		stream_timeout(up->stream, 0, LIMIT_UPSTREAM_S);
	} else if (up->reply.code < 400) {
		up_broken(up, "an unexpected answer to AUTH");
		return;
	}
	call_done(up, &up->reply);
}

/* A reply while commands are asked. */
static void
took_answer(struct smtp_up *up)
{
	struct wait *w = TAILQ_FIRST(&up->waits);
	bool amid = up->text != NULL; /* the callback may start one */

	if (w == NULL || !w->sent) {
		up_broken(up, "a reply that nobody asked for");
		return;
	}
	if (amid && reply_class(&up->reply) < 4) {
		/* Success before the final dot would be none. */
		up_broken(up, "a reply amid the text");
		return;
	}
	answer_first(up, &up->reply);
	if (up->freed)
		return;
	/* A refusal amid the text: what follows would be taken for commands.
	 * And after 421 the server closes (RFC 5321 3.8). */
	if (amid || up->reply.code == 421)
		up_broken(up, "it closes the connection");
	else
		up_pump(up);
}

static void
took_reply(struct smtp_up *up)
{
	log_trace("smtp-upstream-reply up=%p code=%u", (void *)up,
	    up->reply.code);
	switch (up->state) {
	case UP_GREETING:
		if (up->reply.code == 220)
			say_hello(up);
		else
			up_broken(up, "no service");
		return;
	case UP_EHLO:
		took_ehlo(up);
		return;
	case UP_STARTTLS:
		took_starttls(up);
		return;
	case UP_AUTH:
		took_auth(up);
		return;
	case UP_AUTH_USER:
		took_auth_user(up);
		return;
	case UP_AUTH_PASS:
		took_auth_pass(up);
		return;
	case UP_READY:
		took_answer(up);
		return;
	case UP_CONNECT:
	case UP_TLS:
	case UP_DEAD:
		up_broken(up, "a reply that nobody asked for");
		return;
	}
}

static void
up_input(struct stream *stream, void *arg)
{
	struct smtp_up *up = arg;
	struct str in;
	size_t used;
	int rc;

	up_begin(up);
	while (up->stream != NULL && !up->freed &&
	       (in = stream_chunk(stream)).len > 0) {
		rc = reply_feed(&up->reply, in.p, in.len, &used);
		if (rc == -1) {
			up->reply.code = 0;
			up_broken(up, "what it says is not SMTP");
			break;
		}
		stream_consume(stream, used);
		if (rc == 1) {
			took_reply(up);
			reply_reset(&up->reply);
		}
	}
	up_end(up);
}

static void
up_ready(struct stream *stream, void *arg)
{
	struct smtp_up *up = arg;

	(void)stream;
	up_begin(up);
	if (up->state == UP_TLS)
		say_hello(up);
	else
		up_enter(up, UP_GREETING);
	up_end(up);
}

/* Encode and send the next piece of the text. */
static void
send_piece(struct smtp_up *up)
{
	size_t n = blob_len(up->text) - up->text_at;
	struct buf out;

	if (n > PIECE)
		n = PIECE;
	buf_init(&out, 2 * PIECE + 16);
	dotenc_feed(&up->dots, blob_data(up->text) + up->text_at, n, &out);
	up->text_at += n;
	if (up->text_at == blob_len(up->text)) {
		dotenc_end(&up->dots, &out);
		blob_unref(up->text);
		up->text = NULL;
	}
	if (!out.failed)
		stream_str(up->stream, buf_text(&out));
	if (out.failed) {
		up->reply.code = 0;
		up_broken(up, "out of memory");
	} else if (up->text != NULL) {
		stream_want_drained(up->stream);
	} else {
		stream_timeout(up->stream, LIMIT_UPSTREAM_FINAL_S,
		    LIMIT_UPSTREAM_S);
	}
	buf_clear(&out);
}

static void
up_drained(struct stream *stream, void *arg)
{
	struct smtp_up *up = arg;

	(void)stream;
	up_begin(up);
	if (up->text != NULL)
		send_piece(up);
	up_end(up);
}

static void
up_closed(struct stream *stream, const struct err *why, void *arg)
{
	struct smtp_up *up = arg;

	(void)stream;
	up_begin(up);
	up_lost(up, why);
	up_end(up);
}

/* Something was asked of a connection that is lost. */
static void
up_failing(evutil_socket_t fd, short what, void *arg)
{
	struct smtp_up *up = arg;

	(void)fd;
	(void)what;
	up_begin(up);
	while (!up->freed && !TAILQ_EMPTY(&up->waits))
		answer_first(up, NULL);
	up_end(up);
}

static const struct stream_ops up_ops = {
    .ready = up_ready,
    .input = up_input,
    .drained = up_drained,
    .closed = up_closed,
};

struct smtp_up *
smtp_up_open(struct proxy *proxy, const struct upstream *upstream,
    struct str hello, struct str user, struct str password, smtp_up_fn *done,
    void *arg, struct err *err)
{
	struct smtp_up *up;

	if ((up = calloc(1, sizeof(*up))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	up->proxy = proxy;
	up->upstream = upstream;
	up->done = done;
	up->done_arg = arg;
	TAILQ_INIT(&up->waits);
	reply_init(&up->reply);
	buf_init(&up->hello, LIMIT_SMTP_LINE);
	buf_init(&up->user, LIMIT_SMTP_LINE);
	buf_init(&up->password, LIMIT_SMTP_LINE);
	buf_str(&up->hello, hello.len > 0 ? hello : STR("[127.0.0.1]"));
	buf_str(&up->user, user);
	buf_str(&up->password, password);
	up->failing = evtimer_new(proxy->base, up_failing, up);
	if (up->hello.failed || up->user.failed || up->password.failed ||
	    up->failing == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		up_destroy(up);
		return (NULL);
	}
	up->stream =
	    upstream_connect(proxy, upstream, UPSTREAM_SMTP, &up_ops, up, err);
	if (up->stream == NULL) {
		up_destroy(up);
		return (NULL);
	}
	stream_timeout(up->stream, LIMIT_UPSTREAM_S, LIMIT_UPSTREAM_S);
	return (up);
}

void
smtp_up_free(struct smtp_up *up)
{
	if (up == NULL)
		return;
	/* Between two commands a QUIT is polite (RFC 5321 4.1.1.10); amid
	 * something only closing says that it is not to be done. */
	if (up->state == UP_READY && TAILQ_EMPTY(&up->waits)) {
		stream_printf(up->stream, "QUIT\r\n");
		stream_finish(up->stream);
		up->stream = NULL;
	}
	up->freed = true;
	if (up->depth == 0)
		up_destroy(up);
}

bool
smtp_up_alive(const struct smtp_up *up)
{
	return (up != NULL && up->state == UP_READY);
}

const struct ehlo_caps *
smtp_up_caps(const struct smtp_up *up)
{
	return (&up->caps);
}

static struct wait *
wait_add(struct smtp_up *up, smtp_up_fn *fn, void *arg)
{
	static const struct timeval now = {0, 0};
	struct wait *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->fn = fn;
	w->arg = arg;
	buf_init(&w->command, LIMIT_SMTP_LINE);
	TAILQ_INSERT_TAIL(&up->waits, w, link);
	if (up->state == UP_DEAD)
		evtimer_add(up->failing, &now);
	return (w);
}

int
smtp_up_ask(struct smtp_up *up, struct str command, smtp_up_fn *fn, void *arg)
{
	struct wait *w;

	if ((w = wait_add(up, fn, arg)) == NULL)
		return (-1);
	buf_str(&w->command, command);
	buf_puts(&w->command, "\r\n");
	if (w->command.failed) {
		wait_free(up, w);
		return (-1);
	}
	up_pump(up);
	return (0);
}

int
smtp_up_text(struct smtp_up *up, struct blob *text, smtp_up_fn *fn, void *arg)
{
	struct wait *w;

	if ((w = wait_add(up, fn, arg)) == NULL)
		return (-1);
	w->sent = true;
	if (up->state != UP_READY)
		return (0);
	up->text = blob_ref(text);
	up->text_at = 0;
	dotenc_init(&up->dots);
	stream_timeout(up->stream, 0, LIMIT_UPSTREAM_S);
	up_begin(up);
	send_piece(up);
	up_end(up);
	return (0);
}

void
smtp_up_forget(struct smtp_up *up, void *arg)
{
	struct wait *w;

	if (up == NULL)
		return;
	TAILQ_FOREACH (w, &up->waits, link)
		if (w->arg == arg)
			w->fn = NULL;
}

void
smtp_up_give_up(struct smtp_up *up, const char *why)
{
	struct err err;

	err_set(&err, ERR_PEER, "%s", why);
	up_begin(up);
	up_lost(up, &err);
	up_end(up);
}
