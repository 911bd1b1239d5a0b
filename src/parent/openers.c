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

/* While somebody waits for room, the pool is looked at so often. */
#define TICK_MS 50

/* An opener may go when it had no work for so long; or, when an account has
 * waited for PATIENCE_MS, whatever it does. */
#define IDLE_MS     500
#define PATIENCE_MS 5000

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

/* Both get an end of a new link; an older one is replaced.  False if the opener
 * died and that is not known yet. */
static bool
hand_out(struct child *opener, struct ipc *proxy, uint32_t id)
{
	struct peer_req q = {.role = ROLE_PROXY, .account = STR("")};
	struct err err = {0};
	struct buf body;
	bool there;
	int fds[2];

	if (proc_pair(fds, &err) == -1) {
		answer_err(proxy, id, ERR_UNAVAILABLE, err.text);
		return (true);
	}
	opener->used = clock_now().mono;
	buf_init(&body, LIMIT_RECORD);
	peer_req_put(&body, &q);
	there = ipc_ask_fds(opener->link, OP_PEER, buf_text(&body), &fds[0], 1,
	            0, child_joined, opener) != 0;
	if (there) {
		buf_reset(&body);
		rec_put_err(&body, &err);
		ipc_answer_fds(proxy, OP_OPENER, id, buf_text(&body), &fds[1],
		    1);
	}
	buf_clear(&body);
	close(fds[0]);
	close(fds[1]);
	return (there);
}

static size_t
pool_max(const struct parent *p)
{
	uint64_t n = conf_num(p->conf, "daemon", "openers");

	return (n > 0 ? (size_t)n : 1);
}

/* How many of the pool have a process. */
static size_t
pool_used(const struct parent *p)
{
	const struct child *c;
	size_t n = 0;

	TAILQ_FOREACH (c, &p->children, next)
		n += child_pooled(c) && c->pid != 0;
	return (n);
}

/* Does somebody wait for this opener, which waits for room? */
static bool
wants_room(const struct child *c)
{
	return (child_pooled(c) && c->state == CHILD_DOWN &&
	        !STAILQ_EMPTY(&c->waiters) && !evtimer_pending(c->timer, NULL));
}

static void
on_idle(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct child *c = arg;
	struct blob *blob;
	json_int_t idle;
	json_t *o;
	uint64_t now = clock_now().mono;

	(void)err;
	if (msg == NULL)
		return;
	c->polled = false;
	if ((blob = ipc_msg_blob(msg, 0, LIMIT_RECORD, NULL)) == NULL)
		return;
	o = json_loadb(blob_data(blob), blob_len(blob), 0, NULL);
	idle = json_integer_value(json_object_get(o, "idle_ms"));
	if (idle >= 0 && (uint64_t)idle < now && now - (uint64_t)idle > c->used)
		c->used = now - (uint64_t)idle;
	json_decref(o);
	blob_unref(blob);
}

/* The proxy talks to its openers without us, so they must be asked when they
 * last had work; one that does not answer has some. */
static void
ask_idle(struct parent *p)
{
	struct child *c;

	TAILQ_FOREACH (c, &p->children, next) {
		if (!child_pooled(c) || c->state != CHILD_UP || c->polled)
			continue;
		c->polled = ipc_ask(c->link, OP_STATUS, STR(""), NULL, 0, 0,
		                on_idle, c) != 0;
	}
}

/* Who had work longest ago and nobody waits for; NULL if all are busy. */
static struct child *
longest_idle(struct parent *p, bool also_busy)
{
	uint64_t now = clock_now().mono;
	struct child *c, *found = NULL;

	TAILQ_FOREACH (c, &p->children, next) {
		if (!child_pooled(c) || c->state != CHILD_UP ||
		    !STAILQ_EMPTY(&c->waiters))
			continue;
		if (!also_busy && (c->polled || now - c->used < IDLE_MS))
			continue;
		if (found == NULL || c->used < found->used)
			found = c;
	}
	return (found);
}

