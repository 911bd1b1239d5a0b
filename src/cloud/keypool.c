#include "config.h"

#include "cloud/keypool.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/log.h"

/* PKCS#8 of an RSA key of 8192 bits has 5 KiB. */
#define KEY_LEN_MAX (16UL * 1024)
#define HEAD_LEN    4

/* Before a worker that died is started again. */
#define AGAIN_S 1

#define WORKER_LINK 3
#define WORKER_NICE 10

struct keypool {
	struct cloud *cloud;
	unsigned bits, spare;
	pid_t pid; /* 0: there is no worker */
	int fd;
	struct event *readable; /* owned */
	struct event *again;    /* owned */
	unsigned asked;         /* on their way */
	struct buf in;          /* what has come of the next */
	struct buf ready[KEYPOOL_MAX];
	unsigned nready;
};

/* --- the worker --- */

static int
write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return (-1);
	}
	return (0);
}

/* Make one key and send it: its length in four bytes, and PKCS#8. */
static int
make_one(int fd, unsigned bits)
{
	EVP_PKEY *pkey = EVP_RSA_gen(bits);
	PKCS8_PRIV_KEY_INFO *info = NULL;
	unsigned char head[HEAD_LEN], *der = NULL;
	int len = -1, rc = -1;

	if (pkey != NULL && (info = EVP_PKEY2PKCS8(pkey)) != NULL)
		len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	if (len > 0) {
		head[0] = (unsigned char)(len >> 24);
		head[1] = (unsigned char)(len >> 16);
		head[2] = (unsigned char)(len >> 8);
		head[3] = (unsigned char)len;
		if (write_all(fd, head, sizeof(head)) == 0 &&
		    write_all(fd, der, (size_t)len) == 0)
			rc = 0;
		OPENSSL_clear_free(der, (size_t)len);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(pkey);
	return (rc);
}

/* Only the link stays open, besides the standard ones. */
static void
keep_link(int fd)
{
	long max = sysconf(_SC_OPEN_MAX), i;

	if (fd != WORKER_LINK && dup2(fd, WORKER_LINK) != WORKER_LINK)
		_exit(1);
#ifdef HAVE_CLOSE_RANGE
	if (close_range(WORKER_LINK + 1, ~0U, 0) == 0)
		return;
#endif
	if (max == -1 || max > 65536)
		max = 65536;
	for (i = WORKER_LINK + 1; i < max; i++)
		(void)close((int)i);
}

/* A byte comes for each key that is wanted; the end of them is ours. */
static void
work(struct cloud *c, int fd, unsigned bits)
{
	sigset_t none;
	char byte;
	int s;

	for (s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	(void)signal(SIGINT, SIG_IGN); /* the server stops us */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	keep_link(fd);
	cloud_keys_clear(&c->keys);
	(void)setpriority(PRIO_PROCESS, 0, WORKER_NICE);
	while (read(WORKER_LINK, &byte, 1) == 1)
		if (FAULT("cloud.kms.worker") ||
		    make_one(WORKER_LINK, bits) != 0)
			_exit(1);
	_exit(0);
}

/* --- the pool --- */

static void
stop(struct keypool *p)
{
	if (p->pid == 0)
		return;
	(void)event_del(p->readable);
	(void)close(p->fd);
	(void)kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	p->fd = -1;
	p->pid = 0;
	p->asked = 0;
	buf_wipe(&p->in);
}

static void
restart_later(struct keypool *p)
{
	struct timeval tv = {AGAIN_S, 0};

	stop(p);
	(void)evtimer_add(p->again, &tv);
}

static void
ask(struct keypool *p)
{
	ssize_t n;

	while (p->pid != 0 && p->nready + p->asked < p->spare) {
		n = send(p->fd, "k", 1, MSG_NOSIGNAL);
		if (n == 1) {
			p->asked++;
			continue;
		}
		log_error("keypool-failed why=%s",
		    log_str(str_c(strerror(errno))));
		restart_later(p);
	}
}

/* Move what is whole from in to ready; -1 if it is nonsense. */
static int
sort_in(struct keypool *p)
{
	const unsigned char *head;
	struct buf *to;
	size_t len;

	while (p->in.len >= HEAD_LEN) {
		head = (const unsigned char *)p->in.data;
		len = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
		      (size_t)head[2] << 8 | head[3];
		if (len > KEY_LEN_MAX || p->asked == 0 ||
		    p->nready == KEYPOOL_MAX)
			return (-1);
		if (p->in.len < HEAD_LEN + len)
			return (0);
		to = &p->ready[p->nready];
		buf_init(to, KEY_LEN_MAX);
		buf_put(to, p->in.data + HEAD_LEN, len);
		if (to->failed)
			return (-1);
		p->nready++;
		p->asked--;
		buf_drop(&p->in, HEAD_LEN + len);
	}
	return (0);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct keypool *p = arg;
	ssize_t n = -1;
	char *to;

	(void)what;
	if ((to = buf_room(&p->in, 4096)) != NULL)
		n = read(fd, to, 4096);
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && to != NULL)
		return;
	if (n > 0)
		p->in.len += (size_t)n;
	if (n <= 0 || sort_in(p) != 0) {
		log_error("keypool-failed why=worker-died");
		restart_later(p);
		return;
	}
	/* whatever part of a key lay there does not stay */
	if (p->in.len == 0)
		buf_wipe(&p->in);
}

static int
start(struct keypool *p, struct err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		err_set(err, ERR_IO, "socketpair: %s", strerror(errno));
		return (-1);
	}
	p->pid = fork();
	if (p->pid == 0)
		work(p->cloud, fds[1], p->bits);
	(void)close(fds[1]);
	if (p->pid < 0 || evutil_make_socket_nonblocking(fds[0]) != 0 ||
	    event_assign(p->readable, p->cloud->base, fds[0],
	        EV_READ | EV_PERSIST, on_readable, p) != 0 ||
	    event_add(p->readable, NULL) != 0) {
		err_set(err, ERR_IO, "cannot start a worker: %s",
		    strerror(errno));
		(void)close(fds[0]);
		if (p->pid > 0)
			(void)kill(p->pid, SIGKILL);
		p->pid = 0;
		return (-1);
	}
	p->fd = fds[0];
	ask(p);
	return (0);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct keypool *p = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (start(p, &err) == 0)
		return;
	log_error("keypool-failed why=%s", log_str(str_c(err.text)));
	restart_later(p);
}

