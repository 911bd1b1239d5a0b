#include "config.h"

#include "sealer/slurp.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct slurp {
	int fd;
	struct event *ready;    /* owned: bytes, or (for a file) now */
	struct event *too_late; /* owned */
	struct buf text;
	size_t max;
	slurp_fn *done;
	void *arg;
};

void
slurp_cancel(struct slurp *s)
{
	if (s == NULL)
		return;
	if (s->ready != NULL)
		event_free(s->ready);
	if (s->too_late != NULL)
		event_free(s->too_late);
	if (s->fd != -1)
		close(s->fd);
	buf_wipe(&s->text);
	free(s);
}

static void
finish(struct slurp *s, const struct err *err)
{
	struct str text = buf_text(&s->text);

	s->done(err == NULL ? &text : NULL, err, s->arg);
	slurp_cancel(s);
}

static void
fail(struct slurp *s, enum err_code code, const char *why)
{
	struct err err;

	err_set(&err, code, "%s", why);
	finish(s, &err);
}

static void
on_too_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail(arg, ERR_TIMEOUT, "it did not end in time");
}

/* One read a turn: others want the loop too. */
static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct slurp *s = arg;
	char extra;
	ssize_t n;

	(void)fd;
	(void)what;
	/* at the limit one byte more tells its end from too much */
	if (s->text.len < s->max)
		n = read(s->fd, s->text.data + s->text.len,
		    s->max - s->text.len);
	else if ((n = read(s->fd, &extra, 1)) > 0) {
		fail(s, ERR_LIMIT, "it is too large");
		return;
	}
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		fail(s, ERR_IO, strerror(errno));
		return;
	}
	if (n == 0) {
		finish(s, NULL);
		return;
	}
	if (n > 0)
		s->text.len += (size_t)n;
	if (event_get_fd(s->ready) == -1)
		event_active(s->ready, EV_READ, 0);
}

/*
 * A regular file is always ready and epoll refuses it.  A pipe is put into
 * non-blocking mode: its other reader is the control client, which has handed
 * it over.
 */
static int
watch(struct slurp *s, struct event_base *base, unsigned ms)
{
	struct timeval tv = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};
	struct stat st;
	int fl;

	if (fstat(s->fd, &st) == -1)
		return (-1);
	if (S_ISREG(st.st_mode))
		s->ready = event_new(base, -1, EV_PERSIST, on_ready, s);
	else if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
		return (-1);
	else if ((fl = fcntl(s->fd, F_GETFL)) != -1 &&
	         fcntl(s->fd, F_SETFL, fl | O_NONBLOCK) != -1)
		s->ready =
		    event_new(base, s->fd, EV_READ | EV_PERSIST, on_ready, s);
	s->too_late = evtimer_new(base, on_too_late, s);
	if (s->ready == NULL || s->too_late == NULL ||
	    event_add(s->ready, NULL) == -1 ||
	    event_add(s->too_late, &tv) == -1)
		return (-1);
	if (S_ISREG(st.st_mode))
		event_active(s->ready, EV_READ, 0);
	return (0);
}

struct slurp *
slurp_start(struct event_base *base, int fd, size_t max, unsigned ms,
    slurp_fn *done, void *arg, struct err *err)
{
	struct slurp *s;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		close(fd);
		err_set(err, ERR_MEMORY, "no memory to read a file");
		return (NULL);
	}
	s->fd = fd;
	s->max = max;
	s->done = done;
	s->arg = arg;
	buf_init(&s->text, max);
	/* all room at once: growing would leave copies of secrets behind */
	if (buf_room(&s->text, max) != NULL && watch(s, base, ms) == 0)
		return (s);
	err_set(err, ERR_IO,
	    "it is neither a file nor a pipe, or cannot be read");
	slurp_cancel(s);
	return (NULL);
}
