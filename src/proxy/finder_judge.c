/*
 * Sealed messages, judged by what is in them.
 *
 * Facts and search texts of most are kept (facts.h).  Those of which nothing
 * is known are opened first, all of them: which ones the server is asked for
 * must not depend on what was found in others.
 *
 * Thousands of messages take a while, which belongs to all sessions: they are
 * judged in slices.  What is in a message whose search text is not kept as a
 * whole is looked for by finder_whole.c.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proxy/facts.h"
#include "proxy/finder.h"
#include "proxy/opens.h"
#include "proxy/reading.h"
#include "proxy/turn.h"
#include "sys/log.h"

/* So much of a long text is looked at between two looks at the clock. */
#define PIECE (2UL * 1024 * 1024)

/* NEW has to be 0. */
enum verdict { LATER = -2, UNKNOWN = -1, NEW, NO, YES };

static bool
is_text(enum search_what what)
{
	return (what == SEARCH_BODY || what == SEARCH_TEXT ||
	        what == SEARCH_HEADER || what == SEARCH_ADDRESS ||
	        what == SEARCH_SUBJECT);
}

static enum verdict
of_match(enum match m)
{
	switch (m) {
	case MATCH_NO:
		return (NO);
	case MATCH_YES:
		return (YES);
	case MATCH_UNSURE:
		break;
	}
	return (UNKNOWN);
}

/* A key in a long text: what was found out is kept, one goes after another. */
static enum verdict
judge_long(const struct finder *f, const struct search_node *n,
    const struct subject *m)
{
	struct str needle = buf_text(&f->needles[n->unit]);
	struct sift *s = m->sift;
	enum match found = MATCH_NO;
	bool done;

	if (s->verdicts[n->unit] != NEW)
		return ((enum verdict)s->verdicts[n->unit]);
	do {
		if (clock_now().mono >= s->until)
			return (LATER);
		done = true;
		if (n->what == SEARCH_BODY || n->what == SEARCH_TEXT)
			done = match_some(m->text, needle,
			    n->what == SEARCH_BODY, PIECE, &s->at, &found);
		else
			found = match_field(m->text, n->what != SEARCH_HEADER,
			    n->field, needle);
	} while (!done);
	s->at = (struct match_at){0, 0};
	s->verdicts[n->unit] = (signed char)of_match(found);
	return (of_match(found));
}

static enum verdict
judge_key(const struct finder *f, const struct search_node *n,
    const struct subject *m)
{
	struct str needle = buf_text(&f->needles[n->unit]);
	bool yes = false;

	if (m->sift != NULL && is_text(n->what))
		return (judge_long(f, n, m));
	switch (n->what) {
	case SEARCH_SERVER:
		break;
	case SEARCH_BODY:
		return (of_match(match_body(m->text, needle)));
	case SEARCH_TEXT:
		return (of_match(match_text(m->text, needle)));
	case SEARCH_HEADER:
	case SEARCH_ADDRESS:
	case SEARCH_SUBJECT:
		return (of_match(match_field(m->text, n->what != SEARCH_HEADER,
		    n->field, needle)));
	case SEARCH_SENTBEFORE:
		yes = m->sent < n->day;
		break;
	case SEARCH_SENTON:
		yes = m->sent == n->day;
		break;
	case SEARCH_SENTSINCE:
		yes = m->sent >= n->day;
		break;
	case SEARCH_LARGER:
		yes = m->size > n->number;
		break;
	case SEARCH_SMALLER:
		yes = m->size < n->number;
		break;
	}
	return (yes ? YES : NO);
}

/* m is NULL when nothing is known of the message. */
static enum verdict
judge(const struct finder *f, const struct search_node *n, uint32_t number,
    const struct subject *m)
{
	const struct search_node *c;
	enum verdict v, all;

	if (n->unit != SIZE_MAX && !f->plan.units[n->unit].content)
		return (set_has(&f->hits[n->unit], number) ? YES : NO);
	switch (n->op) {
	case SEARCH_KEY:
		return (m != NULL ? judge_key(f, n, m) : UNKNOWN);
	case SEARCH_NOT:
		v = judge(f, n->child, number, m);
		return (v == YES ? NO : v == NO ? YES : v);
	case SEARCH_AND:
	case SEARCH_OR:
		break;
	}
	all = n->op == SEARCH_AND ? YES : NO;
	for (c = n->child; c != NULL; c = c->next) {
		v = judge(f, c, number, m);
		if (v == LATER)
			return (v);
		if (v == UNKNOWN)
			all = v;
		else if (v == (n->op == SEARCH_AND ? NO : YES))
			return (v);
	}
	return (all);
}

