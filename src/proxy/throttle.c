#include "config.h"

#include "proxy/throttle.h"

#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define FREE_LOGIN 5  /* failures that cost a login nothing */
#define FREE_PEER  20 /* a peer may be a host with many users */
#define RUNNING    8  /* attempts of one login at once */
#define HALF_MS    60000
#define DELAY_MS   1000
#define DELAY_MAX  30000
/* Names remembered; beyond, the forgotten share one count. */
#define NAMES_MAX 10000

/* A peer or a login. */
struct count {
	unsigned failed;
	uint64_t since; /* mono: when failed was last brought up to date */
	unsigned users; /* attempts that point here */
	unsigned running;
	TAILQ_HEAD(attempt_list, attempt) waiting;
};

struct attempt {
	TAILQ_ENTRY(attempt) next; /* in login->waiting */
	struct throttle *t;
	struct count *peer;
	struct count *login;
	bool running;
	struct event *timer; /* owned */
	void (*go)(void *);
	void *arg;
};

struct throttle {
	struct event_base *base;
	struct map *counts; /* owned */
};

static unsigned
count_now(const struct count *c, uint64_t mono)
{
	uint64_t halvings = mono > c->since ? (mono - c->since) / HALF_MS : 0;

	return (halvings > 31 ? 0 : c->failed >> halvings);
}

static void
count_update(struct count *c, uint64_t mono)
{
	uint64_t halvings = mono > c->since ? (mono - c->since) / HALF_MS : 0;

	c->failed = count_now(c, mono);
	c->since += halvings * HALF_MS;
	if (c->failed == 0)
		c->since = mono;
}

static uint64_t
count_delay(const struct count *c, unsigned free_ones, uint64_t mono)
{
	unsigned n = c == NULL ? 0 : count_now(c, mono);

	if (n <= free_ones)
		return (0);
	n -= free_ones + 1;
	return (n > 4 ? DELAY_MAX : (uint64_t)DELAY_MS << n);
}

/* "peer ADDRESS" without the port, or "login NAME". */
static struct str
count_key(char *out, size_t size, const char *kind, const char *name)
{
	size_t len = strlen(name);
	const char *colon;
	int n;

	if (kind[0] == 'p' && (colon = strrchr(name, ':')) != NULL)
		len = (size_t)(colon - name);
	n = snprintf(out, size, "%s %.*s", kind, (int)len, name);
	return (str_of(out, (size_t)n < size ? (size_t)n : size - 1));
}

/* Forget those that tell nothing any more. */
static void
throttle_clean(struct throttle *t, uint64_t mono)
{
	struct count *c;
	struct str key;
	void *value;
	size_t pos = 0;

	while (map_next(t->counts, &pos, &key, &value)) {
		c = value;
		if (c->users == 0 && count_now(c, mono) == 0)
			map_del(t->counts, key);
	}
}

static struct count *
throttle_count(struct throttle *t, const char *kind, const char *name,
    uint64_t mono)
{
	char text[320];
	struct str key = count_key(text, sizeof(text), kind, name);
	struct count *c;

	if ((c = map_get(t->counts, key)) != NULL)
		return (c);
	if (map_count(t->counts) >= NAMES_MAX)
		throttle_clean(t, mono);
	if (map_count(t->counts) >= NAMES_MAX) {
		key = str_c(kind);
		if ((c = map_get(t->counts, key)) != NULL)
			return (c);
	}
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->since = mono;
	TAILQ_INIT(&c->waiting);
	if (map_put(t->counts, key, c) == -1) {
		free(c);
		return (NULL);
	}
	return (c);
}

struct throttle *
throttle_new(struct event_base *base)
{
	struct throttle *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->base = base;
	if ((t->counts = map_new(free)) == NULL) {
		free(t);
		return (NULL);
	}
	return (t);
}

void
throttle_free(struct throttle *t)
{
	if (t == NULL)
		return;
	map_free(t->counts);
	free(t);
}

uint64_t
throttle_delay(const struct throttle *t, const char *peer, const char *login,
    struct clock now)
{
	char text[320];
	uint64_t a, b;

	a = count_delay(
	    map_get(t->counts, count_key(text, sizeof(text), "peer", peer)),
	    FREE_PEER, now.mono);
	b = count_delay(
	    map_get(t->counts, count_key(text, sizeof(text), "login", login)),
	    FREE_LOGIN, now.mono);
	return (a > b ? a : b);
}

/* Its turn has come: after a delay, and never at once. */
static void
attempt_run(struct attempt *a)
{
	uint64_t mono = clock_now().mono, ms, other;
	struct timeval tv;

	ms = count_delay(a->login, FREE_LOGIN, mono);
	other = count_delay(a->peer, FREE_PEER, mono);
	if (other > ms)
		ms = other;
	a->running = true;
	a->login->running++;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	if (ms == 0)
		event_active(a->timer, EV_TIMEOUT, 0);
	else
		evtimer_add(a->timer, &tv);
}

static void
attempt_go(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;

	(void)fd;
	(void)what;
	a->go(a->arg);
}

struct attempt *
throttle_begin(struct throttle *t, const char *peer, const char *login,
    void (*go)(void *arg), void *arg)
{
	uint64_t mono = clock_now().mono;
	struct attempt *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	a->t = t;
	a->go = go;
	a->arg = arg;
	a->timer = evtimer_new(t->base, attempt_go, a);
	a->peer = throttle_count(t, "peer", peer, mono);
	if (a->peer != NULL)
		a->peer->users++;
	a->login = throttle_count(t, "login", login, mono);
	if (a->timer == NULL || a->peer == NULL || a->login == NULL) {
		if (a->peer != NULL)
			a->peer->users--;
		if (a->timer != NULL)
			event_free(a->timer);
		free(a);
		return (NULL);
	}
	a->login->users++;
	if (a->login->running < RUNNING)
		attempt_run(a);
	else
		TAILQ_INSERT_TAIL(&a->login->waiting, a, next);
	return (a);
}

void
throttle_drop(struct attempt *a)
{
	struct attempt *next;

	if (a == NULL)
		return;
	a->peer->users--;
	a->login->users--;
	if (!a->running)
		TAILQ_REMOVE(&a->login->waiting, a, next);
	else {
		a->login->running--;
		if ((next = TAILQ_FIRST(&a->login->waiting)) != NULL) {
			TAILQ_REMOVE(&a->login->waiting, next, next);
			attempt_run(next);
		}
	}
	event_free(a->timer);
	free(a);
}

void
throttle_end(struct attempt *a, bool success)
{
	uint64_t mono = clock_now().mono;

	if (a == NULL)
		return;
	count_update(a->login, mono);
	count_update(a->peer, mono);
	if (success)
		a->login->failed = 0;
	else {
		a->login->failed++;
		a->peer->failed++;
	}
	throttle_drop(a);
}
