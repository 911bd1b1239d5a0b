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

#include "base/clock.h"
#include "base/limits.h"
#include "base/num.h"
#include "proxy/job_fetch.h"
#include "sys/log.h"
#include "sys/memfd.h"

/* Messages in one window; its bytes are bounded by LIMIT_FETCH_AHEAD. */
#define WINDOW_MAX 256

/* What a message counts whose size is not known (its view was there when
 * sizes were asked for, and is no longer). */
#define SIZE_UNKNOWN (LIMIT_FETCH_AHEAD / 8)

/* How much more than it announced a server may send in one window: the
 * RFC822.SIZE of some is an estimate. */
#define WINDOW_EXTRA (LIMIT_MESSAGE + LIMIT_FETCH_AHEAD)

static void views_advance(struct fetch_job *);

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
	opens_cancel(w->opening);
	w->opening = NULL;
	blob_unref(w->wire);
	w->wire = NULL;
	viewref_unref(w->view);
	w->view = NULL;
}

void
views_free(struct fetch_job *f)
{
	size_t i;

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
want_lost(struct want *w, const char *why)
{
	log_warn("view session=%s uid=%u result=lost reason=\"%s\"",
	    w->f->j.s->s.id, (unsigned)w->uid, why);
	w->state = WANT_LOST;
	w->f->unavailable = true;
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

/*
 * Remember what fixes the view's bytes; they must be those of the first time.
 * 0, or 1: this ciphertext belongs to another From, open it with that mark.
 */
static int
want_remember(struct want *w, const struct open_ans *ans, struct err *err)
{
	struct proxy *p = w->f->j.s->p;
	static const uint8_t none[CRYPT_DIGEST];
	struct seen_rec rec;
	struct buf hold;
	int rc;

	if (p->seen == NULL)
		return (0);
	buf_init(&hold, 2 * LIMIT_RECORD);
	memset(&rec, 0, sizeof(rec));
	rc = seen_get(p->seen, &w->key, &rec, &hold, err);
	if (rc == 1 && rec.version == VIEW_VERSION &&
	    crypt_equal(rec.wire, w->wire_digest, sizeof(rec.wire))) {
		rc = 0;
		if (!crypt_equal(rec.view, ans->view, sizeof(rec.view))) {
			err_set(err, ERR_CRYPTO, "the view would change");
			rc = -1;
		}
		goto out;
	}
	if (rc == -1)
		goto out;
	if (!w->other_from && memcmp(ans->content, none, sizeof(none)) != 0) {
		rc = seen_other_from(p->seen, str_c(w->f->j.s->account->login),
		    ans->content, ans->from, err);
		if (rc != 0)
			goto out;
	}
	rec.first_seen = w->first_seen;
	rec.version = VIEW_VERSION;
	memcpy(rec.wire, w->wire_digest, sizeof(rec.wire));
	memcpy(rec.view, ans->view, sizeof(rec.view));
	rec.other_from = w->other_from;
	rec.from = ans->from;
	rec.status = ans->status;
	rc = seen_put(p->seen, &w->key, &rec, err);
out:
	buf_clear(&hold);
	return (rc);
}

static int want_open(struct want *);

/* There is a view of it: keep it. */
static void
want_view(struct want *w, struct blob *text)
{
	struct imap *s = w->f->j.s;
	struct view *v;
	struct err err;

	if ((text = memfd_keep(blob_ref(text), &err)) == NULL) {
		want_lost(w, err.text);
		return;
	}
	v = view_new(text, &err);
	blob_unref(text);
	if (v == NULL) {
		want_lost(w, err.text);
		return;
	}
	w->view =
	    viewcache_put(s->p->views, str_c(s->account->login), &w->key, v);
	if (w->view == NULL)
		want_lost(w, "out of memory");
	else
		w->state = WANT_READY;
}

/* The opener's answer. */
static void
on_opened(const struct open_ans *ans, struct blob *text, const struct err *err,
    void *arg)
{
	struct want *w = arg;
	struct fetch_job *f = w->f;
	struct imap *s = f->j.s;
	struct err why;
	int rc;

	w->opening = NULL;
	if (ans == NULL)
		want_lost(w, err->text);
	else if (ans->result == OPEN_KEY_LATER)
		want_lost(w, "the key is not here yet");
	else if ((rc = want_remember(w, ans, &why)) == -1)
		want_lost(w, why.text);
	else if (rc == 1) {
		w->other_from = true;
		if (want_open(w) == 0)
			return;
	} else {
		log_debug("view session=%s uid=%u result=%u cipher=%u sign=%u "
		          "problem=%s",
		    s->s.id, (unsigned)w->uid, (unsigned)ans->result,
		    (unsigned)ans->cipher, (unsigned)ans->sign,
		    log_str(ans->problem));
		want_view(w, text);
	}
	blob_unref(w->wire);
	w->wire = NULL;
	want_window(w)->opens--;
	if (!f->j.over)
		views_advance(f);
	imap_turn(s);
}

/* Hand the wire text to the opener.  -1: it is lost already. */
static int
want_open(struct want *w)
{
	struct imap *s = w->f->j.s;
	struct open_req req = {0};
	struct seen_rec rec;
	struct buf hold;
	struct err err;
	int rc = 0;

	req.account = str_c(s->account->login);
	req.first_seen = clock_now().wall;
	req.other_from = w->other_from;
	buf_init(&hold, 2 * LIMIT_RECORD);
	if (crypt_sha256(blob_str(w->wire), w->wire_digest) == -1) {
		want_lost(w, "cannot digest");
		return (-1);
	}
	if (s->p->seen != NULL)
		rc = seen_get(s->p->seen, &w->key, &rec, &hold, &err);
	if (rc == -1)
		log_error("seen session=%s reason=\"%s\"", s->s.id, err.text);
	else if (rc == 1 && rec.version == VIEW_VERSION &&
	         crypt_equal(rec.wire, w->wire_digest, sizeof(rec.wire))) {
		req.first_seen = rec.first_seen;
		req.status = rec.status;
		req.other_from = w->other_from = rec.other_from;
	}
	w->first_seen = req.first_seen;
	w->opening = opens_ask(s->account, w->wire, &req, on_opened, w, &err);
	buf_clear(&hold);
	if (w->opening == NULL) {
		want_lost(w, err.text);
		return (-1);
	}
	w->state = WANT_OPEN;
	return (0);
}

/* A message that was asked for with BODY.PEEK[]. */
static bool
body_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct fetch_job *f = fetch_job(j);
	struct resp_item item;
	struct want *w;
	struct err err;

	if ((w = views_find(f, &f->win[a->n], gather_uid(g))) == NULL ||
	    !gather_find(g, STR("BODY[]"), false, &item))
		return (false);
	if (w->state != WANT_ASKED || j->over)
		return (true); /* once is enough */
	if (item.data.p == NULL) {
		/* NIL: it was expunged elsewhere. */
		w->state = WANT_GONE;
		return (true);
	}
	if (item.away != SIZE_MAX)
		w->wire = blob_ref(g->blobs[item.away]);
	else
		w->wire = memfd_copy(item.data.p, item.data.len, &err);
	if (w->wire == NULL) {
		want_lost(w, err.text);
		return (true);
	}
	if (blob_len(w->wire) > w->size)
		f->win[a->n].bytes += blob_len(w->wire) - w->size;
	if (f->win[a->n].bytes > WINDOW_EXTRA) {
		imap_die(j->s, "the mail server says too much",
		    "server: messages are larger than it said");
		return (true);
	}
	if (f->cmd.foreign && !set_has(&j->s->box->cls->sealed, w->uid)) {
		/* A plain one, because the server does not know an item. */
		want_view(w, w->wire);
		blob_unref(w->wire);
		w->wire = NULL;
	} else if (want_open(w) == 0)
		f->win[a->n].opens++;
	return (true);
}

static void
body_done(struct job *j, struct ask *a)
{
	struct fetch_job *f = fetch_job(j);

	f->win[a->n].asks--;
	views_advance(f);
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
	views_advance(f);
}

/* Fill a window with the next messages, and ask for what is missing. */
static void
window_start(struct fetch_job *f, struct window *win)
{
	static const struct ask like = {.bodies = true,
	    .fetch = body_fetch,
	    .done = body_done};
	struct imap *s = f->j.s;
	struct ask mine = like;
	struct set missing;
	uint64_t bytes = 0;
	struct want *w;

	win->state = WIN_BODIES;
	win->lo = f->next;
	win->asks = win->opens = 0;
	win->bytes = 0;
	set_init(&missing);
	while (f->next < f->nwants && f->next - win->lo < WINDOW_MAX &&
	       bytes <= LIMIT_FETCH_AHEAD / 2) {
		w = &f->wants[f->next++];
		if (w->state != WANT_NEW)
			continue;
		w->view = viewcache_get(s->p->views, str_c(s->account->login),
		    &w->key);
		if (w->view != NULL) {
			w->state = WANT_READY;
			bytes += blob_len(viewref_view(w->view)->text);
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
	win->asks = fetch_ask_all(f, &missing, "(UID BODY.PEEK[])", &mine);
	set_clear(&missing);
}

/* All of a window that can be opened are: ask for what the server knows. */
static void
window_answer(struct fetch_job *f, struct window *win)
{
	struct ask like = {.fetch = answer_fetch, .done = answer_done};
	struct proxy *p = f->j.s->p;
	struct set ready;
	struct err err;
	struct buf items;
	size_t i;

	win->state = WIN_ANSWERS;
	if (p->seen != NULL && seen_commit(p->seen, &err) == -1) {
		log_error("seen reason=\"%s\"", err.text);
		f->unavailable = true;
		return;
	}
	set_init(&ready);
	for (i = win->lo; i < win->hi; i++)
		if (f->wants[i].state == WANT_READY &&
		    set_add(&ready, want_number(&f->wants[i]),
		        want_number(&f->wants[i])) == -1)
			fetch_oom(f);
	buf_init(&items, JOB_LINE);
	answer_items(f, &items);
	buf_putc(&items, '\0');
	like.n = (uint32_t)(win - f->win);
	win->asks = fetch_ask_all(f, &ready, buf_text(&items).p, &like);
	buf_clear(&items);
	set_clear(&ready);
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
				fetch_finish(f);
				return;
			}
			window_start(f, cur);
		}
		if (cur->asks == 0 && other->state == WIN_NONE &&
		    f->next < f->nwants)
			window_start(f, other);
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

void
views_start(struct fetch_job *f)
{
	static const struct ask like = {.fetch = size_fetch, .done = size_done};
	struct imap *s = f->j.s;
	struct viewref *ref;
	struct set missing;
	struct want *w;
	size_t i;

	set_init(&missing);
	for (i = 0; i < f->nwants; i++) {
		w = &f->wants[i];
		if (seen_key_make(&s->p->seen_key, str_c(s->account->login),
		        str_c(s->account->up->domain),
		        str_of(s->box->name, s->box->namelen),
		        s->box->uidvalidity, w->uid, &w->key) == -1) {
			fetch_oom(f);
			break;
		}
		ref = viewcache_get(s->p->views, str_c(s->account->login),
		    &w->key);
		if (ref == NULL &&
		    set_add(&missing, want_number(w), want_number(w)) == -1)
			fetch_oom(f);
		viewref_unref(ref);
	}
	if (set_count(&missing) > 1)
		f->sizes =
		    fetch_ask_all(f, &missing, "(UID RFC822.SIZE)", &like);
	set_clear(&missing);
	if (f->sizes == 0)
		views_advance(f);
}
