#include "config.h"

#include "base/set.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"

void
set_init(struct set *s)
{
	s->r = NULL;
	s->n = 0;
	s->cap = 0;
}

void
set_clear(struct set *s)
{
	free(s->r);
	set_init(s);
}

/* Make room for n ranges in all. */
static int
reserve(struct set *s, size_t n)
{
	struct range *r;
	size_t cap = s->cap < 4 ? 4 : s->cap, bytes;

	if (n <= s->cap)
		return (0);
	while (cap < n)
		if (!num_mul(cap, 2, &cap))
			return (-1);
	if (!num_mul(cap, sizeof(*r), &bytes) ||
	    (r = realloc(s->r, bytes)) == NULL)
		return (-1);
	s->r = r;
	s->cap = cap;
	return (0);
}

/*
 * Put a range behind the last one, or melt it into that one.  The room is
 * there, and lo is not below the last range's lo.
 */
static void
append(struct set *s, uint32_t lo, uint32_t hi)
{
	struct range *last;

	if (s->n > 0) {
		last = &s->r[s->n - 1];
		if (last->hi == UINT32_MAX || lo <= last->hi + 1) {
			if (hi > last->hi)
				last->hi = hi;
			return;
		}
	}
	s->r[s->n++] = (struct range){lo, hi};
}

/* The index of the first range that ends at v or above; n if none does. */
static size_t
find(const struct set *s, uint32_t v)
{
	size_t lo = 0, hi = s->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (s->r[mid].hi < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo);
}

/* Put the k ranges of r in the place of those from i to j. */
static int
replace(struct set *s, size_t i, size_t j, const struct range *r, size_t k)
{
	if (reserve(s, s->n - (j - i) + k) == -1)
		return (-1);
	if (s->n > j)
		memmove(s->r + i + k, s->r + j, (s->n - j) * sizeof(*r));
	if (k > 0)
		memcpy(s->r + i, r, k * sizeof(*r));
	s->n = s->n - (j - i) + k;
	return (0);
}

int
set_add(struct set *s, uint32_t lo, uint32_t hi)
{
	struct range r = {lo > 0 ? lo : 1, hi};
	size_t i, j;

	if (r.lo > r.hi)
		return (0);
	/* neighbours that touch are swallowed too */
	i = find(s, r.lo - 1);
	for (j = i; j < s->n && s->r[j].lo - 1 <= r.hi; j++) {
		if (s->r[j].lo < r.lo)
			r.lo = s->r[j].lo;
		if (s->r[j].hi > r.hi)
			r.hi = s->r[j].hi;
	}
	return (replace(s, i, j, &r, 1));
}

int
set_remove(struct set *s, uint32_t lo, uint32_t hi)
{
	struct range rest[2];
	size_t i, j, k = 0;

	if (lo > hi)
		return (0);
	i = find(s, lo);
	for (j = i; j < s->n && s->r[j].lo <= hi; j++) {
		if (s->r[j].lo < lo)
			rest[k++] = (struct range){s->r[j].lo, lo - 1};
		if (s->r[j].hi > hi)
			rest[k++] = (struct range){hi + 1, s->r[j].hi};
	}
	return (replace(s, i, j, rest, k));
}

int
set_copy(struct set *out, const struct set *a)
{
	if (reserve(out, a->n) == -1)
		return (-1);
	if (a->n > 0)
		memcpy(out->r, a->r, a->n * sizeof(*a->r));
	out->n = a->n;
	return (0);
}

/* Room for all that an operation on a and b can give; out is then empty. */
static int
start(struct set *out, const struct set *a, const struct set *b)
{
	size_t n;

	out->n = 0;
	if (!num_add(a->n, b->n, &n))
		return (-1);
	return (reserve(out, n));
}

int
set_minus(struct set *out, const struct set *a, const struct set *b)
{
	size_t i, j = 0;
	uint32_t lo;

	if (start(out, a, b) == -1)
		return (-1);
	for (i = 0; i < a->n; i++) {
		lo = a->r[i].lo;
		while (j < b->n && b->r[j].hi < lo)
			j++;
		/* each range of b that lies inside cuts a piece off */
		while (j < b->n && b->r[j].hi < a->r[i].hi) {
			if (b->r[j].lo > lo)
				append(out, lo, b->r[j].lo - 1);
			lo = b->r[j].hi + 1;
			j++;
		}
		if (j == b->n || b->r[j].lo > a->r[i].hi)
			append(out, lo, a->r[i].hi);
		else if (b->r[j].lo > lo)
			append(out, lo, b->r[j].lo - 1);
	}
	return (0);
}

int
set_and(struct set *out, const struct set *a, const struct set *b)
{
	size_t i = 0, j = 0;
	uint32_t lo, hi;

	if (start(out, a, b) == -1)
		return (-1);
	while (i < a->n && j < b->n) {
		lo = a->r[i].lo > b->r[j].lo ? a->r[i].lo : b->r[j].lo;
		hi = a->r[i].hi < b->r[j].hi ? a->r[i].hi : b->r[j].hi;
		if (lo <= hi)
			append(out, lo, hi);
		if (a->r[i].hi < b->r[j].hi)
			i++;
		else
			j++;
	}
	return (0);
}

