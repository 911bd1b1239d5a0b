/*
 * Events and ownership.  All callbacks to the owner are made from work(),
 * which only an event enters: what a call of the owner leaves to do is done
 * when the loop comes back through ev_soon.
 */

#include "config.h"

#include "sys/stream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/stream_priv.h"

/* How much one stream may read before the others have their turn. */
#define READ_BUDGET (256UL * 1024)

/* Seconds until the next address of a name is tried. */
#define TRY_S 10

void
stream_fail(struct stream *s, enum err_code code, const char *fmt, ...)
{
	char text[sizeof(s->err.text)];
	va_list ap;

	if (s->state == STREAM_DEAD)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&s->err, code, "%s", text);
	s->state = STREAM_DEAD;
	stream_soon(s);
}

/* io_* filled err. */
static void
broken(struct stream *s)
{
	if (s->state == STREAM_DEAD)
		return;
	s->state = STREAM_DEAD;
	stream_soon(s);
}

void
stream_soon(struct stream *s)
{
	if (s->soon)
		return;
	s->soon = true;
	event_active(&s->ev_soon, EV_TIMEOUT, 0);
}

/* Come back after the loop has looked at all other sockets. */
static void
later(struct stream *s)
{
	struct timeval now = {0};

	if (s->soon)
		return;
	s->soon = true;
	(void)event_add(&s->ev_soon, &now);
}

static void
set_deadline(struct stream *s, unsigned seconds)
{
	struct timeval tv = {.tv_sec = (time_t)seconds};

	(void)event_add(&s->ev_deadline, &tv);
}

static void
clear_deadline(struct stream *s)
{
	(void)event_del(&s->ev_deadline);
}

/* Those that no owner knows any more. */
static LIST_HEAD(, stream) finishing = LIST_HEAD_INITIALIZER(finishing);

/* Free all, in no callback of this stream. */
static void
destroy(struct stream *s)
{
	if (s->listed)
		LIST_REMOVE(s, link);
	(void)event_del(&s->ev_soon);
	(void)event_del(&s->ev_deadline);
	stream_unbind(s);
	dial_free(s->dial);
	SSL_free(s->ssl);
	if (s->in != NULL)
		evbuffer_free(s->in);
	if (s->out != NULL)
		evbuffer_free(s->out);
	if (s->clear != NULL)
		evbuffer_free(s->clear);
	free(s);
}

/* STARTING: send what is left in clear, shake hands, open. */
static void
start(struct stream *s)
{
	enum io io = IO_DONE;

	if (s->clear != NULL) {
		io = io_write(s, s->clear);
		if (io == IO_DONE) {
			evbuffer_free(s->clear);
			s->clear = NULL;
		}
	}
	if (io == IO_DONE && s->ssl != NULL) {
		if (SSL_get_rfd(s->ssl) != s->fd &&
		    SSL_set_fd(s->ssl, s->fd) != 1) {
			stream_fail(s, ERR_MEMORY, "cannot start TLS");
			return;
		}
		io = io_handshake(s);
	}
	s->hs_wait = io;
	if (io == IO_ERR) {
		broken(s);
		return;
	}
	if (io != IO_DONE)
		return;
	clear_deadline(s);
	s->state = STREAM_OPEN;
	s->owe_ready = true;
	/* the peer's first words may have come with its last handshake */
	s->more = s->ssl != NULL && SSL_has_pending(s->ssl) == 1;
}

/* OPEN: read. */
static void
fill(struct stream *s)
{
	enum io io;

	io = io_read(s, READ_BUDGET);
	/* what is left in the socket makes it readable; in OpenSSL, not */
	s->more = io == IO_DONE && s->ssl != NULL;
	if (s->more)
		later(s);
	if (io == IO_EOF)
		s->eof = true;
	if (io == IO_ERR)
		broken(s);
}

/* OPEN or FINISHING: write what there is. */
static void
flush(struct stream *s)
{
	struct err why;
	enum io io;

	if (s->write_blocked || evbuffer_get_length(s->out) == 0)
		return;
	io = io_write(s, s->out);
	s->write_blocked = io == IO_WRITE;
	if (io != IO_ERR)
		return;
	/* the peer's last words, which say why it closed, may lie there */
	why = s->err;
	if (s->ssl == NULL && s->state == STREAM_OPEN && !s->paused && !s->eof)
		(void)io_read(s, READ_BUDGET);
	s->err = why;
	broken(s);
}

