#include "config.h"

#include "cloud/replies.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cloud/authz.h"
#include "cloud/judge.h"
#include "cloud/listen.h"
#include "cloud/replysig.h"
#include "smtp/dot.h"
#include "smtp/ehlo.h"
#include "smtp/reply.h"
#include "smtp/verb.h"
#include "sys/log.h"
#include "sys/stream.h"

#define LISTENERS 16

/* Mail servers of one domain. */
#define SESSIONS_MAX 64

/* Signatures that are being looked at, each in a thread. */
#define JOBS_MAX 16

#define IDLE_S 300

/* Stopping waits so long for a thread. */
#define STOP_MS 2000

/* A reply has one recipient; others are told to come one by one. */
#define RCPTS_MAX 10

enum state { ST_START, ST_READY, ST_MAIL, ST_RCPT, ST_DATA, ST_JUDGE };

struct replies {
	struct cloud *cloud;
	struct evconnlistener *listeners[LISTENERS];
	size_t nlisteners;
	LIST_HEAD(, session) sessions;
	unsigned nsessions, njobs;
	int pipe[2]; /* threads write pointers of finished jobs */
	struct event *done;
	bool lmtp;
	char host[CONF_HOST]; /* our name */
};

struct session {
	LIST_ENTRY(session) link;
	struct replies *r;
	struct stream *stream; /* owned */
	enum state state;
	unsigned nrcpts;
	struct dotdec dot;
	struct buf mail;
	struct job *job; /* borrowed: the thread's, or NULL */
};

/* One signature to verify.  The thread has it until it comes back through
 * the pipe; only the loop looks at session. */
struct job {
	struct session *session; /* NULL: gone meanwhile */
	struct replies *r;
	struct judged judged;
	struct buf mail;  /* owned */
	const char *keys; /* the conf's */
	int rc;
	struct err err;
};

static void
session_free(struct session *s)
{
	if (s->job != NULL)
		s->job->session = NULL;
	LIST_REMOVE(s, link);
	s->r->nsessions--;
	stream_free(s->stream);
	buf_clear(&s->mail);
	free(s);
}

static void
say(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	struct buf b;

	buf_init(&b, 1024);
	reply_print(&b, code, enhanced, str_c(text));
	stream_str(s->stream, buf_text(&b));
	buf_clear(&b);
}

/* A text that begins with its enhanced code, as verb.h has them. */
static void
say_fault(struct session *s, const struct verb_fault *f)
{
	stream_printf(s->stream, "%u %s\r\n", f->code, f->text);
}

static void
reset(struct session *s)
{
	s->state = ST_READY;
	s->nrcpts = 0;
	buf_clear(&s->mail);
}

/* After the final dot: LMTP wants an answer for each recipient (RFC 2033
 * 4.2). */
static void
finish(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	unsigned i, n = s->r->lmtp ? s->nrcpts : 1;

	for (i = 0; i < n; i++)
		say(s, code, enhanced, text);
	reset(s);
	stream_resume(s->stream);
}

static void
finish_err(struct session *s, const struct err *err)
{
	char shown[ERR_TEXT];
	bool later = err->code == ERR_UNAVAILABLE || err->code == ERR_IO ||
	             err->code == ERR_MEMORY;

	log_info("reply-refused code=%s why=%s", err_word(err->code),
	    log_str(str_c(err->text)));
	(void)err_escape(shown, sizeof(shown), str_c(err->text));
	if (later)
		finish(s, 451, "4.3.0", "try again later");
	else
		finish(s, 550, "5.7.1", shown);
}

/* It is authentic. */
static void
accept_mail(struct session *s, const struct judged *j, struct str mail)
{
	struct err err;

	if (judge_answer(s->r->cloud, mail, j, &err) != 0)
		finish_err(s, &err);
	else
		finish(s, 250, "2.0.0", "taken");
}

