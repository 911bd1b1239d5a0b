#include "config.h"

#include "parent/openers.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/op.h"
#include "proto/start.h"
#include "sys/proc.h"

/* How often a full pool asks its openers when they last had work. */
#define POLL_S 10

static void
answer_err(struct ipc *proxy, uint32_t id, enum err_code code, const char *text)
{
	struct err err;
	struct buf body;

	err_set(&err, code, "%s", text);
	buf_init(&body, LIMIT_RECORD);
	rec_put_err(&body, &err);
	ipc_answer(proxy, OP_OPENER, id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}

/* Both get an end of a new link; an older one is replaced. */
static void
hand_out(struct child *opener, struct ipc *proxy, uint32_t id)
{
	struct peer_req q = {.role = ROLE_PROXY, .account = STR("")};
	struct err err = {0};
	struct buf body;
	int fds[2];

	if (proc_pair(fds, &err) == -1) {
		answer_err(proxy, id, ERR_UNAVAILABLE, err.text);
		return;
	}
	opener->used = clock_now().mono;
	buf_init(&body, LIMIT_RECORD);
	peer_req_put(&body, &q);
	if (ipc_ask_fds(opener->link, OP_PEER, buf_text(&body), &fds[0], 1, 0,
	        child_joined, opener) == 0) {
		answer_err(proxy, id, ERR_UNAVAILABLE, "the opener is away");
	} else {
		buf_reset(&body);
		rec_put_err(&body, &err);
		ipc_answer_fds(proxy, OP_OPENER, id, buf_text(&body), &fds[1],
		    1);
	}
	buf_clear(&body);
	close(fds[0]);
	close(fds[1]);
}

static size_t
pool_max(const struct parent *p)
{
	uint64_t n = conf_num(p->conf, "daemon", "openers");

	return (n > 0 ? (size_t)n : 1);
}

/* The opener that may go first: of those with a process or a record of
 * failure, the one that had work longest ago, and nobody waits for. */
static struct child *
longest_idle(struct parent *p, size_t *count)
{
	struct child *c, *found = NULL;

	*count = 0;
	TAILQ_FOREACH (c, &p->children, next) {
		if (!child_pooled(c))
			continue;
		if (c->state != CHILD_ENDING)
			++*count;
		if (c->state != CHILD_ENDING && STAILQ_EMPTY(&c->waiters) &&
		    (found == NULL || c->used < found->used))
			found = c;
	}
	return (found);
}

void
openers_trim(struct parent *p)
{
	struct child *c;
	size_t n;

	while ((c = longest_idle(p, &n)) != NULL && n > pool_max(p)) {
		log_debug("opener-retired role=\"%s\"", child_name(c));
		if (c->pid == 0)
			child_free(c);
		else
			child_stop(c);
	}
}

static void
on_idle(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct child *c = arg;
	struct blob *blob;
	json_t *o;
	json_int_t idle;
	uint64_t now = clock_now().mono;

	(void)err;
	if (msg == NULL ||
	    (blob = ipc_msg_blob(msg, 0, LIMIT_RECORD, NULL)) == NULL)
		return;
	o = json_loadb(blob_data(blob), blob_len(blob), 0, NULL);
	idle = json_integer_value(json_object_get(o, "idle_ms"));
	if (idle >= 0 && (uint64_t)idle < now && now - (uint64_t)idle > c->used)
		c->used = now - (uint64_t)idle;
	json_decref(o);
	blob_unref(blob);
}

/* While the pool is full it must know who works: the proxy talks to its
 * openers without us. */
static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = {.tv_sec = POLL_S};
	struct parent *p = arg;
	struct child *c;
	size_t n;

	(void)fd;
	(void)what;
	if (longest_idle(p, &n) == NULL || n < pool_max(p))
		return;
	TAILQ_FOREACH (c, &p->children, next)
		if (child_pooled(c) && c->state == CHILD_UP)
			(void)ipc_ask(c->link, OP_STATUS, STR(""), NULL, 0, 0,
			    on_idle, c);
	event_add(p->poll, &tv);
}

static int
watch_idle(struct parent *p)
{
	struct timeval tv = {.tv_sec = POLL_S};

	if (p->poll == NULL &&
	    (p->poll = evtimer_new(p->base, on_poll, p)) == NULL)
		return (-1);
	if (!evtimer_pending(p->poll, NULL))
		event_add(p->poll, &tv);
	return (0);
}

/* The opener of an account, made if there is none. */
static struct child *
opener_of(struct parent *p, struct str account)
{
	char name[256];
	struct child *c;

	if (account.len == 0 || account.len >= sizeof(name) ||
	    memchr(account.p, '\0', account.len) != NULL)
		return (NULL);
	TAILQ_FOREACH (c, &p->children, next)
		if (child_pooled(c) && str_eq(str_c(c->account), account))
			return (c);
	memcpy(name, account.p, account.len);
	name[account.len] = '\0';
	return (child_new(p, ROLE_OPENER, name));
}

void
openers_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct child *proxy = arg, *c;
	struct parent *p = proxy->parent;
	struct waiter *w = NULL;
	struct str account;

	if (opener_req_get(msg->body, &account, NULL) == -1 ||
	    (c = opener_of(p, account)) == NULL || watch_idle(p) == -1 ||
	    (w = calloc(1, sizeof(*w))) == NULL) {
		answer_err(l, msg->id, ERR_SYNTAX, "no such account");
		return;
	}
	c->used = clock_now().mono;
	if (c->state == CHILD_UP) {
		free(w);
		hand_out(c, l, msg->id);
		return;
	}
	w->id = msg->id;
	STAILQ_INSERT_TAIL(&c->waiters, w, next);
	if (c->backoff_ms == 0)
		child_start(c);
	else
		child_start_later(c);
	openers_trim(p);
}

void
openers_up(struct child *c)
{
	struct child *proxy = parent_child(c->parent, ROLE_PROXY);
	struct waiter *w;

	while ((w = STAILQ_FIRST(&c->waiters)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->waiters, next);
		if (proxy != NULL && proxy->link != NULL)
			hand_out(c, proxy->link, w->id);
		free(w);
	}
}

void
openers_gone(struct child *c)
{
	struct parent *p = c->parent;

	if (!STAILQ_EMPTY(&c->waiters)) {
		child_start_later(c);
		return;
	}
	/* remembered after a crash, so that its backoff grows */
	if (!c->crashed)
		child_free(c);
	openers_trim(p);
}

void
openers_forget_waiters(struct parent *p)
{
	struct waiter *w;
	struct child *c;

	TAILQ_FOREACH (c, &p->children, next) {
		while ((w = STAILQ_FIRST(&c->waiters)) != NULL) {
			STAILQ_REMOVE_HEAD(&c->waiters, next);
			free(w);
		}
	}
}
