#include "config.h"

#include "proxy/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "proxy/reading.h"

/* The ranges of one VANISHED, 8 bytes each: a line has 1 MiB, two bytes for
 * the shortest. */
#define VANISHED_MAX (8UL * 1024 * 1024)

struct mailbox *
mailbox_new(struct account *a, struct str name)
{
	struct mailbox *box;

	if (str_ieq(name, STR("INBOX")))
		name = STR("INBOX");
	if ((box = calloc(1, sizeof(*box))) == NULL)
		return (NULL);
	if ((box->name = malloc(name.len + 1)) == NULL) {
		free(box);
		return (NULL);
	}
	memcpy(box->name, name.p, name.len);
	box->namelen = name.len;
	box->account = a;
	return (box);
}

/*
 * These UIDs are no more, and never will be again: the one place that hears
 * of each.  (A range may hold UIDs that never were.)
 */
static void
mailbox_gone(struct mailbox *box, const struct set *uids)
{
	struct msg_name name = {box->account, str_of(box->name, box->namelen),
	    box->uidvalidity, 0};
	struct classes *c = box->cls;
	struct set ours;
	size_t i;

	set_init(&ours);
	for (i = 0; i < uids->n; i++) {
		name.uid = uids->r[i].lo - 1;
		while (set_next(&c->sealed, &name.uid) &&
		       name.uid <= uids->r[i].hi) {
			/* It stays known: no message will have that UID. */
			(void)set_remove(&c->sealed, name.uid, name.uid);
			c->changed = true;
			(void)set_add(&ours, name.uid, name.uid);
		}
	}
	if (box->account->proxy != NULL)
		reading_gone(&name, &ours);
	set_clear(&ours);
}

static uint32_t *
mailbox_slot(const struct mailbox *box, uint32_t seq)
{
	size_t i = seq - 1;

	return (&box->uids[i < box->gap_at ? i : i + box->gap]);
}

/* The map is as its readers like it: all one after the other. */
static void
mailbox_close_gap(struct mailbox *box)
{
	if (box->gap > 0)
		memmove(box->uids + box->gap_at,
		    box->uids + box->gap_at + box->gap,
		    (box->nuids - box->gap_at) * sizeof(*box->uids));
	box->gap = 0;
}

/* No UID is known any more. */
static void
mailbox_forget(struct mailbox *box)
{
	box->nuids = 0;
	box->gap = 0;
}

static bool
any_unknown(const uint32_t *uids, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (uids[i] == 0)
			return (true);
	return (false);
}

/*
 * All UIDs are known: sealed messages that are not among them went while nobody
 * here was told.  What comes later has higher ones.
 */
static void
mailbox_missing(struct mailbox *box)
{
	struct classes *c = box->cls;
	struct set gone;
	uint32_t uid = 0;
	size_t i = 0;

	set_init(&gone);
	while (set_next(&c->sealed, &uid) && uid <= box->max_uid) {
		while (i < box->nuids && box->uids[i] < uid)
			i++;
		if ((i == box->nuids || box->uids[i] != uid) &&
		    set_add(&gone, uid, uid) == -1)
			break;
	}
	mailbox_gone(box, &gone);
	/* If one is there after all, it is looked at again. */
	for (i = 0; i < gone.n; i++)
		(void)set_remove(&c->known, gone.r[i].lo, gone.r[i].hi);
	set_clear(&gone);
}

/* All UIDs are known: the next session may need them. */
static void
mailbox_keep(struct mailbox *box)
{
	struct classes *c = box->cls;

	mailbox_close_gap(box);
	if (box->exists == 0 || box->nuids != box->exists ||
	    box->uidnext == 0 || any_unknown(box->uids, box->nuids))
		return;
	mailbox_missing(box);
	free(c->uids);
	c->uids = box->uids;
	c->nuids = box->exists;
	c->uidnext = box->uidnext;
	if (box->max_uid >= c->uidnext)
		c->uidnext = box->max_uid + 1;
	c->changed = true;
	box->uids = NULL;
	mailbox_forget(box);
}

