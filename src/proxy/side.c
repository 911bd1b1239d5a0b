#include "config.h"

#include "proxy/side.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proxy/imap_upstream.h"
#include "sys/log.h"

static const char tag[] = "w9";

/* What we are, where no client of the account said what it is. */
static const char ours[] =
    "(\"name\" \"Waxwing\" \"version\" \"" PACKAGE_VERSION "\")";

struct side {
	struct proxy *proxy;
	struct upstream *at;     /* a reference, owned */
	struct stream *stream;   /* owned; NULL once lost */
	struct uplogin *uplogin; /* owned; while logging in */
	struct caps caps;
	struct lex lex;
	struct buf in;         /* the response that is being read */
	bool within;           /* in (or gather) holds the beginning of one */
	struct gather *gather; /* owned; one for fetch */
	enum { IDLE_NOT, IDLE_ASKED, IDLE_ON, IDLE_ENDING } idle;
	bool wake;            /* as soon as it is IDLE_ON */
	bool refused;         /* the login, by the server */
	side_fetch_fn *fetch; /* NULL: data has them */
	side_data_fn *data;   /* NULL: nobody wants it */
	side_done_fn *done;   /* NULL: nothing is asked */
	void *arg;
	struct event *patience; /* runs while something is asked */
	unsigned depth;         /* entries from the event loop */
	bool freed;             /* by the owner; goes with the last entry */
};

static void
side_expect(struct side *s, bool answer)
{
	struct timeval tv = {.tv_sec = LIMIT_UPSTREAM_S};

	if (answer)
		evtimer_add(s->patience, &tv);
	else
		evtimer_del(s->patience);
}

/* Every way in from the event loop stands between these two. */
static void
side_begin(struct side *s)
{
	s->depth++;
}

static void
side_leave(struct side *s)
{
	if (--s->depth == 0 && s->freed)
		free(s);
}

/* Tell whoever waits; s may be freed afterwards. */
static void
side_end(struct side *s, const struct resp *r, const struct err *err)
{
	side_done_fn *done = s->done;

	side_expect(s, false);
	s->done = NULL;
	s->data = NULL;
	s->fetch = NULL;
	s->idle = IDLE_NOT;
	if (done != NULL)
		done(r, err, s->arg);
}

static void
side_lost(struct side *s, enum err_code code, const char *why)
{
	struct err err;

	err_set(&err, code, "%s", why);
	stream_free(s->stream);
	s->stream = NULL;
	uplogin_free(s->uplogin);
	s->uplogin = NULL;
	gather_free(s->gather);
	s->gather = NULL;
	side_end(s, NULL, &err);
}

static void
on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct side *s = arg;

	(void)fd;
	(void)what;
	side_begin(s);
	side_lost(s, ERR_TIMEOUT, "the server does not answer");
	side_leave(s);
}

static void
on_login(enum uplogin_end end, const struct resp *r, const struct err *err,
    void *arg)
{
	struct side *s = arg;
	struct err why = {0};
	struct str rest;

	if (end == UPLOGIN_DONE)
		s->caps = *uplogin_caps(s->uplogin);
	else if (end == UPLOGIN_REFUSED)
		err_set(&why,
		    str_ieq(resp_code_word(r->code, &rest), STR("UNAVAILABLE"))
		        ? ERR_UNAVAILABLE
		        : ERR_DENIED,
		    "the server refused the login: %s", log_str(r->text));
	else
		why = *err;
	s->refused = end == UPLOGIN_REFUSED;
	uplogin_free(s->uplogin);
	s->uplogin = NULL;
	if (end == UPLOGIN_DONE)
		side_end(s, r, NULL);
	else
		side_lost(s, why.code, why.text);
}

static void
idle_end(struct side *s)
{
	s->idle = IDLE_ENDING;
	stream_str(s->stream, STR("DONE\r\n"));
	side_expect(s, true);
}

static void
side_continue(struct side *s)
{
	if (s->idle != IDLE_ASKED)
		return;
	s->idle = IDLE_ON;
	side_expect(s, false);
	if (s->wake)
		idle_end(s);
}

