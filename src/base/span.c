#include "config.h"

#include "base/span.h"

#include <string.h>

struct str
str_c(const char *s)
{
	return (str_of(s, strlen(s)));
}

struct span
span_clip(struct span s, size_t from, size_t count)
{
	if (from > s.len)
		from = s.len;
	s.off += from;
	s.len -= from;
	if (count < s.len)
		s.len = count;
	return (s);
}

bool
str_eq(struct str a, struct str b)
{
	/* memcmp may not see NULL, which an empty str may hold */
	if (a.len != b.len)
		return (false);
	return (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return (c != 0 ? c : a.len < b.len ? -1 : a.len > b.len);
}

bool
str_istarts(struct str a, struct str b)
{
	size_t i;

	if (a.len < b.len)
		return (false);
	for (i = 0; i < b.len; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return (false);
	return (true);
}

bool
str_ieq(struct str a, struct str b)
{
	return (a.len == b.len && str_istarts(a, b));
}

size_t
str_find(struct str s, char c)
{
	const char *at;

	if (s.len == 0 || (at = memchr(s.p, c, s.len)) == NULL)
		return (s.len);
	return ((size_t)(at - s.p));
}

static bool
is_white(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

struct str
str_trim(struct str s)
{
	while (s.len > 0 && is_white(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_white(s.p[s.len - 1]))
		s.len--;
	return (s);
}

struct str
str_chomp(struct str s)
{
	if (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	return (s);
}
