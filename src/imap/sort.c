#include "config.h"

#include "imap/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "imap/lex.h"
#include "mail/addr.h"
#include "mail/casemap.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/word.h"

/* The longest key: more does not change an order people look at. */
#define KEY_MAX (16UL * 1024)

const char sort_fields[] = "DATE FROM TO CC SUBJECT";

static const struct {
	const char *name;
	enum sort_by by;
} criteria[] = {
    {"ARRIVAL", SORT_ARRIVAL},
    {"CC", SORT_CC},
    {"DATE", SORT_DATE},
    {"DISPLAYFROM", SORT_DISPLAYFROM},
    {"DISPLAYTO", SORT_DISPLAYTO},
    {"FROM", SORT_FROM},
    {"SIZE", SORT_SIZE},
    {"SUBJECT", SORT_SUBJECT},
    {"TO", SORT_TO},
};

/* False: it was there already, and the first one decides. */
static bool
sort_add(struct sort *s, enum sort_by by, bool reverse)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->by[i] == by)
			return (false);
	s->by[s->n] = by;
	s->reverse[s->n++] = reverse;
	s->arrival |= by == SORT_ARRIVAL || by == SORT_DATE;
	s->size |= by == SORT_SIZE;
	s->header |= by != SORT_ARRIVAL && by != SORT_SIZE;
	return (true);
}

/* "(" sort-criterion *(SP sort-criterion) ")".  REVERSE turns around what
 * comes next and counts, even when it stands twice: so Dovecot. */
static bool
parse_criteria(struct tok *t, struct sort *s, const char **why)
{
	struct str word;
	bool reverse = false, last = false;
	size_t i;

	*why = "bad list of sort criteria";
	if (!tok_char(t, '('))
		return (false);
	do {
		if (!tok_atom(t, &word))
			return (false);
		if ((last = str_ieq(word, STR("REVERSE")))) {
			reverse = !reverse;
			continue;
		}
		for (i = 0; i < sizeof(criteria) / sizeof(criteria[0]); i++)
			if (str_ieq(word, str_c(criteria[i].name)))
				break;
		if (i == sizeof(criteria) / sizeof(criteria[0])) {
			s->search.bad = word;
			*why = "unknown sort criterion";
			return (false);
		}
		if (sort_add(s, criteria[i].by, reverse))
			reverse = false;
	} while (tok_char(t, ' '));
	return (!last && tok_char(t, ')'));
}

bool
sort_parse(struct str args, struct arena *arena, struct sort *s,
    const char **why)
{
	struct tok t;

	memset(s, 0, sizeof(*s));
	tok_init(&t, args);
	if (!search_parse_return(&t, &s->search, why) ||
	    !parse_criteria(&t, s, why))
		return (false);
	*why = "a charset and SEARCH keys are missing";
	if (!tok_char(&t, ' ') || !search_parse_charset(&t, arena, &s->search))
		return (false);
	return (search_parse_keys(&t, arena, &s->search, why));
}

/* Keep what was written; -1 if the arena is full. */
static int
keep(struct arena *arena, struct buf *b, struct str *out)
{
	struct str s = buf_text(b);

	*out = arena_str(arena, str_of(s.p, strnlen(s.p, s.len)));
	buf_reset(b);
	return (out->p == NULL ? -1 : 0);
}

/* The first mailbox of a field, or how it is displayed (RFC 5957 3). */
static int
address_key(struct str header, const char *name, bool display,
    struct arena *arena, struct str *out)
{
	struct addr *a = NULL;
	struct arena all; /* the whole list, of which one is kept */
	struct field f;
	struct buf b, shown;
	int rc;

	buf_init(&b, KEY_MAX);
	buf_init(&shown, LIMIT_PARSE);
	arena_init(&all, LIMIT_PARSE);
	if (header_find(header, name, &f) &&
	    addr_parse(f.value, &all, &a) == -1)
		a = NULL;
	if (a != NULL && display && a->name.p != NULL) {
		/* folded as a whole, also words that nobody can read */
		word_decode(a->name, false, &shown);
		casemap_put(&b, buf_text(&shown));
	}
	if (a != NULL && b.len == 0) {
		casemap_put(&b, a->mailbox);
		if (display && a->domain.p != NULL) {
			buf_putc(&b, '@');
			casemap_put(&b, a->domain);
		}
	}
	rc = keep(arena, &b, out);
	buf_clear(&shown);
	buf_clear(&b);
	arena_clear(&all);
	return (rc);
}