/* FINISHING: read and forget until the peer has closed too, so that the
 * kernel does not answer its last bytes with a reset that eats ours. */
static void
finish(struct stream *s, bool readable)
{
	enum io io = IO_READ;

	if (evbuffer_get_length(s->out) == 0 && !s->shut) {
		io_shut(s);
		s->shut = true;
	}
	if ((readable || s->more) && s->shut) {
		io = io_read(s, READ_BUDGET);
		s->more = io == IO_DONE && s->ssl != NULL;
		if (s->more)
			later(s);
		(void)evbuffer_drain(s->in, evbuffer_get_length(s->in));
	}
	if (io == IO_EOF || io == IO_ERR || (s->shut && s->eof))
		s->freed = true;
}

static void
give_input(struct stream *s)
{
	if (!s->owe_input || s->owe_ready || s->paused || s->freed || s->told ||
	    s->state == STREAM_STARTING || s->state == STREAM_FINISHING)
		return;
	s->owe_input = false;
	if (evbuffer_get_length(s->in) > 0)
		s->ops->input(s, s->arg);
}

/* The peer has closed, and the owner has seen all that came before. */
static void
end(struct stream *s)
{
	s->state = STREAM_DEAD;
	if (s->cut && evbuffer_get_length(s->in) > 0)
		err_set(&s->err, ERR_PEER, "connection cut without end of TLS");
	else
		err_set(&s->err, ERR_OK, "closed by the peer");
}

/* Tell the owner what there is to tell.  Each step may have ended all. */
static void
deliver(struct stream *s)
{
	if (s->owe_ready && s->state == STREAM_OPEN) {
		s->owe_ready = false;
		s->ops->ready(s, s->arg);
	}
	give_input(s);
	if (s->state == STREAM_OPEN && !s->freed)
		flush(s);
	if (s->want_drained && s->state == STREAM_OPEN && !s->freed &&
	    evbuffer_get_length(s->out) == 0) {
		s->want_drained = false;
		if (s->ops->drained != NULL)
			s->ops->drained(s, s->arg);
		if (s->state == STREAM_OPEN && !s->freed)
			flush(s);
		/* all went at once: no socket will say that it is writable */
		if (s->want_drained && s->state == STREAM_OPEN && !s->freed &&
		    evbuffer_get_length(s->out) == 0)
			later(s);
	}
	if (s->eof && s->state == STREAM_OPEN && !s->paused)
		end(s);
	if (s->state == STREAM_DEAD)
		give_input(s);
	if (s->state == STREAM_DEAD && !s->freed && !s->told) {
		s->told = true;
		clear_deadline(s);
		s->ops->closed(s, &s->err, s->arg);
	}
}

/* Start, stop or retime the watch for one direction. */
static void
watch(struct event *ev, bool *has, bool want, bool retime, time_t seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	/* a persistent event keeps its timeout until it is removed by name */
	if (*has && (!want || retime))
		(void)event_remove_timer(ev);
	if (*has && !want)
		(void)event_del(ev);
	if (want && (!*has || retime))
		(void)event_add(ev, seconds > 0 ? &tv : NULL);
	*has = want;
}

/* Listen for what is wanted now. */
static void
listen_for(struct stream *s)
{
	time_t rs = 0, ws = 0;
	bool r = false, w = false;

	if (s->fd < 0)
		return;
	switch (s->state) {
	case STREAM_RESOLVING:
	case STREAM_DEAD:
		break;
	case STREAM_CONNECTING:
		w = true;
		ws = TRY_S;
		break;
	case STREAM_STARTING:
		r = s->hs_wait == IO_READ;
		w = s->hs_wait == IO_WRITE;
		break;
	case STREAM_OPEN:
		r = (!s->paused && !s->eof) || s->write_wants_read;
		w = s->write_blocked ||
		    (s->read_wants_write && !s->paused && !s->eof);
		rs = (time_t)s->read_s;
		ws = (time_t)s->write_s;
		break;
	case STREAM_FINISHING:
		r = s->shut || s->write_wants_read;
		w = s->write_blocked;
		break;
	}
	watch(&s->ev_read, &s->has_read, r, s->retime, rs);
	watch(&s->ev_write, &s->has_write, w, s->retime, ws);
	s->retime = false;
}

