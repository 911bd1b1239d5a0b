/*
 * The order of threads, and how they are written.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "imap/thread_priv.h"

static int
cmp_dates(int64_t d1, uint32_t n1, int64_t d2, uint32_t n2)
{
	if (d1 != d2)
		return (d1 < d2 ? -1 : 1);
	return (n1 < n2 ? -1 : n1 > n2);
}

static bool
is_after(const struct forest *f, uint32_t a, uint32_t b)
{
	const struct thread_key *x = f->nodes[a].key, *y = f->nodes[b].key;

	return (cmp_dates(x->date, x->number, y->date, y->number) > 0);
}

/* Merge sort of nodes by date; tmp has room for half. */
static void
sort_nodes(const struct forest *f, uint32_t *v, uint32_t *tmp, uint32_t n)
{
	uint32_t half = n / 2, i = 0, j = half, o = 0;

	if (n < 2)
		return;
	sort_nodes(f, v, tmp, half);
	sort_nodes(f, v + half, tmp, n - half);
	memcpy(tmp, v, half * sizeof(*v));
	while (i < half && j < n)
		v[o++] = is_after(f, tmp[i], v[j]) ? v[j++] : tmp[i++];
	memcpy(v + o, tmp + i, (half - i) * sizeof(*v));
}

uint32_t
forest_children(const struct forest *f, uint32_t node, uint32_t *out)
{
	uint32_t c, n = 0;

	for (c = f->nodes[node].child; c != 0; c = f->nodes[c].next)
		out[n++] = c;
	sort_nodes(f, out, f->order, n);
	return (n);
}

/* The oldest child; *more tells whether there are others. */
static uint32_t
oldest_child(const struct forest *f, uint32_t node, bool *more)
{
	uint32_t best = f->nodes[node].child, c;

	*more = f->nodes[best].next != 0;
	for (c = f->nodes[best].next; c != 0; c = f->nodes[c].next)
		if (is_after(f, best, c))
			best = c;
	return (best);
}

static int
by_date(const void *va, const void *vb)
{
	const struct root *a = va, *b = vb;
	int c = cmp_dates(a->date, a->number, b->date, b->number);

	return (c != 0 ? c : a->node < b->node ? -1 : a->node > b->node);
}

static void
sort_by_date(struct forest *f)
{
	if (f->nroots > 0)
		qsort(f->roots, f->nroots, sizeof(*f->roots), by_date);
}

/* Step (4): by date, a dummy by its oldest child; one with a single child
 * makes room for it (the rest of step (3)). */
static void
sort_roots(struct forest *f)
{
	const struct thread_key *k;
	struct root *r;
	uint32_t i, c;
	bool more;

	for (i = 0; i < f->nroots; i++) {
		r = &f->roots[i];
		if (r->ignore)
			continue;
		c = r->node;
		if (r->dummy) {
			if (f->nodes[c].child == 0) {
				r->ignore = true;
				continue;
			}
			c = oldest_child(f, c, &more);
			if (!more) {
				r->node = c;
				r->dummy = false;
			}
		}
		k = f->nodes[c].key;
		r->date = k->date;
		r->number = k->number;
	}
	sort_by_date(f);
}

/* A root in the table of subjects. */
struct entry {
	struct str subject;
	uint32_t root; /* its place from 0 */
};

static int
by_subject(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int c = str_cmp(a->subject, b->subject);

	return (c != 0 ? c : a->root < b->root ? -1 : a->root > b->root);
}

/* Step (5)(B) for roots of one subject, in their order. */
static void
gather_subject(struct forest *f, const struct entry *e, size_t n)
{
	struct root *top = &f->roots[e[0].root], *r;
	size_t i;

	for (i = 1; i < n; i++) {
		r = &f->roots[e[i].root];
		if (!top->dummy && (r->dummy || (top->reply && !r->reply))) {
			top->parent = r->self;
			top = r;
		} else {
			r->parent = top->self;
		}
	}
}

/* Step (5)(A) and (B): a table of subjects. */
static int
gather_subjects(struct forest *f)
{
	struct entry *e = calloc(f->nroots + 1, sizeof(*e));
	const struct thread_key *k;
	struct root *r;
	uint32_t i, j, n = 0;
	bool more;

	if (e == NULL)
		return (-1);
	for (i = 0; i < f->nroots; i++) {
		r = &f->roots[i];
		r->self = i + 1;
		if (r->dummy && r->ignore)
			continue;
		k = f->nodes[r->dummy ? oldest_child(f, r->node, &more)
		                      : r->node]
		        .key;
		if (k->subject.len == 0)
			continue;
		r->reply = k->reply;
		e[n++] = (struct entry){k->subject, i};
	}
	if (n > 0)
		qsort(e, n, sizeof(*e), by_subject);
	for (i = 0; i < n; i = j) {
		for (j = i + 1; j < n && str_eq(e[j].subject, e[i].subject);)
			j++;
		gather_subject(f, e + i, j - i);
	}
	free(e);
	return (0);
}

/* Step (5)(C) for one root that belongs under another. */
static void
join(struct forest *f, struct root *cur)
{
	struct root *top = cur, *dummy;
	uint32_t c, next;

	do
		top = &f->roots[top->parent - 1];
	while (top->parent != 0);
	cur->ignore = true;
	if (cur->dummy) {
		for (c = f->nodes[cur->node].child; c != 0; c = next) {
			next = f->nodes[c].next;
			forest_add_child(f, top->node, c);
		}
		f->nodes[cur->node].child = 0;
		return;
	}
	if (top->dummy || (cur->reply && !top->reply)) {
		forest_add_child(f, top->node, cur->node);
		return;
	}
	dummy = &f->roots[f->nroots++];
	*dummy =
	    (struct root){.node = ++f->n, .self = f->nroots, .dummy = true};
	forest_add_child(f, dummy->node, top->node);
	forest_add_child(f, dummy->node, cur->node);
	top->parent = dummy->self;
	top->ignore = true;
}

