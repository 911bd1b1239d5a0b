#include "config.h"

#include "imap/thread.h"

#include <stdlib.h>
#include <string.h>

#include "imap/thread_priv.h"

/* Steps from child to parent in all: chains of ten thousand mails, each with
 * full references, are far below. */
#define STEPS_MAX (400UL * 1000 * 1000)

/* What is linked before others have their turn: messages, and steps. */
#define LINKED_STEP 8192
#define STEPS_STEP  (2UL * 1000 * 1000)

/* The highest number of a Message-ID, and how many places they stand in. */
static uint32_t
highest_id(const struct thread_key *k, size_t n, size_t *places)
{
	uint32_t most = 0;
	size_t i, j;

	*places = n;
	for (i = 0; i < n; i++) {
		most = k[i].id > most ? k[i].id : most;
		*places += k[i].nrefs;
		for (j = 0; j < k[i].nrefs; j++)
			most = k[i].refs[j] > most ? k[i].refs[j] : most;
	}
	return (most);
}

/*
 * The places of all Message-IDs get the numbers of their nodes, from 1, in
 * the order in which the identifiers first appear; seen has room for one each
 * of these.  Returns how many nodes these are.
 */
static uint32_t
number_ids(const struct thread_key *k, size_t n, uint32_t *seen, uint32_t *node)
{
	uint32_t next = 0, id;
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j <= k[i].nrefs; j++) {
			id = j == 0 ? k[i].id : k[i].refs[j - 1];
			if (id == 0)
				*node++ = ++next;
			else if (seen[id] == 0)
				*node++ = seen[id] = ++next;
			else
				*node++ = seen[id];
		}
	return (next);
}

/* Is a an ancestor of n, or n itself?  -1: that took too long. */
static int
has_ancestor(struct forest *f, uint32_t n, uint32_t a)
{
	while (n != a) {
		if ((n = f->nodes[n].parent) == 0)
			return (0);
		if (++f->steps > STEPS_MAX)
			return (-1);
	}
	return (1);
}

/*
 * Make parent the parent of child, unless that makes a loop or child has
 * another one.  What was nobody's parent is nobody's ancestor: so it is with
 * most, and long discussions need no long walks.
 */
static int
link_nodes(struct forest *f, uint32_t parent, uint32_t child)
{
	int loop = parent == child;

	if (f->nodes[child].parent != 0)
		return (0);
	if (!loop && f->nodes[child].above)
		loop = has_ancestor(f, parent, child);
	if (loop != 0)
		return (loop == -1 ? -1 : 0);
	f->nodes[child].parent = parent;
	f->nodes[parent].above = true;
	return (0);
}

/* Step (1) of REFERENCES for one message. */
static int
add_message(struct forest *f, const struct thread_key *k, const uint32_t *node)
{
	uint32_t n = node[0], parent = 0;
	size_t i;

	if (f->nodes[n].key != NULL)
		n = ++f->n; /* a Message-ID seen before */
	f->nodes[n].key = k;
	for (i = 0; i < k->nrefs; i++) {
		if (parent != 0 && link_nodes(f, parent, node[i + 1]) == -1)
			return (-1);
		parent = node[i + 1];
	}
	/* its own references know better than those of others */
	if (f->nodes[n].parent != parent)
		f->nodes[n].parent = 0;
	return (parent != 0 ? link_nodes(f, parent, n) : 0);
}

static int
forest_alloc(struct forest *f, const struct thread_key *k, size_t n)
{
	size_t places;
	uint32_t *seen;

	seen = calloc((size_t)highest_id(k, n, &places) + 1, sizeof(*seen));
	f->ids = calloc(places + 1, sizeof(*f->ids));
	if (seen != NULL && f->ids != NULL) {
		f->n = number_ids(k, n, seen, f->ids);
		/* room for a second node for each message, and dummies to join
		 * threads by subject */
		f->nodes = calloc((size_t)f->n + 2 * n + 2, sizeof(*f->nodes));
	}
	free(seen);
	return (f->nodes != NULL ? 0 : -1);
}

/* Link the next messages.  1: there are more. */
static int
forest_grow(struct forest *f, const struct thread_key *k, size_t n,
    struct err *err)
{
	uint64_t before = f->steps;
	size_t i;

	if (f->ids == NULL && forest_alloc(f, k, n) == -1) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	for (i = 0; i < LINKED_STEP && f->linked < n; i++) {
		if (f->steps - before > STEPS_STEP)
			return (1);
		if (add_message(f, &k[f->linked], f->ids + f->at) == -1) {
			err_set(err, ERR_LIMIT,
			    "references are too long to follow");
			return (-1);
		}
		f->at += 1 + k[f->linked++].nrefs;
	}
	return (f->linked < n);
}

void
forest_add_child(struct forest *f, uint32_t parent, uint32_t child)
{
	f->nodes[child].next = f->nodes[parent].child;
	f->nodes[parent].child = child;
}

/*
 * Steps (2) and (3): nodes without a parent are roots, nodes without a message
 * go; their children become those of the next message above, or of the
 * dummy at the top.
 */
static int
forest_prune(struct forest *f)
{
	uint32_t i, p;

	for (i = 1; i <= f->n; i++) {
		if ((p = f->nodes[i].parent) == 0) {
			f->roots[f->nroots++] = (struct root){.node = i,
			    .dummy = f->nodes[i].key == NULL};
			continue;
		}
		if (f->nodes[i].key == NULL)
			continue;
		while (f->nodes[p].key == NULL && f->nodes[p].parent != 0) {
			p = f->nodes[p].parent;
			if (++f->steps > STEPS_MAX)
				return (-1);
		}
		forest_add_child(f, p, i);
	}
	return (0);
}

