#include "config.h"

#include "mail/date.h"

#include <string.h>

#include "base/num.h"
#include "mail/header.h"
#include "mail/token.h"

/* The longest word of a date that we look at: none has so many letters. */
#define WORD_MAX 1000

struct reader {
	struct token t;
	struct buf word;
};

/* The next atom: 1, 0 at the end or where none is, -1 broken. */
static int
next_word(struct reader *r, struct str *out)
{
	int rc = 0;

	buf_reset(&r->word);
	if (r->t.p < r->t.end)
		rc = token_atom(&r->t, &r->word);
	*out = buf_text(&r->word);
	return (rc < 0 || r->word.failed ? -1 : out->len > 0);
}

/* A number of so many digits. */
static bool
next_number(struct reader *r, size_t min, size_t max, uint64_t *out)
{
	struct str word;

	return (next_word(r, &word) > 0 && word.len >= min && word.len <= max &&
	        num_parse(word, 9999, out));
}

/* ":" or, as some write, "." */
static bool
skip_colon(struct reader *r)
{
	int c = token_peek(&r->t);

	if (c != ':' && c != '.')
		return (false);
	r->t.p++;
	token_cfws(&r->t);
	return (true);
}

/* Days since 1970-01-01.  Years that begin in March put leap days last; 400 of
 * them (146097 days) more keep the year 0 from becoming negative. */
static int64_t
days(int64_t y, int m, int64_t d)
{
	y += 400 - (m < 3);
	m = m < 3 ? m + 9 : m - 3;
	return (y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + d -
	        719469 - 146097);
}

int
date_month(struct str s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	int m;

	for (m = 0; m < 12; m++)
		if (str_ieq(s, str_of(names + 3 * m, 3)))
			return (m + 1);
	return (0);
}

bool
date_days(int64_t y, int m, int64_t d, int64_t *out)
{
	if (m < 1 || m > 12 || d < 1)
		return (false);
	*out = days(y, m, d);
	return (*out < (m == 12 ? days(y + 1, 1, 1) : days(y, m + 1, 1)));
}

static int
military_zone(unsigned char c)
{
	int u = c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;

	/* the way of RFC 822 was the wrong way round (RFC 5322 4.3) */
	if (u < 'J')
		return ((c - 'A' + 1) * 60);
	if (u > 'J' && u <= 'M')
		return ((c - 'A') * 60);
	if (u > 'M' && u < 'Z')
		return (('M' - c) * 60);
	return (0);
}

static int
american_zone(struct str z)
{
	static const char first[] = "ecmp";
	const char *p;
	int offset;

	if (z.p[2] != 'T' || z.p[0] == '\0' ||
	    (p = strchr(first, ascii_lower(z.p[0]))) == NULL)
		return (0);
	offset = -(5 + (int)(p - first)) * 60;
	if (ascii_lower(z.p[1]) == 'd')
		return (offset + 60);
	return (ascii_lower(z.p[1]) == 's' ? offset : 0);
}

/* Minutes east of UTC (RFC 5322 4.3). */
static int
zone_of(struct str z)
{
	uint64_t hm;
	int minutes;

	if (z.len == 5 && (z.p[0] == '+' || z.p[0] == '-')) {
		if (!num_parse(str_of(z.p + 1, 4), 9999, &hm))
			return (0);
		minutes = (int)(hm / 100 * 60 + hm % 100);
		return (z.p[0] == '+' ? minutes : -minutes);
	}
	if (z.len == 1)
		return (military_zone((unsigned char)z.p[0]));
	return (z.len == 3 ? american_zone(z) : 0);
}

/* "[day ,] dd" */
static bool
read_mday(struct reader *r, uint64_t *d)
{
	struct str word;

	if (next_word(r, &word) <= 0)
		return (false);
	if (word.len == 3) {
		if (token_peek(&r->t) != ',')
			return (false);
		r->t.p++;
		token_cfws(&r->t);
		if (next_word(r, &word) <= 0)
			return (false);
	}
	return (word.len <= 2 && num_parse(word, 99, d));
}

static bool
read_month(struct reader *r, int *m)
{
	struct str word;

	if (next_word(r, &word) <= 0 || word.len < 3)
		return (false);
	*m = date_month(str_of(word.p, 3));
	return (*m != 0);
}

static bool
read_year(struct reader *r, int64_t *y)
{
	uint64_t n;
	struct str word;

	if (next_word(r, &word) <= 0 || (word.len != 2 && word.len != 4) ||
	    !num_parse(word, 9999, &n))
		return (false);
	*y = (int64_t)n;
	if (word.len == 2)
		*y += n < 70 ? 2000 : 1900;
	return (*y >= 1900);
}

static bool
read_date(struct reader *r, int64_t *utc, int *zone)
{
	struct str word;
	uint64_t d, hour, min, sec = 0;
	int64_t y, day;
	int rc, m;

	if (!read_mday(r, &d) || !read_month(r, &m) || !read_year(r, &y) ||
	    !next_number(r, 1, 2, &hour) || !skip_colon(r) ||
	    !next_number(r, 2, 2, &min))
		return (false);
	if (skip_colon(r) && !next_number(r, 2, 2, &sec))
		return (false);
	if ((rc = next_word(r, &word)) < 0)
		return (false);
	*zone = rc > 0 ? zone_of(word) : 0;
	if (!date_days(y, m, (int64_t)d, &day) || hour > 23 || min > 59 ||
	    sec > 60)
		return (false);
	if (sec == 60)
		sec = 59; /* a leap second; no clock counts it */
	*utc = day * 86400 + (int64_t)hour * 3600 + (int64_t)min * 60 +
	       (int64_t)sec;
	if (*utc == -1)
		return (false); /* to mktime(3) that is an error */
	*utc -= (int64_t)*zone * 60;
	return (true);
}

bool
date_parse(struct str value, int64_t *utc, int *zone)
{
	struct reader r;
	bool ok;

	buf_init(&r.word, WORD_MAX);
	token_init(&r.t, value, NULL);
	token_cfws(&r.t);
	ok = read_date(&r, utc, zone);
	buf_clear(&r.word);
	return (ok);
}

void
date_sent(struct str header, uint32_t *utc, int *zone)
{
	struct field f;
	int64_t t;

	*utc = 0;
	*zone = 0;
	if (!header_find(header, "Date", &f))
		return;
	if (!date_parse(f.value, &t, zone)) {
		*zone = 0; /* it may have got as far as the zone */
		return;
	}
	*utc = (uint32_t)((uint64_t)t & UINT32_MAX);
}

int64_t
date_day(uint32_t utc, int zone)
{
	int64_t local = (int64_t)utc + (int64_t)zone * 60;

	/* round down, also before 1970 */
	return ((local - (local % 86400 + 86400) % 86400) / 86400);
}
