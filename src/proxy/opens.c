#include "config.h"

#include "proxy/opens.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "base/map.h"
#include "proto/op.h"
#include "proto/start.h"
#include "sys/log.h"
#include "sys/sandbox.h"

/* Messages remembered as deadly. */
#define QUARANTINE_MAX 1000
/* Openers that may die of one before it is. */
#define DEATHS_MAX 2
/* Openers that may be dead before it can be given to them. */
#define MISSED_MAX 5
/* How long the parent may take to start an opener. */
#define OPENER_MS 15000
/* A key that is on its way is waited for so long; then not again for a while,
 * so that no client hangs on every command. */
#define KEY_WAIT_MS 20000
#define KEY_REST_MS 60000
/* After a death the parent is given time to notice, lest it sends us to the
 * one that is dying. */
#define DEATH_MS 200

struct opening {
	TAILQ_ENTRY(opening) next;
	struct opens *o;
	struct blob *wire; /* owned; or the view, for its text */
	struct buf body;   /* owned; the request */
	struct buf shut;   /* owned; the same, but not to open it */
	uint8_t digest[CRYPT_DIGEST];
	unsigned deaths;
	unsigned missed;
	uint32_t id;            /* with the opener; 0: waiting */
	unsigned keys;          /* how many had come when it was asked */
	opens_fn *fn;           /* OP_OPEN; or ... */
	opens_text_fn *text_fn; /* ... OP_TEXT, ... */
	size_t text_max;        /* ... of so many bytes */
	void *arg;
};
TAILQ_HEAD(opening_list, opening);

/* One who waits for a key. */
struct keywait {
	TAILQ_ENTRY(keywait) next;
	struct opens *o;
	keywait_fn *fn;
	void *arg;
};
TAILQ_HEAD(keywait_list, keywait);

struct opens {
	struct proxy *p;
	char *login;         /* owned */
	struct ipc *link;    /* owned; NULL: none yet */
	struct event *soon;  /* owned */
	struct event *again; /* owned; runs after a death */
	uint32_t asked;      /* id of OP_OPENER at the parent; 0: not asked */
	struct opening_list waiting;
	struct keywait_list keywaits;
	struct event *enough; /* owned; they have waited long enough */
	uint64_t key_until;   /* mono */
	unsigned keys;        /* that came */
	struct opening_list running;
	unsigned nrunning;
	struct map *quarantine; /* owned; digest -> quarantine_put() */
};

static void opens_pump(struct opens *);

static void
opening_free(struct opening *g)
{
	blob_unref(g->wire);
	buf_clear(&g->body);
	buf_clear(&g->shut);
	free(g);
}

/* Tell the asker that it failed; g is in no list. */
static void
opening_fail(struct opening *g, const struct err *err)
{
	opens_text_fn *text_fn = g->text_fn;
	opens_fn *fn = g->fn;
	void *arg = g->arg;

	opening_free(g);
	if (text_fn != NULL)
		text_fn(NULL, arg);
	else
		fn(NULL, NULL, NULL, err, arg);
}

static void
opens_fail_all(struct opens *o, const struct err *err)
{
	struct opening *g;

	while ((g = TAILQ_FIRST(&o->waiting)) != NULL) {
		TAILQ_REMOVE(&o->waiting, g, next);
		opening_fail(g, err);
	}
}

static void
opens_later(struct opens *o)
{
	event_active(o->soon, EV_TIMEOUT, 0);
}

/* Tell those that wait for a key; one may cancel another meanwhile. */
static void
keywait_end(struct opens *o, bool came)
{
	struct keywait *w;

	evtimer_del(o->enough);
	/* Who waits anew does so for answers that are yet to come. */
	while ((w = TAILQ_FIRST(&o->keywaits)) != NULL) {
		TAILQ_REMOVE(&o->keywaits, w, next);
		w->fn(came, w->arg);
		free(w);
	}
}

static void
on_enough(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	keywait_end(arg, false);
}