static void
job_free(struct job *j)
{
	buf_clear(&j->mail);
	free(j);
}

static void *
job_run(void *arg)
{
	struct job *j = arg;
	ssize_t n;

	j->rc = replysig_check(buf_text(&j->mail), str_c(j->judged.domain),
	    j->keys, &j->err);
	n = write(j->r->pipe[1], &j, sizeof(j));
	(void)n; /* a pointer fits into the pipe: there are few */
	return (NULL);
}

static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct replies *r = arg;
	struct session *s;
	struct job *j;

	(void)what;
	while (read(fd, &j, sizeof(j)) == (ssize_t)sizeof(j)) {
		r->njobs--;
		if ((s = j->session) != NULL) {
			s->job = NULL;
			if (j->rc != 0)
				finish_err(s, &j->err);
			else
				accept_mail(s, &j->judged, buf_text(&j->mail));
		}
		job_free(j);
	}
}

/* Verify its DKIM signature in a thread: that may wait for the DNS. */
static int
job_start(struct session *s, const struct judged *judged)
{
	struct replies *r = s->r;
	pthread_attr_t attr;
	pthread_t thread;
	struct job *j;
	int rc;

	if (r->njobs >= JOBS_MAX || (j = calloc(1, sizeof(*j))) == NULL)
		return (-1);
	j->session = s;
	j->r = r;
	j->judged = *judged;
	j->mail = s->mail; /* handed over */
	buf_init(&s->mail, REPLY_MAIL_MAX);
	j->keys = conf_str(r->cloud->conf, "reply", "dkim_keys");
	if ((rc = pthread_attr_init(&attr)) == 0) {
		(void)pthread_attr_setdetachstate(&attr,
		    PTHREAD_CREATE_DETACHED);
		rc = pthread_create(&thread, &attr, job_run, j);
		(void)pthread_attr_destroy(&attr);
	}
	if (rc != 0) {
		job_free(j);
		return (-1);
	}
	s->job = j;
	r->njobs++;
	return (0);
}

/* The whole mail is there. */
static void
judge(struct session *s)
{
	struct judged j;
	struct err err;

	s->state = ST_JUDGE;
	/* what the client sends meanwhile can wait */
	stream_pause(s->stream);
	if (s->mail.failed) {
		finish(s, 552, "5.3.4", "the mail is too large for a reply");
		return;
	}
	if (judge_fields(s->r->cloud, buf_text(&s->mail), &j, &err) != 0) {
		finish_err(s, &err);
		return;
	}
	if (j.authentic)
		accept_mail(s, &j, buf_text(&s->mail));
	else if (job_start(s, &j) != 0)
		finish(s, 451, "4.3.2", "too busy, try again later");
}

static void
on_ehlo(struct session *s, bool extended)
{
	struct ehlo_offer offer = {.host = str_c(s->r->host),
	    .size = REPLY_MAIL_MAX,
	    .pipelining = true,
	    .eightbit = true,
	    .enhanced = true};
	struct buf b;

	reset(s);
	if (!extended) {
		say(s, 250, "", s->r->host);
		return;
	}
	buf_init(&b, 2048);
	ehlo_print(&b, &offer);
	stream_str(s->stream, buf_text(&b));
	buf_clear(&b);
}

static void
on_rcpt(struct session *s, struct str path)
{
	if (!authz_is_sender(s->r->cloud, path))
		say(s, 550, "5.1.1", "no such mailbox here");
	else if (s->nrcpts == RCPTS_MAX)
		say(s, 452, "4.5.3", "too many recipients");
	else {
		s->nrcpts++;
		s->state = ST_RCPT;
		say(s, 250, "2.1.5", "ok");
	}
}

