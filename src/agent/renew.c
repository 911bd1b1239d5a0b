#include "config.h"

#include "agent/renew.h"

#define BACKOFF_MOST 3600
#define POLL_MOST    30

int64_t
renew_at(int64_t not_before, int64_t not_after, uint32_t random)
{
	int64_t life = not_after - not_before, spread = life / 10;

	if (life <= 0)
		return (not_after);
	if (spread == 0)
		spread = 1;
	return (
	    not_before + life / 3 * 2 - spread / 2 + (int64_t)random % spread);
}

int64_t
renew_backoff(unsigned tries, uint32_t random)
{
	int64_t s = tries < 12 ? INT64_C(1) << tries : BACKOFF_MOST;

	if (s > BACKOFF_MOST)
		s = BACKOFF_MOST;
	return (s - s / 4 + (int64_t)random % (s / 2 + 1));
}

int64_t
renew_poll(unsigned polls)
{
	int64_t s = polls < 4 ? 1 : (int64_t)polls / 2;

	return (s < POLL_MOST ? s : POLL_MOST);
}
