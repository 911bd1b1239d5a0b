#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figure.h"
#include "imapload.h"

#define READ_BUF     (256 * 1024)
#define IO_TIMEOUT_S 60

struct conn {
	int fd;
	char *buf; /* owned; READ_BUF + 1 bytes */
	size_t len;
	size_t pos;
};

static int
conn_open(struct conn *c, int port)
{
	struct sockaddr_in sin;
	struct timeval tv = {IO_TIMEOUT_S, 0};
	int one = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	c->len = c->pos = 0;
	if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1) {
		close(c->fd);
		return (-1);
	}
	return (0);
}

static int
conn_fill(struct conn *c)
{
	ssize_t n;

	if (c->pos > 0) {
		memmove(c->buf, c->buf + c->pos, c->len - c->pos);
		c->len -= c->pos;
		c->pos = 0;
	}
	if (c->len == READ_BUF)
		return (-1);
	if ((n = read(c->fd, c->buf + c->len, READ_BUF - c->len)) <= 0)
		return (-1);
	c->len += (size_t)n;
	return (0);
}

/* The next line without CRLF, NUL-terminated, or NULL. */
static char *
conn_line(struct conn *c)
{
	char *end, *line;

	while ((end = memchr(c->buf + c->pos, '\n', c->len - c->pos)) == NULL)
		if (conn_fill(c) == -1)
			return (NULL);
	line = c->buf + c->pos;
	c->pos = (size_t)(end - c->buf) + 1;
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	return (line);
}

static int
conn_skip(struct conn *c, size_t n)
{
	size_t have;

	for (;;) {
		have = c->len - c->pos;
		if (have >= n) {
			c->pos += n;
			return (0);
		}
		n -= have;
		c->pos = c->len;
		if (conn_fill(c) == -1)
			return (-1);
	}
}

static int
conn_send(struct conn *c, const char *data, size_t len)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n)
		if ((n = write(c->fd, data, len)) <= 0)
			return (-1);
	return (0);
}

/* The size of the literal that a line ends with, or 0. */
static size_t
line_literal(const char *line)
{
	const char *open = strrchr(line, '{');

	if (open == NULL || line[strlen(line) - 1] != '}')
		return (0);
	return ((size_t)strtoul(open + 1, NULL, 10));
}

/* Read up to the tagged line; *fetched counts FETCH responses. */
static int
conn_until(struct conn *c, const char *tag, int *fetched)
{
	size_t literal, taglen = strlen(tag);
	char *line;

	for (;;) {
		if ((line = conn_line(c)) == NULL)
			return (-1);
		if (strncmp(line, tag, taglen) == 0 && line[taglen] == ' ')
			return (
			    strncmp(line + taglen + 1, "OK", 2) == 0 ? 0 : -1);
		if (fetched != NULL && line[0] == '*' &&
		    strstr(line, " FETCH ") != NULL)
			(*fetched)++;
		if ((literal = line_literal(line)) > 0 &&
		    conn_skip(c, literal) == -1)
			return (-1);
	}
}

static int
conn_command(struct conn *c, const char *text, int *fetched)
{
	char line[512];
	int n;

	n = snprintf(line, sizeof(line), "b1 %s\r\n", text);
	if (n < 0 || (size_t)n >= sizeof(line) ||
	    conn_send(c, line, (size_t)n) == -1)
		return (-1);
	return (conn_until(c, "b1", fetched));
}

static int
conn_login(struct conn *c, const struct target *t, const struct login *l)
{
	char text[256];

	if (conn_open(c, t->port) == -1)
		return (-1);
	snprintf(text, sizeof(text), "LOGIN \"%s\" \"%s\"", l->user, l->pass);
	if (conn_line(c) != NULL && conn_command(c, text, NULL) == 0)
		return (0);
	close(c->fd);
	return (-1);
}

/* Connect, log in, log out, wait for the close. */
static int
login_cycle(struct conn *c, const struct target *t, const struct login *l)
{
	int rc;

	if (conn_login(c, t, l) == -1)
		return (-1);
	rc = conn_command(c, "LOGOUT", NULL);
	close(c->fd);
	return (rc);
}

static int
repeat_command(struct conn *c, const struct target *t, const struct login *l,
    const struct operation *op, double *began)
{
	char text[256];
	int fetched, i, rc = -1;

	if (conn_login(c, t, l) == -1)
		return (-1);
	snprintf(text, sizeof(text), "SELECT %s", op->mailbox);
	/* Once before the clock: probes and caches are not what we time. */
	if (conn_command(c, text, NULL) == -1 ||
	    conn_command(c, op->command, NULL) == -1)
		goto out;
	*began = figure_now();
	for (i = 0; i < op->times; i++) {
		fetched = 0;
		if (conn_command(c, op->command, &fetched) == -1 ||
		    fetched == 0)
			goto out;
	}
	rc = 0;
out:
	close(c->fd);
	return (rc);
}

