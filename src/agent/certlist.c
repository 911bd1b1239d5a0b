#include "config.h"

#include "agent/certlist.h"

#include <string.h>

#include "base/limits.h"

int
certlist_address(struct str s, char *out, struct str *low, struct err *err)
{
	size_t i, at = str_find(s, '@');

	if (s.len > LIMIT_ADDRESS || at == 0 || at + 1 >= s.len)
		goto bad;
	for (i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			goto bad;
		out[i] = ascii_lower(s.p[i]);
	}
	*low = str_of(out, s.len);
	return (0);
bad:
	err_set(err, ERR_SYNTAX, "not an address");
	return (-1);
}

bool
certlist_names(const struct cert_rec *c, struct str address)
{
	struct str rest = c->addresses, word;
	size_t n;

	while (rest.len > 0) {
		n = str_find(rest, ' ');
		word = str_of(rest.p, n);
		if (n > 0 && str_ieq(word, address))
			return (true);
		if (n == rest.len)
			break;
		rest = str_of(rest.p + n + 1, rest.len - n - 1);
	}
	return (false);
}

int
certlist_add(struct str old, const struct cert_rec *c, struct buf *out,
    struct err *err)
{
	struct cert_rec was;
	struct rec in;
	size_t n = 1;
	int got;

	cert_rec_put(out, c);
	rec_init(&in, old);
	while ((got = cert_rec_get(&in, &was, err)) == 1) {
		if (n == CERTLIST_MAX)
			break;
		if (memcmp(was.fingerprint, c->fingerprint, FINGERPRINT) == 0)
			continue;
		cert_rec_put(out, &was);
		n++;
	}
	if (got == -1)
		return (-1);
	if (!out->failed)
		return (0);
	err_set(err, ERR_LIMIT, "too many certificates of one address");
	return (-1);
}

int
certlist_read(struct str list, struct certlist_item *items, size_t *n,
    struct err *err)
{
	struct rec in;
	int got = 0;

	rec_init(&in, list);
	*n = 0;
	while (*n < CERTLIST_MAX &&
	       (got = cert_rec_get(&in, &items[*n].c, err)) == 1)
		(*n)++;
	return (got == -1 ? -1 : 0);
}

/* Could it ever be sealed to? */
static bool
for_sealing(const struct cert_rec *c)
{
	return (c->verdict.code == ERR_OK && (c->usage & USAGE_ENCRYPT) != 0);
}

/*
 * Lower values of enum trust are stronger.  But what an enrolment here brought
 * and what the directory names is vouched for by the same authorities: another
 * device may have got a newer one for a mailbox of ours.
 */
static int
rank(const struct certlist_item *it)
{
	return (it->trust == TRUST_DISCOVERED ? TRUST_VERIFIED : it->trust);
}

static bool
better(const struct certlist_item *a, const struct certlist_item *b)
{
	if (rank(a) != rank(b))
		return (rank(a) < rank(b));
	return (a->c.not_before > b->c.not_before);
}

const struct certlist_item *
certlist_best(const struct certlist_item *items, size_t n, int64_t at)
{
	const struct certlist_item *best = NULL, *it;

	for (it = items; it < items + n; it++)
		if (for_sealing(&it->c) && it->trust != TRUST_PENDING &&
		    it->c.not_before <= at && at <= it->c.not_after &&
		    (best == NULL || better(it, best)))
			best = it;
	return (best);
}

const struct certlist_item *
certlist_waits(const struct certlist_item *items, size_t n, int64_t at)
{
	const struct certlist_item *best = NULL, *it;

	for (it = items; it < items + n; it++)
		if (for_sealing(&it->c) && it->trust == TRUST_PENDING &&
		    it->c.not_before <= at && at <= it->c.not_after &&
		    (best == NULL || it->c.not_before > best->c.not_before))
			best = it;
	return (best);
}

bool
certlist_recent(const struct certlist_item *items, size_t n, int64_t at)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (for_sealing(&items[i].c) &&
		    items[i].trust != TRUST_PENDING &&
		    items[i].c.not_before <= at &&
		    items[i].c.not_after >= at - LIMIT_CERT_RECENT_S)
			return (true);
	return (false);
}

enum trust
certlist_harvest(const struct certlist_item *items, size_t n,
    const uint8_t fingerprint[FINGERPRINT], int64_t at)
{
	const struct certlist_item *best = certlist_best(items, n, at);
	int64_t life;

	if (best == NULL ||
	    memcmp(best->c.fingerprint, fingerprint, FINGERPRINT) == 0)
		return (TRUST_HARVESTED);
	if (best->trust != TRUST_HARVESTED)
		return (TRUST_PENDING);
	life = best->c.not_after - best->c.not_before;
	return (at >= best->c.not_after - life / 3 ? TRUST_HARVESTED
	                                           : TRUST_PENDING);
}
