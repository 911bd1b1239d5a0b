#include "config.h"

#include "parent/control.h"

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "parent/install.h"
#include "parent/request.h"

#define MAX_CONNS 64

/* Of one user who is not privileged, so that none shuts out the others. */
#define MAX_USER_CONNS 4

/* A list of certificates fits. */
#define MAX_ANSWER (16UL * 1024 * 1024)

/* A connection that says nothing, or does not read, for so long. */
#define IDLE_S 60

struct conn {
	LIST_ENTRY(conn) next;
	struct control *control;
	struct event *readable;  /* owned */
	struct event *writable;  /* owned */
	struct request *request; /* NULL: waits for a line */
	struct buf in;
	struct buf out;
	int fds[REQUEST_FDS]; /* owned; came with the line being read */
	size_t nfds;
	uid_t uid;
	int fd; /* owned */
};

struct control {
	struct parent *parent;
	struct event *accept; /* owned */
	char path[108];       /* as sun_path */
	LIST_HEAD(, conn) conns;
	unsigned n;
	int fd; /* owned */
};

static void
close_fds(int *fds, size_t *n)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (fds[i] != -1)
			close(fds[i]);
	*n = 0;
}

static void
conn_free(struct conn *c)
{
	if (c->request != NULL)
		c->request->conn = NULL;
	LIST_REMOVE(c, next);
	c->control->n--;
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	close_fds(c->fds, &c->nfds);
	buf_clear(&c->in);
	buf_clear(&c->out);
	close(c->fd);
	free(c);
}

static void
wait_for(struct event *ev)
{
	struct timeval tv = {.tv_sec = IDLE_S};

	event_add(ev, &tv);
}

static bool
is_privileged(uid_t uid)
{
	return (uid == 0 || uid == geteuid());
}

/* Make the whole line a request and run it.  -1: it is no JSON object. */
static int
run_line(struct conn *c, struct str line)
{
	struct parent *p = c->control->parent;
	struct request *q;
	json_t *args;

	args = json_loadb(line.p, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(args) || (q = calloc(1, sizeof(*q))) == NULL) {
		json_decref(args);
		return (-1);
	}
	q->parent = p;
	q->conn = c;
	q->args = args;
	q->uid = c->uid;
	q->privileged = is_privileged(c->uid);
	memcpy(q->fds, c->fds, sizeof(q->fds));
	q->nfds = c->nfds;
	c->nfds = 0;
	c->request = q;
	request_run(q);
	return (0);
}

/* Run the next line if there is one and nothing runs.  False: c is gone. */
static bool
next_line(struct conn *c)
{
	size_t nl = str_find(buf_text(&c->in), '\n');
	struct buf line;
	int rc;

	if (c->request != NULL || c->out.len > 0)
		return (true);
	if (nl == c->in.len) {
		wait_for(c->readable);
		return (true);
	}
	/* the command may free c, and c->in with it */
	buf_init(&line, LIMIT_CLIENT_LINE);
	buf_put(&line, c->in.data, nl);
	buf_drop(&c->in, nl + 1);
	rc = line.failed ? -1 : run_line(c, buf_text(&line));
	buf_clear(&line);
	if (rc == 0)
		return (true);
	conn_free(c);
	return (false);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	ssize_t n;

	if ((what & EV_TIMEOUT) != 0) {
		conn_free(c);
		return;
	}
	n = send(fd, c->out.data, c->out.len, MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		conn_free(c);
		return;
	}
	if (n > 0)
		buf_drop(&c->out, (size_t)n);
	if (c->out.len > 0)
		wait_for(c->writable);
	else
		(void)next_line(c);
}

/* Keep the descriptors of a message; -1 if there are more than any command
 * takes. */
