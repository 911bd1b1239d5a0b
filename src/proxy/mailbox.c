#include "config.h"

#include "proxy/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "proxy/boxname.h"
#include "proxy/facts.h"
#include "proxy/reading.h"
#include "sys/log.h"

/* Mailboxes of one account whose sets are kept. */
#define CLASSES_MAX 500

static void
classes_free(struct classes *c)
{
	set_clear(&c->known);
	set_clear(&c->sealed);
	free(c->uids);
	free(c->name);
	free(c);
}

void
classes_free_all(struct classes *c)
{
	struct classes *next;

	for (; c != NULL; c = next) {
		next = c->next;
		classes_free(c);
	}
}

static struct msg_name
classes_name(struct account *a, const struct classes *c)
{
	return ((struct msg_name){a, str_of(c->name, c->namelen),
	    c->uidvalidity, 0});
}

/* The UIDs as they are kept in memory. */
static void
classes_list(struct classes *c, const struct facts_classes *fc)
{
	uint64_t n = set_count(&fc->exist);
	uint32_t uid = 0;

	if (n == 0 || n > MAILBOX_MAX ||
	    (c->uids = malloc((size_t)n * sizeof(*c->uids))) == NULL)
		return;
	while (set_next(&fc->exist, &uid))
		c->uids[c->nuids++] = uid;
	c->uidnext = fc->uidnext;
}

static void
classes_write(struct account *a, const struct classes *c)
{
	struct msg_name name = classes_name(a, c);
	struct facts_classes fc = {.known = c->known,
	    .sealed = c->sealed,
	    .uidnext = c->uidnext};
	struct err err;
	uint32_t i;

	for (i = 0; i < c->nuids; i++)
		if (set_add(&fc.exist, c->uids[i], c->uids[i]) == -1)
			break;
	if (i < c->nuids)
		set_clear(&fc.exist);
	if (facts_classes_put(a->proxy->facts, &name, &fc, &err) == -1)
		log_warn("facts reason=\"%s\"", err.text);
	set_clear(&fc.exist);
}

void
classes_save(struct account *a)
{
	struct classes *c;

	for (c = a->classes; c != NULL; c = c->next) {
		/* One without a name has become another mailbox. */
		if (c->changed && c->namelen > 0 && a->proxy != NULL)
			classes_write(a, c);
		c->changed = false;
	}
}

/* What an earlier run found out. */
static void
classes_load(struct account *a, struct classes *c)
{
	struct msg_name name = classes_name(a, c);
	struct facts_classes fc = {0};
	struct err err;
	int rc;

	if (a->proxy == NULL)
		return;
	/* Of the mailbox as it was, too. */
	classes_save(a);
	if ((rc = facts_classes_get(a->proxy->facts, &name, &fc, &err)) == -1)
		log_warn("facts reason=\"%s\"", err.text);
	if (rc == 1) {
		classes_list(c, &fc);
		c->known = fc.known;
		c->sealed = fc.sealed;
		set_init(&fc.known);
		set_init(&fc.sealed);
	} else if (fc.uidvalidity < c->uidvalidity) {
		/* It only grows (RFC 3501 2.3.1.1): what was is over. */
		name.uidvalidity = fc.uidvalidity;
		boxname_gone(&name, &fc.sealed);
	}
	facts_classes_clear(&fc);
}

/* Make room: of those that nobody uses the last one in the list goes. */
static void
classes_trim(struct account *a)
{
	struct classes **at, **idle = NULL, *c;
	size_t n = 0;

	for (at = &a->classes; *at != NULL; at = &(*at)->next, n++)
		if ((*at)->refs == 0)
			idle = at;
	if (n < CLASSES_MAX || idle == NULL)
		return;
	classes_save(a);
	c = *idle;
	*idle = c->next;
	classes_free(c);
}

