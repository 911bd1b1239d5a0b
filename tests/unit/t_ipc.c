#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/ipc.h"
#include "sys/memfd.h"
#include "unit.h"

enum { OP_ECHO = 1, OP_LATER, OP_SECRET, OP_CLOSE, OP_FDS };

static const uint16_t allow[] = {OP_ECHO, OP_LATER, OP_CLOSE, OP_FDS, 0};

/* One link with both ends in this process: asker and callee. */
struct pair {
	struct event_base *base;
	struct ipc *asker;
	struct ipc *callee;
	struct err asker_died;
	struct err callee_died;
	uint32_t later; /* id of a request that is not answered at once */
	/* what the asker heard last */
	unsigned answers;
	unsigned failures;
	struct err failure;
	char text[100];
	unsigned told;
};

static void
on_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct pair *p = arg;
	struct blob *b;

	if (msg->id == 0) {
		p->told++;
		return;
	}
	switch (msg->op) {
	case OP_ECHO:
		ipc_answer(l, msg->op, msg->id, msg->body, NULL, 0);
		break;
	case OP_LATER:
		p->later = msg->id;
		break;
	case OP_CLOSE:
		p->callee = NULL;
		ipc_free(l);
		break;
	case OP_FDS:
		b = ipc_msg_blob(msg, 0, 1000, NULL);
		ipc_answer(l, msg->op, msg->id, msg->body, &b, 1);
		blob_unref(b);
		break;
	}
}

static void
on_dead(struct ipc *l, const struct err *err, void *arg)
{
	struct pair *p = arg;

	if (l == p->asker)
		p->asker_died = *err;
	else
		p->callee_died = *err;
}

static void
on_answer(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct pair *p = arg;

	if (msg == NULL) {
		p->failures++;
		p->failure = *err;
		return;
	}
	p->answers++;
	if (msg->body.len < sizeof(p->text)) {
		memcpy(p->text, msg->body.p, msg->body.len);
		p->text[msg->body.len] = '\0';
	}
}

/* With raw_fd, that end is the test's own. */
static void
pair_open(struct pair *p, int *raw_fd)
{
	int fds[2];

	memset(p, 0, sizeof(*p));
	p->base = event_base_new();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1)
		abort();
	p->callee =
	    ipc_new(p->base, fds[0], "asker", allow, on_request, on_dead, p);
	if (raw_fd != NULL)
		*raw_fd = fds[1];
	else
		p->asker =
		    ipc_new(p->base, fds[1], "callee", NULL, NULL, on_dead, p);
}

static void
pair_close(struct pair *p)
{
	ipc_free(p->asker);
	ipc_free(p->callee);
	event_base_free(p->base);
}

/* Let the loop do what is there to do. */
static void
spin(struct pair *p)
{
	int i;

	for (i = 0; i < 20; i++)
		event_base_loop(p->base, EVLOOP_NONBLOCK);
}

static void
test_ask(void)
{
	char big[LIMIT_RECORD + 1];
	struct pair p;
	uint32_t id;

	pair_open(&p, NULL);
	CHECK(ipc_ask(p.asker, OP_ECHO, STR("hi"), NULL, 0, 1000, on_answer,
	          &p) != 0);
	CHECK_UINT(ipc_owed(p.asker), 1);
	spin(&p);
	CHECK_UINT(p.answers, 1);
	CHECK_CSTR(p.text, "hi");
	CHECK_UINT(ipc_owed(p.asker), 0);

	unit_row("forgotten");
	id = ipc_ask(p.asker, OP_ECHO, STR("no"), NULL, 0, 0, on_answer, &p);
	ipc_forget(p.asker, id);
	ipc_forget(p.asker, id);
	ipc_forget(p.asker, 0);
	spin(&p);
	CHECK_UINT(p.answers, 1);

	unit_row("told");
	CHECK_INT(ipc_tell(p.asker, OP_ECHO, STR("x")), 0);
	spin(&p);
	CHECK_UINT(p.told, 1);

	unit_row("largest");
	memset(big, 'x', sizeof(big));
	CHECK(ipc_ask(p.asker, OP_ECHO, str_of(big, LIMIT_RECORD), NULL, 0, 0,
	          on_answer, &p) != 0);
	spin(&p);
	CHECK_UINT(p.answers, 2);
	CHECK_UINT(ipc_ask(p.asker, OP_ECHO, str_of(big, LIMIT_RECORD + 1),
	               NULL, 0, 0, on_answer, &p),
	    0);
	CHECK_INT(p.asker_died.code, ERR_OK);
	CHECK_INT(p.callee_died.code, ERR_OK);
	pair_close(&p);
}

