#include "config.h"

#include "parent/ports.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/log.h"

/* The first descriptor systemd passes (SD_LISTEN_FDS_START). */
#define FIRST_PASSED 3
#define MAX_PASSED   64

/* Connections that wait until the proxy takes them; also those of the moments
 * in which it is started again. */
#define BACKLOG 512

/* Where the conf names the sockets of each kind. */
static const struct {
	enum listen_kind kind;
	const char *section;
	const char *key;
	const char *name; /* FileDescriptorName= */
} kinds[] = {
    {LISTEN_IMAP, "imap", "listen", "imap"},
    {LISTEN_IMAPS, "imap", "listen_tls", "imaps"},
    {LISTEN_SMTP, "smtp", "listen", "smtp"},
    {LISTEN_SMTPS, "smtp", "listen_tls", "smtps"},
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Swallows fd. */
static int
add(struct parent *p, enum listen_kind kind, const char *name, int fd,
    struct err *err)
{
	struct port *port;

	if ((port = calloc(1, sizeof(*port))) == NULL ||
	    (port->name = strdup(name)) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		free(port);
		close(fd);
		return (-1);
	}
	port->kind = kind;
	port->fd = fd;
	TAILQ_INSERT_TAIL(&p->ports, port, next);
	return (0);
}

static bool
have(const struct parent *p, enum listen_kind kind)
{
	const struct port *port;

	TAILQ_FOREACH (port, &p->ports, next)
		if (port->kind == kind)
			return (true);
	return (false);
}

/* Take one descriptor that systemd passed under a name. */
static int
take(struct parent *p, int fd, const char *name, struct err *err)
{
	size_t i;

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < NKINDS; i++)
		if (strcmp(name, kinds[i].name) == 0)
			return (add(p, kinds[i].kind, name, fd, err));
	err_set(err, ERR_SYNTAX,
	    "a socket from systemd is named \"%s\": "
	    "FileDescriptorName= must be imap, imaps, smtp or smtps",
	    name);
	return (-1);
}

static int
take_passed(struct parent *p, struct err *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	char name[64];
	uint64_t mine, n, i;
	size_t len;

	if (pid == NULL || fds == NULL ||
	    !num_parse(str_c(pid), INT32_MAX, &mine) || (pid_t)mine != getpid())
		return (0);
	if (!num_parse(str_c(fds), MAX_PASSED, &n)) {
		err_set(err, ERR_LIMIT, "LISTEN_FDS: too many");
		return (-1);
	}
	for (i = 0; i < n; i++) {
		len = names != NULL ? strcspn(names, ":") : 0;
		(void)snprintf(name, sizeof(name), "%.*s", (int)len,
		    names != NULL ? names : "");
		if (take(p, FIRST_PASSED + (int)i, name, err) == -1)
			return (-1);
		if (names != NULL)
			names += len + (names[len] == ':');
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return (0);
}

/* Split HOST:PORT or [V6]:PORT; "*" is every address. */
static int
split(struct str word, char *host, size_t size, char port[8], struct err *err)
{
	size_t colon = word.len;

	while (colon > 0 && word.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || word.len - colon >= 8 || colon - 1 >= size) {
		err_set(err, ERR_SYNTAX, "not HOST:PORT");
		return (-1);
	}
	(void)snprintf(port, 8, "%.*s", (int)(word.len - colon),
	    word.p + colon);
	word.len = colon - 1;
	if (word.len >= 2 && word.p[0] == '[' && word.p[word.len - 1] == ']')
		word = str_of(word.p + 1, word.len - 2);
	(void)snprintf(host, size, "%.*s", (int)word.len, word.p);
	return (0);
}

/* Returns the socket or -1 with errno. */
static int
bind_one(const struct addrinfo *ai)
{
	int fd, on = 1, saved;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return (-1);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
		    sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return (fd);
	saved = errno;
	close(fd);
	errno = saved;
	return (-1);
}

/* A name may have several addresses; those the host lacks (::1 without IPv6)
 * are left out as long as one remains. */
static int
bind_word(struct parent *p, size_t k, struct str word, struct err *err)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	                    .ai_socktype = SOCK_STREAM},
	                *list, *ai;
	char host[256], port[8], name[280];
	int fd, rc, bound = 0, saved = 0;

	if (split(word, host, sizeof(host), port, err) == -1)
		return (-1);
	(void)snprintf(name, sizeof(name), "%.*s", (int)word.len, word.p);
	rc = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, port, &hints,
	    &list);
	if (rc != 0) {
		err_set(err, ERR_NOTFOUND, "%s", gai_strerror(rc));
		return (-1);
	}
	for (ai = list; ai != NULL; ai = ai->ai_next) {
		if ((fd = bind_one(ai)) == -1) {
			saved = errno;
			if (saved == EADDRNOTAVAIL || saved == EAFNOSUPPORT)
				continue;
			break;
		}
		if (add(p, kinds[k].kind, name, fd, err) == -1)
			break;
		bound++;
	}
	freeaddrinfo(list);
	if (ai == NULL && bound > 0)
		return (0);
	if (saved != 0)
		err_set(err, ERR_IO, "%s", strerror(saved));
	return (-1);
}

int
ports_open(struct parent *p, struct err *err)
{
	const char *value;
	struct str word;
	size_t i, pos;
	bool passed[NKINDS];

	if (take_passed(p, err) == -1)
		return (-1);
	for (i = 0; i < NKINDS; i++)
		passed[i] = have(p, kinds[i].kind);
	for (i = 0; i < NKINDS; i++) {
		value = conf_str(p->conf, kinds[i].section, kinds[i].key);
		if (value == NULL || passed[i])
			continue;
		for (pos = 0; conf_word(value, &pos, &word);) {
			if (bind_word(p, i, word, err) == -1) {
				err_prefix(err, "%.*s", (int)word.len, word.p);
				return (conf_blame_for(p->conf,
				    kinds[i].section, kinds[i].key, err));
			}
		}
	}
	if (!TAILQ_EMPTY(&p->ports))
		return (0);
	return (conf_blame(p->conf, NULL, NULL, err,
	    "neither [imap] nor [smtp] listens anywhere"));
}

void
ports_close(struct parent *p)
{
	struct port *port;

	while ((port = TAILQ_FIRST(&p->ports)) != NULL) {
		TAILQ_REMOVE(&p->ports, port, next);
		close(port->fd);
		free(port->name);
		free(port);
	}
}

bool
ports_differ(const struct conf *a, const struct conf *b)
{
	const char *was, *is;
	size_t i;

	for (i = 0; i < NKINDS; i++) {
		was = conf_str(a, kinds[i].section, kinds[i].key);
		is = conf_str(b, kinds[i].section, kinds[i].key);
		if (strcmp(was != NULL ? was : "", is != NULL ? is : "") != 0)
			return (true);
	}
	return (false);
}

void
ports_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    (len = strlen(path)) >= sizeof(sun.sun_path))
		return;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	        (struct sockaddr *)&sun,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
	    -1)
		log_warn("notify reason=%s", log_str(str_c(strerror(errno))));
	close(fd);
}