/* One worker process: its seconds go up the pipe, negative on failure. */
static void
worker(int out, const struct target *t, const struct login *l,
    const struct operation *op)
{
	struct conn c;
	double began, took = -1;
	int i, rc = 0;

	if ((c.buf = malloc(READ_BUF + 1)) == NULL)
		_exit(1);
	began = figure_now();
	if (op->mailbox == NULL) {
		for (i = 0; i < op->times && rc == 0; i++)
			rc = login_cycle(&c, t, l);
	} else
		rc = repeat_command(&c, t, l, op, &began);
	if (rc == 0)
		took = figure_now() - began;
	if (write(out, &took, sizeof(took)) != (ssize_t)sizeof(took))
		_exit(1);
	_exit(0);
}

double
imapload_run(const struct target *t, const struct login *l,
    const struct operation *op)
{
	double longest = 0, took;
	bool failed = false;
	int i, p[2];

	if (pipe(p) == -1)
		return (-1);
	for (i = 0; i < op->workers; i++)
		switch (fork()) {
		case -1:
			failed = true;
			break;
		case 0:
			close(p[0]);
			worker(p[1], t, l, op);
		}
	close(p[1]);
	while (read(p[0], &took, sizeof(took)) == (ssize_t)sizeof(took)) {
		if (took < 0)
			failed = true;
		else if (took > longest)
			longest = took;
	}
	close(p[0]);
	while (wait(NULL) != -1)
		;
	if (failed || longest <= 0) {
		fprintf(stderr, "bench: %s over %s failed\n", op->name,
		    t->name);
		return (-1);
	}
	return ((double)(op->workers * op->times) / longest);
}

static int
append_one(struct conn *c, const char *mailbox, int number, size_t size)
{
	static const char row[] =
	    "The quick brown fox jumps over the lazy dog, and then rests.\r\n";
	char head[512], cmd[128];
	size_t body, headlen;
	char *msg;
	int n, rc;

	n = snprintf(head, sizeof(head),
	    "From: Bench <bench@example.test>\r\n"
	    "To: user1@example.test\r\nSubject: message %d of a bench\r\n"
	    "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
	    "Message-ID: <%d.%zu@bench.example.test>\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n",
	    number, number, size);
	headlen = (size_t)n;
	body = size > headlen ? size - headlen : 0;
	body -= body % (sizeof(row) - 1);
	if ((msg = malloc(headlen + body + 2)) == NULL)
		return (-1);
	memcpy(msg, head, headlen);
	for (size = 0; size < body; size += sizeof(row) - 1)
		memcpy(msg + headlen + size, row, sizeof(row) - 1);
	memcpy(msg + headlen + body, "\r\n", 2);
	n = snprintf(cmd, sizeof(cmd), "b1 APPEND %s {%zu+}\r\n", mailbox,
	    headlen + body);
	rc = conn_send(c, cmd, (size_t)n);
	if (rc == 0)
		rc = conn_send(c, msg, headlen + body + 2);
	free(msg);
	return (rc == -1 ? -1 : conn_until(c, "b1", NULL));
}

/* How many messages the mailbox holds; -1 if there is none. */
static int
mailbox_count(struct conn *c, const char *mailbox)
{
	char cmd[128];
	int count = -1;
	char *line, *at;

	snprintf(cmd, sizeof(cmd), "b2 STATUS %s (MESSAGES)\r\n", mailbox);
	if (conn_send(c, cmd, strlen(cmd)) == -1)
		return (-1);
	while ((line = conn_line(c)) != NULL && strncmp(line, "b2 ", 3) != 0)
		if ((at = strstr(line, "(MESSAGES ")) != NULL)
			count = atoi(at + strlen("(MESSAGES "));
	return (count);
}

int
imapload_fill(const struct target *t, const struct login *l,
    const char *mailbox, int count, size_t size)
{
	struct conn c;
	char text[128];
	int have, rc = -1;

	if ((c.buf = malloc(READ_BUF + 1)) == NULL)
		return (-1);
	if (conn_login(&c, t, l) == -1)
		goto out;
	if ((have = mailbox_count(&c, mailbox)) == -1) {
		snprintf(text, sizeof(text), "CREATE %s", mailbox);
		if (conn_command(&c, text, NULL) == -1)
			goto close;
		have = 0;
	}
	for (rc = 0; rc == 0 && have < count; have++)
		rc = append_one(&c, mailbox, have + 1, size);
close:
	close(c.fd);
out:
	free(c.buf);
	return (rc);
}