/* A response is there as a whole. */
static void
side_take(struct side *s, const struct resp *r, struct str text)
{
	struct err err;

	if (s->uplogin != NULL) {
		uplogin_resp(s->uplogin, r);
	} else if (r->kind == RESP_STATUS && r->cond == COND_BYE) {
		side_lost(s, ERR_PEER, "the server said BYE");
	} else if (r->kind == RESP_CONTINUE) {
		side_continue(s);
	} else if (r->kind != RESP_TAGGED) {
		if (s->data != NULL)
			s->data(r, text, s->arg);
	} else if (s->done == NULL || !str_eq(r->tag, str_c(tag))) {
		side_lost(s, ERR_PEER, "answer to something not asked");
	} else if (r->cond == COND_OK) {
		side_end(s, r, NULL);
	} else {
		err_set(&err, ERR_DENIED, "the server said %s",
		    log_str(r->text));
		side_end(s, NULL, &err);
	}
}

/* A piece of a FETCH response with messages in it. */
static bool
side_gather(struct side *s, struct str in)
{
	struct gather *g = s->gather;
	enum lex_event ev;
	struct err err;
	size_t n = lex_step(&s->lex, in, &ev);

	if (n == 0)
		return (false);
	if (gather_put(g, ev, str_of(in.p, n), s->lex.left, &err) == -1) {
		side_lost(s, err.code, err.text);
		return (false);
	}
	stream_consume(s->stream, n);
	/* A large message may take its time, as long as it comes. */
	if (g->body != NULL && s->done != NULL)
		side_expect(s, true);
	if (ev != LEX_LINE)
		return (true);
	s->within = false;
	s->gather = NULL;
	if (!gather_ok(g))
		side_lost(s, ERR_PEER, "the server talks nonsense");
	else if (s->fetch != NULL)
		s->fetch(g, s->arg);
	gather_free(g);
	return (true);
}

/* Move bytes up to the end of one response into s->in; true when there. */
static bool
side_collect(struct side *s, struct str in, size_t *used)
{
	enum lex_event ev;
	size_t n;

	for (*used = 0; *used < in.len; *used += n) {
		n = lex_step(&s->lex, str_of(in.p + *used, in.len - *used),
		    &ev);
		if (n == 0)
			break;
		if (ev == LEX_LINE) {
			*used += n;
			break;
		}
		if (s->in.len + *used + n > SIDE_MAX) {
			s->in.failed = true;
			break;
		}
		ev = LEX_TEXT;
	}
	buf_put(&s->in, in.p, *used);
	return (*used > 0 && ev == LEX_LINE);
}

/* A response that is one line: its copy stays while it is told. */
static void
side_line(struct side *s, struct str line)
{
	struct resp r;

	buf_reset(&s->in);
	buf_str(&s->in, line);
	stream_consume(s->stream, line.len);
	if (resp_head(buf_text(&s->in), &r) == 1)
		side_take(s, &r, buf_text(&s->in));
}

/* Read one response, or a piece of it.  False: more has to come. */
static bool
side_read(struct side *s)
{
	struct str in = stream_peek(s->stream, SIDE_MAX);
	struct resp r;
	size_t used;
	bool whole;
	int rc;

	if (in.len == 0)
		return (false);
	if (!s->within) {
		if ((rc = resp_head(in, &r)) == 0)
			return (false);
		if (rc == -1) {
			side_lost(s, ERR_PEER, "the server talks nonsense");
			return (false);
		}
		if (resp_is_line(r.kind)) {
			side_line(s, r.line);
			return (true);
		}
		s->within = true;
		lex_init(&s->lex);
		buf_reset(&s->in);
		if (r.kind == RESP_FETCH && s->fetch != NULL &&
		    (s->gather = gather_new(r.number, true, NULL)) == NULL) {
			side_lost(s, ERR_MEMORY, "out of memory");
			return (false);
		}
	}
	if (s->gather != NULL)
		return (side_gather(s, in));
	whole = side_collect(s, in, &used);
	stream_consume(s->stream, used);
	if (s->in.failed) {
		side_lost(s, ERR_LIMIT, "a response is too long");
		return (false);
	}
	if (whole) {
		s->within = false;
		if (s->uplogin == NULL && resp_head(buf_text(&s->in), &r) == 1)
			side_take(s, &r, buf_text(&s->in));
	}
	return (used > 0);
}