void
opens_key_arrived(struct account *a)
{
	if (a->opens == NULL)
		return;
	a->opens->keys++;
	keywait_end(a->opens, true);
}

static void
opens_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	opens_pump(arg);
}

/* The link is gone, and with it what the opener had: ipc_free() fails it. */
static void
opens_unlink(struct opens *o)
{
	static const struct timeval tv = {.tv_usec = DEATH_MS * 1000};
	struct ipc *link = o->link;

	o->link = NULL;
	evtimer_add(o->again, &tv);
	ipc_free(link);
}

static void
on_link_dead(struct ipc *l, const struct err *err, void *arg)
{
	struct opens *o = arg;

	(void)l;
	log_warn("opener-lost login=%s reason=%s", log_addr(str_c(o->login)),
	    log_str(str_c(err->text)));
	opens_unlink(o);
}

/* No opener is to open it; none: nor to show it unopened. */
static void
quarantine_put(struct opens *o, const struct opening *g, bool none)
{
	struct str key = str_of((const char *)g->digest, sizeof(g->digest));

	if (map_count(o->quarantine) < QUARANTINE_MAX || none)
		map_put(o->quarantine, key, none ? (void *)o->quarantine : o);
}

static bool
quarantine_has(const struct opens *o, const uint8_t digest[CRYPT_DIGEST],
    bool *none)
{
	const void *how =
	    map_get(o->quarantine, str_of((const char *)digest, CRYPT_DIGEST));

	*none = how == o->quarantine;
	return (how != NULL);
}

/* From here on the opener is asked to leave it closed. */
static void
opening_shut(struct opening *g)
{
	buf_clear(&g->body);
	g->body = g->shut;
	buf_init(&g->shut, 0);
	g->deaths = DEATHS_MAX;
}

/* The opener died (or was too slow) while it had this message. */
static void
opening_died(struct opening *g, const struct err *why)
{
	struct opens *o = g->o;
	struct err err;
	char hex[2 * CRYPT_DIGEST + 1];

	if (++g->deaths < DEATHS_MAX) {
		TAILQ_INSERT_HEAD(&o->waiting, g, next);
		return;
	}
	hex_encode(g->digest, sizeof(g->digest), hex);
	log_warn("quarantine login=%s digest=%s reason=%s",
	    log_addr(str_c(o->login)), hex, log_str(str_c(why->text)));
	quarantine_put(o, g, g->deaths > DEATHS_MAX);
	if (g->shut.len > 0) {
		opening_shut(g);
		TAILQ_INSERT_HEAD(&o->waiting, g, next);
		return;
	}
	err_set(&err, ERR_DENIED, "two openers died of this message");
	opening_fail(g, &err);
}

/* The answer to OP_TEXT has come. */
static void
opening_text(struct opening *g, struct ipc_msg *msg)
{
	struct blob *text = NULL;

	if (msg->nfds > 0)
		text = ipc_msg_blob(msg, 0, g->text_max, NULL);
	g->text_fn(text, g->arg);
	opening_free(g);
	blob_unref(text);
}

/* Could a key that came since have opened it? */
static bool
is_shut(uint8_t result)
{
	return (result == OPEN_KEY_LATER || open_unopened(result));
}

/*
 * The most that may be made of a message: an opener that the message has taken
 * over must not make us map, and read, what it likes.  Each LF of its header
 * and of what is inside may have become two bytes.
 */
static size_t
view_max(size_t wire)
{
	const size_t growth = 2 * (LIMIT_OPEN_GROWTH + 1);

	if (wire > (LIMIT_MESSAGE - LIMIT_HEADER) / growth)
		return (LIMIT_MESSAGE);
	return (wire * growth + LIMIT_HEADER);
}

/* The same of a view's whole search text: its characters are taken apart, and
 * two bytes may become 33 (U+FDFA in UTF-16). */
