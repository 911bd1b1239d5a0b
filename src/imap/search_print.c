/*
 * Keys as text again, and results.
 */
#include "config.h"

#include <string.h>

#include "imap/search.h"
#include "imap/search_priv.h"

/* A string longer than this is written as a literal: lines have a limit. */
#define QUOTED_MAX 1000

static bool
fits_quoted(struct str s)
{
	size_t i;

	if (s.len > QUOTED_MAX)
		return (false);
	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 ||
		    (unsigned char)s.p[i] > 0x7e)
			return (false);
	return (true);
}

void
search_put_string(struct search_printer *pr, struct str s)
{
	size_t i;

	if (!fits_quoted(s)) {
		buf_printf(pr->out, "{%zu%s}\r\n", s.len, pr->plus ? "+" : "");
		if (pr->lits != NULL)
			buf_put(pr->lits, &pr->out->len, sizeof(size_t));
		buf_str(pr->out, s);
		pr->away += s.len;
		return;
	}
	buf_putc(pr->out, '"');
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(pr->out, '\\');
		buf_putc(pr->out, s.p[i]);
	}
	buf_putc(pr->out, '"');
}

static void
put_key(struct search_printer *pr, const struct search_node *n)
{
	buf_str(pr->out, n->word);
	if (n->args.len > 0) {
		if (n->word.len > 0)
			buf_putc(pr->out, ' ');
		buf_str(pr->out, n->args);
	}
	if (n->what == SEARCH_HEADER) {
		buf_putc(pr->out, ' ');
		search_put_string(pr, n->field);
	}
	switch (n->what) {
	case SEARCH_HEADER:
	case SEARCH_BODY:
	case SEARCH_TEXT:
	case SEARCH_ADDRESS:
	case SEARCH_SUBJECT:
		buf_putc(pr->out, ' ');
		search_put_string(pr, n->value);
		break;
	case SEARCH_SERVER:
	case SEARCH_SENTBEFORE:
	case SEARCH_SENTON:
	case SEARCH_SENTSINCE:
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
		break;
	}
}

void
search_put_list(struct search_printer *pr, const struct search_node *n)
{
	for (; n != NULL; n = n->next) {
		search_put(pr, n);
		if (n->next != NULL)
			buf_putc(pr->out, ' ');
	}
}

void
search_put(struct search_printer *pr, const struct search_node *n)
{
	switch (n->op) {
	case SEARCH_KEY:
		put_key(pr, n);
		break;
	case SEARCH_AND:
		buf_putc(pr->out, '(');
		search_put_list(pr, n->child);
		buf_putc(pr->out, ')');
		break;
	case SEARCH_OR:
		for (n = n->child; n != NULL; n = n->next) {
			if (n->next != NULL)
				buf_puts(pr->out, "OR ");
			search_put(pr, n);
			if (n->next != NULL)
				buf_putc(pr->out, ' ');
		}
		break;
	case SEARCH_NOT:
		buf_puts(pr->out, "NOT ");
		search_put(pr, n->child);
		break;
	}
}

void
search_print(const struct search_node *n, bool plus, struct buf *out,
    struct buf *lits)
{
	struct search_printer pr = {out, lits, plus, 0};

	if (n->op == SEARCH_AND)
		search_put_list(&pr, n->child);
	else
		search_put(&pr, n);
}

void
search_render(struct buf *out, const struct set *set, uint64_t modseq)
{
	uint32_t n = 0;

	buf_puts(out, "* SEARCH");
	while (set_next(set, &n))
		buf_printf(out, " %u", n);
	if (modseq != 0)
		buf_printf(out, " (MODSEQ %llu)", (unsigned long long)modseq);
	buf_puts(out, "\r\n");
}

void
esearch_render(struct buf *out, struct str tag, bool uid, unsigned returns,
    const struct set *set, uint64_t modseq)
{
	struct search_printer pr = {out, NULL, false, 0};

	buf_puts(out, "* ESEARCH (TAG ");
	search_put_string(&pr, tag);
	buf_puts(out, uid ? ") UID" : ")");
	if (!set_empty(set)) {
		if (returns & SEARCH_MIN)
			buf_printf(out, " MIN %u", set->r[0].lo);
		if (returns & SEARCH_MAX)
			buf_printf(out, " MAX %u", set->r[set->n - 1].hi);
		if (returns & SEARCH_ALL) {
			buf_puts(out, " ALL ");
			set_print(set, out);
		}
	}
	if (returns & SEARCH_COUNT)
		buf_printf(out, " COUNT %llu",
		    (unsigned long long)set_count(set));
	if (modseq != 0)
		buf_printf(out, " MODSEQ %llu", (unsigned long long)modseq);
	buf_puts(out, "\r\n");
}