/* The one way in from the loop. */
static void
work(struct stream *s, bool readable, bool writable)
{
	enum stream_state was = s->state;

	s->busy = true;
	if (writable)
		s->write_blocked = false;
	if (s->state == STREAM_CONNECTING && writable)
		dial_connected(s, false);
	if (s->state == STREAM_RESOLVING && dial_ready(s->dial))
		dial_next(s);
	if (s->state == STREAM_STARTING)
		start(s);
	if (s->state == STREAM_OPEN && !s->paused && !s->eof &&
	    (readable || s->more || (writable && s->read_wants_write)))
		fill(s);
	if (s->state == STREAM_FINISHING) {
		flush(s);
		if (s->state == STREAM_FINISHING)
			finish(s, readable);
		else
			s->freed = true;
	} else
		deliver(s);
	s->busy = false;
	if (s->freed) {
		destroy(s);
		return;
	}
	/* each state has its own timeouts */
	if (was != s->state)
		s->retime = true;
	listen_for(s);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	if ((what & EV_TIMEOUT) == 0) {
		work(s, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
		return;
	}
	if (s->state == STREAM_CONNECTING) {
		s->has_write = false;
		dial_connected(s, true);
	} else
		stream_fail(s, ERR_TIMEOUT, "timeout");
	work(s, false, false);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	s->soon = false;
	work(s, false, false);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	if (s->state == STREAM_FINISHING) {
		destroy(s);
		return;
	}
	stream_fail(s, ERR_TIMEOUT, "%s",
	    s->state == STREAM_STARTING ? "timeout in the TLS handshake"
	                                : "timeout while connecting");
	work(s, false, false);
}

void
stream_bind(struct stream *s, int fd)
{
	s->fd = fd;
	(void)event_assign(&s->ev_read, s->base, fd, EV_READ | EV_PERSIST,
	    on_socket, s);
	(void)event_assign(&s->ev_write, s->base, fd, EV_WRITE | EV_PERSIST,
	    on_socket, s);
}

void
stream_unbind(struct stream *s)
{
	if (s->fd < 0)
		return;
	(void)event_del(&s->ev_read);
	(void)event_del(&s->ev_write);
	s->has_read = s->has_write = false;
	(void)close(s->fd);
	s->fd = -1;
}

static struct stream *
new_stream(struct event_base *base, const struct stream_ops *ops, void *arg,
    struct err *err)
{
	struct stream *s;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a connection");
		return (NULL);
	}
	s->base = base;
	s->ops = ops;
	s->arg = arg;
	s->fd = -1;
	(void)event_assign(&s->ev_soon, base, -1, 0, on_soon, s);
	(void)event_assign(&s->ev_deadline, base, -1, 0, on_deadline, s);
	if ((s->in = evbuffer_new()) == NULL ||
	    (s->out = evbuffer_new()) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a connection");
		destroy(s);
		return (NULL);
	}
	set_deadline(s, LIMIT_CONNECT_S);
	return (s);
}

struct stream *
stream_accept(struct event_base *base, int fd, SSL_CTX *ctx,
    const struct stream_ops *ops, void *arg, struct err *err)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct stream *s;

	if ((s = new_stream(base, ops, arg, err)) == NULL) {
		(void)close(fd);
		return (NULL);
	}
	stream_bind(s, fd);
	s->state = STREAM_STARTING;
	if (stream_socket_options(fd) != 0 ||
	    getpeername(fd, (struct sockaddr *)&ss, &len) != 0) {
		err_set(err, ERR_IO, "accept: %s", strerror(errno));
		destroy(s);
		return (NULL);
	}
	stream_set_peer(s, (const struct sockaddr *)&ss);
	if (ctx != NULL && io_tls(s, ctx, true, NULL, err) != 0) {
		destroy(s);
		return (NULL);
	}
	stream_soon(s);
	return (s);
}

struct stream *
stream_connect(struct event_base *base, struct resolv *resolv, const char *host,
    uint16_t port, SSL_CTX *ctx, const struct stream_ops *ops, void *arg,
    struct err *err)
{
	struct stream *s;

	if ((s = new_stream(base, ops, arg, err)) == NULL)
		return (NULL);
	s->state = STREAM_RESOLVING;
	(void)snprintf(s->peer, sizeof(s->peer), "%.50s:%u", host,
	    (unsigned)port);
	if ((ctx != NULL && io_tls(s, ctx, false, host, err) != 0) ||
	    (s->dial = dial_new(s, resolv, host, port, err)) == NULL) {
		destroy(s);
		return (NULL);
	}
	stream_soon(s);
	return (s);
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	if (s->busy)
		s->freed = true;
	else
		destroy(s);
}