/* Many at once: more than a socket holds, answered in any order. */
static void
test_many(void)
{
	static const char kib[1024];
	struct pair p;
	unsigned i, n;

	pair_open(&p, NULL);
	for (n = 0; ipc_ask(p.asker, OP_ECHO, str_of(kib, sizeof(kib)), NULL, 0,
	                0, on_answer, &p) != 0;
	     n++)
		;
	CHECK_UINT(n, LIMIT_LINK_ASKED);
	for (i = 0; i < 1000 && p.answers < n; i++)
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	CHECK_UINT(p.answers, n);
	CHECK_UINT(ipc_owed(p.asker), 0);
	pair_close(&p);
}

static void
test_deadline(void)
{
	struct pair p;
	uint64_t before;

	pair_open(&p, NULL);
	CHECK_UINT(ipc_silence(p.asker), 0);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 200, on_answer, &p);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 10000, on_answer, &p);
	while (p.failures == 0)
		event_base_loop(p.base, EVLOOP_ONCE);
	CHECK_INT(p.failure.code, ERR_TIMEOUT);
	CHECK_UINT(ipc_owed(p.asker), 1);
	CHECK(ipc_silence(p.asker) >= 100);
	before = clock_now().mono;
	ipc_answer(p.callee, OP_LATER, p.later, STR("late"), NULL, 0);
	spin(&p);
	CHECK_UINT(p.answers, 1);
	/* the first one is owed still, but something was heard */
	CHECK(ipc_silence(p.asker) <= clock_now().mono - before);
	usleep(120000);
	CHECK(ipc_silence(p.asker) >= 100);
	ipc_answer(p.callee, OP_LATER, p.later - 1, STR("later"), NULL, 0);
	spin(&p);
	CHECK_UINT(p.answers, 1);
	CHECK_UINT(ipc_silence(p.asker), 0);
	CHECK_CSTR(p.text, "late");
	pair_close(&p);
}

/* The callee dies while it owes: each is told once, then the owner. */
static void
test_death(void)
{
	struct pair p;

	pair_open(&p, NULL);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 0, on_answer, &p);
	ipc_ask(p.asker, OP_CLOSE, STR(""), NULL, 0, 0, on_answer, &p);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 0, on_answer, &p);
	spin(&p);
	CHECK_UINT(p.failures, 3);
	CHECK_INT(p.failure.code, ERR_UNAVAILABLE);
	CHECK_INT(p.asker_died.code, ERR_UNAVAILABLE);
	CHECK_UINT(
	    ipc_ask(p.asker, OP_ECHO, STR(""), NULL, 0, 0, on_answer, &p), 0);
	CHECK_INT(ipc_tell(p.asker, OP_ECHO, STR("")), -1);

	unit_row("freed while owed");
	pair_close(&p);
	pair_open(&p, NULL);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 0, on_answer, &p);
	ipc_free(p.asker);
	p.asker = NULL;
	CHECK_UINT(p.failures, 1);
	pair_close(&p);
}

static void
free_asker(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct pair *p = arg;

	(void)err;
	if (msg != NULL)
		p->answers++;
	else
		p->failures++;
	ipc_free(p->asker);
	p->asker = NULL;
}

static void
free_when_dead(struct ipc *l, const struct err *err, void *arg)
{
	struct pair *p = arg;

	on_dead(l, err, arg);
	ipc_free(l);
	p->asker = NULL;
}