/* Find or make; the one asked for comes to the front. */
static struct classes *
classes_get(struct account *a, struct str name, uint32_t uidvalidity)
{
	struct classes **at, *c;

	for (at = &a->classes; (c = *at) != NULL; at = &c->next)
		if (c->uidvalidity == uidvalidity &&
		    str_eq(name, str_of(c->name, c->namelen)))
			break;
	if (c != NULL) {
		*at = c->next;
	} else {
		classes_trim(a);
		if ((c = calloc(1, sizeof(*c))) == NULL)
			return (NULL);
		if ((c->name = malloc(name.len + 1)) == NULL) {
			free(c);
			return (NULL);
		}
		memcpy(c->name, name.p, name.len);
		c->namelen = name.len;
		c->uidvalidity = uidvalidity;
		set_init(&c->known);
		set_init(&c->sealed);
		classes_load(a, c);
	}
	c->next = a->classes;
	a->classes = c;
	c->refs++;
	return (c);
}

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

	set_init(&ours);
	if (set_and(&ours, &c->sealed, uids) == 0)
		while (set_next(&ours, &name.uid)) {
			/* It stays known: no message will have that UID. */
			(void)set_remove(&c->sealed, name.uid, name.uid);
			c->changed = true;
			if (box->account->proxy != NULL)
				reading_gone(&name);
		}
	set_clear(&ours);
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

/* All UIDs are known: the next session may need them. */
static void
mailbox_keep(struct mailbox *box)
{
	struct classes *c = box->cls;

	if (box->exists == 0 || box->nuids != box->exists ||
	    box->uidnext == 0 || any_unknown(box->uids, box->nuids))
		return;
	free(c->uids);
	c->uids = box->uids;
	c->nuids = box->exists;
	c->uidnext = box->uidnext;
	if (box->max_uid >= c->uidnext)
		c->uidnext = box->max_uid + 1;
	c->changed = true;
	box->uids = NULL;
	box->nuids = 0;
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
	box->uids = malloc(c->nuids * sizeof(*c->uids));
	if (box->uids == NULL)
		return (-1);
	memcpy(box->uids, c->uids, c->nuids * sizeof(*c->uids));
	box->nuids = c->nuids;
	box->max_uid = c->uids[c->nuids - 1];
	return (0);
}

int
mailbox_bind(struct mailbox *box)
{
	box->cls = classes_get(box->account, str_of(box->name, box->namelen),
	    box->uidvalidity);
	if (box->cls == NULL || mailbox_recall(box) == -1)
		return (-1);
	mailbox_gone(box, &box->gone);
	set_clear(&box->gone);
	box->old = box->exists;
	return (0);
}

/* No SELECT finds it any more. */
static void
classes_forget(struct account *a, struct str name, bool below)
{
	struct facts *f = a->proxy != NULL ? a->proxy->facts : NULL;
	struct classes **at = &a->classes, *c;

	facts_drop_mailbox(f, a, name, 0);
	while ((c = *at) != NULL) {
		if (below ? !str_istarts(str_of(c->name, c->namelen), name)
		          : !str_ieq(str_of(c->name, c->namelen), name)) {
			at = &c->next;
			continue;
		}
		facts_drop_mailbox(f, a, str_of(c->name, c->namelen), 0);
		if (c->refs > 0) {
			/* Whoever has it selected goes on with it. */
			c->namelen = 0;
			at = &c->next;
			continue;
		}
		*at = c->next;
		classes_free(c);
	}
}

/* What is known of a mailbox, whatever its UIDVALIDITY; that is in *name then.
 * False: nothing is. */
static bool
classes_find(struct msg_name *name, struct facts_classes *fc)
{
	struct err err;
	int rc;

	if (name->account->proxy == NULL)
		return (false);
	name->uidvalidity = 0;
	rc = facts_classes_get(name->account->proxy->facts, name, fc, &err);
	if (rc == -1)
		log_warn("facts reason=\"%s\"", err.text);
	name->uidvalidity = fc->uidvalidity;
	if (rc != 1)
		facts_classes_clear(fc);
	return (rc == 1);
}

void
mailbox_deleted(struct account *a, struct str name)
{
	struct msg_name n = {a, name, 0, 0};
	struct facts_classes fc;

	if (str_ieq(name, STR("INBOX")))
		n.mailbox = STR("INBOX");
	classes_save(a);
	if (classes_find(&n, &fc)) {
		boxname_gone(&n, &fc.sealed);
		facts_classes_clear(&fc);
	}
	classes_forget(a, n.mailbox, false);
}