void
mailbox_free(struct mailbox *box)
{
	if (box == NULL)
		return;
	if (box->cls != NULL) {
		mailbox_keep(box);
		box->cls->refs--;
	}
	set_clear(&box->gone);
	free(box->uids);
	free(box->name);
	free(box);
}

/* The UIDs that an earlier session knew, if they still are these. */
static int
mailbox_recall(struct mailbox *box)
{
	const struct classes *c = box->cls;

	if (c->uids == NULL || box->uidnext == 0 ||
	    c->uidnext != box->uidnext || c->nuids != box->exists ||
	    box->nuids > 0)
		return (0);
	free(box->uids); /* forgotten before */
	box->uids = malloc(c->nuids * sizeof(*c->uids));
	if (box->uids == NULL)
		return (-1);
	memcpy(box->uids, c->uids, c->nuids * sizeof(*c->uids));
	box->nuids = box->room = c->nuids;
	box->max_uid = c->uids[c->nuids - 1];
	return (0);
}

int
mailbox_bind(struct mailbox *box)
{
	box->cls = classes_get(box->account, str_of(box->name, box->namelen),
	    box->uidvalidity, !box->passing);
	if (box->cls == NULL || mailbox_recall(box) == -1)
		return (-1);
	mailbox_gone(box, &box->gone);
	set_clear(&box->gone);
	box->old = box->exists;
	return (0);
}

int
mailbox_set_exists(struct mailbox *box, uint32_t n)
{
	if (n > MAILBOX_MAX)
		return (-1);
	/* Fewer, and nobody said which are gone. */
	if (n < box->exists)
		mailbox_forget(box);
	box->exists = n;
	return (0);
}

uint32_t
mailbox_uid(const struct mailbox *box, uint32_t seq)
{
	return (seq > 0 && seq <= box->nuids ? *mailbox_slot(box, seq) : 0);
}

/* Message seq is gone. */
static void
mailbox_drop(struct mailbox *box, uint32_t seq)
{
	size_t i = seq - 1, at = box->gap > 0 ? box->gap_at : i;
	uint32_t *u = box->uids;

	box->exists--;
	if (seq <= box->old)
		box->old--;
	if (seq > box->nuids)
		return;
	/* The gap comes to it, and swallows it. */
	if (i < at)
		memmove(u + i + 1 + box->gap, u + i + 1,
		    (at - i - 1) * sizeof(*u));
	else
		memmove(u + at, u + at + box->gap, (i - at) * sizeof(*u));
	box->gap_at = i;
	box->gap++;
	box->nuids--;
}

int
mailbox_expunge(struct mailbox *box, uint32_t seq)
{
	uint32_t uid = mailbox_uid(box, seq);
	struct set gone;

	if (seq == 0 || seq > box->exists)
		return (-1);
	mailbox_drop(box, seq);
	set_init(&gone);
	if (uid != 0 && set_add(&gone, uid, uid) == 0)
		mailbox_gone(box, &gone);
	set_clear(&gone);
	return (0);
}

static int
by_lo(const void *va, const void *vb)
{
	const struct range *a = va, *b = vb;

	return ((a->lo > b->lo) - (a->lo < b->lo));
}

/* Of a VANISHED: 10000 ranges are not too many here, so not set_parse(). */
static int
vanished_ranges(struct str text, struct buf *out)
{
	struct range r;
	struct str part;
	uint64_t lo, hi;
	size_t n, at;

	do {
		n = str_find(text, ',');
		part = str_of(text.p, n);
		at = num_lead(part, UINT32_MAX, &lo);
		if (at == 0 || lo == 0)
			return (-1);
		hi = lo;
		if (at < n &&
		    (part.p[at] != ':' ||
		        !num_parse(str_of(part.p + at + 1, n - at - 1),
		            UINT32_MAX, &hi)))
			return (-1);
		if (hi == 0)
			return (-1);
		r.lo = (uint32_t)(lo < hi ? lo : hi);
		r.hi = (uint32_t)(lo < hi ? hi : lo);
		buf_put(out, &r, sizeof(r));
		text = str_of(text.p + n, text.len - n);
		if (text.len == 0)
			return (out->failed ? -1 : 0);
		text = str_of(text.p + 1, text.len - 1);
	} while (true);
}

