#include "config.h"

#include "sys/ipc.h"

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/memfd.h"
#include "sys/pending.h"

/* op, flags, number of descriptors, id: big-endian */
#define HEAD        8
#define FLAG_ANSWER 0x01

/* Records handled for one wake-up, so that one link cannot starve others. */
#define BURST 16

/* The kernel counts descriptors in flight per user and then says "not now"
 * without a way to wait for better times: look again after this long. */
#define RETRY_US 20000

/* A record that the socket did not take yet. */
struct out {
	TAILQ_ENTRY(out) next;
	int fds[LIMIT_RECORD_FDS]; /* owned copies */
	size_t nfds;
	size_t len;
	char data[];
};

struct ipc {
	struct event *readable; /* owned */
	struct event *writable; /* owned */
	struct event *later;    /* owned: report death, or try to write again */
	struct pending *asked;  /* owned */
	TAILQ_HEAD(, out) queue;
	size_t queued;
	size_t unanswered; /* the peer's requests that wait for us */
	size_t owed;       /* ours that the peer has not answered */
	uint64_t heard;    /* monotonic ms: since then it owes and is silent */
	int fd;            /* owned; -1: dead */
	char name[64];
	const uint16_t *allow;
	ipc_request_fn *request;
	ipc_dead_fn *dead_fn;
	void *arg;
	unsigned busy;     /* callbacks on the stack */
	bool freed;        /* ipc_free() came while busy */
	bool reported;     /* dead_fn was called */
	struct err reason; /* of death */
	char in[HEAD + LIMIT_RECORD];
};

static void
put16(char *p, uint16_t v)
{
	p[0] = (char)(v >> 8);
	p[1] = (char)(v & 0xff);
}

static void
put32(char *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)(v & 0xffff));
}

static uint16_t
get16(const char *p)
{
	return ((uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]));
}

static uint32_t
get32(const char *p)
{
	return ((uint32_t)get16(p) << 16 | get16(p + 2));
}

static void
close_fds(int *fds, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fds[i] != -1)
			close(fds[i]);
}

static void
out_free(struct out *o)
{
	close_fds(o->fds, o->nfds);
	free(o);
}

static void
destroy(struct ipc *l)
{
	struct out *o;

	while ((o = TAILQ_FIRST(&l->queue)) != NULL) {
		TAILQ_REMOVE(&l->queue, o, next);
		out_free(o);
	}
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->writable != NULL)
		event_free(l->writable);
	if (l->later != NULL)
		event_free(l->later);
	pending_free(l->asked);
	if (l->fd != -1)
		close(l->fd);
	free(l);
}

static void
enter(struct ipc *l)
{
	l->busy++;
}

/* False if the link was freed meanwhile: it must not be touched again. */
static bool
leave(struct ipc *l)
{
	if (--l->busy == 0 && l->freed) {
		destroy(l);
		return (false);
	}
	return (!l->freed);
}

/*
 * Stop all traffic.  Whoever waits is told from the event loop, never from
 * inside the call that met the error.
 */
static void
die(struct ipc *l, const struct err *why)
{
	if (l->fd == -1)
		return;
	event_del(l->readable);
	event_del(l->writable);
	close(l->fd);
	l->fd = -1;
	l->reason = *why;
	event_active(l->later, EV_TIMEOUT, 0);
}

static void
die_of(struct ipc *l, enum err_code code, const char *what)
{
	struct err err;

	err_set(&err, code, "link to %s: %s", l->name, what);
	die(l, &err);
}

/* All that the peer owed fails, then the owner learns of it, once. */
static void
report_death(struct ipc *l)
{
	struct err err;

	if (l->reported)
		return;
	l->reported = true;
	err_set(&err, ERR_UNAVAILABLE, "%s", l->reason.text);
	pending_fail(l->asked, &err);
	if (!l->freed && l->dead_fn != NULL)
		l->dead_fn(l, &l->reason, l->arg);
}

enum sent { SENT, NOT_NOW, SOON, FAILED };