static size_t
text_max(size_t view)
{
	const size_t growth = 20, more = 2 * LIMIT_SEARCH_TEXT;

	if (view > (LIMIT_SEARCH_WHOLE - more) / growth)
		return (LIMIT_SEARCH_WHOLE);
	return (view * growth + more);
}

/* A whole answer has come. */
static void
opening_answer(struct opening *g, struct ipc_msg *msg)
{
	struct blob *view = NULL, *text = NULL;
	struct open_ans ans;
	struct err err = {0};

	if (open_ans_get(msg->body, &ans, &err) == -1) {
		opening_fail(g, &err);
		return;
	}
	if (ans.err.code != ERR_OK) {
		opening_fail(g, &ans.err);
		return;
	}
	/* One came when the opener had looked already: what is said of the old
	 * ones must not be taken down as said of the new one. */
	if (is_shut(ans.result) && g->keys != g->o->keys) {
		TAILQ_INSERT_TAIL(&g->o->waiting, g, next);
		return;
	}
	if (ans.result != OPEN_KEY_LATER) {
		view = ipc_msg_blob(msg, 0, view_max(blob_len(g->wire)), &err);
		if (view == NULL) {
			opening_fail(g, &err);
			return;
		}
		if (msg->nfds > 1)
			text = ipc_msg_blob(msg, 1, LIMIT_SEARCH_TEXT, NULL);
	}
	g->fn(&ans, view, text, NULL, g->arg);
	opening_free(g);
	blob_unref(text);
	blob_unref(view);
}

/* One that answers nothing would be given to us again: have it killed. */
static void
opens_accuse(struct opens *o)
{
	struct peer_req q = {.role = ROLE_OPENER, .account = str_c(o->login)};
	struct buf body;

	log_error("peer-slow peer=opener login=%s", log_addr(q.account));
	buf_init(&body, LIMIT_RECORD);
	peer_req_put(&body, &q);
	if (o->p->parent != NULL && !body.failed)
		(void)ipc_tell(o->p->parent, OP_LINK_LOST, buf_text(&body));
	buf_clear(&body);
}

static void
on_opened(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct opening *g = arg;
	struct opens *o = g->o;

	g->id = 0;
	TAILQ_REMOVE(&o->running, g, next);
	o->nrunning--;
	opens_later(o);
	if (msg != NULL) {
		if (g->text_fn != NULL)
			opening_text(g, msg);
		else
			opening_answer(g, msg);
		return;
	}
	/* One that is too slow takes its opener with it. */
	if (err->code == ERR_TIMEOUT && o->link != NULL) {
		opens_accuse(o);
		opens_unlink(o);
	}
	opening_died(g, err);
}

/* The parent has (or has not) an opener for us. */
static void
on_opener(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct opens *o = arg;
	struct err why = {0};
	struct rec r;
	int fd;

	o->asked = 0;
	if (msg == NULL)
		why = *err;
	else {
		rec_init(&r, msg->body);
		rec_get_err(&r, &why);
		if (why.code == ERR_OK && rec_end(&r, &why) == 0) {
			fd = ipc_msg_fd(msg, 0);
			if (fd != -1)
				o->link = ipc_new(o->p->base, fd, "opener",
				    NULL, NULL, on_link_dead, o);
			if (o->link == NULL)
				err_set(&why, ERR_UNAVAILABLE, "no link");
		}
	}
	if (o->link == NULL) {
		log_warn("opener-missing login=%s reason=%s",
		    log_addr(str_c(o->login)), log_str(str_c(why.text)));
		why.code = ERR_UNAVAILABLE;
		opens_fail_all(o, &why);
		return;
	}
	opens_pump(o);
}

static void
opens_ask_parent(struct opens *o)
{
	struct err err;
	struct buf body;

	if (o->asked != 0)
		return;
	buf_init(&body, LIMIT_RECORD);
	opener_req_put(&body, str_c(o->login));
	if (o->p->parent != NULL)
		o->asked = ipc_ask(o->p->parent, OP_OPENER, buf_text(&body),
		    NULL, 0, OPENER_MS, on_opener, o);
	buf_clear(&body);
	if (o->asked == 0) {
		err_set(&err, ERR_UNAVAILABLE, "the parent does not answer");
		opens_fail_all(o, &err);
	}
}