/* They may come in any order: sorted first, each goes to the set's end. */
static int
vanished_parse(struct set *out, struct str text)
{
	struct range *all;
	struct buf b;
	size_t i, n;
	int rc;

	buf_init(&b, VANISHED_MAX);
	rc = vanished_ranges(text, &b);
	n = b.len / sizeof(*all);
	if (rc == 0 && (all = malloc(b.len)) != NULL) {
		memcpy(all, b.data, b.len);
		qsort(all, n, sizeof(*all), by_lo);
		for (i = 0; i < n && rc == 0; i++)
			rc = set_add(out, all[i].lo, all[i].hi);
		free(all);
	} else
		rc = -1;
	buf_clear(&b);
	return (rc);
}

/* What is gone, from the highest number down. */
struct lost {
	uint32_t seq;
	uint32_t uid; /* 0: not known */
};

/* Dropping many from the map: it is walked once, from its end. */
struct sweep {
	struct mailbox *box;
	const struct set *gone;
	size_t k;          /* ranges of gone from here on are done */
	uint32_t at;       /* the map is kept from here on, ... */
	uint32_t n;        /* ... and so many are lost */
	struct lost *lost; /* owned; NULL: nobody asks */
};

static void
sweep_lose(struct sweep *w, uint32_t seq, uint32_t uid)
{
	if (w->lost != NULL)
		w->lost[w->n] = (struct lost){.seq = seq, .uid = uid};
	w->n++;
	if (seq <= w->box->old)
		w->box->old--;
}

/* A message whose UID is known. */
static void
sweep_one(struct sweep *w, uint32_t seq, uint32_t uid)
{
	const struct range *r = w->gone->r;

	while (w->k > 0 && r[w->k - 1].lo > uid)
		w->k--;
	if (w->k > 0 && r[w->k - 1].hi >= uid)
		sweep_lose(w, seq, uid);
	else
		w->box->uids[--w->at] = uid;
}

/*
 * Messages from to seq, whose UIDs are not known but lie between two: at most
 * so many of them are gone as there are UIDs in the set.  Which ones does not
 * matter, they are all alike.
 */
static void
sweep_gap(struct sweep *w, uint32_t from, uint32_t seq, uint32_t below,
    uint32_t above)
{
	const struct range *r = w->gone->r;
	uint64_t n = 0, lo, hi;
	size_t i;

	while (w->k > 0 && r[w->k - 1].lo >= above)
		w->k--;
	for (i = w->k; i > 0 && r[i - 1].hi > below; i--) {
		lo = r[i - 1].lo > below ? r[i - 1].lo : below + 1;
		hi = r[i - 1].hi < above ? r[i - 1].hi : above - 1;
		n += hi >= lo ? hi - lo + 1 : 0;
		if (r[i - 1].lo > below)
			w->k = i - 1;
	}
	for (; n > 0 && seq >= from; n--)
		sweep_lose(w, seq--, 0);
	if (seq > w->box->nuids)
		seq = (uint32_t)w->box->nuids;
	for (; seq >= from; seq--)
		w->box->uids[--w->at] = 0;
}

/* Returns how many messages are gone. */
static uint32_t
vanished_drop(struct sweep *w)
{
	struct mailbox *box = w->box;
	uint32_t seq = box->exists, above = UINT32_MAX, uid, from;

	mailbox_close_gap(box);
	w->k = w->gone->n;
	w->at = (uint32_t)box->nuids;
	while (seq > 0 && w->k > 0) {
		if ((uid = mailbox_uid(box, seq)) != 0) {
			sweep_one(w, seq--, uid);
			above = uid;
			continue;
		}
		from = seq > box->nuids ? (uint32_t)box->nuids + 1 : seq;
		while (from > 1 && (uid = mailbox_uid(box, from - 1)) == 0)
			from--;
		sweep_gap(w, from, seq, uid, above);
		seq = from - 1;
	}
	if (seq < box->nuids) {
		memmove(box->uids + seq, box->uids + w->at,
		    (box->nuids - w->at) * sizeof(*box->uids));
		box->nuids -= w->at - seq;
	}
	box->exists -= w->n;
	return (w->n);
}

