/*
 * The sealed part of a FETCH.  Messages go through two windows: while one is
 * opened and answered, the bodies of the next are on the way.
 *
 * (a) The missing views are made: BODY.PEEK[] of their messages, opened.
 * (b) When all of a window are there, the server is asked for its own items;
 *     each of its answers triggers one of ours, and where it has none (the
 *     message is gone) we have none.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "proxy/job_fetch.h"
#include "sys/log.h"

/* Messages in one window where none has to be opened: so much is kept in memory
 * of each. */
#define WINDOW_KNOWN 1000
#define KNOWN_MAX    (FACTS_ITEMS_MAX + FACTS_HEADER_MAX + 1000)

/* What a message counts whose size is not known (its view was there when
 * sizes were asked for, and is no longer). */
#define SIZE_UNKNOWN (LIMIT_FETCH_AHEAD / 8)

/* And one whose view is read from the disk. */
#define SIZE_DISK (LIMIT_FETCH_AHEAD / 64)

static void views_advance(struct fetch_job *);
static void want_ask(struct want *, struct window *);

struct want *
views_find(struct fetch_job *f, const struct window *win, uint32_t uid)
{
	size_t lo = win->lo, hi = win->hi, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (f->wants[mid].uid == uid)
			return (&f->wants[mid]);
		if (f->wants[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (NULL);
}

static void
want_clear(struct want *w)
{
	reading_cancel(w->reading);
	w->reading = NULL;
	viewref_unref(w->view);
	w->view = NULL;
	known_free(w->known);
	w->known = NULL;
}

void
views_free(struct fetch_job *f)
{
	size_t i;

	opens_wait_cancel(f->keywait);
	for (i = 0; i < f->nwants; i++)
		want_clear(&f->wants[i]);
	free(f->wants);
}

void
views_expunge(struct fetch_job *f, uint32_t seq)
{
	size_t i;

	if (f->uid)
		return;
	for (i = 0; i < f->nwants; i++)
		if (f->wants[i].seq == seq)
			f->wants[i].state = WANT_GONE;
		else if (f->wants[i].seq > seq)
			f->wants[i].seq--;
}

void
want_lost(struct want *w, enum err_code code, const char *why)
{
	log_warn("view session=%s uid=%u result=lost reason=%s",
	    w->f->j.s->s.id, (unsigned)w->uid, log_str(str_c(why)));
	w->state = WANT_LOST;
	job_lacks(&w->f->j, code);
}

/* Which window is it in? */
static struct window *
want_window(struct want *w)
{
	struct fetch_job *f = w->f;
	size_t i = (size_t)(w - f->wants);

	return (
	    i >= f->win[0].lo && i < f->win[0].hi ? &f->win[0] : &f->win[1]);
}

static struct msg_name
want_name(const struct want *w)
{
	const struct imap *s = w->f->j.s;

	return (
	    (struct msg_name){s->account, str_of(s->box->name, s->box->namelen),
	        s->box->uidvalidity, w->uid});
}

/* A view that is in memory, and will do. */
static struct viewref *
want_cached(const struct want *w)
{
	const struct imap *s = w->f->j.s;
	struct msg_name name = want_name(w);
	struct viewref *ref;
	struct seen_key key;

	if (msg_key(&name, &key) == -1)
		return (NULL);
	ref = viewcache_get(s->p->views, str_c(s->account->login), &key);
	if (ref == NULL || !w->f->preview || viewref_preview(ref).p != NULL)
		return (ref);
	viewref_unref(ref);
	return (NULL);
}

/* May its view be on disk, and will it do?  The opener's words are not there.
 */
static bool
want_on_disk(const struct want *w)
{
	struct msg_name name = want_name(w);

	return (!w->f->preview && reading_on_disk(&name));
}

/* Facts that will do; preview: only if that is among them. */
static struct known *
want_known(const struct want *w, bool preview)
{
	struct msg_name name = want_name(w);
	struct known *k;
	struct err err;
	int rc;

	if (!w->f->listing || (k = calloc(1, sizeof(*k))) == NULL)
		return (NULL);
	buf_init(&k->hold, KNOWN_MAX);
	rc = facts_get(w->f->j.s->p->facts, &name, &k->rec, &k->hold, &err);
	if (rc == 1 && (!w->f->headers || k->rec.header.len > 0) &&
	    (!preview || k->rec.preview.len > 0))
		return (k);
	if (rc == -1)
		log_warn("facts reason=%s", log_str(str_c(err.text)));
	known_free(k);
	return (NULL);
}

/* Is there something to answer with?  Facts take less; but if a lazy PREVIEW is
 * not among them a view may have more to say. */
static bool
want_at_hand(struct want *w, uint64_t *bytes)
{
	w->known = want_known(w, w->f->preview || w->f->lazy);
	if (w->known != NULL)
		return (true);
	if ((w->view = want_cached(w)) == NULL)
		return (w->f->lazy && !w->f->preview &&
		        (w->known = want_known(w, false)) != NULL);
	*bytes += blob_len(viewref_view(w->view)->text);
	return (true);
}

/* What can be said without the message's bytes? */
static void
find_listing(struct fetch_job *f)
{
	const struct fetch_item *it;
	size_t i;

	f->listing = true;
	for (i = 0; i < f->cmd.nitems; i++) {
		it = &f->cmd.items[i];
		if (it->source == FROM_SERVER)
			continue;
		if (it->section == NULL) {
			f->lazy |= it->lazy;
			f->preview |= item_is_preview(it->kind) && !it->lazy;
			continue;
		}
		f->headers = true;
		if (it->section->depth > 0 ||
		    (it->section->what != SEC_HEADER &&
		        it->section->what != SEC_FIELDS &&
		        it->section->what != SEC_FIELDS_NOT))
			f->listing = false;
	}
}

static void
on_read(struct viewref *view, const struct err *err, void *arg)
{
	struct want *w = arg;
	struct fetch_job *f = w->f;
	struct imap *s = f->j.s;

	w->reading = NULL;
	if (view == NULL && w->disk)
		want_ask(w, want_window(w));
	else if (view == NULL && err->code == ERR_NOKEY) {
		w->state = WANT_LATER;
		f->late = true;
	} else if (view == NULL)
		want_lost(w, err->code, err->text);
	else {
		w->view = viewref_ref(view);
		w->state = WANT_READY;
	}
	want_window(w)->opens--;
	if (w->state != WANT_LATER)
		job_opened(&f->j);
	if (!f->j.over)
		views_advance(f);
	imap_turn(s);
}

/* What the server has of it is here. */
static void
want_wire(struct want *w, struct window *win, struct blob *wire,
    const uint8_t digest[CRYPT_DIGEST])
{
	struct fetch_job *f = w->f;
	struct msg_name name = want_name(w);
	struct err err;

	if (f->cmd.foreign && !set_has(&f->j.s->box->cls->sealed, w->uid)) {
		/* A plain one, because the server does not know an item. */
		if ((w->view = reading_plain(&name, wire, digest, &err)) !=
		    NULL)
			w->state = WANT_READY;
		else
			want_lost(w, err.code, err.text);
		return;
	}
	w->reading = reading_start(&name, wire, digest, on_read, w, &err);
	if (w->reading == NULL) {
		want_lost(w, err.code, err.text);
		return;
	}
	w->state = WANT_OPEN;
	win->opens++;
}

/* A message that was asked for with BODY.PEEK[]. */
static bool
body_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct fetch_job *f = fetch_job(j);
	struct window *win = &f->win[a->n];
	uint8_t digest[CRYPT_DIGEST];
	struct resp_item item;
	struct blob *wire;
	struct want *w;
	struct err err;

	if ((w = views_find(f, win, gather_uid(g))) == NULL ||
	    !gather_find(g, STR("BODY[]"), false, &item))
		return (false);
	if (w->state != WANT_ASKED || j->over)
		return (true); /* once is enough */
	if (item.data.p == NULL) {
		/* NIL: it was expunged elsewhere. */
		w->state = WANT_GONE;
		return (true);
	}
	if ((wire = gather_blob(g, &item, digest, &err)) == NULL) {
		want_lost(w, err.code, err.text);
		return (true);
	}
	if (blob_len(wire) > w->size)
		win->bytes += blob_len(wire) - w->size;
	if (win->bytes > JOB_WINDOW_EXTRA)
		imap_die(j->s, "the mail server says too much",
		    "server: messages are larger than it said");
	else
		want_wire(w, win, wire, digest);
	blob_unref(wire);
	return (true);
}

/* Of those that had no answer to what was asked last: were there pieces of
 * one?  Then the message is there, and something else is wrong. */
static void
window_parts(struct fetch_job *f, const struct window *win,
    enum want_state state)
{
	size_t i;

	for (i = win->lo; win->asks == 0 && i < win->hi; i++)
		if (f->wants[i].state == state &&
		    set_has(&f->j.parts, f->wants[i].uid))
			want_lost(&f->wants[i], ERR_PEER,
			    "the answer is not whole");
}

static void
body_done(struct job *j, struct ask *a)
{
	struct fetch_job *f = fetch_job(j);

	f->win[a->n].asks--;
	window_parts(f, &f->win[a->n], WANT_ASKED);
	views_advance(f);
}

static const struct ask body_like = {.bodies = true,
    .fetch = body_fetch,
    .done = body_done};

/* It was to come from the disk, and must come from the server after all. */
static void
want_ask(struct want *w, struct window *win)
{
	struct fetch_job *f = w->f;
	struct ask like = body_like;
	struct set one;

	if (f->j.over)
		return;
	w->disk = false;
	w->state = WANT_ASKED;
	like.n = (uint32_t)(win - f->win);
	set_init(&one);
	if (set_add(&one, want_number(w), want_number(w)) == -1)
		fetch_oom(f);
	win->asks += fetch_ask_all(f, &one, STR("(UID BODY.PEEK[])"), &like);
	set_clear(&one);
}

static bool
answer_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct fetch_job *f = fetch_job(j);
	struct want *w = views_find(f, &f->win[a->n], gather_uid(g));

	if (w == NULL || w->state != WANT_READY || j->over)
		return (false);
	return (answer_give(f, w, g));
}

