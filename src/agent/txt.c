#include "config.h"

#include "agent/txt.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/conf.h"
#include "sys/crypt.h"
#include "sys/dnstxt.h"
#include "sys/resolv.h"

#define NAME_LEN 253

#define SERVERS_MAX 3

#define TRIES  4
#define TRY_MS 1500

/* A key of 4096 bits takes 750 characters. */
#define TEXT_MAX 2048

struct txt {
	char name[NAME_LEN];
	size_t len;
	txt_fn *done;
	void *arg;
	struct event_base *base;
	struct sockaddr_storage servers[SERVERS_MAX];
	size_t nservers;
	unsigned tries;
	uint16_t id;
	int fd;
	struct event *event; /* owned: an answer, or no more patience */
};

static void
hang_up(struct txt *t)
{
	if (t->event != NULL)
		event_free(t->event);
	if (t->fd != -1)
		(void)close(t->fd);
	t->event = NULL;
	t->fd = -1;
}

void
txt_cancel(struct txt *t)
{
	if (t == NULL)
		return;
	hang_up(t);
	free(t);
}

static void
finish(struct txt *t, const struct str *text, const struct err *err)
{
	txt_fn *done = t->done;
	void *arg = t->arg;

	txt_cancel(t);
	done(text, err, arg);
}

static struct str
name_of(const struct txt *t)
{
	return (str_of(t->name, t->len));
}

static void on_event(evutil_socket_t, short, void *);

/* A new id and, by a new socket, a new port; -1 if it does not leave. */
static int
send_once(struct txt *t)
{
	const struct timeval patience = {TRY_MS / 1000, TRY_MS % 1000 * 1000};
	const struct sockaddr_storage *to = &t->servers[t->tries % t->nservers];
	socklen_t len = to->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                          : sizeof(struct sockaddr_in);
	struct buf question;
	int rc = -1;

	buf_init(&question, DNSTXT_MAX);
	t->fd =
	    socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd != -1 && crypt_random(&t->id, sizeof(t->id)) == 0 &&
	    dnstxt_ask(t->id, name_of(t), &question) == 0 &&
	    connect(t->fd, (const struct sockaddr *)to, len) == 0 &&
	    send(t->fd, question.data, question.len, 0) != -1 &&
	    (t->event = event_new(t->base, t->fd, EV_READ | EV_PERSIST,
	         on_event, t)) != NULL)
		rc = event_add(t->event, &patience);
	buf_clear(&question);
	return (rc);
}

static void
send_next(struct txt *t)
{
	struct err err;

	hang_up(t);
	while (t->tries < TRIES) {
		if (send_once(t) == 0) {
			t->tries++;
			return;
		}
		hang_up(t);
		t->tries++;
	}
	err_set(&err, ERR_UNAVAILABLE, "DNS: no answer about %.*s", (int)t->len,
	    t->name);
	finish(t, NULL, &err);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	char packet[DNSTXT_MAX];
	struct txt *t = arg;
	struct err err = {.code = ERR_OK};
	struct buf text;
	struct str s;
	ssize_t n;

	if ((what & EV_READ) == 0 ||
	    (n = recv(fd, packet, sizeof(packet), 0)) < 0) {
		send_next(t);
		return;
	}
	buf_init(&text, TEXT_MAX);
	if (dnstxt_answer(str_of(packet, (size_t)n), t->id, name_of(t), &text,
	        &err) == 0) {
		s = buf_text(&text);
		finish(t, &s, &err);
	} else if (err.code == ERR_NOTFOUND)
		finish(t, NULL, &err);
	else if (err.code != ERR_PEER) /* that is somebody else's */
		send_next(t);
	buf_clear(&text);
}

/* The conf's servers, or the system's. */
static void
take_servers(struct txt *t, const char *list)
{
	struct sockaddr_storage *to;
	char text[CONF_HOST + 10], host[CONF_HOST];
	struct str word;
	size_t pos = 0;
	uint16_t port;
	int len;

	if (list == NULL)
		t->nservers = resolv_servers(t->base, t->servers, SERVERS_MAX);
	while (list != NULL && t->nservers < SERVERS_MAX &&
	       conf_word(list, &pos, &word)) {
		to = &t->servers[t->nservers];
		len = sizeof(*to);
		if (conf_hostport(word, host, &port) == -1)
			continue;
		(void)snprintf(text, sizeof(text),
		    strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u",
		    strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, port);
		if (evutil_parse_sockaddr_port(text, (struct sockaddr *)to,
		        &len) == 0)
			t->nservers++;
	}
}

static void
on_begin(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	send_next(arg);
}

struct txt *
txt_start(struct event_base *base, const char *servers, struct str name,
    txt_fn *done, void *arg, struct err *err)
{
	struct txt *t;

	if (name.len == 0 || name.len > NAME_LEN) {
		err_set(err, ERR_SYNTAX, "DNS: no such name can be");
		return (NULL);
	}
	if ((t = calloc(1, sizeof(*t))) == NULL ||
	    (t->event = event_new(base, -1, 0, on_begin, t)) == NULL) {
		free(t);
		err_set(err, ERR_MEMORY, "no memory for a look-up in the DNS");
		return (NULL);
	}
	memcpy(t->name, name.p, name.len);
	t->len = name.len;
	t->done = done;
	t->arg = arg;
	t->base = base;
	t->fd = -1;
	take_servers(t, servers);
	if (t->nservers > 0) {
		event_active(t->event, EV_TIMEOUT, 0);
		return (t);
	}
	txt_cancel(t);
	err_set(err, ERR_UNAVAILABLE, "DNS: no name server is known");
	return (NULL);
}
