/*
 * SORT, UID SORT (RFC 5256, 5267, 5957) and THREAD, UID THREAD (RFC 5256) of
 * mailboxes with sealed messages; others pass.
 *
 * The program's finds come from finder.c.  What they are ordered by the server
 * tells of plain ones; of sealed ones it is in their facts, but for the date
 * of arrival.  They are offered where the server offers them: without it all
 * of a plain mailbox would have to be fetched for an order that clients can
 * make themselves.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/num.h"
#include "imap/sort.h"
#include "imap/thread.h"
#include "mail/date.h"
#include "mail/header.h"
#include "proxy/finder.h"
#include "proxy/turn.h"
#include "sys/fault.h"

/* Memory of one parsed and divided command. */
#define ORDER_ARENA (16UL * 1024 * 1024)

/* Messages in order, and memory of their keys: 500 bytes each. */
#define ORDER_MAX  200000U
#define ORDER_KEYS (256UL * 1024 * 1024)

/* Messages asked about in one command, and commands in flight. */
#define ORDER_WINDOW 1000
#define ORDER_FLIGHT 2

/* How long one command may keep the others waiting. */
#define SLICE_MS 10

#define ORDER_LIMIT "NO [LIMIT] too many messages to be put in order"

/* What is known of a sealed message: the fields that matter. */
struct kept {
	uint32_t number;
	uint64_t size;
	struct str fields;
};

struct order_job {
	struct finder f; /* first */
	bool thread;     /* THREAD, else SORT */
	struct sort sort;
	struct thread how;
	const char *fields; /* what keys are made of */
	struct arena keys;
	struct buf kept;   /* struct kept; sorted by number in the end */
	uint32_t *numbers; /* owned; all finds, ascending */
	uint64_t *modseqs; /* owned */
	bool *have;        /* owned; there is a key */
	size_t n;
	struct sort_key *skeys;   /* owned; one of these */
	struct thread_key *tkeys; /* owned */
	struct thread_ids *ids;   /* owned */
	struct set rest;          /* plain ones that were not asked about */
	unsigned flight;
	bool limit; /* memory for keys is used up */

	/* in the end */
	struct event *slice;       /* owned */
	struct sort_work swork;    /* cleared */
	struct thread_work *twork; /* owned */
	struct buf out;
	uint64_t modseq;
};

static struct order_job *
order_job(struct job *j)
{
	return ((struct order_job *)(void *)j);
}

static void
order_free(struct job *j)
{
	struct order_job *o = order_job(j);

	free(o->numbers);
	free(o->modseqs);
	free(o->have);
	free(o->skeys);
	free(o->tkeys);
	if (o->slice != NULL)
		event_free(o->slice);
	sort_work_clear(&o->swork);
	thread_end(o->twork);
	buf_clear(&o->out);
	thread_ids_free(o->ids);
	set_clear(&o->rest);
	buf_wipe(&o->kept);
	arena_clear(&o->keys);
	finder_clear(&o->f);
	free(o);
}

static bool
order_size(const struct order_job *o)
{
	return (!o->thread && o->sort.size);
}

static bool
order_header(const struct order_job *o)
{
	return (o->thread || o->sort.header);
}

static const struct job_ops order_ops = {
    .expunge = finder_expunge,
    .free = order_free,
};

/* A part of the work: 1 there is more, 0 or -1. */
static int
order_step(struct order_job *o, struct err *err)
{
	int rc;

	if (o->thread)
		return (thread_step(o->twork, &o->out, err));
	if ((rc = sort_step(&o->sort, o->skeys, o->n, &o->swork)) == 0)
		sort_render(&o->out, &o->sort, str_c(o->f.j.tag), o->f.uid,
		    o->skeys, o->n, o->modseq);
	return (rc);
}