struct keypool *
keypool_new(struct cloud *c, unsigned bits, unsigned spare, struct err *err)
{
	struct keypool *p;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for keys");
		return (NULL);
	}
	p->cloud = c;
	p->bits = bits;
	p->spare = spare < KEYPOOL_MAX ? spare : KEYPOOL_MAX;
	p->fd = -1;
	buf_init(&p->in, HEAD_LEN + KEY_LEN_MAX + 4096);
	p->readable = event_new(c->base, -1, 0, on_readable, p);
	p->again = evtimer_new(c->base, on_again, p);
	if (p->readable == NULL || p->again == NULL)
		err_set(err, ERR_MEMORY, "no memory for keys");
	else if (start(p, err) == 0)
		return (p);
	keypool_free(p);
	return (NULL);
}

void
keypool_free(struct keypool *p)
{
	unsigned i;

	if (p == NULL)
		return;
	stop(p);
	if (p->readable != NULL)
		event_free(p->readable);
	if (p->again != NULL)
		event_free(p->again);
	for (i = 0; i < p->nready; i++)
		buf_wipe(&p->ready[i]);
	buf_wipe(&p->in);
	free(p);
}

bool
keypool_ready(const struct keypool *p)
{
	return (p->nready > 0);
}

pid_t
keypool_worker(const struct keypool *p)
{
	return (p->pid);
}

bool
keypool_take(struct keypool *p, struct buf *pkcs8)
{
	struct buf *from;

	if (p->nready == 0)
		return (false);
	from = &p->ready[--p->nready];
	buf_str(pkcs8, buf_text(from));
	buf_wipe(from);
	ask(p);
	return (!pkcs8->failed);
}
