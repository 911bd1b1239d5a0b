#include "config.h"

#include "ctl/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

/* The slowest command, a key import, has twice 60 seconds. */
#define ANSWER_S 130

/* As much as the daemon answers at most. */
#define ANSWER_MAX (17UL * 1024 * 1024)

static int
dial(const char *path, struct err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval tv = {.tv_sec = ANSWER_S};
	enum err_code code = ERR_IO;
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		err_set(err, ERR_SYNTAX, "%s: name too long", path);
		return (-1);
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 &&
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		return (fd);
	}
	if (errno == ENOENT || errno == ECONNREFUSED)
		code = ERR_NOTFOUND;
	else if (errno == EACCES || errno == EPERM)
		code = ERR_DENIED;
	err_set(err, code, "%s: %s%s", path, strerror(errno),
	    code == ERR_NOTFOUND ? " (is waxwingd running?)"
	    : code == ERR_DENIED ? " (root and the daemon's user may, and each "
	                           "unix_user of the conf)"
	                         : "");
	if (fd != -1)
		close(fd);
	return (-1);
}

/* The descriptors go with the first byte. */
static int
send_all(int fd, struct buf *out, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * CLIENT_FDS)];
	} control;
	struct iovec iov = {.iov_base = out->data, .iov_len = out->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;
	ssize_t n;

	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		if ((c = CMSG_FIRSTHDR(&msg)) == NULL)
			return (-1);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	while (out->len > 0) {
		iov.iov_base = out->data;
		iov.iov_len = out->len;
		if ((n = sendmsg(fd, &msg, MSG_NOSIGNAL)) == -1)
			return (-1);
		buf_drop(out, (size_t)n);
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
	return (0);
}

/* Read up to the end of the line, which is cut off. */
static int
read_line(int fd, struct buf *in, struct err *err)
{
	char *to;
	ssize_t n;

	do {
		if ((to = buf_room(in, 65536)) == NULL) {
			err_set(err, ERR_LIMIT, "the answer is too long");
			return (-1);
		}
		if ((n = recv(fd, to, 65536, 0)) <= 0) {
			err_set(err, n == 0 ? ERR_PEER : ERR_TIMEOUT, "%s",
			    n == 0 ? "the daemon closed the connection"
			           : "no answer from the daemon");
			return (-1);
		}
		in->len += (size_t)n;
	} while (memchr(to, '\n', (size_t)n) == NULL);
	in->len = str_find(buf_text(in), '\n');
	return (0);
}

static json_t *
converse(int fd, struct buf *out, const int *fds, size_t nfds, struct err *err)
{
	json_t *answer = NULL;
	struct buf in;

	if (send_all(fd, out, fds, nfds) == -1) {
		err_set(err, ERR_IO, "cannot ask the daemon: %s",
		    strerror(errno));
		return (NULL);
	}
	buf_init(&in, ANSWER_MAX);
	if (read_line(fd, &in, err) == 0) {
		/* json_is_object() is a macro that looks twice. */
		answer = json_loadb(in.data, in.len, 0, NULL);
		if (!json_is_object(answer)) {
			err_set(err, ERR_PEER,
			    "the daemon's answer is not JSON");
			json_decref(answer);
			answer = NULL;
		}
	}
	buf_clear(&in);
	return (answer);
}

json_t *
client_ask(const char *path, json_t *question, const int *fds, size_t nfds,
    struct err *err)
{
	json_t *answer = NULL;
	struct buf out;
	char *text;
	int fd;

	if ((text = json_dumps(question, JSON_COMPACT)) == NULL) {
		err_set(err, ERR_SYNTAX, "an argument is not UTF-8");
		return (NULL);
	}
	buf_init(&out, ANSWER_MAX);
	buf_puts(&out, text);
	buf_putc(&out, '\n');
	free(text);
	if ((fd = dial(path, err)) != -1) {
		answer = converse(fd, &out, fds, nfds, err);
		close(fd);
	}
	buf_clear(&out);
	return (answer);
}
