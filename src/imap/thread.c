#include "config.h"

#include "imap/thread.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "imap/thread_priv.h"

/* Steps from child to parent in all: chains of ten thousand mails, each with
 * full references, are far below. */
#define STEPS_MAX (400UL * 1000 * 1000)

/* One place where a Message-ID stands. */
struct place {
	struct str id;
	uint32_t at;
};

static int
by_id(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;
	int c = str_cmp(a->id, b->id);

	return (c != 0 ? c : a->at < b->at ? -1 : a->at > b->at);
}

/*
 * The places of all Message-IDs get the numbers of their nodes, from 1, in
 * the order in which the identifiers first appear.  Returns how many nodes
 * these are.
 */
static uint32_t
number_ids(struct place *places, size_t n, uint32_t *node)
{
	uint32_t next = 0;
	size_t i, first = 0;

	qsort(places, n, sizeof(*places), by_id);
	for (i = 0; i < n; i++) {
		if (places[i].id.len == 0 || i == 0 ||
		    !str_eq(places[i].id, places[first].id))
			first = i;
		/* for now: where it appeared first, from 1 */
		node[places[i].at] = places[first].at + 1;
	}
	for (i = 0; i < n; i++)
		node[i] = node[i] == i + 1 ? ++next : node[node[i] - 1];
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
forest_alloc(struct forest *f, const struct thread_key *k, size_t n,
    struct place **places, uint32_t **node)
{
	size_t ids = n, i, at = 0, j;

	for (i = 0; i < n; i++)
		ids += k[i].nrefs;
	*places = calloc(ids + 1, sizeof(**places));
	*node = calloc(ids + 1, sizeof(**node));
	/* room for one node an identifier, a second one for each message,
	 * and dummies to join threads by subject */
	f->nodes = calloc(ids + 2 * n + 2, sizeof(*f->nodes));
	if (*places == NULL || *node == NULL || f->nodes == NULL)
		return (-1);
	for (i = 0; i < n; i++) {
		(*places)[at] = (struct place){k[i].id, (uint32_t)at};
		at++;
		for (j = 0; j < k[i].nrefs; j++, at++)
			(*places)[at] =
			    (struct place){k[i].refs[j], (uint32_t)at};
	}
	f->n = number_ids(*places, ids, *node);
	return (0);
}

/* Link all messages. */
static int
forest_grow(struct forest *f, const struct thread_key *k, size_t n,
    struct err *err)
{
	struct place *places = NULL;
	uint32_t *node = NULL;
	size_t i, at = 0;
	int rc;

	if ((rc = forest_alloc(f, k, n, &places, &node)) == -1)
		err_set(err, ERR_MEMORY, "out of memory");
	for (i = 0; i < n && rc == 0; i++) {
		if ((rc = add_message(f, &k[i], node + at)) == -1)
			err_set(err, ERR_LIMIT,
			    "references are too long to follow");
		at += 1 + k[i].nrefs;
	}
	free(node);
	free(places);
	return (rc);
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

static int
render_forest(enum thread_how how, const struct thread_key *k, size_t n,
    struct buf *out, struct err *err)
{
	struct forest f;
	int rc = -1;

	memset(&f, 0, sizeof(f));
	if (forest_grow(&f, k, n, err) == -1)
		goto out;
	f.roots = calloc(f.n + n + 1, sizeof(*f.roots));
	f.order = calloc(f.n + n + 2, sizeof(*f.order));
	if (f.roots == NULL || f.order == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		goto out;
	}
	if (forest_prune(&f) == -1) {
		err_set(err, ERR_LIMIT, "references are too long to follow");
		goto out;
	}
	rc = how == THREAD_REFERENCES ? forest_by_subject(&f)
	                              : forest_by_newest(&f);
	if (rc == 0)
		rc = forest_render(&f, out);
	if (rc == -1)
		err_set(err, ERR_MEMORY, "out of memory");
out:
	free(f.order);
	free(f.roots);
	free(f.nodes);
	return (rc);
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

static int
render_ordered(struct thread_key *k, size_t n, struct buf *out, struct err *err)
{
	struct run *runs = calloc(n + 1, sizeof(*runs));
	size_t i, nruns = 0;

	if (runs == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	if (n > 0)
		qsort(k, n, sizeof(*k), by_subject);
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

int
thread_render(enum thread_how how, struct thread_key *k, size_t n,
    struct buf *out, struct err *err)
{
	int rc;

	buf_puts(out, "* THREAD ");
	if (how == THREAD_ORDEREDSUBJECT)
		rc = render_ordered(k, n, out, err);
	else
		rc = render_forest(how, k, n, out, err);
	buf_puts(out, "\r\n");
	return (rc);
}
