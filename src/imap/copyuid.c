#include "config.h"

#include "imap/copyuid.h"

#include "base/num.h"

/* The word up to a blank; in moves behind it. */
static struct str
next_word(struct str *in)
{
	size_t n = str_find(*in, ' ');
	struct str word = str_of(in->p, n);

	n += n < in->len;
	*in = str_of(in->p + n, in->len - n);
	return (word);
}

static bool
read_uid(struct str s, uint32_t *out)
{
	uint64_t n;

	if (!num_parse(s, UINT32_MAX, &n) || n == 0)
		return (false);
	*out = (uint32_t)n;
	return (true);
}

/*
 * A uid-set in the order in which it is written, which is what pairs it with
 * the other one; a range counts upwards, however it is written (RFC 4315 4).
 * 0: it cannot be read.
 */
static size_t
read_uids(struct str in, uint32_t *out)
{
	uint32_t a, b, lo, hi;
	struct str part;
	size_t n = 0, at;

	while (in.len > 0) {
		at = str_find(in, ',');
		part = str_of(in.p, at);
		at += at < in.len;
		in = str_of(in.p + at, in.len - at);
		at = str_find(part, ':');
		if (!read_uid(str_of(part.p, at), &a))
			return (0);
		b = a;
		if (at < part.len &&
		    !read_uid(str_of(part.p + at + 1, part.len - at - 1), &b))
			return (0);
		lo = a < b ? a : b;
		hi = a < b ? b : a;
		if (hi - lo >= COPYUID_MAX - n)
			return (0);
		for (a = lo; a <= hi && a != 0; a++)
			out[n++] = a;
	}
	return (n);
}

bool
copyuid_parse(struct str code, struct copyuid *c)
{
	if (!str_ieq(next_word(&code), STR("COPYUID")) ||
	    !read_uid(next_word(&code), &c->uidvalidity) ||
	    (c->n = read_uids(next_word(&code), c->from)) == 0)
		return (false);
	return (read_uids(next_word(&code), c->to) == c->n && code.len == 0);
}
