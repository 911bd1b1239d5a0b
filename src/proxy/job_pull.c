/*
 * Sealed messages on their way to a job that wants to look into them: SEARCH,
 * SORT and THREAD, of what is not known yet.
 *
 * Their sizes are asked for, then BODY.PEEK[] in two windows, bounded by
 * messages and bytes: while one is opened, the bodies of the other come.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "proxy/job.h"
#include "proxy/reading.h"

enum pulled {
	PULL_NEW,
	PULL_ASKED, /* its body is on the way */
	PULL_OPEN,  /* with the opener */
	PULL_DONE
};

struct pull_msg {
	struct pull *pull;
	enum pulled state;
	uint32_t number;
	uint32_t uid;
	uint64_t size;
	struct reading *reading; /* owned */
};

/* Neighbours in msgs: msgs[lo] up to before msgs[hi]. */
struct pull_window {
	size_t lo, hi;
	unsigned asks;
	unsigned opens;
	unsigned held;
	uint64_t bytes; /* beyond what was announced */
};

struct pull {
	struct job *j;
	bool uid;
	struct pull_msg *msgs; /* owned; ascending */
	size_t n;
	size_t next; /* the first that is in no window */
	unsigned sizes;
	struct pull_window win[2];
	pull_fn *each;
	void (*done)(struct job *);
};

void
pull_free(struct pull *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->n; i++)
		reading_cancel(p->msgs[i].reading);
	free(p->msgs);
	free(p);
}

static struct pull_msg *
pull_find(struct pull *p, uint32_t uid)
{
	size_t lo = 0, hi = p->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (p->msgs[mid].uid == uid)
			return (&p->msgs[mid]);
		if (p->msgs[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (NULL);
}

static void
msg_end(struct pull_msg *m, struct viewref *view, const struct err *err)
{
	struct job *j = m->pull->j;

	m->state = PULL_DONE;
	if (err == NULL || err->code != ERR_NOKEY)
		job_opened(j);
	m->pull->each(j, m->number, view, err);
}

static struct pull_window *
msg_window(struct pull_msg *m)
{
	struct pull *p = m->pull;
	size_t i = (size_t)(m - p->msgs);

	return (&p->win[!(i >= p->win[0].lo && i < p->win[0].hi)]);
}

static void pull_advance(struct pull *);

static void
on_read(struct viewref *view, const struct err *err, void *arg)
{
	struct pull_msg *m = arg;
	struct pull *p = m->pull;
	struct imap *s = p->j->s;

	m->reading = NULL;
	msg_window(m)->opens--;
	if (!p->j->over) {
		msg_end(m, view, err);
		pull_advance(p);
	}
	imap_turn(s);
}

/* What the server has of it is here. */
static void
msg_wire(struct pull_msg *m, struct blob *wire,
    const uint8_t digest[CRYPT_DIGEST])
{
	const struct imap *s = m->pull->j->s;
	struct msg_name name = {s->account,
	    str_of(s->box->name, s->box->namelen), s->box->uidvalidity, m->uid};
	struct err err;

	m->reading = reading_start(&name, wire, digest, on_read, m, &err);
	if (m->reading == NULL) {
		msg_end(m, NULL, &err);
		return;
	}
	m->state = PULL_OPEN;
	msg_window(m)->opens++;
}

static bool
body_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct pull *p = j->pull;
	struct pull_window *win = &p->win[a->n];
	struct pull_msg *m;
	uint8_t digest[CRYPT_DIGEST];
	struct resp_item item;
	struct blob *wire;
	struct err err;

	if ((m = pull_find(p, gather_uid(g))) == NULL ||
	    !gather_find(g, STR("BODY[]"), false, &item))
		return (false);
	if (m->state != PULL_ASKED || j->over || msg_window(m) != win)
		return (true); /* once is enough */
	if (item.data.p == NULL) {
		/* NIL: it was expunged elsewhere. */
		msg_end(m, NULL, NULL);
		return (true);
	}
	if ((wire = gather_blob(g, &item, digest, &err)) == NULL) {
		msg_end(m, NULL, &err);
		return (true);
	}
	if (blob_len(wire) > m->size)
		win->bytes += blob_len(wire) - m->size;
	if (win->bytes > JOB_WINDOW_EXTRA)
		imap_die(j->s, "the mail server says too much",
		    "server: messages are larger than it said");
	else
		msg_wire(m, wire, digest);
	blob_unref(wire);
	return (true);
}

static void
body_done(struct job *j, struct ask *a)
{
	j->pull->win[a->n].asks--;
	pull_advance(j->pull);
}

/* Fill a window with the next messages, and ask for them. */
static int
window_start(struct pull *p, struct pull_window *win)
{
	struct ask like = {.bodies = true,
	    .fetch = body_fetch,
	    .done = body_done,
	    .n = (uint32_t)(win - p->win)};
	struct set missing;
	uint64_t bytes = 0;
	struct pull_msg *m;
	int rc = 0;

	win->lo = p->next;
	win->bytes = 0;
	set_init(&missing);
	while (rc == 0 && p->next < p->n && p->next - win->lo < JOB_WINDOW &&
	       bytes <= LIMIT_FETCH_AHEAD / 2) {
		m = &p->msgs[p->next++];
		m->state = PULL_ASKED;
		bytes += m->size;
		rc = set_add(&missing, m->number, m->number);
	}
	win->hi = p->next;
	if (rc == 0)
		win->asks = job_ask_all(p->j, p->uid, &missing,
		    STR("(UID BODY.PEEK[])"), &like);
	set_clear(&missing);
	return (rc);
}

/* All answers are there: what did not come is gone. */
static void
window_end(struct pull *p, struct pull_window *win)
{
	struct err err;
	size_t i;

	err_set(&err, ERR_PEER, "the server sent a part of it");
	for (i = win->lo; i < win->hi; i++)
		if (p->msgs[i].state == PULL_ASKED)
			msg_end(&p->msgs[i], NULL,
			    set_has(&p->j->parts, p->msgs[i].uid) ? &err
			                                          : NULL);
	win->lo = win->hi = 0;
}

/* Whatever can be done now.  Both windows are never filled at once. */
static void
pull_advance(struct pull *p)
{
	struct job *j = p->j;
	struct pull_window *win;
	unsigned i;

	for (i = 0; i < 2 && !j->over && j->s->state != IMAP_DEAD; i++) {
		win = &p->win[i];
		if (win->asks > 0 || win->opens > 0 || win->held > 0)
			continue;
		window_end(p, win);
		if (p->win[!i].asks > 0 || p->next == p->n)
			continue;
		if (window_start(p, win) == -1)
			imap_die(j->s, "out of memory", "out of memory");
	}
	if (j->over || j->s->state == IMAP_DEAD || p->next < p->n ||
	    p->win[0].hi > 0 || p->win[1].hi > 0)
		return;
	j->pull = NULL;
	p->done(j);
	pull_free(p);
}

/* How large is each?  Known before they are fetched, it bounds a window. */
static bool
size_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct resp_item item;
	struct pull_msg *m;

	(void)a;
	if ((m = pull_find(j->pull, gather_uid(g))) == NULL ||
	    !gather_find(g, STR("RFC822.SIZE"), false, &item))
		return (false);
	if (!num_parse(item.value, UINT64_MAX / 2, &m->size))
		m->size = LIMIT_MESSAGE;
	return (true);
}