static enum sent
send_record(int fd, const char *data, size_t len, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * LIMIT_RECORD_FDS)];
	} control;
	struct iovec iov;
	struct msghdr msg = {0};
	struct cmsghdr *c;

	memcpy(&iov.iov_base, &data, sizeof(data)); /* sendmsg only reads */
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		if ((c = CMSG_FIRSTHDR(&msg)) == NULL)
			return (FAILED);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	for (;;) {
		if (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) != -1)
			return (SENT);
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN)
			return (NOT_NOW);
		if (errno == ETOOMANYREFS || errno == ENOBUFS ||
		    errno == ENOMEM)
			return (SOON);
		return (FAILED);
	}
}

/* Arrange that the queue is tried again. */
static void
wait_to_write(struct ipc *l, enum sent why)
{
	struct timeval tv = {.tv_usec = RETRY_US};

	if (why == SOON)
		event_add(l->later, &tv);
	else
		event_add(l->writable, NULL);
}

static void
flush(struct ipc *l)
{
	struct out *o;
	enum sent s;

	while (l->fd != -1 && (o = TAILQ_FIRST(&l->queue)) != NULL) {
		s = send_record(l->fd, o->data, o->len, o->fds, o->nfds);
		if (s == FAILED) {
			die_of(l, ERR_UNAVAILABLE, strerror(errno));
			return;
		}
		if (s != SENT) {
			wait_to_write(l, s);
			return;
		}
		TAILQ_REMOVE(&l->queue, o, next);
		l->queued--;
		out_free(o);
	}
}

/* Keep a record until the socket takes it; descriptors are duplicated. */
static int
enqueue(struct ipc *l, const char *data, size_t len, const int *fds,
    size_t nfds)
{
	struct out *o;

	if (l->queued >= LIMIT_LINK_BACKLOG ||
	    (o = malloc(sizeof(*o) + len)) == NULL)
		return (-1);
	memcpy(o->data, data, len);
	o->len = len;
	for (o->nfds = 0; o->nfds < nfds; o->nfds++) {
		o->fds[o->nfds] = fcntl(fds[o->nfds], F_DUPFD_CLOEXEC, 0);
		if (o->fds[o->nfds] == -1) {
			out_free(o);
			return (-1);
		}
	}
	TAILQ_INSERT_TAIL(&l->queue, o, next);
	l->queued++;
	return (0);
}

/* Send or queue.  -1 if the record cannot go (the link may be dead then). */
static int
post(struct ipc *l, uint16_t op, uint8_t flags, uint32_t id, struct str body,
    const int *fds, size_t nfds)
{
	char data[HEAD + LIMIT_RECORD];
	enum sent s = NOT_NOW;
	size_t len = HEAD + body.len;

	put16(data, op);
	data[2] = (char)flags;
	data[3] = (char)nfds;
	put32(data + 4, id);
	if (body.len > 0)
		memcpy(data + HEAD, body.p, body.len);
	if (TAILQ_EMPTY(&l->queue))
		s = send_record(l->fd, data, len, fds, nfds);
	if (s == SENT)
		return (0);
	if (s == FAILED) {
		die_of(l, ERR_UNAVAILABLE, strerror(errno));
		return (-1);
	}
	if (enqueue(l, data, len, fds, nfds) == -1)
		return (-1);
	if (l->queued == 1)
		wait_to_write(l, s);
	return (0);
}

/* Is there room for this in a record? */
static bool
fits(struct str body, size_t nfds)
{
	return (body.len <= LIMIT_RECORD && nfds <= LIMIT_RECORD_FDS);
}

static bool
may_ask(const struct ipc *l, uint16_t op)
{
	const uint16_t *a;

	for (a = l->allow; a != NULL && *a != 0; a++)
		if (*a == op)
			return (true);
	return (false);
}

static void
handle_request(struct ipc *l, struct ipc_msg *msg)
{
	struct err err;

	if (!may_ask(l, msg->op)) {
		err_set(&err, ERR_PEER,
		    "link to %s: operation %u is not for this link", l->name,
		    msg->op);
		die(l, &err);
		return;
	}
	if (msg->id != 0 && ++l->unanswered > LIMIT_LINK_BACKLOG) {
		die_of(l, ERR_PEER, "too many requests at once");
		return;
	}
	l->request(l, msg, l->arg);
}