static int
keep_fds(struct conn *c, struct msghdr *msg)
{
	struct cmsghdr *m;
	size_t have, i;
	int fd, rc = 0;

	for (m = CMSG_FIRSTHDR(msg); m != NULL; m = CMSG_NXTHDR(msg, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		have = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < have; i++) {
			memcpy(&fd, CMSG_DATA(m) + i * sizeof(int), sizeof(fd));
			if (c->nfds < REQUEST_FDS)
				c->fds[c->nfds++] = fd;
			else {
				close(fd);
				rc = -1;
			}
		}
	}
	return ((msg->msg_flags & MSG_CTRUNC) != 0 ? -1 : rc);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * REQUEST_FDS)];
	} control;
	struct conn *c = arg;
	struct iovec iov = {.iov_len = 4096};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if ((what & EV_TIMEOUT) != 0 ||
	    (iov.iov_base = buf_room(&c->in, iov.iov_len)) == NULL) {
		conn_free(c); /* idle, or a line without end */
		return;
	}
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		wait_for(c->readable);
		return;
	}
	if (n <= 0 || keep_fds(c, &msg) == -1) {
		conn_free(c);
		return;
	}
	c->in.len += (size_t)n;
	(void)next_line(c);
}

void
request_done(struct request *q, const struct err *err, json_t *result)
{
	struct conn *c = q->conn;
	json_t *answer;
	char *text = NULL;

	if (err != NULL && err->code != ERR_OK) {
		json_decref(result);
		answer = json_pack("{s:b, s:s, s:s}", "ok", 0, "code",
		    err_word(err->code), "error", err->text);
	} else
		answer = json_pack("{s:b, s:o?}", "ok", 1, "result", result);
	if (answer != NULL)
		text = json_dumps(answer, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(answer);
	if (c != NULL) {
		c->request = NULL;
		buf_puts(&c->out, text != NULL ? text : "{\"ok\":false}");
		buf_putc(&c->out, '\n');
		if (c->out.failed)
			buf_reset(&c->out);
		wait_for(c->writable);
	}
	free(text);
	json_decref(q->args);
	json_decref(q->result);
	close_fds(q->fds, &q->nfds);
	free(q->account);
	free(q->address);
	free(q);
}

static bool
has_room(const struct control *ctl, uid_t uid)
{
	const struct conn *c;
	unsigned n = 0;

	if (is_privileged(uid))
		return (ctl->n < MAX_CONNS);
	LIST_FOREACH (c, &ctl->conns, next)
		n += c->uid == uid;
	return (n < MAX_USER_CONNS && ctl->n < MAX_CONNS / 2);
}

/* Swallows fd. */
static void
add_conn(struct control *ctl, int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	struct conn *c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == -1 ||
	    !has_room(ctl, who.uid) || (c = calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return;
	}
	c->control = ctl;
	c->fd = fd;
	c->uid = who.uid;
	buf_init(&c->in, LIMIT_CLIENT_LINE);
	buf_init(&c->out, MAX_ANSWER);
	LIST_INSERT_HEAD(&ctl->conns, c, next);
	ctl->n++;
	c->readable = event_new(ctl->parent->base, fd, EV_READ, on_readable, c);
	c->writable =
	    event_new(ctl->parent->base, fd, EV_WRITE, on_writable, c);
	if (c->readable == NULL || c->writable == NULL)
		conn_free(c);
	else
		wait_for(c->readable);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	int conn;

	(void)what;
	conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn != -1)
		add_conn(arg, conn);
}

/* Is there a unix_user, who may connect without being privileged? */
static bool
has_users(const struct conf *conf)
{
	char section[300];
	const char *name;
	size_t pos = 0;

	while ((name = conf_next(conf, "account", &pos)) != NULL) {
		(void)snprintf(section, sizeof(section), "account %s", name);
		if (conf_str(conf, section, "unix_user") != NULL)
			return (true);
	}
	return (false);
}

static mode_t
mode_of(const struct conf *conf)
{
	return (has_users(conf) ? 0666 : 0600);
}

/* Does anybody serve this socket?  Root without the right to override modes
 * may not ask, but its owner may. */
static bool
is_served(const struct sockaddr_un *sun, uid_t owner)
{
	bool root = geteuid() == 0;
	int fd, rc;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 || (root && seteuid(owner) == -1))
		rc = 0;
	else
		rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	if (rc == -1 && errno != ECONNREFUSED)
		rc = 0; /* in doubt it is */
	if (root && seteuid(0) == -1)
		abort();
	if (fd != -1)
		close(fd);
	return (rc == 0);
}