/* Put what there is in order, and say it; others have their turn meanwhile. */
static void
order_some(struct order_job *o)
{
	uint64_t until = clock_now().mono + SLICE_MS;
	struct job *j = &o->f.j;
	struct err err = {0};
	int rc;

	while ((rc = order_step(o, &err)) == 1)
		if (FAULT("proxy.order") || clock_now().mono >= until) {
			turn_later(o->slice);
			return;
		}
	if (rc == -1 && err.code == ERR_LIMIT)
		job_finish(j, "NO [LIMIT] %s", err.text);
	else if (rc == -1 || o->out.failed)
		finder_oom(&o->f);
	else {
		imap_say(j->s, buf_text(&o->out));
		job_finish(j, "OK %s completed.",
		    o->thread ? "Thread" : "Sort");
	}
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct order_job *o = arg;
	struct imap *s = o->f.j.s;

	(void)fd;
	(void)what;
	if (!finder_stopped(&o->f))
		order_some(o);
	imap_turn(s);
}

/* All keys are there, but of those that are gone meanwhile. */
static void
order_answer(struct order_job *o)
{
	size_t i, n = 0;

	for (i = 0; i < o->n; i++) {
		if (!o->have[i])
			continue;
		if (o->modseqs[i] > o->modseq)
			o->modseq = o->modseqs[i];
		if (o->thread)
			o->tkeys[n++] = o->tkeys[i];
		else
			o->skeys[n++] = o->skeys[i];
	}
	o->n = n;
	buf_init(&o->out, LIMIT_RESULTS);
	o->slice = evtimer_new(o->f.j.s->p->base, on_slice, o);
	if (o->thread)
		o->twork = thread_begin(o->how.how, o->tkeys, n);
	if (o->slice == NULL || (o->thread && o->twork == NULL))
		finder_oom(&o->f);
	else
		order_some(o);
}

/* Where a number is in numbers; n if it is not. */
static size_t
order_find(const struct order_job *o, uint32_t number)
{
	size_t lo = 0, hi = o->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (o->numbers[mid] < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo < o->n && o->numbers[lo] == number ? lo : o->n);
}

/* "17-Jul-1996 02:44:25 -0700" */
static bool
internaldate(struct str s, int64_t *utc)
{
	char text[40];
	size_t i;
	int zone;

	if (s.p == NULL || s.len >= sizeof(text))
		return (false);
	for (i = 0; i < s.len; i++)
		text[i] = s.p[i] == '-' && i < 10 ? ' ' : s.p[i];
	return (date_parse(str_of(text, s.len), utc, &zone));
}

/* Make a message's key. */
static int
order_key(struct order_job *o, size_t i, int64_t arrival, uint64_t size,
    struct str header)
{
	if (o->thread) {
		o->tkeys[i].number = o->numbers[i];
		o->tkeys[i].arrival = arrival;
		return (thread_key(o->how.how, header, &o->keys, o->ids,
		    &o->tkeys[i]));
	}
	o->skeys[i].number = o->numbers[i];
	o->skeys[i].arrival = arrival;
	o->skeys[i].size = size;
	return (sort_key(&o->sort, header, &o->keys, &o->skeys[i]));
}

static int
kept_cmp(const void *va, const void *vb)
{
	const struct kept *a = va, *b = vb;

	return ((a->number > b->number) - (a->number < b->number));
}

static const struct kept *
kept_find(const struct order_job *o, uint32_t number)
{
	const struct kept want = {.number = number};

	if (o->kept.len == 0)
		return (NULL);
	return (bsearch(&want, o->kept.data, o->kept.len / sizeof(want),
	    sizeof(want), kept_cmp));
}

/* The size and header that the server has of a plain one. */
static bool
plain_items(const struct order_job *o, struct gather *g, uint64_t *size,
    struct str *header)
{
	struct resp_item item;

	*size = 0;
	*header = STR("");
	if (order_size(o) &&
	    (!gather_find(g, STR("RFC822.SIZE"), false, &item) ||
	        !num_parse(item.value, UINT64_MAX / 2, size)))
		return (false);
	if (!order_header(o))
		return (true);
	if (!gather_find(g, STR("BODY[HEADER.FIELDS ("), true, &item))
		return (false);
	if (item.data.p != NULL)
		*header = gather_str(g, &item);
	return (true);
}

static uint64_t
modseq_of(struct gather *g)
{
	struct resp_item item;
	uint64_t n;

	if (!gather_find(g, STR("MODSEQ"), false, &item) ||
	    item.value.len < 2 ||
	    !num_parse(str_of(item.value.p + 1, item.value.len - 2), INT64_MAX,
	        &n))
		return (0);
	return (n);
}

