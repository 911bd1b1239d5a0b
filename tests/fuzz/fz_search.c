/*
 * What search_parse() takes, search_print() writes so that it is read back as
 * the same program.  Units fit a line, and what they find is put together as
 * the program says, whatever the cut.  Responses are read without harm.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "imap/search.h"

static void
same(const struct search_node *a, const struct search_node *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next) {
		assert(a->op == b->op && a->content == b->content);
		assert(a->what == b->what && a->day == b->day);
		assert(a->number == b->number);
		assert(str_eq(a->word, b->word) && str_eq(a->args, b->args));
		assert(str_eq(a->field, b->field));
		assert(str_eq(a->value, b->value));
		same(a->child, b->child);
	}
	assert(a == NULL && b == NULL);
}

static void
try_print(const struct search *s, struct arena *arena, bool plus)
{
	struct search again;
	struct buf out;
	const char *why;

	buf_init(&out, 1 << 24);
	search_print(s->root, plus, &out, NULL);
	assert(!out.failed);
	assert(search_parse(buf_text(&out), arena, &again, &why));
	same(s->root, again.root);
	buf_clear(&out);
}

/* What a key finds among 64 messages: any function of it will do. */
static uint64_t
key_hits(const struct search_node *n)
{
	uint64_t h = 1469598103934665603U;
	size_t i;

	if (str_eq(n->word, STR("ALL")))
		return (UINT64_MAX);
	for (i = 0; i < n->word.len; i++)
		h = (h ^ (unsigned char)n->word.p[i]) * 1099511628211U;
	for (i = 0; i < n->args.len; i++)
		h = (h ^ (unsigned char)n->args.p[i]) * 1099511628211U;
	for (i = 0; i < n->value.len; i++)
		h = (h ^ (unsigned char)n->value.p[i]) * 1099511628211U;
	return (h ^ h >> 29);
}

static uint64_t
node_hits(const struct search_node *n)
{
	const struct search_node *c;
	uint64_t h = n->op == SEARCH_OR ? 0 : UINT64_MAX;

	if (n->op == SEARCH_KEY)
		return (key_hits(n));
	for (c = n->child; c != NULL; c = c->next)
		if (n->op == SEARCH_AND)
			h &= node_hits(c);
		else if (n->op == SEARCH_OR)
			h |= node_hits(c);
		else
			h = ~node_hits(c);
	return (h);
}

/* The domain's keys are no longer in the tree: read them from the text. */
static uint64_t
domain_hits(struct str text, struct arena *arena)
{
	struct search s;
	const char *why;

	assert(search_parse(text, arena, &s, &why));
	return (node_hits(s.root));
}

static void
set_bits(struct set *out, uint64_t bits)
{
	uint32_t i;

	set_init(out);
	for (i = 0; i < 64; i++)
		if (bits >> i & 1)
			assert(set_add(out, i + 1, i + 1) == 0);
}

static void
try_divide(struct search *s, struct arena *arena)
{
	struct set hits[SEARCH_UNITS], out, want;
	struct search_plan plan;
	uint64_t whole = node_hits(s->root);
	size_t i, j, len;

	if (search_divide(s, true, arena, &plan, NULL) == -1)
		return;
	for (i = 0; i < plan.n; i++) {
		len = plan.units[i].text.len;
		for (j = 0; j < plan.units[i].nlits; j++)
			assert(
			    plan.units[i].lits[j] <= len &&
			    plan.units[i].text.p[plan.units[i].lits[j] - 1] ==
			        '\n');
		assert(plan.units[i].nlits > 0 || len <= 8000);
		set_bits(&hits[i], i == 0
		                       ? domain_hits(plan.units[0].text, arena)
		                       : node_hits(plan.units[i].node));
	}
	set_init(&out);
	assert(search_eval(&plan, hits, &out) == 0);
	set_bits(&want, whole);
	assert(set_equal(&out, &want));
	set_clear(&want);
	set_clear(&out);
	for (i = 0; i < plan.n; i++)
		set_clear(&hits[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct search_answer a;
	struct search s;
	struct arena arena;
	const char *why;

	arena_init(&arena, 1 << 24);
	if (search_read(in, &arena, &a) == 1)
		set_clear(&a.set);
	if (search_parse(in, &arena, &s, &why)) {
		try_print(&s, &arena, true);
		try_print(&s, &arena, false);
		try_divide(&s, &arena);
	} else
		assert(why != NULL);
	arena_clear(&arena);
	return (0);
}