/* Every callback may free the link. */
static void
test_free_inside(void)
{
	struct pair p;
	int fd;

	unit_row("answer");
	pair_open(&p, NULL);
	ipc_ask(p.asker, OP_ECHO, STR(""), NULL, 0, 0, free_asker, &p);
	ipc_ask(p.asker, OP_ECHO, STR(""), NULL, 0, 0, on_answer, &p);
	spin(&p);
	CHECK_UINT(p.answers, 1);
	CHECK_UINT(p.failures, 1);
	CHECK(p.asker == NULL);
	pair_close(&p);

	unit_row("timeout");
	pair_open(&p, NULL);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 1, free_asker, &p);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 0, on_answer, &p);
	while (p.asker != NULL)
		event_base_loop(p.base, EVLOOP_ONCE);
	CHECK_UINT(p.failures, 2);
	pair_close(&p);

	unit_row("death");
	pair_open(&p, &fd);
	p.asker = ipc_new(p.base, fd, "x", NULL, NULL, free_when_dead, &p);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 0, on_answer, &p);
	ipc_free(p.callee);
	p.callee = NULL;
	spin(&p);
	CHECK_UINT(p.failures, 1);
	CHECK(p.asker == NULL);
	pair_close(&p);

	unit_row("failure");
	pair_open(&p, NULL);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 0, free_asker, &p);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 0, on_answer, &p);
	ipc_free(p.callee);
	p.callee = NULL;
	spin(&p);
	CHECK_UINT(p.failures, 2);
	CHECK(p.asker == NULL);
	CHECK_INT(p.asker_died.code, ERR_OK); /* its owner knew */
	pair_close(&p);
}

static void
on_blob(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct pair *p = arg;
	struct blob *b;

	(void)err;
	if (msg == NULL)
		return;
	b = ipc_msg_blob(msg, 0, 1000, NULL);
	if (b != NULL && blob_len(b) < sizeof(p->text))
		memcpy(p->text, blob_data(b), blob_len(b));
	blob_unref(b);
	p->answers++;
	CHECK(ipc_msg_blob(msg, 0, 1000, NULL) == NULL); /* taken */
	CHECK(ipc_msg_blob(msg, 1, 1000, NULL) == NULL);
}

/* Blobs in memory and in memfds go there and back, the queued ones too. */
static void
test_blobs(void)
{
	struct blob *b = blob_copy("plain", 5),
	            *s = memfd_copy("sealed", 6, NULL);
	struct pair p;
	unsigned i, want = 0;

	pair_open(&p, NULL);
	ipc_ask(p.asker, OP_FDS, STR(""), &b, 1, 0, on_blob, &p);
	spin(&p);
	CHECK_UINT(p.answers, 1);
	CHECK_CSTR(p.text, "plain");
	for (i = 0; i < 300; i++)
		if (ipc_ask(p.asker, OP_FDS, STR(""), &s, 1, 0, on_blob, &p) !=
		    0)
			want++;
	CHECK_UINT(want, 300);
	for (i = 0; i < 1000 && p.answers < 301; i++)
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	CHECK_UINT(p.answers, 301);
	CHECK_CSTR(p.text, "sealed");
	blob_unref(b);
	blob_unref(s);
	pair_close(&p);
}

/* Send raw bytes with n descriptors. */
static void
send_raw(int fd, const void *data, size_t len, size_t nfds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * 20)];
	} control;
	char copy[100];
	struct iovec iov = {.iov_base = copy, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;
	size_t i;

	memcpy(copy, data, len);
	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		for (i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	}
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) == -1)
		abort();
}

/* How many descriptors this process has. */
static int
count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1000; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	return (n);
}