/* It could not be given to an opener: none died of it, so it is not one to be
 * quarantined, but it is not tried for ever. */
static void
opening_missed(struct opening *g)
{
	struct opens *o = g->o;
	struct err err;

	if (++g->missed >= MISSED_MAX) {
		err_set(&err, ERR_UNAVAILABLE, "openers do not stay");
		TAILQ_REMOVE(&o->waiting, g, next);
		opening_fail(g, &err);
	}
	if (o->link != NULL)
		opens_unlink(o);
}

/* Give the opener what it may have. */
static void
opens_pump(struct opens *o)
{
	struct opening *g;

	while ((g = TAILQ_FIRST(&o->waiting)) != NULL) {
		if (o->link == NULL) {
			if (!evtimer_pending(o->again, NULL))
				opens_ask_parent(o);
			return;
		}
		/* What an opener died of before runs alone, so that the next
		 * death tells who it was. */
		if (o->nrunning >= LIMIT_ACCOUNT_OPENS ||
		    (g->deaths > 0 && o->nrunning > 0))
			return;
		if (o->nrunning > 0 && TAILQ_FIRST(&o->running)->deaths > 0)
			return;
		g->keys = o->keys;
		g->id = ipc_ask(o->link, g->text_fn != NULL ? OP_TEXT : OP_OPEN,
		    buf_text(&g->body), &g->wire, 1, LIMIT_OPEN_MS, on_opened,
		    g);
		if (g->id == 0) {
			opening_missed(g);
			return;
		}
		TAILQ_REMOVE(&o->waiting, g, next);
		TAILQ_INSERT_TAIL(&o->running, g, next);
		o->nrunning++;
	}
}

static struct opens *
opens_new(struct proxy *p, const char *login)
{
	struct opens *o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return (NULL);
	o->p = p;
	TAILQ_INIT(&o->waiting);
	TAILQ_INIT(&o->running);
	TAILQ_INIT(&o->keywaits);
	o->enough = evtimer_new(p->base, on_enough, o);
	o->login = strdup(login);
	o->quarantine = map_new(NULL);
	o->soon = event_new(p->base, -1, 0, opens_soon, o);
	o->again = evtimer_new(p->base, opens_soon, o);
	if (o->login == NULL || o->quarantine == NULL || o->soon == NULL ||
	    o->again == NULL || o->enough == NULL) {
		opens_free(o);
		return (NULL);
	}
	return (o);
}

void
opens_free(struct opens *o)
{
	struct opening *g;
	struct keywait *w;

	if (o == NULL)
		return;
	while ((g = TAILQ_FIRST(&o->running)) != NULL) {
		TAILQ_REMOVE(&o->running, g, next);
		ipc_forget(o->link, g->id);
		opening_free(g);
	}
	while ((g = TAILQ_FIRST(&o->waiting)) != NULL) {
		TAILQ_REMOVE(&o->waiting, g, next);
		opening_free(g);
	}
	while ((w = TAILQ_FIRST(&o->keywaits)) != NULL) {
		TAILQ_REMOVE(&o->keywaits, w, next);
		free(w);
	}
	if (o->asked != 0 && o->p->parent != NULL)
		ipc_forget(o->p->parent, o->asked);
	ipc_free(o->link);
	if (o->soon != NULL)
		event_free(o->soon);
	if (o->again != NULL)
		event_free(o->again);
	if (o->enough != NULL)
		event_free(o->enough);
	map_free(o->quarantine);
	free(o->login);
	free(o);
}

/* One more that waits for its turn; NULL with the reason.  shows: it could be
 * shown unopened. */