static bool
order_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct order_job *o = order_job(j);
	uint32_t number = o->f.uid ? gather_uid(g) : g->seq;
	struct resp_item item;
	const struct kept *k;
	struct str header;
	int64_t arrival;
	uint64_t size;
	size_t i;

	if (gather_uid(g) == 0 || !set_has(&a->set, number) ||
	    !gather_find(g, STR("INTERNALDATE"), false, &item) ||
	    !internaldate(item.data, &arrival))
		return (false);
	if ((k = kept_find(o, number)) != NULL) {
		size = k->size;
		header = k->fields;
	} else if (set_has(&o->f.sealed, number))
		return (true); /* not found */
	else if (!plain_items(o, g, &size, &header))
		return (false);
	if ((i = order_find(o, number)) == o->n || o->have[i])
		return (true);
	if (order_key(o, i, arrival, size, header) == -1)
		o->limit = true;
	o->modseqs[i] = o->f.cmd.modseq ? modseq_of(g) : 0;
	o->have[i] = true;
	return (true);
}

static int order_more(struct order_job *);

static void
order_done(struct job *j, struct ask *a)
{
	struct order_job *o = order_job(j);

	(void)a;
	o->flight--;
	if (finder_stopped(&o->f))
		return;
	if (o->limit)
		job_finish(j, ORDER_LIMIT);
	else if (j->unclear)
		job_finish(j, "%s", job_lacking(j));
	else if (order_more(o) == -1)
		finder_oom(&o->f);
	else if (o->flight == 0)
		order_answer(o);
}

static const struct ask order_like = {.fetch = order_fetch, .done = order_done};

/* Ask about the next ones. */
static int
order_more(struct order_job *o)
{
	struct buf items;
	struct set part;
	int rc;

	buf_init(&items, JOB_LINE);
	buf_printf(&items, "(UID INTERNALDATE%s%s",
	    order_size(o) ? " RFC822.SIZE" : "",
	    o->f.cmd.modseq ? " MODSEQ" : "");
	if (order_header(o))
		buf_printf(&items, " BODY.PEEK[HEADER.FIELDS (%s)]", o->fields);
	buf_putc(&items, ')');
	rc = items.failed ? -1 : 0;
	set_init(&part);
	while (rc == 0 && !set_empty(&o->rest) && o->flight < ORDER_FLIGHT &&
	       o->f.j.s->state != IMAP_DEAD) {
		if ((rc = job_cut(&o->rest, &part, ORDER_WINDOW,
		         JOB_LINE - items.len - 100)) == -1)
			break;
		o->flight += job_ask_all(&o->f.j, o->f.uid, &part,
		    buf_text(&items), &order_like);
	}
	set_clear(&part);
	buf_clear(&items);
	return (rc);
}

/* Is it a field that keys are made of? */
static bool
order_field(const struct order_job *o, struct str name)
{
	struct str words = str_c(o->fields), word;

	while (words.len > 0) {
		word = str_of(words.p, str_find(words, ' '));
		if (str_ieq(word, name))
			return (true);
		words.p += word.len;
		words.len -= word.len;
		words = str_trim(words);
	}
	return (false);
}

/* A sealed message was found: remember what stands in it. */
static void
order_keep(struct finder *f, uint32_t number, uint64_t size, struct str header)
{
	struct order_job *o = order_job(&f->j);
	struct kept k = {number, size, {NULL, 0}};
	struct header h;
	struct field field;
	struct buf b;

	buf_init(&b, LIMIT_HEADER);
	header_init(&h, header);
	while (header_next(&h, &field))
		if (order_field(o, field.name))
			buf_str(&b, field.all);
	buf_puts(&b, "\r\n");
	k.fields = arena_str(&o->keys, buf_text(&b));
	buf_put(&o->kept, &k, sizeof(k));
	if (b.failed || k.fields.p == NULL || o->kept.failed)
		o->limit = true;
	buf_wipe(&b);
}