static int
subject_key(struct str header, struct arena *arena, struct str *out)
{
	struct field f;
	struct buf b;
	bool reply;
	int rc;

	buf_init(&b, KEY_MAX);
	if (header_find(header, "Subject", &f))
		sort_base_subject(f.value, &b, &reply);
	rc = keep(arena, &b, out);
	buf_clear(&b);
	return (rc);
}

int
sort_key(const struct sort *s, struct str header, struct arena *arena,
    struct sort_key *k)
{
	uint32_t utc;
	size_t i;
	int zone, rc = 0;

	for (i = 0; i < s->n && rc == 0; i++)
		switch (s->by[i]) {
		case SORT_CC:
			rc = address_key(header, "Cc", false, arena, &k->cc);
			break;
		case SORT_DATE:
			date_sent(header, &utc, &zone);
			k->date = utc != 0 ? (int64_t)utc : k->arrival;
			break;
		case SORT_DISPLAYFROM:
			rc = address_key(header, "From", true, arena,
			    &k->displayfrom);
			break;
		case SORT_DISPLAYTO:
			rc = address_key(header, "To", true, arena,
			    &k->displayto);
			break;
		case SORT_FROM:
			rc =
			    address_key(header, "From", false, arena, &k->from);
			break;
		case SORT_SUBJECT:
			rc = subject_key(header, arena, &k->subject);
			break;
		case SORT_TO:
			rc = address_key(header, "To", false, arena, &k->to);
			break;
		case SORT_ARRIVAL:
		case SORT_SIZE:
		case SORT_KINDS:
			break;
		}
	return (rc);
}

static int
cmp_by(enum sort_by by, const struct sort_key *a, const struct sort_key *b)
{
	switch (by) {
	case SORT_ARRIVAL:
		return (a->arrival < b->arrival ? -1 : a->arrival > b->arrival);
	case SORT_CC:
		return (str_cmp(a->cc, b->cc));
	case SORT_DATE:
		return (a->date < b->date ? -1 : a->date > b->date);
	case SORT_DISPLAYFROM:
		return (str_cmp(a->displayfrom, b->displayfrom));
	case SORT_DISPLAYTO:
		return (str_cmp(a->displayto, b->displayto));
	case SORT_FROM:
		return (str_cmp(a->from, b->from));
	case SORT_SIZE:
		return (a->size < b->size ? -1 : a->size > b->size);
	case SORT_SUBJECT:
		return (str_cmp(a->subject, b->subject));
	case SORT_TO:
		return (str_cmp(a->to, b->to));
	case SORT_KINDS:
		break;
	}
	return (0);
}

static int
cmp_keys(const struct sort *s, const struct sort_key *a,
    const struct sort_key *b)
{
	size_t i;
	int c;

	for (i = 0; i < s->n; i++)
		if ((c = cmp_by(s->by[i], a, b)) != 0)
			return (s->reverse[i] ? -c : c);
	return (a->number < b->number ? -1 : a->number > b->number);
}

/* Two stretches that are in order, the first with so many, become one. */
static void
merge(const struct sort *s, struct sort_key *k, struct sort_key *tmp,
    size_t half, size_t n)
{
	size_t i = 0, j = half, o = 0;

	memcpy(tmp, k, half * sizeof(*k));
	while (i < half && j < n)
		k[o++] = cmp_keys(s, &tmp[i], &k[j]) <= 0 ? tmp[i++] : k[j++];
	memcpy(k + o, tmp + i, (half - i) * sizeof(*k));
}

/*
 * Merge sort: qsort(3) hands no argument to its comparison, and a global
 * would be one.
 */
static void
sort_some(const struct sort *s, struct sort_key *k, struct sort_key *tmp,
    size_t n)
{
	if (n < 2)
		return;
	sort_some(s, k, tmp, n / 2);
	sort_some(s, k + n / 2, tmp, n - n / 2);
	merge(s, k, tmp, n / 2, n);
}

