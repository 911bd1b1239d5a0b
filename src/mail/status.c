#include "mail/status.h"

static bool
contains(struct str s, struct str what)
{
	size_t i;

	if (what.len == 0)
		return (false);
	for (i = 0; i + what.len <= s.len; i++)
		if (str_ieq(str_of(s.p + i, what.len), what))
			return (true);
	return (false);
}

static bool
claims(const struct field *f, struct str authserv)
{
	if (field_is(f, "Waxwing-Status"))
		return (true);
	return (field_is(f, "Authentication-Results") &&
	        contains(f->value, authserv));
}

bool
status_claims(const struct field *f, struct str authserv)
{
	struct str rest = f->all;
	struct header h;
	struct field g;
	size_t cr;

	if (claims(f, authserv))
		return (true);
	/* a CR alone ends a line for some clients */
	while ((cr = str_find(rest, '\r')) < rest.len) {
		rest = str_of(rest.p + cr + 1, rest.len - cr - 1);
		header_init(&h, rest);
		if (rest.len > 0 && rest.p[0] != '\n' && header_next(&h, &g) &&
		    claims(&g, authserv))
			return (true);
	}
	return (false);
}