static void
on_input(struct stream *st, void *arg)
{
	struct side *s = arg;

	(void)st;
	side_begin(s);
	while (s->stream != NULL && side_read(s))
		;
	side_leave(s);
}

static void
on_ready(struct stream *st, void *arg)
{
	struct side *s = arg;

	(void)st;
	side_begin(s);
	if (s->uplogin != NULL)
		uplogin_ready(s->uplogin);
	side_leave(s);
}

static void
on_closed(struct stream *st, const struct err *err, void *arg)
{
	struct side *s = arg;

	(void)st;
	side_begin(s);
	side_lost(s, err->code == ERR_OK ? ERR_PEER : err->code,
	    err->code == ERR_OK ? "the server closed" : err->text);
	side_leave(s);
}

static const struct stream_ops ops = {
    .ready = on_ready,
    .input = on_input,
    .closed = on_closed,
};

struct side *
side_open(struct account *a, side_done_fn *done, void *arg, struct err *err)
{
	struct side *s;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	s->proxy = a->proxy;
	s->at = upstream_ref(a->up);
	buf_init(&s->in, 2 * SIDE_MAX);
	s->patience = evtimer_new(a->proxy->base, on_silence, s);
	s->uplogin = uplogin_new(s->at, str_c(a->login), buf_text(&a->password),
	    on_login, s);
	if (s->patience == NULL || s->uplogin == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		side_free(s);
		return (NULL);
	}
	uplogin_introduce(s->uplogin,
	    a->id.len > 0 ? buf_text(&a->id) : str_c(ours));
	s->stream =
	    upstream_connect(a->proxy, s->at, UPSTREAM_IMAP, &ops, s, err);
	if (s->stream == NULL) {
		side_free(s);
		return (NULL);
	}
	uplogin_connect(s->uplogin, s->stream);
	s->done = done;
	s->arg = arg;
	side_expect(s, true);
	return (s);
}

void
side_fetch(struct side *s, const char *command, side_fetch_fn *fetch,
    side_data_fn *data, side_done_fn *done, void *arg)
{
	struct err err;

	s->fetch = fetch;
	s->data = data;
	s->done = done;
	s->arg = arg;
	if (s->stream == NULL) {
		err_set(&err, ERR_PEER, "the connection is lost");
		side_end(s, NULL, &err);
		return;
	}
	stream_printf(s->stream, "%s %s\r\n", tag, command);
	side_expect(s, true);
}

void
side_ask(struct side *s, const char *command, side_data_fn *data,
    side_done_fn *done, void *arg)
{
	side_fetch(s, command, NULL, data, done, arg);
}

void
side_idle(struct side *s, side_data_fn *data, side_done_fn *done, void *arg)
{
	s->idle = IDLE_ASKED;
	s->wake = false;
	side_ask(s, "IDLE", data, done, arg);
}

void
side_wake(struct side *s)
{
	s->wake = true;
	if (s->idle == IDLE_ON && s->stream != NULL)
		idle_end(s);
}

const struct caps *
side_caps(const struct side *s)
{
	return (&s->caps);
}

bool
side_refused(const struct side *s)
{
	return (s->refused);
}

void
side_free(struct side *s)
{
	if (s == NULL)
		return;
	if (s->stream != NULL) {
		if (s->uplogin == NULL)
			stream_str(s->stream, STR("w0 LOGOUT\r\n"));
		stream_finish(s->stream);
	}
	s->stream = NULL;
	uplogin_free(s->uplogin);
	s->uplogin = NULL;
	if (s->patience != NULL)
		event_free(s->patience);
	s->patience = NULL;
	upstream_unref(s->at);
	buf_clear(&s->in);
	gather_free(s->gather);
	s->gather = NULL;
	s->fetch = NULL;
	s->data = NULL;
	s->done = NULL;
	s->freed = true;
	if (s->depth == 0)
		free(s);
}
