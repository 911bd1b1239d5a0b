#include "config.h"

#include "agent/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "agent/src_cloud.h"
#include "base/clock.h"
#include "base/limits.h"
#include "sys/fault.h"

/*
 * How long a certificate is used after its directory should have been asked
 * again: meanwhile it is asked in the background.  A revocation list is valid
 * about as long.
 */
#define STALE_S ((int64_t)7 * 24 * 3600)

/* How good an answer from pub/ is. */
enum age {
	AGE_FRESH, /* nobody else need be asked */
	AGE_STALE, /* good enough, but ask in the background */
	AGE_OVER,  /* the directory has to be asked first */
};

/* What is known of an address. */
struct known {
	struct certlist_item items[CERTLIST_MAX];
	size_t n;
	struct looked looked;
	bool was_looked;
	struct buf text, looked_text; /* what those borrow from */
};

static void
known_clear(struct known *k)
{
	buf_clear(&k->text);
	buf_clear(&k->looked_text);
}

/*
 * A certificate of a directory counts as long as that directory names it;
 * all others count by themselves.
 */
static void
drop_disowned(struct known *k)
{
	size_t i, kept = 0;

	for (i = 0; i < k->n; i++)
		if (k->items[i].trust != TRUST_DISCOVERED ||
		    (k->was_looked && k->looked.found &&
		        memcmp(k->items[i].c.fingerprint, k->looked.fingerprint,
		            FINGERPRINT) == 0))
			k->items[kept++] = k->items[i];
	k->n = kept;
}

static int
known_read(struct agent *a, struct str address, struct known *k,
    struct err *err)
{
	int rc;

	memset(k, 0, sizeof(*k));
	buf_init(&k->text, SIZE_MAX);
	buf_init(&k->looked_text, SIZE_MAX);
	if (store_find(a->store, address, &k->text, k->items, &k->n, err) == -1)
		return (-1);
	rc = store_looked(a->store, address, &k->looked_text, &k->looked, err);
	k->was_looked = rc == 1;
	drop_disowned(k);
	return (rc == -1 ? -1 : 0);
}

static void
take(const struct certlist_item *it, struct lookup_ans *ans)
{
	ans->state = LOOKUP_USABLE;
	memcpy(ans->fingerprint, it->c.fingerprint, FINGERPRINT);
	ans->gcm = it->c.gcm;
	ans->oaep = it->c.oaep;
	ans->not_after = it->c.not_after;
	ans->trust = it->trust;
}

/* The best that an enrolment on this installation brought, or NULL. */
static const struct certlist_item *
best_own(const struct known *k, int64_t now)
{
	const struct certlist_item *best = NULL, *one;
	size_t i;

	for (i = 0; i < k->n; i++) {
		one = certlist_best(&k->items[i], 1, now);
		if (one != NULL && one->trust == TRUST_VERIFIED &&
		    (best == NULL || one->c.not_before > best->c.not_before))
			best = one;
	}
	return (best);
}

/* Fill the answer with what is known. */
static enum age
judge(const struct known *k, int64_t now, struct lookup_ans *ans)
{
	const struct certlist_item *best = certlist_best(k->items, k->n, now);
	const struct certlist_item *own = best_own(k, now);
	const struct certlist_item *waits = certlist_waits(k->items, k->n, now);

	if ((ans->pending = waits != NULL))
		memcpy(ans->waits, waits->c.fingerprint, FINGERPRINT);
	ans->recent = certlist_recent(k->items, k->n, now) ||
	              (k->was_looked && k->looked.ended != 0 &&
	                  k->looked.ended >= now - LIMIT_CERT_RECENT_S);
	if (best == NULL) {
		ans->state = LOOKUP_NONE;
		return (
		    k->was_looked && !k->looked.found && now < k->looked.fresh
		        ? AGE_FRESH
		        : AGE_OVER);
	}
	take(best, ans);
	if (best->trust != TRUST_DISCOVERED && best->trust != TRUST_VERIFIED)
		return (AGE_FRESH);
	if (k->was_looked && now < k->looked.fresh)
		return (AGE_FRESH);
	if (best->trust == TRUST_DISCOVERED && now < k->looked.fresh + STALE_S)
		return (AGE_STALE);
	if (own == NULL)
		return (AGE_OVER);
	/* our own hold whatever the directory says, or does not say */
	take(own, ans);
	return (AGE_STALE);
}

/* From pub/; on trouble ERROR, which is no reason to ask anybody else. */
static enum age
ask_pub(struct agent *a, struct str address, struct lookup_ans *ans)
{
	enum age age = AGE_FRESH;
	struct known k;

	memset(ans, 0, sizeof(*ans));
	if (FAULT("agent.lookup"))
		err_set(&ans->err, ERR_UNAVAILABLE, "fault in pub");
	else if (known_read(a, address, &k, &ans->err) == 0) {
		age = judge(&k, clock_now().wall, ans);
		known_clear(&k);
		return (age);
	} else
		known_clear(&k);
	ans->state = LOOKUP_ERROR;
	return (age);
}

/* One that waits for a directory. */
struct waiting {
	struct agent *agent;
	char space[LIMIT_ADDRESS];
	struct str address; /* in space */
	resolve_fn *done;
	void *arg;
};

/* The directory has answered: pub/ knows now. */
static void
on_asked(const struct err *err, void *arg)
{
	struct waiting *w = arg;
	struct lookup_ans ans;

	(void)ask_pub(w->agent, w->address, &ans);
	if (err->code != ERR_OK) {
		ans.state = LOOKUP_ERROR;
		ans.err = *err;
	}
	w->done(&ans, w->arg);
	free(w);
}

/* Ask the directory and wait; false if that cannot be done. */
static bool
ask_and_wait(struct agent *a, struct str low, resolve_fn *done, void *arg,
    struct err *err)
{
	struct waiting *w;

	if ((w = calloc(1, sizeof(*w))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a look-up");
		return (false);
	}
	w->agent = a;
	memcpy(w->space, low.p, low.len);
	w->address = str_of(w->space, low.len);
	w->done = done;
	w->arg = arg;
	if (src_cloud_ask(a, w->address, on_asked, w, err) == 0)
		return (true);
	free(w);
	return (false);
}

void
resolve(struct agent *a, struct str address, resolve_fn *done, void *arg)
{
	struct lookup_ans ans = {.state = LOOKUP_ERROR};
	char space[LIMIT_ADDRESS];
	struct err err = {.code = ERR_OK};
	struct str low;

	if (certlist_address(address, space, &low, &ans.err) == -1) {
		done(&ans, arg);
		return;
	}
	switch (ask_pub(a, low, &ans)) {
	case AGE_FRESH:
		break;
	case AGE_STALE:
		if (a->http != NULL)
			(void)src_cloud_ask(a, low, NULL, NULL, &err);
		break;
	case AGE_OVER:
		if (a->http == NULL)
			break;
		if (ask_and_wait(a, low, done, arg, &err))
			return;
		ans.state = LOOKUP_ERROR;
		ans.err = err;
		break;
	}
	done(&ans, arg);
}
