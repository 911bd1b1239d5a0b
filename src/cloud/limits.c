#include "config.h"

#include "cloud/limits.h"

#include <string.h>

#include "cloud/challenge.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

struct limit {
	struct rate **rate;
	const char *section, *key;
	uint64_t seconds;
	bool share; /* it is what one may have of so many */
};

#define LIMITS 7

static void
list(struct cloud *c, struct limit out[LIMITS])
{
	const struct limit all[LIMITS] = {
	    {&c->rate_accounts, "acme", "accounts_per_hour", HOUR, false},
	    {&c->rate_orders, "acme", "orders_per_hour", HOUR, false},
	    {&c->rate_mails, "acme", "mails_per_hour", HOUR, false},
	    {&c->rate_shares, "acme", "mails_per_hour", HOUR, true},
	    {&c->rate_keys, "kms", "requests_per_hour", HOUR, false},
	    {&c->rate_rotations, "kms", "keys_per_day", DAY, false},
	    {&c->rate_searches, "directory", "searches_per_minute", MINUTE,
	        false},
	};

	memcpy(out, all, sizeof(all));
}

int
limits_set(struct cloud *c, const struct conf *conf, struct err *err)
{
	struct limit all[LIMITS], *l;
	uint64_t n;

	list(c, all);
	for (l = all; l < all + LIMITS; l++) {
		n = conf_num(conf, l->section, l->key);
		if (l->share)
			n = challenge_share(n);
		if (*l->rate != NULL)
			rate_set(*l->rate, n, l->seconds);
		else if ((*l->rate = rate_new(n, l->seconds)) == NULL) {
			err_set(err, ERR_MEMORY, "no memory to count");
			return (-1);
		}
	}
	return (0);
}

void
limits_clear(struct cloud *c)
{
	struct limit all[LIMITS], *l;

	list(c, all);
	for (l = all; l < all + LIMITS; l++) {
		rate_free(*l->rate);
		*l->rate = NULL;
	}
}
