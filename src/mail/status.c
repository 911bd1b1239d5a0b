#include "config.h"

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

/* The line at the start of s, ending at a CR or an LF. */
static struct str
any_line(struct str s)
{
	size_t i = 0;

	while (i < s.len && s.p[i] != '\r' && s.p[i] != '\n')
		i++;
	return (str_of(s.p, i));
}

/*
 * A CR alone ends a line for some clients, so any line of a field may be a
 * field to them.  Its value may be folded; for that the authserv-id is looked
 * for in the whole, and once, however many lines there are.
 */
bool
status_claims(const struct field *f, struct str authserv)
{
	struct str rest = f->all, line, name;
	bool results = false;
	size_t colon;

	while (rest.len > 0) {
		line = any_line(rest);
		colon = str_find(line, ':');
		name = str_trim(str_of(line.p, colon));
		if (colon < line.len && str_ieq(name, STR("Waxwing-Status")))
			return (true);
		if (colon < line.len &&
		    str_ieq(name, STR("Authentication-Results")))
			results = true;
		line.len += line.len < rest.len ? 1 : 0;
		rest = str_of(rest.p + line.len, rest.len - line.len);
	}
	return (results && contains(f->all, authserv));
}