void
mailbox_renamed(struct account *a, struct str name, struct str to)
{
	struct msg_name n = {a, name, 0, 0};
	struct facts_classes fc;
	struct err err;

	classes_save(a);
	/* INBOX stays, its messages go: perhaps under other UIDs. */
	if (str_ieq(name, STR("INBOX")))
		name = STR("INBOX");
	else if (classes_find(&n, &fc)) {
		mailbox_deleted(a, to);
		boxname_renamed(&n, to);
		n.mailbox = to;
		if (facts_classes_put(a->proxy->facts, &n, &fc, &err) == -1)
			log_warn("facts reason=\"%s\"", err.text);
		facts_classes_clear(&fc);
	}
	classes_forget(a, name, true);
}

int
mailbox_set_exists(struct mailbox *box, uint32_t n)
{
	if (n > MAILBOX_MAX)
		return (-1);
	/* Fewer, and nobody said which are gone. */
	if (n < box->exists)
		box->nuids = 0;
	box->exists = n;
	return (0);
}

uint32_t
mailbox_uid(const struct mailbox *box, uint32_t seq)
{
	return (seq > 0 && seq <= box->nuids ? box->uids[seq - 1] : 0);
}

/* Message seq is gone. */
static void
mailbox_drop(struct mailbox *box, uint32_t seq)
{
	box->exists--;
	if (seq <= box->old)
		box->old--;
	if (seq > box->nuids)
		return;
	memmove(box->uids + seq - 1, box->uids + seq,
	    (box->nuids - seq) * sizeof(*box->uids));
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

/* Of a VANISHED: 10000 ranges are not too many here, so not set_parse(). */
static int
vanished_parse(struct set *out, struct str text)
{
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
		if (hi == 0 || set_add(out, (uint32_t)(lo < hi ? lo : hi),
		                   (uint32_t)(lo < hi ? hi : lo)) == -1)
			return (-1);
		text = str_of(text.p + n, text.len - n);
		if (text.len > 0)
			text = str_of(text.p + 1, text.len - 1);
		else
			return (0);
	} while (true);
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
	size_t n = box->exists;
	uint32_t *uids;

	if (seq <= box->nuids)
		return (0);
	/* Clients look at the newest: pages of a large mailbox's older ones
	 * are never touched. */
	if ((uids = calloc(n, sizeof(*uids))) == NULL)
		return (-1);
	if (box->nuids > 0)
		memcpy(uids, box->uids, box->nuids * sizeof(*uids));
	free(box->uids);
	box->uids = uids;
	box->nuids = n;
	return (0);
}

int
mailbox_learn(struct mailbox *box, uint32_t seq, uint32_t uid)
{
	if (seq == 0 || seq > box->exists || uid == 0 ||
	    mailbox_grow(box, seq) == -1)
		return (-1);
	if (box->uids[seq - 1] != 0 && box->uids[seq - 1] != uid)
		return (-1);
	box->uids[seq - 1] = uid;
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
	box->nuids = 0;
}

int
mailbox_class(struct mailbox *box, uint32_t uid, bool sealed)
{
	box->cls->changed = true;
	if (set_add(&box->cls->known, uid, uid) == -1)
		return (-1);
	return (sealed ? set_add(&box->cls->sealed, uid, uid)
	               : set_remove(&box->cls->sealed, uid, uid));
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

void
mailbox_appended(struct account *a, struct str name, uint32_t uidvalidity,
    uint32_t uid)
{
	struct classes *c;

	if (str_ieq(name, STR("INBOX")))
		name = STR("INBOX");
	for (c = a->classes; c != NULL; c = c->next)
		if (c->uidvalidity == uidvalidity &&
		    str_eq(name, str_of(c->name, c->namelen)))
			break;
	/* If only one of the two can be, it is asked for again. */
	if (c == NULL || uid == 0 || set_add(&c->sealed, uid, uid) == -1 ||
	    set_add(&c->known, uid, uid) == -1)
		return;
	c->changed = true;
}
