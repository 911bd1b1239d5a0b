/*
 * SEARCH and UID SEARCH (RFC 3501 6.4.4), with RETURN (RFC 4731).
 *
 * A program that does not look into messages passes; so does one over a
 * mailbox in which none is sealed.  All others are finder.c's.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "proxy/finder.h"

/* Memory of one parsed and divided program. */
#define SEARCH_ARENA (16UL * 1024 * 1024)

struct search_job {
	struct finder f;  /* first */
	struct set asked; /* whose MODSEQ counts */
	uint64_t modseq;
};

static struct search_job *
search_job(struct job *j)
{
	return ((struct search_job *)(void *)j);
}

static void
search_free(struct job *j)
{
	struct search_job *sj = search_job(j);

	set_clear(&sj->asked);
	finder_clear(&sj->f);
	free(sj);
}

static const struct job_ops search_ops = {
    .expunge = finder_expunge,
    .free = search_free,
};

static void
search_answer(struct search_job *sj)
{
	struct finder *f = &sj->f;
	struct job *j = &f->j;
	struct buf b;

	buf_init(&b, LIMIT_RESULTS);
	if (f->cmd.esearch)
		esearch_render(&b, str_c(j->tag), f->uid, f->cmd.returns,
		    &f->result, sj->modseq);
	else
		search_render(&b, &f->result, sj->modseq);
	if (b.failed)
		finder_oom(f);
	else {
		imap_say(j->s, buf_text(&b));
		job_finish(j, "OK Search completed.");
	}
	buf_clear(&b);
}

/* MODSEQ (n) of one of them? */
static bool
modseq_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct search_job *sj = search_job(j);
	struct resp_item item;
	uint32_t number = sj->f.uid ? gather_uid(g) : g->seq;
	uint64_t n;

	if (!set_has(&a->set, number) ||
	    !gather_find(g, STR("MODSEQ"), false, &item) ||
	    item.value.len < 2 ||
	    !num_parse(str_of(item.value.p + 1, item.value.len - 2), INT64_MAX,
	        &n))
		return (false);
	if (n > sj->modseq && set_has(&sj->asked, number))
		sj->modseq = n;
	return (true);
}

static void
modseq_done(struct job *j, struct ask *a)
{
	(void)a;
	if (TAILQ_EMPTY(&j->asks) && !finder_stopped(&search_job(j)->f))
		search_answer(search_job(j));
}

/*
 * With a MODSEQ key the highest of those found is told (RFC 7162 3.1.5), with
 * MIN and MAX alone that of these (RFC 4731 3.2).  The server is asked for all
 * that it found itself: which of them are in the result is not its business.
 */
static void
search_found(struct finder *f)
{
	static const struct ask like = {.fetch = modseq_fetch,
	    .done = modseq_done};
	struct search_job *sj = search_job(&f->j);
	const struct set *found = &f->result;
	unsigned returns = f->cmd.esearch ? f->cmd.returns : SEARCH_ALL;
	int rc = 0;

	if (!f->cmd.modseq || set_empty(found)) {
		search_answer(sj);
		return;
	}
	if ((returns & (SEARCH_ALL | SEARCH_COUNT)) != 0)
		rc = set_copy(&sj->asked, found);
	if ((returns & SEARCH_MIN) != 0 && rc == 0)
		rc = set_add(&sj->asked, found->r[0].lo, found->r[0].lo);
	if ((returns & SEARCH_MAX) != 0 && rc == 0)
		rc = set_add(&sj->asked, found->r[found->n - 1].hi,
		    found->r[found->n - 1].hi);
	if (rc == -1)
		finder_oom(f);
	else if (job_ask_all(&f->j, f->uid, &f->hits[0], STR("(UID MODSEQ)"),
	             &like) == 0)
		search_answer(sj);
}

/* A job of its own.  The command stays where it is: it may pass yet. */
static enum route
search_start(struct imap *s, const struct cmd *c)
{
	struct search_job *sj;
	const char *why;

	if ((sj = calloc(1, sizeof(*sj))) == NULL) {
		imap_die(s, "out of memory", "out of memory");
		return (ROUTE_DONE);
	}
	finder_init(&sj->f);
	job_init(&sj->f.j, s, c->tag, &search_ops);
	sj->f.j.results = true;
	sj->f.uid = c->uid;
	sj->f.found = search_found;
	arena_init(&sj->f.arena, SEARCH_ARENA);
	/* It was parsed before, in less memory. */
	if (search_parse(c->args, &sj->f.arena, &sj->f.cmd, &why))
		finder_start(&sj->f);
	else
		job_finish(&sj->f.j, "BAD %s", why);
	return (ROUTE_KEEP);
}

enum route
job_search_route(struct imap *s, const struct cmd *c)
{
	struct arena arena;
	struct search cmd;
	const char *why;
	enum route route;

	arena_init(&arena, SEARCH_ARENA);
	if (!search_parse(c->args, &arena, &cmd, &why))
		route = route_refuse_it(s, c, why, cmd.bad);
	else if (!cmd.root->content)
		route = ROUTE_PASS;
	else if (s->box == NULL)
		route = route_refuse(s, c, "no mailbox is selected");
	else if (s->nfl > 0)
		route = ROUTE_WAIT;
	else if (finder_all_plain(s->box))
		route = ROUTE_PASS;
	else
		route = search_start(s, c);
	arena_clear(&arena);
	return (route);
}