static struct opening *
opening_new(struct account *a, struct blob *wire,
    const uint8_t digest[CRYPT_DIGEST], bool shows, void *arg, struct err *err)
{
	struct opening *g;
	bool none;

	if (a->opens == NULL &&
	    (a->opens = opens_new(a->proxy, a->login)) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	if (quarantine_has(a->opens, digest, &none) && (none || !shows)) {
		err_set(err, ERR_DENIED, "two openers died of this message");
		return (NULL);
	}
	if ((g = calloc(1, sizeof(*g))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	g->o = a->opens;
	g->arg = arg;
	buf_init(&g->body, LIMIT_RECORD);
	buf_init(&g->shut, LIMIT_RECORD);
	memcpy(g->digest, digest, sizeof(g->digest));
	g->wire = blob_ref(wire);
	TAILQ_INSERT_TAIL(&a->opens->waiting, g, next);
	opens_later(a->opens);
	return (g);
}

struct opening *
opens_ask(struct account *a, struct blob *wire,
    const uint8_t digest[CRYPT_DIGEST], const struct open_req *req,
    opens_fn *fn, void *arg, struct err *err)
{
	struct open_req shut = *req;
	struct opening *g;
	bool none;

	if ((g = opening_new(a, wire, digest, !req->harvest, arg, err)) == NULL)
		return (NULL);
	g->fn = fn;
	open_req_put(&g->body, req);
	shut.closed = true;
	if (!req->harvest)
		open_req_put(&g->shut, &shut);
	if (quarantine_has(a->opens, digest, &none))
		opening_shut(g);
	if (!g->body.failed && !g->shut.failed)
		return (g);
	err_set(err, ERR_MEMORY, "cannot make the request");
	opens_cancel(g);
	return (NULL);
}

struct opening *
opens_ask_text(struct account *a, struct blob *view,
    const uint8_t digest[CRYPT_DIGEST], bool whole, opens_text_fn *fn,
    void *arg)
{
	struct text_req req = {.whole = whole};
	struct opening *g;
	struct err err;

	if ((g = opening_new(a, view, digest, false, arg, &err)) == NULL)
		return (NULL);
	g->text_fn = fn;
	g->text_max = whole ? text_max(blob_len(view)) : LIMIT_SEARCH_TEXT;
	text_req_put(&g->body, &req);
	if (!g->body.failed)
		return (g);
	opens_cancel(g);
	return (NULL);
}

struct ipc *
opens_idle(const struct account *a)
{
	const struct opens *o = a->opens;

	return (o != NULL && o->nrunning == 0 && TAILQ_EMPTY(&o->waiting)
	            ? o->link
	            : NULL);
}

void
opens_cancel(struct opening *g)
{
	struct opens *o;

	if (g == NULL)
		return;
	o = g->o;
	if (g->id != 0) {
		ipc_forget(o->link, g->id);
		TAILQ_REMOVE(&o->running, g, next);
		o->nrunning--;
		opens_later(o);
	} else
		TAILQ_REMOVE(&o->waiting, g, next);
	opening_free(g);
}

struct keywait *
opens_wait_key(struct account *a, keywait_fn *fn, void *arg)
{
	uint64_t now = clock_now().mono;
	struct opens *o = a->opens;
	struct keywait *w;
	struct timeval tv;

	if (o == NULL)
		return (NULL);
	if (now > o->key_until + KEY_REST_MS || o->key_until == 0)
		o->key_until = now + KEY_WAIT_MS;
	if (now >= o->key_until || (w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->o = o;
	w->fn = fn;
	w->arg = arg;
	TAILQ_INSERT_TAIL(&o->keywaits, w, next);
	tv.tv_sec = (time_t)((o->key_until - now) / 1000);
	tv.tv_usec = (suseconds_t)((o->key_until - now) % 1000 * 1000);
	if (!evtimer_pending(o->enough, NULL))
		evtimer_add(o->enough, &tv);
	return (w);
}

void
opens_wait_cancel(struct keywait *w)
{
	if (w == NULL)
		return;
	TAILQ_REMOVE(&w->o->keywaits, w, next);
	free(w);
}