int
judge_known(const struct finder *f, uint32_t number)
{
	switch (judge(f, f->cmd.root, number, NULL)) {
	case YES:
		return (1);
	case NO:
		return (0);
	case NEW:
	case LATER:
	case UNKNOWN:
		break;
	}
	return (-1);
}

/* A client's string, made comparable. */
static int
needle(struct finder *f, struct str raw, struct buf *out)
{
	struct err err;

	if (match_needle(f->cmd.charset, raw, out, &err) == 0)
		return (0);
	if (err.code == ERR_NOTFOUND)
		job_finish(&f->j, "NO [BADCHARSET (UTF-8 US-ASCII)] %s",
		    err.text);
	else if (err.code == ERR_SYNTAX)
		job_finish(&f->j, "BAD %s", err.text);
	else if (err.code == ERR_LIMIT)
		job_finish(&f->j, "NO [LIMIT] %s", err.text);
	else
		job_finish(&f->j, "NO %s", err.text);
	return (-1);
}

/* What is looked for, normalised. */
int
judge_prepare(struct finder *f)
{
	const struct search_node *n;
	struct buf none;
	size_t i;

	/* The charset has to be known also where nothing is in it. */
	buf_init(&none, 1);
	if (needle(f, STR(""), &none) == -1)
		return (-1);
	f->needles = arena_array(&f->arena, f->plan.n, sizeof(*f->needles));
	if (f->needles == NULL) {
		finder_oom(f);
		return (-1);
	}
	for (i = 0; i < f->plan.n; i++)
		buf_init(&f->needles[i], 16 * LIMIT_CLIENT_LINE);
	for (i = 0; i < f->plan.n; i++) {
		n = f->plan.units[i].node;
		if (!f->plan.units[i].content || !is_text(n->what))
			continue;
		f->needs_text = true;
		if (needle(f, n->value, &f->needles[i]) == -1)
			return (-1);
	}
	return (0);
}

bool
judge_subject_of(struct finder *f, const struct view *view, struct subject *m)
{
	const struct part *root = view_root(view);

	if (root == NULL) {
		log_warn("search session=%s reason=\"too many parts\"",
		    f->j.s->s.id);
		job_lacks(&f->j, ERR_LIMIT);
		return (false);
	}
	*m = (struct subject){.size = blob_len(view->text),
	    .sent = facts_sent(view),
	    .header = span_str(view_text(view).p, root->head)};
	return (true);
}

bool
judge_subject(struct finder *f, uint32_t number, const struct subject *m)
{
	switch (judge(f, f->cmd.root, number, m)) {
	case NO:
		break;
	case YES:
		if (set_add(&f->yes, number, number) == -1)
			finder_oom(f);
		if (f->keep != NULL)
			f->keep(f, number, m->size, m->header);
		break;
	case NEW:
	case LATER:
		return (false);
	case UNKNOWN:
		/* Its search text was cut. */
		job_lacks(&f->j, ERR_LIMIT);
		break;
	}
	return (true);
}

/* Judge by what is kept.  False: that is not enough. */
static bool
judge_kept(struct finder *f, uint32_t number)
{
	struct msg_name name = finder_name(f, number);
	struct facts *facts = f->j.s->p->facts;
	struct facts_rec rec;
	struct subject m = {0};
	struct err err;
	int rc;

	buf_reset(&f->hold);
	buf_reset(&f->text);
	rc = facts_get(facts, &name, &rec, &f->hold, &err);
	if (rc == 1 && f->needs_text)
		rc =
		    rec.has_text ? facts_text(facts, &name, &f->text, &err) : 0;
	if (rc == -1)
		log_warn("facts session=%s reason=%s", f->j.s->s.id,
		    log_str(str_c(err.text)));
	/* One that is not kept as a whole is always looked at as a whole, not
	 * only when nothing is found in the part that is kept. */
	if (rc != 1 || (f->keep != NULL && rec.header.len == 0) ||
	    (f->needs_text && match_is_cut(buf_text(&f->text))))
		return (false);
	m.size = rec.size;
	m.header = rec.header;
	m.sent = rec.sent;
	m.text = buf_text(&f->text);
	(void)judge_subject(f, number, &m);
	return (true);
}