/* All are found: what is needed of each? */
static int
order_room(struct order_job *o)
{
	uint32_t number = 0;
	size_t n = (size_t)set_count(&o->f.result);

	o->numbers = calloc(n + 1, sizeof(*o->numbers));
	o->modseqs = calloc(n + 1, sizeof(*o->modseqs));
	o->have = calloc(n + 1, sizeof(*o->have));
	if (o->thread) {
		o->tkeys = calloc(n + 1, sizeof(*o->tkeys));
		o->ids = thread_ids_new(ORDER_KEYS);
	} else
		o->skeys = calloc(n + 1, sizeof(*o->skeys));
	if (o->numbers == NULL || o->modseqs == NULL || o->have == NULL ||
	    (o->thread ? o->tkeys == NULL || o->ids == NULL : o->skeys == NULL))
		return (-1);
	while (set_next(&o->f.result, &number))
		o->numbers[o->n++] = number;
	if (o->kept.len > 0)
		qsort(o->kept.data, o->kept.len / sizeof(struct kept),
		    sizeof(struct kept), kept_cmp);
	return (set_minus(&o->rest, &o->f.result, &o->f.sealed));
}

/*
 * When did they arrive?  The server is asked about all sealed ones that might
 * be found: which of them were is not its business.
 */
static void
order_found(struct finder *f)
{
	struct order_job *o = order_job(&f->j);

	if (o->limit || set_count(&f->result) > ORDER_MAX) {
		job_finish(&f->j, ORDER_LIMIT);
		return;
	}
	if (order_room(o) == -1) {
		finder_oom(f);
		return;
	}
	o->flight = job_ask_all(&f->j, f->uid, &f->sealed,
	    f->cmd.modseq ? STR("(UID INTERNALDATE MODSEQ)")
	                  : STR("(UID INTERNALDATE)"),
	    &order_like);
	if (order_more(o) == -1)
		finder_oom(f);
	else if (o->flight == 0 && f->j.s->state != IMAP_DEAD)
		order_answer(o); /* of none */
}

static bool
order_parse(struct order_job *o, const struct cmd *c, const char **why)
{
	bool ok;

	if (o->thread) {
		ok = thread_parse(c->args, &o->f.arena, &o->how, why);
		o->f.cmd = o->how.search;
		o->fields = thread_fields;
	} else {
		ok = sort_parse(c->args, &o->f.arena, &o->sort, why);
		o->f.cmd = o->sort.search;
		o->fields = sort_fields;
	}
	return (ok);
}

/* A job of its own.  The command stays where it is: it may pass yet. */
static enum route
order_start(struct imap *s, const struct cmd *c, bool thread)
{
	struct order_job *o;
	const char *why;
	char it[NAMED_MAX];

	if ((o = calloc(1, sizeof(*o))) == NULL) {
		imap_die(s, "out of memory", "out of memory");
		return (ROUTE_DONE);
	}
	finder_init(&o->f);
	arena_init(&o->f.arena, ORDER_ARENA);
	arena_init(&o->keys, ORDER_KEYS);
	buf_init(&o->kept, ORDER_MAX * sizeof(struct kept));
	set_init(&o->rest);
	o->thread = thread;
	job_init(&o->f.j, s, c->tag, &order_ops);
	o->f.j.results = true;
	o->f.uid = c->uid;
	o->f.all = true;
	o->f.found = order_found;
	o->f.keep = order_keep;
	if (order_parse(o, c, &why))
		finder_start(&o->f);
	else
		job_finish(&o->f.j, "BAD %s%s%s", why,
		    o->f.cmd.bad.len > 0 ? ": " : "",
		    err_escape(it, sizeof(it), o->f.cmd.bad));
	return (ROUTE_KEEP);
}

static enum route
order_route(struct imap *s, const struct cmd *c, bool thread)
{
	if (s->box == NULL)
		return (route_refuse(s, c, "no mailbox is selected"));
	if (s->nfl > 0)
		return (ROUTE_WAIT);
	if (finder_all_plain(s->box))
		return (ROUTE_PASS);
	return (order_start(s, c, thread));
}

enum route
job_sort_route(struct imap *s, const struct cmd *c)
{
	return (order_route(s, c, false));
}

enum route
job_thread_route(struct imap *s, const struct cmd *c)
{
	return (order_route(s, c, true));
}
