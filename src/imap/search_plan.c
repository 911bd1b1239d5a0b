/*
 * Dividing a program between the server and us.
 */
#include "config.h"

#include <string.h>

#include "imap/search.h"
#include "imap/search_priv.h"

/* What unit 0 may take of a line: all units repeat it. */
#define DOMAIN_LEN (SEARCH_LINE / 2)

/* A unit's text with literals: what the client sent, and the domain. */
#define TEXT_MAX (256UL * 1024)

struct divider {
	struct search *s;
	bool plus;
	struct arena *arena;
	struct search_node *domain; /* its keys */
	size_t room;                /* in a line, for a unit's own keys */
	struct search_unit *units;
	size_t n;
	struct err *err;
};

static int
too_large(struct divider *d)
{
	err_set(d->err, ERR_LIMIT, "search too large");
	return (-1);
}

/* How much of a line a node takes. */
static size_t
node_len(const struct search_node *n)
{
	struct search_printer pr = {NULL, NULL, false, 0};
	struct buf buf;
	size_t len;

	buf_init(&buf, TEXT_MAX);
	pr.out = &buf;
	search_put(&pr, n);
	len = buf.failed ? SIZE_MAX / 2 : buf.len - pr.away;
	buf_clear(&buf);
	return (len);
}

/* Copy what was printed to the arena. */
static int
unit_keep(struct divider *d, struct search_unit *u, const struct buf *text,
    const struct buf *lits)
{
	size_t *at;

	if (text->failed || lits->failed)
		return (too_large(d));
	u->nlits = lits->len / sizeof(size_t);
	at = arena_array(d->arena, u->nlits + 1, sizeof(size_t));
	u->text = arena_str(d->arena, buf_text(text));
	if (at == NULL || u->text.p == NULL)
		return (too_large(d));
	if (lits->len > 0)
		memcpy(at, lits->data, lits->len);
	u->lits = at;
	return (0);
}

/* A new unit for a node; NULL is the domain. */
static int
unit_add(struct divider *d, struct search_node *n)
{
	struct search_printer pr;
	struct search_unit *u;
	struct buf text, lits;
	int rc;

	if (d->n == SEARCH_UNITS) {
		err_set(d->err, ERR_LIMIT, "search has too many parts");
		return (-1);
	}
	u = &d->units[d->n];
	u->node = n;
	u->content = n != NULL && n->op == SEARCH_KEY && n->content;
	buf_init(&text, TEXT_MAX);
	buf_init(&lits, TEXT_MAX);
	pr = (struct search_printer){&text, &lits, d->plus, 0};
	if (u->content && d->s->charset.len > 0) {
		buf_puts(&text, "CHARSET ");
		search_put_string(&pr, d->s->charset);
		buf_putc(&text, ' ');
	}
	if (d->domain != NULL)
		search_put_list(&pr, d->domain);
	else if (n == NULL)
		buf_puts(&text, "ALL");
	if (n != NULL) {
		if (d->domain != NULL)
			buf_putc(&text, ' ');
		search_put(&pr, n);
		n->unit = d->n;
	}
	rc = unit_keep(d, u, &text, &lits);
	d->n++;
	buf_clear(&lits);
	buf_clear(&text);
	return (rc);
}

/* Children of an AND or OR that need no content, collected. */
struct group {
	struct search_node *first;
	struct search_node **end;
	size_t len;
};

/* Make the group one unit; it becomes a child in *end. */
static struct search_node **
group_close(struct divider *d, struct search_node *parent, struct group *g,
    struct search_node **end)
{
	struct search_node *n = g->first;

	if (n == NULL)
		return (end);
	*g->end = NULL;
	if (n->next != NULL) {
		if ((n = arena_alloc(d->arena, sizeof(*n))) == NULL) {
			too_large(d);
			return (NULL);
		}
		n->op = parent->op;
		n->child = g->first;
		n->unit = SIZE_MAX;
	}
	g->first = NULL;
	g->end = &g->first;
	g->len = 0;
	if (unit_add(d, n) == -1)
		return (NULL);
	*end = n;
	return (&n->next);
}

