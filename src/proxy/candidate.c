#include "config.h"

#include "proxy/candidate.h"

/* 0: it is not looked at (again). */
static uint32_t
fresh(struct candidate_span s, uint32_t uid)
{
	return (uid >= s.low && uid <= s.high ? 0 : uid);
}

uint32_t
candidate_first(struct candidate_span s, uint32_t a, uint32_t b)
{
	uint32_t less, more;

	a = fresh(s, a);
	b = fresh(s, b);
	if (a == 0 || b == 0)
		return (a | b);
	less = a < b ? a : b;
	more = a < b ? b : a;
	/* both came since: the older one */
	return (s.high != 0 && less > s.high ? less : more);
}