/* Remove what a killed daemon left, but nothing else. */
static int
remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;

	if (lstat(sun->sun_path, &st) == -1)
		return (errno == ENOENT ? 0 : -1);
	if (!S_ISSOCK(st.st_mode) || is_served(sun, st.st_uid)) {
		errno = S_ISSOCK(st.st_mode) ? EADDRINUSE : EEXIST;
		return (-1);
	}
	return (unlink(sun->sun_path));
}

static int
bind_socket(struct control *ctl, mode_t mode)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	mode_t old;
	int rc;

	memcpy(sun.sun_path, ctl->path, sizeof(sun.sun_path));
	ctl->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ctl->fd == -1 || remove_stale(&sun) == -1)
		return (-1);
	old = umask(0177);
	rc = bind(ctl->fd, (struct sockaddr *)&sun, sizeof(sun));
	umask(old);
	if (rc == -1 || chmod(ctl->path, mode) == -1)
		return (-1);
	return (listen(ctl->fd, MAX_CONNS));
}

/* The directory, often one that vanishes at boot, is made if it is missing. */
static int
make_dir(const struct control *ctl, const char *user, struct err *err)
{
	char dir[sizeof(ctl->path)], *slash;

	memcpy(dir, ctl->path, sizeof(dir));
	if ((slash = strrchr(dir, '/')) == NULL || slash == dir)
		return (0);
	*slash = '\0';
	if (mkdir(dir, 0755) == -1) {
		if (errno == EEXIST)
			return (0);
		err_set(err, ERR_IO, "cannot make %s: %s", dir,
		    strerror(errno));
		return (conf_blame_for(ctl->parent->conf, "daemon", "control",
		    err));
	}
	(void)chmod(dir, 0755);
	return (install_chown(dir, user, err));
}

int
control_open(struct parent *p, const char *user, struct err *err)
{
	const char *path = conf_str(p->conf, "daemon", "control");
	struct control *ctl;

	if (path == NULL)
		return (0);
	if ((ctl = calloc(1, sizeof(*ctl))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	ctl->parent = p;
	ctl->fd = -1;
	LIST_INIT(&ctl->conns);
	if (strlen(path) >= sizeof(ctl->path)) {
		free(ctl);
		return (conf_blame(p->conf, "daemon", "control", err,
		    "the name is too long"));
	}
	memcpy(ctl->path, path, strlen(path) + 1);
	if (make_dir(ctl, user, err) == -1) {
		free(ctl);
		return (-1);
	}
	if (bind_socket(ctl, mode_of(p->conf)) == -1) {
		err_set(err, ERR_IO, "%s: %s", path,
		    errno == EADDRINUSE ? "another daemon listens there"
		    : errno == EEXIST   ? "is something else than a socket"
		                        : strerror(errno));
		if (ctl->fd != -1)
			close(ctl->fd);
		free(ctl);
		return (conf_blame_for(p->conf, "daemon", "control", err));
	}
	p->control = ctl;
	return (install_chown(path, user, err));
}

void
control_start(struct parent *p)
{
	struct control *ctl = p->control;

	if (ctl == NULL || ctl->accept != NULL)
		return;
	ctl->accept =
	    event_new(p->base, ctl->fd, EV_READ | EV_PERSIST, on_accept, ctl);
	if (ctl->accept == NULL || event_add(ctl->accept, NULL) == -1)
		log_error("control reason=\"out of memory\"");
}

void
control_reload(struct parent *p)
{
	if (p->control != NULL &&
	    chmod(p->control->path, mode_of(p->conf)) == -1)
		log_warn("control reason=%s", log_str(str_c(strerror(errno))));
}

void
control_close(struct parent *p)
{
	struct control *ctl = p->control;
	struct conn *c;

	if (ctl == NULL)
		return;
	p->control = NULL;
	while ((c = LIST_FIRST(&ctl->conns)) != NULL)
		conn_free(c);
	if (ctl->accept != NULL)
		event_free(ctl->accept);
	(void)unlink(ctl->path);
	close(ctl->fd);
	free(ctl);
}