static int divide_node(struct divider *, struct search_node *);

static int
divide_list(struct divider *d, struct search_node *n)
{
	struct group g = {NULL, &g.first, 0};
	struct search_node *c, *next, **end = &n->child;
	size_t len;

	for (c = n->child; c != NULL; c = next) {
		next = c->next;
		/* "OR " and blanks are counted in */
		len = c->content ? 0 : node_len(c) + 4;
		if (c->content || len > d->room) {
			if (divide_node(d, c) == -1)
				return (-1);
			*end = c;
			end = &c->next;
			continue;
		}
		if (g.len + len > d->room &&
		    (end = group_close(d, n, &g, end)) == NULL)
			return (-1);
		*g.end = c;
		g.end = &c->next;
		g.len += len;
	}
	if ((end = group_close(d, n, &g, end)) == NULL)
		return (-1);
	*end = NULL;
	return (0);
}

static int
divide_node(struct divider *d, struct search_node *n)
{
	if (!n->content && node_len(n) <= d->room)
		return (unit_add(d, n));
	switch (n->op) {
	case SEARCH_KEY:
		if (node_len(n) > d->room)
			return (too_large(d));
		return (unit_add(d, n));
	case SEARCH_NOT:
		return (divide_node(d, n->child));
	case SEARCH_AND:
	case SEARCH_OR:
		return (divide_list(d, n));
	}
	return (0);
}

/* Move what the server knows from the top into the domain, while it fits. */
static void
take_domain(struct divider *d)
{
	struct search_node **from = &d->s->root->child, **to = &d->domain, *c;
	size_t used = 0, len;

	while ((c = *from) != NULL) {
		len = c->content ? 0 : node_len(c) + 1;
		if (c->content || used + len > DOMAIN_LEN) {
			from = &c->next;
			continue;
		}
		*from = c->next;
		c->next = NULL;
		c->unit = 0;
		*to = c;
		to = &c->next;
		used += len;
	}
	d->room = SEARCH_LINE - used;
	if (d->s->charset.len > 0)
		d->room -= node_len(&(struct search_node){.what = SEARCH_BODY,
		    .word = STR("CHARSET"),
		    .value = d->s->charset});
}

int
search_divide(struct search *s, bool plus, struct arena *arena,
    struct search_plan *plan, struct err *err)
{
	struct divider d = {s, plus, arena, NULL, 0, NULL, 0, err};

	d.units = arena_array(arena, SEARCH_UNITS, sizeof(*d.units));
	if (d.units == NULL)
		return (too_large(&d));
	take_domain(&d);
	if (unit_add(&d, NULL) == -1 || divide_list(&d, s->root) == -1)
		return (-1);
	plan->search = s;
	plan->units = d.units;
	plan->n = d.n;
	return (0);
}

/* *out = *out (op) b */
static int
fold(struct set *out, const struct set *b,
    int (*op)(struct set *, const struct set *, const struct set *))
{
	struct set result;
	int rc;

	set_init(&result);
	rc = op(&result, out, b);
	set_clear(out);
	*out = result;
	return (rc);
}

static int
eval(const struct search_node *n, const struct set *hits, struct set *out)
{
	const struct search_node *c;
	struct set one;
	int rc = 0;

	if (n->unit != SIZE_MAX)
		return (set_copy(out, &hits[n->unit]));
	if (n->op == SEARCH_OR)
		set_clear(out);
	else if (set_copy(out, &hits[0]) == -1)
		return (-1);
	for (c = n->child; c != NULL && rc == 0; c = c->next) {
		set_init(&one);
		if ((rc = eval(c, hits, &one)) == 0)
			rc = fold(out, &one,
			    n->op == SEARCH_AND  ? set_and
			    : n->op == SEARCH_OR ? set_or
			                         : set_minus);
		set_clear(&one);
	}
	return (rc);
}

int
search_eval(const struct search_plan *plan, const struct set *hits,
    struct set *out)
{
	if (eval(plan->search->root, hits, out) == -1)
		return (-1);
	return (fold(out, &hits[0], set_and));
}