static void
answer_done(struct job *j, struct ask *a)
{
	struct fetch_job *f = fetch_job(j);

	f->win[a->n].asks--;
	window_parts(f, &f->win[a->n], WANT_READY);
	views_advance(f);
}

/* Fill a window with the next messages, and ask for what is missing. */
static void
window_start(struct fetch_job *f, struct window *win)
{
	struct ask mine = body_like;
	struct msg_name name;
	struct set missing;
	uint64_t bytes = 0;
	struct want *w;

	win->state = WIN_BODIES;
	win->lo = f->next;
	win->asks = win->opens = 0;
	win->bytes = 0;
	set_init(&missing);
	while (f->next < f->nwants && bytes <= LIMIT_FETCH_AHEAD / 2 &&
	       f->next - win->lo <
	           (set_empty(&missing) ? WINDOW_KNOWN : JOB_WINDOW)) {
		w = &f->wants[f->next++];
		if (w->state != WANT_NEW)
			continue;
		if (want_at_hand(w, &bytes)) {
			w->state = WANT_READY;
			continue;
		}
		name = want_name(w);
		if (want_on_disk(w))
			w->reading = reading_start_disk(&name, on_read, w);
		if ((w->disk = w->reading != NULL)) {
			w->state = WANT_OPEN;
			win->opens++;
			bytes += SIZE_DISK;
			continue;
		}
		w->state = WANT_ASKED;
		bytes += w->size != 0 ? w->size : SIZE_UNKNOWN;
		if (set_add(&missing, want_number(w), want_number(w)) == -1) {
			fetch_oom(f);
			break;
		}
	}
	win->hi = f->next;
	mine.n = (uint32_t)(win - f->win);
	win->asks = fetch_ask_all(f, &missing, STR("(UID BODY.PEEK[])"), &mine);
	set_clear(&missing);
}