static void
retire(struct child *c)
{
	log_debug("opener-retired role=%s", child_name(c));
	child_stop(c);
}

/* Start whoever has room.  Returns how many still wait. */
static size_t
start_waiting(struct parent *p)
{
	struct child *c;
	size_t waiting = 0;

	TAILQ_FOREACH (c, &p->children, next) {
		if (!wants_room(c))
			continue;
		if (pool_used(p) >= pool_max(p))
			waiting++;
		else if (c->crashed)
			child_start_later(c);
		else
			child_start(c);
	}
	return (waiting);
}

/* Make room for the waiting: one opener ends for each of them. */
static void
make_room(struct parent *p, size_t waiting)
{
	uint64_t now = clock_now().mono;
	bool impatient = false;
	struct child *c, *victim;

	TAILQ_FOREACH (c, &p->children, next) {
		if (child_pooled(c) && c->state == CHILD_ENDING && waiting > 0)
			waiting--;
		if (wants_room(c) && now - c->used > PATIENCE_MS)
			impatient = true;
	}
	for (; waiting > 0; waiting--) {
		if ((victim = longest_idle(p, impatient)) == NULL)
			return;
		retire(victim);
	}
}

static void
look_again(struct parent *p)
{
	struct timeval tv = {.tv_usec = TICK_MS * 1000};

	ask_idle(p);
	if (!evtimer_pending(p->poll, NULL))
		event_add(p->poll, &tv);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct parent *p = arg;

	(void)fd;
	(void)what;
	if (p->stopping)
		return;
	make_room(p, start_waiting(p));
	if (start_waiting(p) > 0)
		look_again(p);
}

/* Start those who wait, now or as soon as there is room. */
static void
serve(struct parent *p)
{
	if (p->stopping || start_waiting(p) == 0)
		return;
	if (p->poll == NULL &&
	    (p->poll = evtimer_new(p->base, on_tick, p)) == NULL)
		return;
	look_again(p);
}

/* A crash is remembered, so that its backoff grows, but not for ever. */
static void
forget_crashes(struct parent *p)
{
	struct child *c, *after;
	uint64_t now = clock_now().mono;

	for (c = TAILQ_FIRST(&p->children); c != NULL; c = after) {
		after = TAILQ_NEXT(c, next);
		if (child_pooled(c) && c->state == CHILD_DOWN &&
		    STAILQ_EMPTY(&c->waiters) &&
		    now - c->started > CHILD_STABLE_MS)
			child_free(c);
	}
}

void
openers_trim(struct parent *p)
{
	size_t n = pool_used(p), max = pool_max(p);
	struct child *c;

	for (; n > max && (c = longest_idle(p, true)) != NULL; n--)
		retire(c);
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

	forget_crashes(p);
	if (opener_req_get(msg->body, &account, NULL) == -1 ||
	    (c = opener_of(p, account)) == NULL ||
	    (w = calloc(1, sizeof(*w))) == NULL) {
		answer_err(l, msg->id, ERR_SYNTAX, "no such account");
		return;
	}
	if (c->state == CHILD_UP && hand_out(c, l, msg->id)) {
		free(w);
		return;
	}
	if (STAILQ_EMPTY(&c->waiters))
		c->used = clock_now().mono;
	w->id = msg->id;
	STAILQ_INSERT_TAIL(&c->waiters, w, next);
	serve(p);
}

void
openers_up(struct child *c)
{
	struct child *proxy = parent_child(c->parent, ROLE_PROXY);
	struct waiter *w;

	if (proxy == NULL || proxy->link == NULL)
		return; /* openers_forget_waiters() is near */
	while ((w = STAILQ_FIRST(&c->waiters)) != NULL) {
		if (!hand_out(c, proxy->link, w->id))
			return; /* openers_gone() is near */
		STAILQ_REMOVE_HEAD(&c->waiters, next);
		free(w);
	}
}

void
openers_gone(struct child *c)
{
	struct parent *p = c->parent;

	if (STAILQ_EMPTY(&c->waiters) && !c->crashed)
		child_free(c);
	serve(p);
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
