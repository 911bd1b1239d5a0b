/*
 * Messages whose search text is not kept, or not all of it: the opener makes
 * it of their views at full length (opens_ask_text), few at a time, and what
 * is looked for is looked for piece by piece.
 *
 * Where a text cannot be made the message may be one that is looked for: then
 * the answer is NO.
 */
#include "config.h"

#include <stdlib.h>

#include "base/clock.h"
#include "proxy/finder.h"
#include "proxy/late.h"
#include "proxy/opens.h"
#include "proxy/turn.h"
#include "sys/log.h"

/* Texts in memory or with the opener at once: while one is looked through the
 * next is made.  Two only if their views have not more than so many bytes. */
#define FLIGHT_MAX   2
#define FLIGHT_BYTES (32UL * 1024 * 1024)

/* Views at hand that wait for that. */
#define WAITING_MAX 8

struct whole {
	TAILQ_ENTRY(whole) next;
	struct finder *f;
	uint32_t number;
	bool pulled;             /* the pull waits for us */
	bool over;               /* its text is here, or there is none */
	struct viewref *view;    /* owned reference */
	struct opening *opening; /* owned */
	struct blob *text;       /* owned reference */
	struct sift sift;
};

static void
whole_free(struct whole *w)
{
	TAILQ_REMOVE(&w->f->wholes, w, next);
	w->f->nwholes--;
	opens_cancel(w->opening);
	viewref_unref(w->view);
	blob_unref(w->text);
	free(w->sift.verdicts);
	free(w);
}

void
whole_clear(struct finder *f)
{
	struct whole *w;

	while ((w = TAILQ_FIRST(&f->wholes)) != NULL)
		whole_free(w);
	if (f->match != NULL)
		event_free(f->match);
	f->match = NULL;
}

/* The opener's answer. */
static void
on_text(struct blob *text, void *arg)
{
	struct whole *w = arg;
	struct msg_name name;

	w->opening = NULL;
	w->over = true;
	if (text != NULL) {
		w->text = blob_ref(text);
		name = finder_name(w->f, w->number);
		late_text(&name, viewref_digest(w->view), text);
	}
	turn_later(w->f->match);
}

static void
whole_ask(struct whole *w)
{
	struct imap *s = w->f->j.s;

	/* When there has to be a NO anyway it is not worth it. */
	if (w->f->j.lack == ERR_OK)
		w->opening =
		    opens_ask_text(s->account, viewref_view(w->view)->text,
		        viewref_digest(w->view), true, on_text, w);
	if (w->opening == NULL) {
		w->over = true;
		turn_later(w->f->match);
	}
}

/* Ask for what may be asked for, in their order. */
static void
whole_more(struct finder *f)
{
	struct whole *w;
	size_t bytes = 0;
	unsigned n = 0;

	TAILQ_FOREACH (w, &f->wholes, next) {
		bytes += blob_len(viewref_view(w->view)->text);
		if (n == FLIGHT_MAX || (n > 0 && bytes > FLIGHT_BYTES))
			break;
		n++;
		if (w->opening == NULL && !w->over)
			whole_ask(w);
	}
}

/* Look for what is looked for, until this turn ends.  False: there is more to
 * do. */
static bool
whole_sift(struct whole *w, uint64_t until)
{
	struct finder *f = w->f;
	struct subject m;

	if (w->text == NULL && f->j.lack != ERR_OK)
		return (true);
	if (w->text == NULL) {
		log_warn("search session=%s number=%u reason=\"no text\"",
		    f->j.s->s.id, (unsigned)w->number);
		job_lacks(&f->j, ERR_UNAVAILABLE);
		return (true);
	}
	if (!judge_subject_of(f, viewref_view(w->view), &m))
		return (true);
	m.text = blob_str(w->text);
	m.sift = &w->sift;
	w->sift.until = until;
	return (judge_subject(f, w->number, &m));
}

/* It is judged. */
static void
whole_end(struct whole *w)
{
	struct finder *f = w->f;
	uint32_t number = w->number;
	bool pulled = w->pulled;

	whole_free(w);
	whole_more(f);
	if (pulled)
		pull_judged(&f->j, number);
	else
		judge_resume(f);
}

static void
on_match(evutil_socket_t fd, short what, void *arg)
{
	struct finder *f = arg;
	struct imap *s = f->j.s;
	uint64_t until = clock_now().mono + FINDER_SLICE_MS;
	struct whole *w;

	(void)fd;
	(void)what;
	while (!finder_stopped(f) && (w = TAILQ_FIRST(&f->wholes)) != NULL &&
	       w->over) {
		if (clock_now().mono >= until || !whole_sift(w, until)) {
			turn_later(f->match);
			break;
		}
		whole_end(w);
	}
	imap_turn(s);
}

bool
whole_full(const struct finder *f)
{
	return (f->nwholes >= WAITING_MAX);
}

void
whole_judge(struct finder *f, uint32_t number, struct viewref *view,
    bool pulled)
{
	struct whole *w;

	if (f->match == NULL)
		f->match = evtimer_new(f->j.s->p->base, on_match, f);
	if (f->match == NULL || (w = calloc(1, sizeof(*w))) == NULL) {
		finder_oom(f);
		return;
	}
	TAILQ_INSERT_TAIL(&f->wholes, w, next);
	f->nwholes++;
	w->f = f;
	w->number = number;
	w->pulled = pulled;
	w->view = viewref_ref(view);
	w->sift.verdicts = calloc(f->plan.n + 1, 1);
	if (w->sift.verdicts == NULL)
		finder_oom(f);
	else
		whole_more(f);
}