/* The disk is full, perhaps: views that clients were told of before stay as
 * they are, others might become others. */
static void
window_unfixed(struct fetch_job *f, const struct window *win)
{
	struct msg_name name;
	size_t i;

	for (i = win->lo; i < win->hi; i++) {
		name = want_name(&f->wants[i]);
		if (f->wants[i].state == WANT_READY && !reading_fixed(&name))
			want_lost(&f->wants[i], ERR_IO,
			    "what fixes its view cannot be written");
	}
}

/* All of a window that can be opened are: ask for what the server knows. */
static void
window_answer(struct fetch_job *f, struct window *win)
{
	struct ask like = {.flags = true,
	    .fetch = answer_fetch,
	    .done = answer_done};
	struct set ready;
	struct buf items;
	size_t i;

	win->state = WIN_ANSWERS;
	if (reading_commit(f->j.s->p) == -1)
		window_unfixed(f, win);
	set_init(&ready);
	for (i = win->lo; i < win->hi; i++)
		if (f->wants[i].state == WANT_READY &&
		    set_add(&ready, want_number(&f->wants[i]),
		        want_number(&f->wants[i])) == -1)
			fetch_oom(f);
	buf_init(&items, JOB_LINE);
	answer_items(f, &items);
	like.n = (uint32_t)(win - f->win);
	if (items.failed)
		fetch_oom(f);
	else
		win->asks = fetch_ask_all(f, &ready, buf_text(&items), &like);
	buf_clear(&items);
	set_clear(&ready);
}

