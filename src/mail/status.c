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

bool
status_claims(const struct field *f, struct str authserv)
{
	if (field_is(f, "Waxwing-Status"))
		return (true);
	return (field_is(f, "Authentication-Results") &&
	        contains(f->value, authserv));
}