/* One record, with its descriptors in fds. */
static void
handle(struct ipc *l, size_t len, int *fds, size_t nfds)
{
	struct ipc_msg msg = {0};
	uint8_t flags;

	if (len < HEAD || (uint8_t)l->in[3] != nfds) {
		die_of(l, ERR_PEER, "malformed record");
		close_fds(fds, nfds);
		return;
	}
	flags = (uint8_t)l->in[2];
	msg.op = get16(l->in);
	msg.id = get32(l->in + 4);
	msg.body = str_of(l->in + HEAD, len - HEAD);
	msg.nfds = nfds;
	memcpy(msg.fds, fds, sizeof(*fds) * nfds);
	l->heard = clock_now().mono;
	if ((flags & FLAG_ANSWER) != 0 && l->owed > 0)
		l->owed--;

	if ((flags & ~FLAG_ANSWER) != 0)
		die_of(l, ERR_PEER, "malformed record");
	else if ((flags & FLAG_ANSWER) == 0)
		handle_request(l, &msg);
	else if (!pending_answer(l->asked, &msg))
		die_of(l, ERR_PEER, "answers what was not asked");
	close_fds(msg.fds, msg.nfds);
}

/* Collect the descriptors that came with a record; returns how many. */
static size_t
collect_fds(struct msghdr *msg, int *fds)
{
	struct cmsghdr *c;
	size_t n = 0, have, i;
	int fd;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		have = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < have; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < LIMIT_RECORD_FDS)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return (n);
}

/* Read and handle one record.  False if there is none, or the link died. */
static bool
read_record(struct ipc *l)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * LIMIT_RECORD_FDS)];
	} control;
	struct iovec iov = {.iov_base = l->in, .iov_len = sizeof(l->in)};
	struct msghdr msg = {0};
	int fds[LIMIT_RECORD_FDS];
	size_t nfds;
	ssize_t n;

	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	n = recvmsg(l->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1) {
		if (errno != EINTR && errno != EAGAIN)
			die_of(l, ERR_UNAVAILABLE, strerror(errno));
		return (false);
	}
	nfds = collect_fds(&msg, fds);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		close_fds(fds, nfds);
		die_of(l, ERR_PEER, "record too large");
		return (false);
	}
	if (n == 0) {
		close_fds(fds, nfds);
		die_of(l, ERR_UNAVAILABLE, "closed");
		return (false);
	}
	handle(l, (size_t)n, fds, nfds);
	return (!l->freed && l->fd != -1);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ipc *l = arg;
	unsigned i;

	(void)fd;
	(void)what;
	enter(l);
	for (i = 0; i < BURST && read_record(l); i++)
		;
	leave(l);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct ipc *l = arg;

	(void)fd;
	(void)what;
	enter(l);
	if (l->fd == -1)
		report_death(l);
	else
		flush(l);
	leave(l);
}

/* The descriptors of blobs, those in plain memory copied.  held gets a
 * reference each, to be dropped by the caller, also on failure. */
static int
blob_fds(struct blob *const *blobs, size_t n, struct blob **held, int *fds)
{
	size_t i;

	for (i = 0; i < n; i++) {
		held[i] = memfd_ensure(blob_ref(blobs[i]), NULL);
		if (held[i] == NULL)
			return (-1);
		fds[i] = blob_fd(held[i]);
	}
	return (0);
}

static void
unref_all(struct blob **held)
{
	size_t i;

	for (i = 0; i < LIMIT_RECORD_FDS; i++)
		blob_unref(held[i]);
}

struct blob *
ipc_msg_blob(struct ipc_msg *msg, size_t i, size_t max, struct err *err)
{
	int fd;

	if ((fd = ipc_msg_fd(msg, i)) == -1) {
		err_set(err, ERR_PEER, "a record lacks its descriptor %zu", i);
		return (NULL);
	}
	return (memfd_receive(fd, max, err));
}

int
ipc_msg_fd(struct ipc_msg *msg, size_t i)
{
	int fd;

	if (i >= msg->nfds)
		return (-1);
	fd = msg->fds[i];
	msg->fds[i] = -1;
	return (fd);
}

