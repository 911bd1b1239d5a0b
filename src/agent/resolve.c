#include "config.h"

#include "agent/resolve.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "sys/fault.h"

/* What is known already. */
static void
ask_pub(struct agent *a, struct str address, struct lookup_ans *ans)
{
	struct certlist_item items[CERTLIST_MAX];
	const struct certlist_item *best;
	int64_t now = clock_now().wall;
	struct buf text;
	size_t n;

	buf_init(&text, SIZE_MAX);
	if (store_find(a->store, address, &text, items, &n, &ans->err) == -1) {
		ans->state = LOOKUP_ERROR;
		goto out;
	}
	ans->recent = certlist_recent(items, n, now);
	if ((best = certlist_best(items, n, now)) == NULL)
		goto out;
	ans->state = LOOKUP_USABLE;
	memcpy(ans->fingerprint, best->c.fingerprint, FINGERPRINT);
	ans->gcm = best->c.gcm;
	ans->oaep = best->c.oaep;
	ans->not_after = best->c.not_after;
	ans->trust = best->trust;
out:
	buf_clear(&text);
}

/* Each leaves LOOKUP_NONE as it is, or says USABLE or (with err) ERROR. */
static const struct source {
	const char *name;
	void (*ask)(struct agent *, struct str address, struct lookup_ans *);
} sources[] = {
    {"pub", ask_pub},
};

/* Not finding out is worse than knowing that there is none. */
static void
join(struct lookup_ans *all, const struct lookup_ans *one)
{
	bool recent = all->recent || one->recent;

	if (one->state == LOOKUP_USABLE || all->state != LOOKUP_ERROR)
		*all = *one;
	all->recent = recent;
}

void
resolve(struct agent *a, struct str address, resolve_fn *done, void *arg)
{
	struct lookup_ans all = {.state = LOOKUP_NONE}, one;
	char space[LIMIT_ADDRESS];
	struct str low;
	size_t i;

	if (certlist_address(address, space, &low, &all.err) == -1) {
		all.state = LOOKUP_ERROR;
		done(&all, arg);
		return;
	}
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		memset(&one, 0, sizeof(one));
		one.state = LOOKUP_NONE;
		if (FAULT("agent.lookup")) {
			err_set(&one.err, ERR_UNAVAILABLE, "fault in %s",
			    sources[i].name);
			one.state = LOOKUP_ERROR;
		} else {
			sources[i].ask(a, low, &one);
		}
		join(&all, &one);
		if (all.state == LOOKUP_USABLE)
			break;
	}
	done(&all, arg);
}