/* The key came, or it did not. */
static void
on_key(bool came, void *arg)
{
	struct fetch_job *f = arg;
	struct imap *s = f->j.s;
	struct want *w;
	size_t i, n = 0;

	f->keywait = NULL;
	f->late = false;
	for (i = 0; i < f->nwants; i++) {
		w = &f->wants[i];
		if (w->state != WANT_LATER)
			continue;
		if (!came) {
			want_lost(w, ERR_NOKEY, "the key is not here yet");
			continue;
		}
		w->state = WANT_NEW;
		f->wants[n++] = *w;
	}
	if (came) {
		f->nwants = n;
		f->next = 0;
		views_advance(f);
	} else
		fetch_finish(f);
	imap_turn(s);
}

/* All is answered but what waits for a key. */
static void
views_end(struct fetch_job *f)
{
	size_t i;

	if (f->late) {
		f->keywait = opens_wait_key(f->j.s->account, on_key, f);
		if (f->keywait != NULL)
			return;
		for (i = 0; i < f->nwants; i++)
			if (f->wants[i].state == WANT_LATER)
				want_lost(&f->wants[i], ERR_NOKEY,
				    "the key is not here yet");
	}
	fetch_finish(f);
}

/* Whatever can be done now. */
static void
views_advance(struct fetch_job *f)
{
	struct window *cur, *other;
	size_t i;

	while (!f->j.over && f->j.s->state != IMAP_DEAD) {
		cur = &f->win[f->cur];
		other = &f->win[!f->cur];
		if (cur->state == WIN_NONE) {
			if (f->next == f->nwants) {
				views_end(f);
				return;
			}
			window_start(f, cur);
		}
		if ((cur->asks == 0 || cur->state == WIN_ANSWERS) &&
		    other->state == WIN_NONE && f->next < f->nwants)
			window_start(f, other);
		/* The next answers may be asked for, too, if none of them has
		 * to be opened first. */
		if (cur->state == WIN_ANSWERS && other->state == WIN_BODIES &&
		    other->asks == 0 && other->opens == 0)
			window_answer(f, other);
		if (cur->asks > 0 || cur->opens > 0)
			return;
		if (cur->state == WIN_BODIES) {
			window_answer(f, cur);
			continue;
		}
		for (i = cur->lo; i < cur->hi; i++)
			want_clear(&f->wants[i]);
		cur->state = WIN_NONE;
		cur->lo = cur->hi = 0;
		f->cur = !f->cur;
	}
}

/* How large is each?  Known before they are fetched, it bounds a window. */
static bool
size_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct fetch_job *f = fetch_job(j);
	struct window all = {.lo = 0, .hi = f->nwants};
	struct resp_item item;
	struct want *w;

	(void)a;
	if ((w = views_find(f, &all, gather_uid(g))) == NULL ||
	    !gather_find(g, STR("RFC822.SIZE"), false, &item))
		return (false);
	if (!num_parse(item.value, UINT64_MAX / 2, &w->size))
		w->size = LIMIT_MESSAGE;
	return (true);
}

static void
size_done(struct job *j, struct ask *a)
{
	struct fetch_job *f = fetch_job(j);

	(void)a;
	if (--f->sizes == 0)
		views_advance(f);
}

/* Whose size has to be asked for, because its body will be? */
static bool
want_missing(const struct want *w)
{
	struct msg_name name = want_name(w);
	struct viewref *ref;

	if (w->f->listing && facts_has(w->f->j.s->p->facts, &name))
		return (false);
	ref = want_cached(w);
	viewref_unref(ref);
	return (ref == NULL && !want_on_disk(w));
}

void
views_start(struct fetch_job *f)
{
	static const struct ask like = {.fetch = size_fetch, .done = size_done};
	struct set missing;
	struct want *w;
	size_t i;

	find_listing(f);
	set_init(&missing);
	for (i = 0; i < f->nwants; i++) {
		w = &f->wants[i];
		if (want_missing(w) &&
		    set_add(&missing, want_number(w), want_number(w)) == -1)
			fetch_oom(f);
	}
	job_opening(&f->j, set_count(&missing));
	if (set_count(&missing) > 1)
		f->sizes =
		    fetch_ask_all(f, &missing, STR("(UID RFC822.SIZE)"), &like);
	set_clear(&missing);
	if (f->sizes == 0)
		views_advance(f);
}
