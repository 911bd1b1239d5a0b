/* From a host and a port to a connected socket; sockets and their peers. */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/stream_priv.h"

/* Addresses tried; a name with more of them is a farm, not a spare. */
#define DIAL_ADDRS 8

/* The question put to evdns.  Its callback always comes, be it cancelled or
 * not, and the stream may be gone by then. */
struct dial_ask {
	struct dial *dial; /* NULL: nobody waits */
	struct evdns_getaddrinfo_request *req;
};

struct dial {
	struct stream *stream;
	struct dial_ask *ask; /* owned by evdns's callback */
	struct sockaddr_storage addr[DIAL_ADDRS];
	size_t naddrs;
	size_t next; /* index of the next to try */
	int gai;     /* why there are none */
	int saved;   /* errno of the last attempt */
	uint16_t port;
	char host[256];
};

int
stream_socket_options(int fd)
{
	int flags, on = 1;

	if ((flags = fcntl(fd, F_GETFL)) < 0 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return (-1);
	/* A socket that is no TCP has neither option, nor needs it. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return (0);
}

void
stream_set_peer(struct stream *s, const struct sockaddr *sa)
{
	char host[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		(void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
		(void)snprintf(s->peer, sizeof(s->peer), "%s:%u", host,
		    (unsigned)ntohs(v4.sin_port));
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		(void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
		(void)snprintf(s->peer, sizeof(s->peer), "[%s]:%u", host,
		    (unsigned)ntohs(v6.sin6_port));
	} else
		(void)snprintf(s->peer, sizeof(s->peer), "local");
	s->peer_loopback =
	    !FAULT("stream.far") &&
	    (sa->sa_family == AF_UNIX || resolv_is_loopback(host));
}

static void
add_address(struct dial *d, const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (d->naddrs == DIAL_ADDRS)
		return;
	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		v4.sin_port = htons(d->port);
		memcpy(&d->addr[d->naddrs++], &v4, sizeof(v4));
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		v6.sin6_port = htons(d->port);
		memcpy(&d->addr[d->naddrs++], &v6, sizeof(v6));
	}
}

static bool
add_literal(struct dial *d, const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_storage ss = {0};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		memcpy(&ss, &v4, sizeof(v4));
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		memcpy(&ss, &v6, sizeof(v6));
	else
		return (false);
	add_address(d, (const struct sockaddr *)&ss);
	return (true);
}

static void
on_addresses(int result, struct evutil_addrinfo *list, void *arg)
{
	struct dial_ask *ask = arg;
	struct dial *d = ask->dial;
	struct evutil_addrinfo *ai;

	free(ask);
	if (d != NULL) {
		d->ask = NULL;
		d->gai = result;
		for (ai = list; ai != NULL; ai = ai->ai_next)
			add_address(d, ai->ai_addr);
		stream_soon(d->stream);
	}
	if (list != NULL)
		evutil_freeaddrinfo(list);
}

static int
ask(struct dial *d, struct resolv *resolv, struct err *err)
{
	struct evutil_addrinfo hints = {0};
	struct evdns_getaddrinfo_request *req;
	struct dial_ask *a;

	if (resolv == NULL) {
		err_set(err, ERR_UNAVAILABLE, "no resolver to look up %s",
		    d->host);
		return (-1);
	}
	if ((a = calloc(1, sizeof(*a))) == NULL) {
		err_set(err, ERR_MEMORY, "cannot look up %s", d->host);
		return (-1);
	}
	a->dial = d;
	d->ask = a;
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
	/* NULL: the callback was called already, and a is gone */
	req = evdns_getaddrinfo(resolv_base(resolv), d->host, NULL, &hints,
	    on_addresses, a);
	if (req != NULL)
		a->req = req;
	return (0);
}

struct dial *
dial_new(struct stream *s, struct resolv *resolv, const char *host,
    uint16_t port, struct err *err)
{
	struct dial *d;

	if (strlen(host) >= sizeof(d->host)) {
		err_set(err, ERR_LIMIT, "the host name is too long");
		return (NULL);
	}
	if ((d = calloc(1, sizeof(*d))) == NULL) {
		err_set(err, ERR_MEMORY, "cannot connect");
		return (NULL);
	}
	d->stream = s;
	d->port = port;
	memcpy(d->host, host, strlen(host) + 1);
	if (strcasecmp(host, "localhost") == 0) {
		/* RFC 6761 6.3: never asked of a server */
		(void)add_literal(d, "127.0.0.1");
		(void)add_literal(d, "::1");
	} else if (!add_literal(d, host) && ask(d, resolv, err) != 0) {
		free(d);
		return (NULL);
	}
	return (d);
}

void
dial_free(struct dial *d)
{
	struct dial_ask *a;

	if (d == NULL)
		return;
	if ((a = d->ask) != NULL) {
		a->dial = NULL;
		if (a->req != NULL)
			evdns_getaddrinfo_cancel(a->req);
	}
	free(d);
}

bool
dial_ready(const struct dial *d)
{
	return (d->ask == NULL);
}

/* One address.  0 if connecting or connected, else errno. */
static int
try_address(struct stream *s, const struct sockaddr_storage *ss)
{
	const struct sockaddr *sa = (const struct sockaddr *)ss;
	socklen_t len = ss->ss_family == AF_INET ? sizeof(struct sockaddr_in)
	                                         : sizeof(struct sockaddr_in6);
	int fd, e;

	if (FAULT("stream.connect"))
		return (ECONNREFUSED);
	if ((fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return (errno);
	if (stream_socket_options(fd) != 0 ||
	    (connect(fd, sa, len) != 0 && errno != EINPROGRESS)) {
		e = errno;
		(void)close(fd);
		return (e);
	}
	stream_bind(s, fd);
	stream_set_peer(s, sa);
	return (0);
}

void
dial_next(struct stream *s)
{
	struct dial *d = s->dial;

	if (d->naddrs == 0) {
		stream_fail(s, ERR_UNAVAILABLE, "cannot find %s: %s", d->host,
		    d->gai != 0 ? evutil_gai_strerror(d->gai) : "no address");
		return;
	}
	while (d->next < d->naddrs) {
		d->saved = try_address(s, &d->addr[d->next++]);
		if (d->saved == 0) {
			s->state = STREAM_CONNECTING;
			return;
		}
	}
	stream_fail(s, ERR_UNAVAILABLE, "cannot connect to %s port %u: %s",
	    d->host, (unsigned)d->port, strerror(d->saved));
}

void
dial_connected(struct stream *s, bool timed_out)
{
	struct dial *d = s->dial;
	socklen_t len = sizeof(int);
	int e = 0;

	if (timed_out)
		e = ETIMEDOUT;
	else if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0)
		e = errno;
	if (e == 0) {
		dial_free(d);
		s->dial = NULL;
		s->state = STREAM_STARTING;
		return;
	}
	stream_unbind(s);
	d->saved = e;
	if (d->next < d->naddrs)
		dial_next(s);
	else
		stream_fail(s, ERR_UNAVAILABLE,
		    "cannot connect to %s port %u: %s", d->host,
		    (unsigned)d->port, strerror(e));
}
