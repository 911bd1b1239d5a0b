#include "config.h"

#include "proxy/listener.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"

/* After "too many open files": leave the others some time to go. */
#define PAUSE_MS 200

struct listener {
	LIST_ENTRY(listener) link;
	struct proxy *p;
	struct evconnlistener *l; /* owned, with its socket */
	struct event *again;      /* owned */
	enum listen_kind kind;
	char *name; /* owned */
};

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int len, void *arg)
{
	struct listener *ls = arg;

	(void)l;
	(void)sa;
	(void)len;
	switch (ls->kind) {
	case LISTEN_IMAP:
	case LISTEN_IMAPS:
		imap_session_start(ls->p, fd, ls->kind == LISTEN_IMAPS);
		return;
	case LISTEN_SMTP:
	case LISTEN_SMTPS:
		smtp_session_start(ls->p, fd, ls->kind == LISTEN_SMTPS);
		return;
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct listener *ls = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(ls->l);
}

static void
on_error(struct evconnlistener *l, void *arg)
{
	struct listener *ls = arg;
	struct timeval tv = {.tv_usec = PAUSE_MS * 1000};
	int e = EVUTIL_SOCKET_ERROR();

	log_warn("accept name=%s reason=%s", ls->name,
	    log_str(str_c(strerror(e))));
	evconnlistener_disable(l);
	evtimer_add(ls->again, &tv);
}

static void
listener_free(struct listener *ls)
{
	if (ls->l != NULL)
		evconnlistener_free(ls->l);
	if (ls->again != NULL)
		event_free(ls->again);
	free(ls->name);
	free(ls);
}

int
listener_add(struct proxy *p, enum listen_kind kind, struct str name, int fd,
    struct err *err)
{
	struct listener *ls;
	int flags;

	if ((ls = calloc(1, sizeof(*ls))) == NULL)
		goto no;
	ls->p = p;
	ls->kind = kind;
	ls->name = strndup(name.p, name.len);
	ls->again = evtimer_new(p->base, on_again, ls);
	if (ls->name == NULL || ls->again == NULL)
		goto no;
	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		goto no;
	ls->l = evconnlistener_new(p->base, on_accept, ls,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1, fd);
	if (ls->l == NULL)
		goto no;
	evconnlistener_set_error_cb(ls->l, on_error);
	LIST_INSERT_HEAD(&p->listeners, ls, link);
	return (0);
no:
	err_set(err, ERR_IO, "cannot listen: %s", strerror(errno));
	if (ls != NULL)
		listener_free(ls);
	close(fd);
	return (-1);
}

void
listener_close_all(struct proxy *p)
{
	struct listener *ls;

	while ((ls = LIST_FIRST(&p->listeners)) != NULL) {
		LIST_REMOVE(ls, link);
		listener_free(ls);
	}
}