static void
size_done(struct job *j, struct ask *a)
{
	(void)a;
	if (--j->pull->sizes == 0)
		pull_advance(j->pull);
}

/* By its number; it is there. */
static struct pull_msg *
pull_number(struct pull *p, uint32_t number)
{
	size_t lo = 0, hi = p->n, mid;

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (p->msgs[mid].number <= number)
			lo = mid;
		else
			hi = mid;
	}
	return (&p->msgs[lo]);
}

void
pull_hold(struct job *j, uint32_t number)
{
	msg_window(pull_number(j->pull, number))->held++;
}

void
pull_judged(struct job *j, uint32_t number)
{
	msg_window(pull_number(j->pull, number))->held--;
	pull_advance(j->pull);
}

int
pull_start(struct job *j, bool uid, const struct set *set, pull_fn *each,
    void (*done)(struct job *))
{
	static const struct ask like = {.fetch = size_fetch, .done = size_done};
	uint64_t n = set_count(set);
	uint32_t number = 0;
	struct pull *p;

	if (n > MAILBOX_MAX || (p = calloc(1, sizeof(*p))) == NULL)
		return (-1);
	if ((p->msgs = calloc((size_t)n + 1, sizeof(*p->msgs))) == NULL) {
		free(p);
		return (-1);
	}
	p->j = j;
	p->uid = uid;
	p->each = each;
	p->done = done;
	j->pull = p;
	while (set_next(set, &number))
		p->msgs[p->n++] = (struct pull_msg){.pull = p,
		    .number = number,
		    .uid = uid ? number : mailbox_uid(j->s->box, number)};
	job_opening(j, p->n);
	if (p->n > 1)
		p->sizes =
		    job_ask_all(j, uid, set, STR("(UID RFC822.SIZE)"), &like);
	if (p->sizes == 0)
		pull_advance(p);
	return (0);
}