int
mailbox_vanished(struct mailbox *box, struct str text, bool earlier,
    void (*expunged)(uint32_t seq, uint32_t uid, void *), void *arg)
{
	struct set gone;
	struct sweep w = {.box = box, .gone = &gone};
	uint32_t i, n;
	int rc = -1;

	set_init(&gone);
	if (vanished_parse(&gone, text) == -1)
		goto out;
	if (!earlier) {
		if (expunged != NULL &&
		    (w.lost = calloc((size_t)box->exists + 1,
		         sizeof(*w.lost))) == NULL)
			goto out;
		n = vanished_drop(&w);
		for (i = 0; w.lost != NULL && i < n; i++)
			expunged(w.lost[i].seq, w.lost[i].uid, arg);
	}
	if (box->cls != NULL)
		mailbox_gone(box, &gone);
	else {
		set_clear(&box->gone);
		if (set_copy(&box->gone, &gone) == -1)
			goto out;
	}
	rc = 0;
out:
	free(w.lost);
	set_clear(&gone);
	return (rc);
}

/* Make place for message seq. */
static int
mailbox_grow(struct mailbox *box, uint32_t seq)
{
	size_t n = box->exists, room = n + n / 8;
	uint32_t *uids;

	if (seq <= box->nuids)
		return (0);
	mailbox_close_gap(box);
	if (box->nuids == 0) {
		/* Clients look at the newest: pages of a large mailbox's older
		 * ones are never touched. */
		if ((uids = calloc(n, sizeof(*uids))) == NULL)
			return (-1);
		free(box->uids);
		box->uids = uids;
		box->room = n;
	} else if (n > box->room) {
		/* Nor are they when it grows, one by one perhaps. */
		uids = reallocarray(box->uids, room, sizeof(*uids));
		if (uids == NULL)
			return (-1);
		box->uids = uids;
		box->room = room;
	}
	if (box->nuids > 0)
		memset(box->uids + box->nuids, 0,
		    (n - box->nuids) * sizeof(*uids));
	box->nuids = n;
	return (0);
}

int
mailbox_learn(struct mailbox *box, uint32_t seq, uint32_t uid)
{
	uint32_t *at;

	if (seq == 0 || seq > box->exists || uid == 0 ||
	    mailbox_grow(box, seq) == -1)
		return (-1);
	at = mailbox_slot(box, seq);
	if (*at != 0 && *at != uid)
		return (-1);
	*at = uid;
	if (uid > box->max_uid)
		box->max_uid = uid;
	return (0);
}

void
mailbox_heard(struct mailbox *box, uint32_t seq, uint32_t uid)
{
	uint32_t below = mailbox_uid(box, seq - 1);
	uint32_t above = mailbox_uid(box, seq + 1);

	if (mailbox_learn(box, seq, uid) == 0 && below < uid &&
	    (above == 0 || above > uid))
		return;
	mailbox_forget(box);
}

int
mailbox_class(struct mailbox *box, uint32_t uid, bool sealed)
{
	box->cls->changed = true;
	if (set_add(&box->cls->known, uid, uid) == -1)
		return (-1);
	return (sealed ? set_add(&box->cls->sealed, uid, uid) : 0);
}

int
mailbox_probed(struct mailbox *box, const struct set *uids, uint32_t max)
{
	uint32_t hi;
	size_t i;

	box->cls->changed = true;
	for (i = 0; i < uids->n && uids->r[i].lo <= max; i++) {
		hi = uids->r[i].hi < max ? uids->r[i].hi : max;
		if (set_add(&box->cls->known, uids->r[i].lo, hi) == -1)
			return (-1);
	}
	return (0);
}