int
set_or(struct set *out, const struct set *a, const struct set *b)
{
	const struct range *r;
	size_t i = 0, j = 0;

	if (start(out, a, b) == -1)
		return (-1);
	while (i < a->n || j < b->n) {
		if (j == b->n || (i < a->n && a->r[i].lo <= b->r[j].lo))
			r = &a->r[i++];
		else
			r = &b->r[j++];
		append(out, r->lo, r->hi);
	}
	return (0);
}

int
set_expunge(struct set *s, uint32_t n)
{
	size_t i, end = s->n;
	struct range r;

	if (n == 0)
		return (0);
	i = s->n = find(s, n);
	for (; i < end; i++) {
		r = s->r[i];
		r.hi--;
		if (r.lo > n)
			r.lo--;
		if (r.lo <= r.hi)
			append(s, r.lo, r.hi);
	}
	return (0);
}

bool
set_has(const struct set *s, uint32_t v)
{
	size_t i = find(s, v);

	return (i < s->n && s->r[i].lo <= v);
}

bool
set_equal(const struct set *a, const struct set *b)
{
	if (a->n != b->n)
		return (false);
	return (a->n == 0 || memcmp(a->r, b->r, a->n * sizeof(*a->r)) == 0);
}

uint64_t
set_count(const struct set *s)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < s->n; i++)
		count += (uint64_t)s->r[i].hi - s->r[i].lo + 1;
	return (count);
}

bool
set_next(const struct set *s, uint32_t *n)
{
	size_t i;

	if (*n == UINT32_MAX || (i = find(s, *n + 1)) == s->n)
		return (false);
	*n = s->r[i].lo > *n ? s->r[i].lo : *n + 1;
	return (true);
}

/* seq-number = nz-number / "*" (RFC 3501 section 9).  "*" gives 0. */
static int
parse_number(struct str *s, uint32_t *out)
{
	uint64_t v = 0;
	size_t n = 1;

	if (s->len == 0 || s->p[0] == '0')
		return (-1);
	if (s->p[0] != '*' && (n = num_lead(*s, UINT32_MAX, &v)) == 0)
		return (-1);
	s->p += n;
	s->len -= n;
	*out = (uint32_t)v;
	return (0);
}

/* One member of the list.  An empty range (lo 0) if nothing exists there. */
static int
parse_range(struct str *s, uint32_t star, struct range *r, bool *has_star)
{
	uint32_t a, b;

	if (parse_number(s, &a) == -1)
		return (-1);
	b = a;
	if (s->len > 0 && s->p[0] == ':') {
		s->p++;
		s->len--;
		if (parse_number(s, &b) == -1)
			return (-1);
	}
	if (a == 0 || b == 0)
		*has_star = true;
	if (a == 0)
		a = star != 0 ? star : b;
	if (b == 0)
		b = star != 0 ? star : a;
	*r = a < b ? (struct range){a, b} : (struct range){b, a};
	return (0);
}

static int
range_cmp(const void *va, const void *vb)
{
	const struct range *a = va, *b = vb;

	return ((a->lo > b->lo) - (a->lo < b->lo));
}

/* Sort, and melt ranges that overlap or touch. */
static void
normalise(struct set *s)
{
	size_t i, n = s->n;

	if (n > 1)
		qsort(s->r, n, sizeof(*s->r), range_cmp);
	s->n = 0;
	for (i = 0; i < n; i++)
		append(s, s->r[i].lo, s->r[i].hi);
}

int
set_parse(struct set *s, struct str text, uint32_t star, bool *has_star)
{
	bool any = false;
	struct range r;
	size_t count;

	s->n = 0;
	for (count = 0;; count++) {
		if (count == LIMIT_SET_RANGES ||
		    parse_range(&text, star, &r, &any) == -1 ||
		    reserve(s, s->n + 1) == -1)
			goto bad;
		if (r.lo != 0)
			s->r[s->n++] = r;
		if (text.len == 0)
			break;
		if (text.p[0] != ',')
			goto bad;
		text.p++;
		text.len--;
	}
	normalise(s);
	if (has_star != NULL)
		*has_star = any;
	return (0);
bad:
	s->n = 0;
	return (-1);
}

/* Decimal digits without printf: search results print 100,000 of them. */
static size_t
digits(char *out, uint32_t v)
{
	char rev[10];
	size_t n = 0, i;

	do {
		rev[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	for (i = 0; i < n; i++)
		out[i] = rev[n - 1 - i];
	return (n);
}

void
set_print(const struct set *s, struct buf *out)
{
	char text[24];
	size_t i, n;

	for (i = 0; i < s->n; i++) {
		n = 0;
		if (i > 0)
			text[n++] = ',';
		n += digits(text + n, s->r[i].lo);
		if (s->r[i].hi > s->r[i].lo) {
			text[n++] = ':';
			n += digits(text + n, s->r[i].hi);
		}
		buf_put(out, text, n);
	}
}
