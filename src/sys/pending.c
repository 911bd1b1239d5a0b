#include "config.h"

#include "sys/pending.h"

#include <sys/queue.h>

#include <stdlib.h>

#include "sys/fault.h"

struct entry {
	TAILQ_ENTRY(entry) next;
	struct pending *home;
	struct event *timer; /* owned; NULL: no deadline */
	ipc_answer_fn *fn;
	void *arg;
	uint32_t id;
	uint16_t op;
};

/* Answers come nearly in the order of their questions, so a list is looked
 * through from its old end. */
struct pending {
	TAILQ_HEAD(, entry) list;
	struct event_base *base;
	size_t n;
	uint32_t last;
};

static struct entry *
find(const struct pending *p, uint32_t id)
{
	struct entry *e;

	TAILQ_FOREACH (e, &p->list, next)
		if (e->id == id)
			return (e);
	return (NULL);
}

/* Take e out of the list; the caller frees it. */
static void
unlink_entry(struct entry *e)
{
	TAILQ_REMOVE(&e->home->list, e, next);
	e->home->n--;
	if (e->timer != NULL)
		event_free(e->timer);
}

/* Take e out and call back. */
static void
settle(struct entry *e, struct ipc_msg *msg, const struct err *err)
{
	ipc_answer_fn *fn = e->fn;
	void *arg = e->arg;

	unlink_entry(e);
	free(e);
	fn(msg, err, arg);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct err err;

	(void)fd;
	(void)what;
	err_set(&err, ERR_TIMEOUT, "no answer in time");
	settle(arg, NULL, &err);
}

struct pending *
pending_new(struct event_base *base)
{
	struct pending *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	TAILQ_INIT(&p->list);
	p->base = base;
	return (p);
}

void
pending_free(struct pending *p)
{
	struct entry *e;

	if (p == NULL)
		return;
	while ((e = TAILQ_FIRST(&p->list)) != NULL) {
		unlink_entry(e);
		free(e);
	}
	free(p);
}

static int
set_deadline(struct entry *e, uint64_t ms)
{
	struct timeval tv;

	/* Tests do not wait a minute; what has less time needs it. */
	if (ms >= 60000 && FAULT("pending.deadline"))
		ms = 1000;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	if ((e->timer = evtimer_new(e->home->base, on_deadline, e)) == NULL)
		return (-1);
	return (evtimer_add(e->timer, &tv));
}

uint32_t
pending_add(struct pending *p, uint16_t op, uint64_t deadline_ms,
    ipc_answer_fn *fn, void *arg)
{
	struct entry *e;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		return (0);
	e->home = p;
	e->op = op;
	e->fn = fn;
	e->arg = arg;
	if (deadline_ms > 0 && set_deadline(e, deadline_ms) == -1) {
		if (e->timer != NULL)
			event_free(e->timer);
		free(e);
		return (0);
	}
	do { /* 0 is what tells carry */
		e->id = ++p->last;
	} while (e->id == 0 || find(p, e->id) != NULL);
	TAILQ_INSERT_TAIL(&p->list, e, next);
	p->n++;
	return (e->id);
}

void
pending_forget(struct pending *p, uint32_t id)
{
	struct entry *e;

	if ((e = find(p, id)) == NULL)
		return;
	unlink_entry(e);
	free(e);
}

bool
pending_answer(struct pending *p, struct ipc_msg *msg)
{
	struct entry *e;

	if ((e = find(p, msg->id)) == NULL)
		return (true);
	if (e->op != msg->op)
		return (false);
	settle(e, msg, NULL);
	return (true);
}

void
pending_fail(struct pending *p, const struct err *err)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&p->list)) != NULL)
		settle(e, NULL, err);
}

size_t
pending_count(const struct pending *p)
{
	return (p->n);
}
