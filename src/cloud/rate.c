#include "config.h"

#include "cloud/rate.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define KEYS_MAX 65536

/* Bytes of an IPv6 address that one customer cannot choose: at home they get
 * a /56, most often (RFC 6177 2), which is 256 networks. */
#define SITE 7

struct rate {
	struct map *map;   /* owned: key to bucket */
	uint64_t interval; /* milliseconds that earn one request */
	uint64_t burst;    /* count * interval */
};

/* Milliseconds of credit at a time. */
struct bucket {
	uint64_t credit;
	uint64_t at;
};

void
rate_set(struct rate *r, uint64_t count, uint64_t seconds)
{
	if (count == 0)
		count = 1;
	r->interval = seconds * 1000 / count;
	if (r->interval == 0)
		r->interval = 1;
	r->burst = count * r->interval;
}

struct rate *
rate_new(uint64_t count, uint64_t seconds)
{
	struct rate *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	rate_set(r, count, seconds);
	if ((r->map = map_new(free)) != NULL)
		return (r);
	free(r);
	return (NULL);
}

void
rate_free(struct rate *r)
{
	if (r == NULL)
		return;
	map_free(r->map);
	free(r);
}

static struct bucket *
bucket_of(struct rate *r, struct str key, uint64_t now)
{
	struct bucket *b = map_get(r->map, key);
	struct map *fresh;

	if (b != NULL)
		return (b);
	if (map_count(r->map) >= KEYS_MAX) {
		if ((fresh = map_new(free)) == NULL)
			return (NULL);
		map_free(r->map);
		r->map = fresh;
	}
	if ((b = calloc(1, sizeof(*b))) == NULL)
		return (NULL);
	b->credit = r->burst;
	b->at = now;
	if (map_put(r->map, key, b) == 0)
		return (b);
	free(b);
	return (NULL);
}

/* Earn what is due: the seconds to wait, and the bucket if there is none. */
static unsigned
refill(struct rate *r, struct str key, uint64_t now, struct bucket **out)
{
	struct bucket *b;

	if ((b = *out = bucket_of(r, key, now)) == NULL)
		return (1);
	b->credit += now - b->at;
	b->at = now;
	if (b->credit > r->burst)
		b->credit = r->burst;
	if (b->credit < r->interval)
		return ((unsigned)((r->interval - b->credit + 999) / 1000));
	return (0);
}

unsigned
rate_take(struct rate *r, struct str key, uint64_t now)
{
	struct bucket *b;
	unsigned wait = refill(r, key, now, &b);

	if (wait == 0)
		b->credit -= r->interval;
	return (wait);
}

unsigned
rate_wait(struct rate *r, struct str key, uint64_t now)
{
	struct bucket *b;

	return (refill(r, key, now, &b));
}

struct str
rate_peer(const char *peer, char out[RATE_PEER])
{
	struct in6_addr v6;

	if (inet_pton(AF_INET6, peer, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6))
		return (str_c(peer));
	memset(v6.s6_addr + SITE, 0, sizeof(v6.s6_addr) - SITE);
	if (inet_ntop(AF_INET6, &v6, out, RATE_PEER) == NULL)
		return (str_c(peer));
	return (str_c(out));
}