/* By a view; pulled: one that the pull waits for. */
static void
judge_view(struct finder *f, uint32_t number, struct viewref *view, bool pulled)
{
	struct subject m;

	if (f->needs_text) {
		if (pulled)
			pull_hold(&f->j, number);
		whole_judge(f, number, view, pulled);
		return;
	}
	if (judge_subject_of(f, viewref_view(view), &m))
		(void)judge_subject(f, number, &m);
}

/* By what is in memory.  False: nothing is. */
static bool
judge_cached(struct finder *f, uint32_t number)
{
	const struct imap *s = f->j.s;
	struct msg_name name = finder_name(f, number);
	struct viewref *ref;
	struct seen_key key;

	if (msg_key(&name, &key) == -1 ||
	    (ref = viewcache_get(s->p->views, str_c(s->account->login),
	         &key)) == NULL)
		return (false);
	judge_view(f, number, ref, false);
	viewref_unref(ref);
	return (true);
}

static void
judge_opened(struct job *j, uint32_t number, struct viewref *view,
    const struct err *err)
{
	struct finder *f = finder_of(j);

	if (view != NULL) {
		if (!judge_kept(f, number))
			judge_view(f, number, view, true);
	} else if (err != NULL && err->code == ERR_NOKEY) {
		if (set_add(&f->later, number, number) == -1)
			finder_oom(f);
	} else if (err != NULL) {
		log_warn("search session=%s number=%u reason=%s", j->s->s.id,
		    (unsigned)number, log_str(str_c(err->text)));
		job_lacks(j, err->code);
	}
	/* Else it is gone, and not found. */
}

static void
judge_end(struct finder *f)
{
	f->judging = false;
	/* What was opened keeps its bytes from now on. */
	if (!set_empty(&f->later) || reading_commit(f->j.s->p) == -1)
		job_lacks(&f->j, ERR_UNAVAILABLE);
	f->judged(f);
}

static void judge_done(struct job *);

/* The key came, or it did not. */
static void
on_key(bool came, void *arg)
{
	struct finder *f = arg;
	struct imap *s = f->j.s;
	struct set again;

	f->keywait = NULL;
	if (!came)
		judge_end(f);
	else if (!finder_stopped(f)) {
		again = f->later;
		set_init(&f->later);
		job_again(&f->j, set_count(&again));
		if (pull_start(&f->j, f->uid, &again, judge_opened,
		        judge_done) == -1)
			finder_oom(f);
		set_clear(&again);
	}
	imap_turn(s);
}

/* All is judged but what waits for a key. */
static void
judge_done(struct job *j)
{
	struct finder *f = finder_of(j);

	if (!set_empty(&f->later) &&
	    (f->keywait = opens_wait_key(j->s->account, on_key, f)) != NULL)
		return;
	judge_end(f);
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct finder *f = arg;
	struct imap *s = f->j.s;
	uint64_t until = clock_now().mono + FINDER_SLICE_MS;
	bool more = !finder_stopped(f);

	(void)fd;
	(void)what;
	while (more && !whole_full(f)) {
		if (!(more = set_next(&f->sealed, &f->at)))
			break;
		if (!set_has(&f->gone, f->at) && !judge_kept(f, f->at) &&
		    !judge_cached(f, f->at) &&
		    set_add(&f->closed, f->at, f->at) == -1)
			finder_oom(f);
		if (clock_now().mono >= until)
			break;
	}
	if (more && !whole_full(f))
		judge_resume(f);
	else if (!more && f->nwholes == 0 && !finder_stopped(f)) {
		f->pulling = true;
		if (pull_start(&f->j, f->uid, &f->closed, judge_opened,
		        judge_done) == -1)
			finder_oom(f);
	}
	imap_turn(s);
}

void
judge_resume(struct finder *f)
{
	if (!f->pulling)
		turn_later(f->slice);
}

void
judge_start(struct finder *f, void (*next)(struct finder *))
{
	f->judged = next;
	f->slice = evtimer_new(f->j.s->p->base, on_slice, f);
	if (f->slice == NULL)
		finder_oom(f);
	else
		judge_resume(f);
}