struct ipc *
ipc_new(struct event_base *base, int fd, const char *name,
    const uint16_t *allow, ipc_request_fn *request, ipc_dead_fn *dead,
    void *arg)
{
	struct ipc *l;
	short rd = EV_READ | EV_PERSIST;

	if ((l = calloc(1, sizeof(*l))) == NULL) {
		close(fd);
		return (NULL);
	}
	TAILQ_INIT(&l->queue);
	l->fd = fd;
	strncpy(l->name, name, sizeof(l->name) - 1);
	l->allow = allow;
	l->request = request;
	l->dead_fn = dead;
	l->arg = arg;
	if ((l->asked = pending_new(base)) == NULL ||
	    (l->readable = event_new(base, fd, rd, on_readable, l)) == NULL ||
	    (l->writable = event_new(base, fd, EV_WRITE, on_writable, l)) ==
	        NULL ||
	    (l->later = event_new(base, -1, 0, on_later, l)) == NULL ||
	    event_add(l->readable, NULL) == -1) {
		destroy(l);
		return (NULL);
	}
	return (l);
}

void
ipc_free(struct ipc *l)
{
	if (l == NULL || l->freed)
		return;
	enter(l);
	l->freed = true;
	if (l->fd != -1)
		die_of(l, ERR_UNAVAILABLE, "given up");
	report_death(l);
	leave(l);
}

const char *
ipc_name(const struct ipc *l)
{
	return (l->name);
}

uint32_t
ipc_ask_fds(struct ipc *l, uint16_t op, struct str body, const int *fds,
    size_t nfds, uint64_t deadline_ms, ipc_answer_fn *fn, void *arg)
{
	uint32_t id;

	if (l->fd == -1 || !fits(body, nfds) ||
	    pending_count(l->asked) >= LIMIT_LINK_ASKED)
		return (0);
	if ((id = pending_add(l->asked, op, deadline_ms, fn, arg)) == 0)
		return (0);
	if (post(l, op, 0, id, body, fds, nfds) == -1) {
		pending_forget(l->asked, id);
		return (0);
	}
	if (l->owed++ == 0)
		l->heard = clock_now().mono;
	return (id);
}

uint32_t
ipc_ask(struct ipc *l, uint16_t op, struct str body, struct blob *const *blobs,
    size_t nblobs, uint64_t deadline_ms, ipc_answer_fn *fn, void *arg)
{
	struct blob *held[LIMIT_RECORD_FDS] = {NULL};
	int fds[LIMIT_RECORD_FDS];
	uint32_t id = 0;

	if (nblobs > LIMIT_RECORD_FDS)
		return (0);
	if (blob_fds(blobs, nblobs, held, fds) == 0)
		id =
		    ipc_ask_fds(l, op, body, fds, nblobs, deadline_ms, fn, arg);
	unref_all(held);
	return (id);
}

void
ipc_forget(struct ipc *l, uint32_t id)
{
	pending_forget(l->asked, id);
}

void
ipc_answer_fds(struct ipc *l, uint16_t op, uint32_t id, struct str body,
    const int *fds, size_t nfds)
{
	if (l->fd == -1 || id == 0)
		return;
	if (l->unanswered > 0)
		l->unanswered--;
	/* an answer that cannot go would leave the asker waiting */
	if (!fits(body, nfds) ||
	    post(l, op, FLAG_ANSWER, id, body, fds, nfds) == -1)
		die_of(l, ERR_LIMIT, "an answer could not be sent");
}

void
ipc_answer(struct ipc *l, uint16_t op, uint32_t id, struct str body,
    struct blob *const *blobs, size_t nblobs)
{
	struct blob *held[LIMIT_RECORD_FDS] = {NULL};
	int fds[LIMIT_RECORD_FDS];

	if (nblobs > LIMIT_RECORD_FDS ||
	    blob_fds(blobs, nblobs, held, fds) == -1)
		die_of(l, ERR_LIMIT, "an answer could not be sent");
	else
		ipc_answer_fds(l, op, id, body, fds, nblobs);
	unref_all(held);
}

int
ipc_tell_fds(struct ipc *l, uint16_t op, struct str body, const int *fds,
    size_t nfds)
{
	if (l->fd == -1 || !fits(body, nfds))
		return (-1);
	return (post(l, op, 0, 0, body, fds, nfds));
}

int
ipc_tell(struct ipc *l, uint16_t op, struct str body)
{
	return (ipc_tell_fds(l, op, body, NULL, 0));
}

size_t
ipc_owed(const struct ipc *l)
{
	return (pending_count(l->asked));
}

uint64_t
ipc_silence(const struct ipc *l)
{
	return (l->owed > 0 ? clock_now().mono - l->heard : 0);
}
