/*
 * The MIME tree of anything.  The root is the whole text; children lie inside
 * their parent's body, one behind the other; lines are line ends; the limits
 * hold.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "mail/part.h"

static size_t
lines(const char *text, struct span s)
{
	size_t i, n = 0;

	for (i = 0; i < s.len; i++)
		n += text[s.off + i] == '\n';
	return (n);
}

static void
check_part(const char *text, const struct part *p)
{
	const struct part *c;
	size_t at = p->body.off, end = p->body.off + p->body.len;

	assert(p->body.off == p->head.off + p->head.len);
	assert(p->lines == lines(text, p->body));
	assert(p->child == NULL || p->kind != PART_LEAF);
	assert(p->kind != PART_MESSAGE ||
	       (p->child != NULL && p->child->next == NULL));
	for (c = p->child; c != NULL; c = c->next) {
		assert(c->parent == p);
		assert(c->head.off >= at);
		at = c->body.off + c->body.len;
		assert(at <= end);
	}
}

static void
try_limits(struct str text, size_t depth, size_t parts)
{
	struct part_limits limits = {depth, parts};
	struct part *root, *p, *up;
	struct arena arena;
	size_t n = 0, level;

	arena_init(&arena, 256UL * 1024 * 1024);
	root = part_parse(text, &arena, &limits, NULL);
	assert(root != NULL);
	assert(root->head.off == 0 && part_whole(root).len == text.len);
	for (p = root; p != NULL; p = part_after(root, p)) {
		check_part(text.p, p);
		for (up = p, level = 0; up != root; up = up->parent)
			level++;
		assert(level < depth);
		n++;
	}
	assert(n <= parts);
	arena_clear(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};

	try_limits(text, part_limits.depth, part_limits.parts);
	try_limits(text, 3, 6);
	return (0);
}