static size_t
least(size_t a, size_t b)
{
	return (a < b ? a : b);
}

/* Merge two stretches, or a part of them, to the other array. */
static void
merge_some(const struct sort *s, const struct sort_key *from,
    struct sort_key *to, size_t n, struct sort_work *w)
{
	size_t half = w->at + least(w->width, n - w->at);
	size_t end = half + least(w->width, n - half), o, stop;

	if (w->j <= w->at)
		w->j = half; /* they begin */
	o = w->i + (w->j - half);
	for (stop = least(end, o + SORT_STEP); o < stop; o++)
		if (w->i < half &&
		    (w->j == end || cmp_keys(s, &from[w->i], &from[w->j]) <= 0))
			to[o] = from[w->i++];
		else
			to[o] = from[w->j++];
	if (o == end)
		w->at = w->i = w->j = end;
}

int
sort_step(const struct sort *s, struct sort_key *k, size_t n,
    struct sort_work *w)
{
	size_t some = least(SORT_STEP, n - w->at);

	if (w->tmp == NULL && (w->tmp = calloc(n + 1, sizeof(*w->tmp))) == NULL)
		return (-1);
	if (w->width == 0) {
		sort_some(s, k + w->at, w->tmp, some);
		w->at += some;
	} else if (w->width < n) {
		merge_some(s, w->swapped ? w->tmp : k, w->swapped ? k : w->tmp,
		    n, w);
	} else if (w->swapped) {
		memcpy(k + w->at, w->tmp + w->at, some * sizeof(*k));
		w->at += some;
	} else
		return (0);
	if (w->at < n)
		return (1);
	if (w->width >= n)
		return (0);
	w->swapped = w->width > 0 && !w->swapped;
	w->width = w->width > 0 ? 2 * w->width : SORT_STEP;
	w->at = w->i = w->j = 0;
	return (w->width < n || w->swapped);
}

void
sort_work_clear(struct sort_work *w)
{
	free(w->tmp);
	w->tmp = NULL;
}

int
sort_keys(const struct sort *s, struct sort_key *k, size_t n)
{
	struct sort_work w = {.tmp = NULL};
	int rc;

	while ((rc = sort_step(s, k, n, &w)) == 1)
		;
	sort_work_clear(&w);
	return (rc);
}

/* Numbers in the order of the result; runs of them as ranges. */
static void
put_all(struct buf *out, const struct sort_key *k, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i = j) {
		for (j = i + 1; j < n && k[j].number == k[j - 1].number + 1;)
			j++;
		buf_printf(out, "%s%u", i > 0 ? "," : "", k[i].number);
		if (j - i > 1)
			buf_printf(out, ":%u", k[j - 1].number);
	}
}

void
sort_render(struct buf *out, const struct sort *s, struct str tag, bool uid,
    const struct sort_key *k, size_t n, uint64_t modseq)
{
	unsigned returns = s->search.returns;
	unsigned long long seq = modseq;
	size_t i;

	if (!s->search.esearch) {
		buf_puts(out, "* SORT");
		for (i = 0; i < n; i++)
			buf_printf(out, " %u", k[i].number);
		if (modseq != 0)
			buf_printf(out, " (MODSEQ %llu)", seq);
		buf_puts(out, "\r\n");
		return;
	}
	buf_puts(out, "* ESEARCH (TAG \"");
	buf_str(out, tag);
	buf_puts(out, uid ? "\") UID" : "\")");
	if (n > 0 && returns & SEARCH_MIN)
		buf_printf(out, " MIN %u", k[0].number);
	if (n > 0 && returns & SEARCH_MAX)
		buf_printf(out, " MAX %u", k[n - 1].number);
	if (n > 0 && returns & SEARCH_ALL) {
		buf_puts(out, " ALL ");
		put_all(out, k, n);
	}
	if (returns & SEARCH_COUNT)
		buf_printf(out, " COUNT %zu", n);
	if (modseq != 0)
		buf_printf(out, " MODSEQ %llu", seq);
	buf_puts(out, "\r\n");
}