/* Steps (1) to (3), a part of them: 1 there is more. */
static int
forest_make(struct forest *f, const struct thread_key *k, size_t n,
    struct err *err)
{
	int rc;

	if ((rc = forest_grow(f, k, n, err)) != 0)
		return (rc);
	f->roots = calloc(f->n + n + 1, sizeof(*f->roots));
	f->order = calloc(f->n + n + 2, sizeof(*f->order));
	if (f->roots == NULL || f->order == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	if (forest_prune(f) == 0)
		return (0);
	err_set(err, ERR_LIMIT, "references are too long to follow");
	return (-1);
}

static int
by_subject(const void *va, const void *vb)
{
	const struct thread_key *a = va, *b = vb;
	int c = str_cmp(a->subject, b->subject);

	if (c == 0)
		c = a->date < b->date ? -1 : a->date > b->date;
	return (c != 0 ? c : a->number < b->number ? -1 : 1);
}

/* A thread of ORDEREDSUBJECT: keys that stand together. */
struct run {
	const struct thread_key *first;
	size_t n;
};

static int
by_first(const void *va, const void *vb)
{
	const struct thread_key *a = ((const struct run *)va)->first;
	const struct thread_key *b = ((const struct run *)vb)->first;

	if (a->date != b->date)
		return (a->date < b->date ? -1 : 1);
	return (a->number < b->number ? -1 : 1);
}

/* "(1)", "(1 2)", "(1 (2)(3))" */
static void
put_run(struct buf *out, const struct run *r)
{
	size_t i;

	buf_printf(out, "(%u", r->first->number);
	if (r->n == 2)
		buf_printf(out, " %u", r->first[1].number);
	if (r->n > 2)
		buf_putc(out, ' ');
	for (i = 1; i < r->n && r->n > 2; i++)
		buf_printf(out, "(%u)", r->first[i].number);
	buf_putc(out, ')');
}

/* What stands under one subject is a run. */
static int
render_ordered(const struct thread_key *k, size_t n, struct buf *out,
    struct err *err)
{
	struct run *runs = calloc(n + 1, sizeof(*runs));
	size_t i, nruns = 0;

	if (runs == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	for (i = 0; i < n; i++) {
		if (i == 0 || !str_eq(k[i].subject, k[i - 1].subject))
			runs[nruns++].first = &k[i];
		runs[nruns - 1].n++;
	}
	qsort(runs, nruns, sizeof(*runs), by_first);
	for (i = 0; i < nruns; i++)
		put_run(out, &runs[i]);
	free(runs);
	return (0);
}

struct thread_work {
	enum thread_how how;
	struct thread_key *keys; /* the caller's */
	size_t n;
	struct forest forest;
	enum { THREAD_MAKE, THREAD_ORDER, THREAD_HEAD, THREAD_PUT } stage;
};

struct thread_work *
thread_begin(enum thread_how how, struct thread_key *k, size_t n)
{
	struct thread_work *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->how = how;
	w->keys = k;
	w->n = n;
	return (w);
}

void
thread_end(struct thread_work *w)
{
	if (w == NULL)
		return;
	forest_render_end(&w->forest);
	free(w->forest.ids);
	free(w->forest.order);
	free(w->forest.roots);
	free(w->forest.nodes);
	free(w);
}

/* 1: there is more to be made. */
static int
make(struct thread_work *w, struct err *err)
{
	if (w->how != THREAD_ORDEREDSUBJECT)
		return (forest_make(&w->forest, w->keys, w->n, err));
	if (w->n > 0)
		qsort(w->keys, w->n, sizeof(*w->keys), by_subject);
	return (0);
}

/* 1: there is more to be ordered. */
static int
order(struct thread_work *w)
{
	switch (w->how) {
	case THREAD_ORDEREDSUBJECT:
		break;
	case THREAD_REFERENCES:
		return (forest_by_subject(&w->forest));
	case THREAD_REFS_NEWEST:
		return (forest_by_newest(&w->forest));
	}
	return (0);
}

/* 1: there is more to be put. */
static int
put(struct thread_work *w, struct buf *out, struct err *err)
{
	int rc;

	if (w->how == THREAD_ORDEREDSUBJECT)
		rc = render_ordered(w->keys, w->n, out, err);
	else if ((rc = forest_render(&w->forest, out)) == -1)
		err_set(err, ERR_MEMORY, "out of memory");
	if (rc == 0)
		buf_puts(out, "\r\n");
	return (rc);
}

int
thread_step(struct thread_work *w, struct buf *out, struct err *err)
{
	int rc = 1;

	switch (w->stage) {
	case THREAD_MAKE:
		if ((rc = make(w, err)) == -1)
			return (-1);
		if (rc == 0)
			w->stage = THREAD_ORDER;
		return (1);
	case THREAD_ORDER:
		if ((rc = order(w)) == -1) {
			err_set(err, ERR_MEMORY, "out of memory");
			return (-1);
		}
		if (rc == 0)
			w->stage = THREAD_HEAD;
		return (1);
	case THREAD_HEAD:
		buf_puts(out, "* THREAD ");
		w->stage = THREAD_PUT;
		return (1);
	case THREAD_PUT:
		rc = put(w, out, err);
		break;
	}
	return (rc);
}

int
thread_render(enum thread_how how, struct thread_key *k, size_t n,
    struct buf *out, struct err *err)
{
	struct thread_work *w = thread_begin(how, k, n);
	int rc;

	if (w == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	while ((rc = thread_step(w, out, err)) == 1)
		;
	thread_end(w);
	return (rc);
}