void
stream_finish(struct stream *s)
{
	if (s == NULL || s->freed || s->listed)
		return;
	/* never opened, or broken: nothing can be sent */
	if (s->fd < 0 || s->clear != NULL ||
	    (s->state == STREAM_STARTING && s->ssl != NULL) ||
	    (s->state == STREAM_DEAD && s->err.code != ERR_OK)) {
		stream_free(s);
		return;
	}
	s->state = STREAM_FINISHING;
	LIST_INSERT_HEAD(&finishing, s, link);
	s->listed = true;
	s->want_drained = false;
	s->retime = true;
	set_deadline(s, LIMIT_FINISH_S);
	stream_soon(s);
}

bool
streams_finished(void)
{
	const struct stream *s;

	LIST_FOREACH (s, &finishing, link)
		if (!s->shut)
			return (false);
	return (true);
}

void
streams_abandon(void)
{
	struct stream *s;

	while ((s = LIST_FIRST(&finishing)) != NULL)
		destroy(s);
}

/* Both directions of STARTTLS. */
static int
starttls(struct stream *s, SSL_CTX *ctx, bool server, const char *host,
    struct err *err)
{
	if (s->state != STREAM_OPEN || s->ssl != NULL || s->eof) {
		err_set(err, ERR_PEER, "TLS cannot start here");
		return (-1);
	}
	if (evbuffer_get_length(s->out) > 0) {
		s->clear = s->out;
		if ((s->out = evbuffer_new()) == NULL) {
			s->out = s->clear;
			s->clear = NULL;
			err_set(err, ERR_MEMORY, "cannot start TLS");
			return (-1);
		}
	}
	if (io_tls(s, ctx, server, host, err) != 0) {
		/* the caller closes; what it wrote still goes out in clear */
		if (s->clear != NULL) {
			(void)evbuffer_prepend_buffer(s->out, s->clear);
			evbuffer_free(s->clear);
			s->clear = NULL;
		}
		return (-1);
	}
	(void)evbuffer_drain(s->in, evbuffer_get_length(s->in));
	s->owe_input = s->more = s->write_blocked = false;
	s->state = STREAM_STARTING;
	s->hs_wait = IO_DONE;
	s->retime = true;
	set_deadline(s, LIMIT_CONNECT_S);
	stream_soon(s);
	return (0);
}

int
stream_starttls_server(struct stream *s, SSL_CTX *ctx, struct err *err)
{
	return (starttls(s, ctx, true, NULL, err));
}

int
stream_starttls_client(struct stream *s, SSL_CTX *ctx, const char *host,
    struct err *err)
{
	return (starttls(s, ctx, false, host, err));
}

bool
stream_has_tls(const struct stream *s)
{
	return (s->tls);
}

/* After a change of out. */
void
stream_wrote(struct stream *s, bool ok)
{
	if (!ok) {
		/* a gap in what is sent would be worse than an end */
		stream_fail(s, ERR_MEMORY, "no memory to write");
		return;
	}
	/* work() flushes after the callback it is in; a blocked socket will
	 * say when */
	if (!s->busy && !s->write_blocked && s->state == STREAM_OPEN)
		stream_soon(s);
}

void
stream_want_drained(struct stream *s)
{
	s->want_drained = true;
	if (evbuffer_get_length(s->out) == 0)
		stream_soon(s);
}

void
stream_pause(struct stream *s)
{
	s->paused = true;
	if (s->has_read && !s->busy)
		listen_for(s);
}

void
stream_resume(struct stream *s)
{
	if (!s->paused)
		return;
	s->paused = false;
	if (evbuffer_get_length(s->in) > 0)
		s->owe_input = true;
	/* what lies inside OpenSSL makes no socket readable */
	if (s->ssl != NULL && s->tls && SSL_has_pending(s->ssl) == 1)
		s->more = true;
	stream_soon(s);
}

void
stream_timeout(struct stream *s, unsigned read_s, unsigned write_s)
{
	s->read_s = read_s;
	s->write_s = write_s;
	s->retime = true;
	if (!s->busy)
		listen_for(s);
}

const char *
stream_peer(const struct stream *s)
{
	return (s->peer);
}

bool
stream_peer_is_loopback(const struct stream *s)
{
	return (s->peer_loopback);
}
