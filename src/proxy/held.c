#include "config.h"

#include "proxy/held.h"

#include "base/limits.h"
#include "proxy/account.h"
#include "sys/fault.h"

/* With the fault point an account has so little that a test fills it. */
#define SMALL (64UL * 1024)

int
share_add(struct share *s, struct account *a, uint64_t bytes)
{
	uint64_t one = LIMIT_ACCOUNT_HELD, all = LIMIT_HELD;

	if (FAULT("proxy.held.small"))
		one = SMALL;
	if (bytes > one || a->held > one - bytes ||
	    a->proxy->held > all - bytes)
		return (-1);
	a->held += bytes;
	a->proxy->held += bytes;
	s->of = a;
	s->bytes += bytes;
	return (0);
}

void
share_clear(struct share *s)
{
	if (s->of == NULL)
		return;
	s->of->held -= s->bytes;
	s->of->proxy->held -= s->bytes;
	s->of = NULL;
	s->bytes = 0;
}

void
share_move(struct share *to, struct share *from)
{
	*to = *from;
	from->of = NULL;
	from->bytes = 0;
}