static void
on_verb(struct session *s, const struct verb_line *v)
{
	static const struct verb_fault order = {503, "5.5.1 Not now"};

	switch (v->code) {
	case VERB_EHLO:
	case VERB_HELO:
		on_ehlo(s, v->code == VERB_EHLO);
		return;
	case VERB_MAIL:
		if (s->state != ST_READY) {
			say_fault(s, &order);
			return;
		}
		if (v->size > REPLY_MAIL_MAX) {
			say(s, 552, "5.3.4", "too large for a reply");
			return;
		}
		s->state = ST_MAIL;
		say(s, 250, "2.1.0", "ok");
		return;
	case VERB_RCPT:
		if (s->state == ST_MAIL || s->state == ST_RCPT)
			on_rcpt(s, v->path);
		else
			say_fault(s, &order);
		return;
	case VERB_DATA:
		if (s->state != ST_RCPT) {
			say_fault(s, &order);
			return;
		}
		s->state = ST_DATA;
		dotdec_init(&s->dot);
		buf_init(&s->mail, REPLY_MAIL_MAX);
		say(s, 354, "", "end with a dot on a line of its own");
		return;
	case VERB_RSET:
		if (s->state != ST_START)
			reset(s);
		say(s, 250, "2.0.0", "ok");
		return;
	case VERB_NOOP:
		say(s, 250, "2.0.0", "ok");
		return;
	case VERB_VRFY:
		say(s, 252, "2.5.0", "send it and see");
		return;
	case VERB_HELP:
		say(s, 214, "2.0.0", "replies to challenges are taken here");
		return;
	case VERB_QUIT: /* in on_input(), which must let go of the stream */
	case VERB_STARTTLS:
	case VERB_AUTH:
		say(s, 502, "5.5.1", "not offered here");
		return;
	}
}

/* One line; false once the session is over. */
static bool
on_line(struct session *s, struct str line)
{
	struct verb_fault fault;
	struct verb_line v;
	char ehlo[LIMIT_SMTP_LINE];

	/* LMTP's LHLO is EHLO in all but the name (RFC 2033 4.1) */
	if (s->r->lmtp && str_istarts(line, STR("LHLO ")) &&
	    line.len < sizeof(ehlo)) {
		memcpy(ehlo, line.p, line.len);
		ehlo[0] = 'E';
		ehlo[1] = 'H';
		line.p = ehlo;
	}
	if (verb_parse(line, &v, &fault) != 0) {
		say_fault(s, &fault);
		return (true);
	}
	if (v.code == VERB_QUIT) {
		say(s, 221, "2.0.0", "bye");
		stream_finish(s->stream);
		s->stream = NULL;
		session_free(s);
		return (false);
	}
	on_verb(s, &v);
	return (true);
}

static void
on_data(struct session *s)
{
	struct str in = stream_peek(s->stream, SIZE_MAX);
	size_t used = 0;
	int rc;

	rc = dotdec_feed(&s->dot, in.p, in.len, &s->mail, &used);
	stream_consume(s->stream, used);
	if (rc == 1)
		judge(s);
}

static void
on_input(struct stream *stream, void *arg)
{
	struct session *s = arg;
	struct str in, line;
	size_t len;
	bool alive;

	while (s->state != ST_JUDGE && stream_input_len(stream) > 0) {
		if (s->state == ST_DATA) {
			on_data(s);
			if (s->state == ST_DATA)
				return;
			continue;
		}
		in = stream_peek(stream, LIMIT_SMTP_LINE);
		len = str_find(in, '\n');
		if (len == in.len && in.len < LIMIT_SMTP_LINE)
			return;
		if (len == in.len) {
			say(s, 500, "5.5.2", "the line is too long");
			stream_finish(stream);
			s->stream = NULL;
			session_free(s);
			return;
		}
		line = str_of(in.p, len);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		alive = on_line(s, line);
		if (!alive)
			return;
		stream_consume(stream, len + 1);
	}
}

static void
on_ready(struct stream *stream, void *arg)
{
	struct session *s = arg;

	stream_printf(stream, "220 %s %s\r\n", s->r->host,
	    s->r->lmtp ? "LMTP" : "ESMTP");
}