/* Whoever breaks the rules loses the link, and no descriptor leaks. */
static void
test_hostile(void)
{
	static const struct {
		const char *name;
		const char *data;
		size_t len;
		size_t nfds;
		enum err_code want;
	} rows[] = {
	    {"fine", "\0\1\0\0\0\0\0\1", 8, 0, ERR_OK},
	    {"with a descriptor", "\0\1\0\1\0\0\0\1", 8, 1, ERR_OK},
	    {"answer nobody waits for", "\0\1\1\0\0\0\0\1", 8, 0, ERR_OK},
	    {"not allowed", "\0\3\0\0\0\0\0\1", 8, 0, ERR_PEER},
	    {"operation 0", "\0\0\0\0\0\0\0\1", 8, 0, ERR_PEER},
	    {"unknown flag", "\0\1\2\0\0\0\0\1", 8, 0, ERR_PEER},
	    {"short", "\0\1\0\0\0\0\0", 7, 0, ERR_PEER},
	    {"one byte", "x", 1, 0, ERR_PEER},
	    {"descriptor missing", "\0\1\0\1\0\0\0\1", 8, 0, ERR_PEER},
	    {"descriptor too many", "\0\1\0\0\0\0\0\1", 8, 1, ERR_PEER},
	    {"as many as can be", "\0\1\0\10\0\0\0\1", 8, 8, ERR_OK},
	    {"more than can be", "\0\1\0\11\0\0\0\1", 8, 9, ERR_PEER},
	    {"far more", "\0\1\0\24\0\0\0\1", 8, 20, ERR_PEER},
	};
	struct pair p;
	size_t i;
	int fd, before;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		pair_open(&p, &fd);
		before = count_fds();
		send_raw(fd, rows[i].data, rows[i].len, rows[i].nfds);
		spin(&p);
		CHECK_INT(p.callee_died.code, rows[i].want);
		CHECK_INT(count_fds(),
		    rows[i].want == ERR_OK ? before : before - 1);
		close(fd);
		pair_close(&p);
	}
}

/* A record longer than any may be is cut by the kernel, and refused. */
static void
test_too_long(void)
{
	char big[LIMIT_RECORD + 9] = {0};
	struct pair p;
	int fd;

	pair_open(&p, &fd);
	big[1] = OP_ECHO;
	CHECK_INT(send(fd, big, sizeof(big), 0), (ssize_t)sizeof(big));
	spin(&p);
	CHECK_INT(p.callee_died.code, ERR_PEER);
	close(fd);
	pair_close(&p);
}

/* An answer with another operation than was asked is a lie. */
static void
test_wrong_answer(void)
{
	struct pair p;

	pair_open(&p, NULL);
	ipc_ask(p.asker, OP_LATER, STR(""), NULL, 0, 0, on_answer, &p);
	spin(&p);
	ipc_answer(p.callee, OP_ECHO, p.later, STR(""), NULL, 0);
	spin(&p);
	CHECK_INT(p.asker_died.code, ERR_PEER);
	CHECK_UINT(p.failures, 1);
	CHECK_UINT(p.answers, 0);
	pair_close(&p);
}

/* A peer that asks and never reads is cut off, not fed for ever. */
static void
test_deaf(void)
{
	char ask[1000] = {0};
	struct pair p;
	unsigned i;
	int fd;

	pair_open(&p, &fd);
	ask[1] = OP_ECHO;
	ask[7] = 1;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < 20000 && p.callee_died.code == ERR_OK; i++) {
		if (send(fd, ask, sizeof(ask), MSG_NOSIGNAL) == -1 &&
		    errno != EAGAIN)
			break;
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	}
	spin(&p);
	CHECK(p.callee_died.code != ERR_OK);
	close(fd);
	pair_close(&p);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"ask", test_ask},
	    {"many", test_many},
	    {"deadline", test_deadline},
	    {"death", test_death},
	    {"free-inside", test_free_inside},
	    {"blobs", test_blobs},
	    {"hostile", test_hostile},
	    {"too-long", test_too_long},
	    {"wrong-answer", test_wrong_answer},
	    {"deaf", test_deaf},
	    {NULL, NULL},
	};

	return (unit_main("t_ipc", tests));
}
