/*
 * SEARCH and ESEARCH responses of a server (RFC 3501 7.2.5, RFC 4731 3.1).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "imap/lex.h"
#include "imap/search.h"

/* Ranges in the order of a response: any. */
struct ranges {
	struct buf buf; /* of struct range */
};

static bool
ranges_add(struct ranges *r, uint64_t a, uint64_t b)
{
	struct range one;

	if (a == 0 || b == 0)
		return (false);
	one.lo = (uint32_t)(a < b ? a : b);
	one.hi = (uint32_t)(a < b ? b : a);
	buf_put(&r->buf, &one, sizeof(one));
	return (!r->buf.failed);
}

static int
by_lo(const void *a, const void *b)
{
	uint32_t x = ((const struct range *)a)->lo;
	uint32_t y = ((const struct range *)b)->lo;

	return (x < y ? -1 : x > y);
}

/* Sorted first: adding at the end of a set is cheap. */
static int
ranges_to_set(struct ranges *r, struct set *out)
{
	size_t n = r->buf.len / sizeof(struct range), i;
	struct range *all;
	int rc = 0;

	if (n == 0)
		return (0);
	if ((all = malloc(r->buf.len)) == NULL)
		return (-1);
	memcpy(all, r->buf.data, r->buf.len);
	qsort(all, n, sizeof(*all), by_lo);
	for (i = 0; i < n && rc == 0; i++)
		rc = set_add(out, all[i].lo, all[i].hi);
	free(all);
	return (rc);
}

/* A sequence-set without "*", of any length. */
static bool
read_ranges(struct tok *t, struct ranges *r)
{
	uint64_t a, b;

	do {
		if (!tok_number(t, UINT32_MAX, &a))
			return (false);
		b = a;
		if (tok_char(t, ':') && !tok_number(t, UINT32_MAX, &b))
			return (false);
		if (!ranges_add(r, a, b))
			return (false);
	} while (tok_char(t, ','));
	return (true);
}

static bool
read_numbers(struct tok *t, struct ranges *r, uint64_t *modseq)
{
	struct str word;
	uint64_t n;

	while (tok_char(t, ' ')) {
		if (tok_end(t)) /* Exchange ends with a blank */
			return (true);
		if (tok_char(t, '('))
			return (tok_atom(t, &word) &&
			        str_ieq(word, STR("MODSEQ")) &&
			        tok_char(t, ' ') &&
			        tok_number(t, UINT64_MAX, modseq) &&
			        tok_char(t, ')') && tok_end(t));
		if (!tok_number(t, UINT32_MAX, &n) || !ranges_add(r, n, n))
			return (false);
	}
	return (tok_end(t));
}

/* Items of ESEARCH: a word and a value each; UID has none. */
static bool
read_items(struct tok *t, struct arena *arena, struct ranges *r,
    struct search_answer *a)
{
	size_t from = t->pos;
	struct str word;
	bool ok = true;

	if (tok_char(t, ' ') && tok_char(t, '('))
		ok = tok_atom(t, &word) && str_ieq(word, STR("TAG")) &&
		     tok_char(t, ' ') && tok_astring(t, arena, &a->tag) &&
		     tok_char(t, ')');
	else
		t->pos = from;
	while (ok && tok_char(t, ' ') && !tok_end(t)) {
		if (!tok_atom(t, &word))
			return (false);
		if (str_ieq(word, STR("UID"))) {
			a->uid = true;
			continue;
		}
		ok = tok_char(t, ' ');
		if (str_ieq(word, STR("ALL")))
			ok = ok && read_ranges(t, r);
		else if (str_ieq(word, STR("MODSEQ")))
			ok = ok && tok_number(t, UINT64_MAX, &a->modseq);
		else
			ok = ok && tok_value(t, &word);
	}
	return (ok && tok_end(t));
}

int
search_read(struct str line, struct arena *arena, struct search_answer *a)
{
	struct ranges r;
	struct tok t;
	struct str word;
	bool ok;
	int rc;

	memset(a, 0, sizeof(*a));
	a->tag = STR("");
	set_init(&a->set);
	while (line.len > 0 &&
	       (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r'))
		line.len--;
	tok_init(&t, line);
	if (!tok_char(&t, '*') || !tok_char(&t, ' ') || !tok_atom(&t, &word))
		return (0);
	buf_init(&r.buf, line.len * sizeof(struct range));
	if (str_ieq(word, STR("SEARCH")))
		ok = read_numbers(&t, &r, &a->modseq);
	else if (str_ieq(word, STR("ESEARCH")))
		ok = read_items(&t, arena, &r, a);
	else
		return (0);
	rc = ok && ranges_to_set(&r, &a->set) == 0 ? 1 : -1;
	if (rc == -1)
		set_clear(&a->set);
	buf_clear(&r.buf);
	return (rc);
}
