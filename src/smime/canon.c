#include "config.h"

#include "smime/canon.h"

#include <string.h>

bool
canon_is(struct str s)
{
	const char *p = s.p, *end = s.p + s.len, *q;

	while (p < end && (q = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (q == s.p || q[-1] != '\r')
			return (false);
		p = q + 1;
	}
	p = s.p;
	while (p < end && (q = memchr(p, '\r', (size_t)(end - p))) != NULL) {
		if (q + 1 == end || q[1] != '\n')
			return (false);
		p = q + 1;
	}
	return (true);
}

void
canon_put(struct str s, struct buf *out)
{
	size_t i, from = 0;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n')
			continue;
		buf_put(out, s.p + from, i - from);
		buf_put(out, "\r\n", 2);
		if (s.p[i] == '\r' && i + 1 < s.len && s.p[i + 1] == '\n')
			i++;
		from = i + 1;
	}
	buf_put(out, s.p + from, s.len - from);
}