/* Step (5)(C). */
static bool
join_subjects(struct forest *f)
{
	uint32_t i, n = f->nroots;
	bool joined = false;

	for (i = 0; i < n; i++)
		if (f->roots[i].parent != 0 && !f->roots[i].ignore) {
			join(f, &f->roots[i]);
			joined = true;
		}
	return (joined);
}

int
forest_by_subject(struct forest *f)
{
	switch (f->stage++) {
	case 0:
		sort_roots(f);
		return (1);
	case 1:
		return (gather_subjects(f) == -1 ? -1 : 1);
	default:
		if (join_subjects(f))
			sort_roots(f);
		return (0);
	}
}

/* The root of each node's tree; order has room for all of them. */
static void
find_roots(struct forest *f, uint32_t *root_of)
{
	uint32_t i, n, p, up;

	for (i = 0; i < f->nroots; i++)
		root_of[f->roots[i].node] = i + 1;
	for (i = 1; i <= f->n; i++) {
		for (p = i; root_of[p] == 0;)
			p = f->nodes[p].parent;
		/* what was passed on the way knows now */
		for (n = i; root_of[n] == 0; n = up) {
			up = f->nodes[n].parent;
			root_of[n] = root_of[p];
		}
	}
}

int
forest_by_newest(struct forest *f)
{
	uint32_t *root_of = calloc(f->n + 1, sizeof(*root_of));
	const struct thread_key *k;
	struct root *r;
	uint32_t i;

	if (root_of == NULL)
		return (-1);
	find_roots(f, root_of);
	for (i = 1; i <= f->n; i++) {
		if ((k = f->nodes[i].key) == NULL)
			continue;
		r = &f->roots[root_of[i] - 1];
		if (r->node == i)
			r->number = k->number;
		if (r->date < k->date)
			r->date = k->date;
	}
	free(root_of);
	sort_by_date(f);
	return (0);
}

/* Brothers that are being written. */
struct level {
	const uint32_t *nodes;
	uint32_t n;
	uint32_t next; /* to be written */
	bool close;    /* with a parenthesis behind the last */
};

struct writer {
	const struct forest *f;
	struct buf *out;
	uint32_t root;        /* the next one */
	struct level *levels; /* owned */
	uint32_t depth;
	uint32_t *pool; /* owned: sorted children of all nodes */
	uint32_t used;
};

/* What is written before others have their turn. */
#define WRITE_STEP 8192

/* Go down to the children of a node. */
static void
push(struct writer *w, uint32_t node, bool close)
{
	struct level *l = &w->levels[w->depth++];

	l->nodes = w->pool + w->used;
	l->n = forest_children(w->f, node, w->pool + w->used);
	l->next = 0;
	l->close = close;
	w->used += l->n;
}

/* One below the roots: a single child stands behind its parent, several have
 * parentheses each. */
static void
put_node(struct writer *w, struct level *l)
{
	uint32_t node = l->nodes[l->next++];
	bool single = l->n == 1, leaf = w->f->nodes[node].child == 0;

	buf_printf(w->out, single ? "%u" : "(%u",
	    w->f->nodes[node].key->number);
	if (!leaf) {
		buf_putc(w->out, ' ');
		push(w, node, !single);
	} else if (!single) {
		buf_putc(w->out, ')');
	}
}

/* One root, up to what is below it. */
static void
put_root(struct writer *w, const struct root *r)
{
	const struct node *node = &w->f->nodes[r->node];

	if (r->ignore || (r->dummy && node->child == 0))
		return;
	buf_putc(w->out, '(');
	if (!r->dummy)
		buf_printf(w->out, node->child != 0 ? "%u " : "%u",
		    node->key->number);
	w->used = 0;
	push(w, r->node, true);
}

/* What comes next below a root, or the end of a level. */
static void
put_below(struct writer *w)
{
	struct level *l = &w->levels[w->depth - 1];

	if (l->next < l->n) {
		put_node(w, l);
		return;
	}
	if (l->close)
		buf_putc(w->out, ')');
	w->depth--;
}

static struct writer *
writer_new(const struct forest *f)
{
	struct writer *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->f = f;
	w->levels = calloc(f->n + 2, sizeof(*w->levels));
	w->pool = calloc(f->n + 2, sizeof(*w->pool));
	return (w);
}

int
forest_render(struct forest *f, struct buf *out)
{
	struct writer *w = f->writer;
	size_t i;

	if (w == NULL)
		w = f->writer = writer_new(f);
	if (w == NULL || w->levels == NULL || w->pool == NULL)
		return (-1);
	w->out = out;
	for (i = 0; i < WRITE_STEP; i++)
		if (w->depth > 0)
			put_below(w);
		else if (w->root < f->nroots)
			put_root(w, &f->roots[w->root++]);
		else
			return (0);
	return (1);
}

void
forest_render_end(struct forest *f)
{
	if (f->writer == NULL)
		return;
	free(f->writer->pool);
	free(f->writer->levels);
	free(f->writer);
	f->writer = NULL;
}