static void
on_closed(struct stream *stream, const struct err *err, void *arg)
{
	(void)stream;
	(void)err;
	session_free(arg);
}

static const struct stream_ops ops = {on_ready, on_input, NULL, on_closed};

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int salen, void *arg)
{
	struct replies *r = arg;
	struct session *s;
	struct err err;

	(void)l;
	(void)sa;
	(void)salen;
	if (r->nsessions >= SESSIONS_MAX ||
	    (s = calloc(1, sizeof(*s))) == NULL) {
		(void)close(fd);
		return;
	}
	s->r = r;
	buf_init(&s->mail, REPLY_MAIL_MAX);
	s->stream = stream_accept(r->cloud->base, fd, NULL, &ops, s, &err);
	if (s->stream == NULL) {
		free(s);
		return;
	}
	stream_timeout(s->stream, IDLE_S, IDLE_S);
	LIST_INSERT_HEAD(&r->sessions, s, link);
	r->nsessions++;
}

static int
listen_at(struct replies *r, struct str word, struct err *err)
{
	if (r->nlisteners < LISTENERS &&
	    (r->listeners[r->nlisteners] =
	            listen_tcp(r->cloud->base, word, on_accept, r)) != NULL) {
		r->nlisteners++;
		return (0);
	}
	err_set(err, ERR_IO, "cannot listen for replies on %.*s", (int)word.len,
	    word.p);
	return (-1);
}

struct replies *
replies_new(struct cloud *c, struct err *err)
{
	const char *from = conf_str(c->conf, "mail", "from");
	struct replies *r;
	struct str word;
	size_t pos = 0;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for replies");
		return (NULL);
	}
	r->cloud = c;
	r->pipe[0] = r->pipe[1] = -1;
	LIST_INIT(&r->sessions);
	r->lmtp = strcmp(conf_str(c->conf, "reply", "protocol"), "lmtp") == 0;
	(void)snprintf(r->host, sizeof(r->host), "%s", strrchr(from, '@') + 1);
	if (pipe(r->pipe) != 0 ||
	    evutil_make_socket_nonblocking(r->pipe[0]) != 0 ||
	    evutil_make_socket_closeonexec(r->pipe[0]) != 0 ||
	    evutil_make_socket_closeonexec(r->pipe[1]) != 0 ||
	    (r->done = event_new(c->base, r->pipe[0], EV_READ | EV_PERSIST,
	         on_done, r)) == NULL ||
	    event_add(r->done, NULL) != 0) {
		err_set(err, ERR_MEMORY, "no memory for replies");
		goto fail;
	}
	while (conf_word(conf_str(c->conf, "reply", "listen"), &pos, &word))
		if (listen_at(r, word, err) != 0)
			goto fail;
	return (r);
fail:
	replies_free(r);
	return (NULL);
}

/* Is a thread finished within a moment? */
static bool
wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return (poll(&p, 1, STOP_MS) == 1);
}

void
replies_free(struct replies *r)
{
	struct session *s;
	struct job *j;
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->nlisteners; i++)
		evconnlistener_free(r->listeners[i]);
	while ((s = LIST_FIRST(&r->sessions)) != NULL)
		session_free(s);
	if (r->done != NULL)
		event_free(r->done);
	/* threads still have theirs; a look-up ends by itself in seconds */
	while (r->njobs > 0 && r->pipe[0] >= 0 && wait_readable(r->pipe[0]) &&
	       read(r->pipe[0], &j, sizeof(j)) == (ssize_t)sizeof(j)) {
		job_free(j);
		r->njobs--;
	}
	if (r->njobs > 0)
		return; /* the process ends; what a thread holds stays */
	if (r->pipe[0] >= 0)
		(void)close(r->pipe[0]);
	if (r->pipe[1] >= 0)
		(void)close(r->pipe[1]);
	free(r);
}
