/*
 * OP_HARVEST: certificates that came with signed mail.
 *
 * The opener found that the signature counts; whether mail may be encrypted to
 * one of the certificates is the verifier's to say, as of any other.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "agent/crl.h"
#include "agent/state.h"
#include "agent/verify.h"
#include "base/clock.h"
#include "base/limits.h"
#include "proto/harvest.h"
#include "sys/log.h"
#include "sys/memfd.h"

struct harvesting {
	LIST_ENTRY(harvesting) next;
	struct agent *agent;
	char space[LIMIT_ADDRESS];
	struct harvest what;    /* its address in space, its certs in found */
	struct blob *found;     /* owned */
	struct verify *verify;  /* owned */
	struct crl_fetch *list; /* owned */
	bool fetched;           /* once is enough */
	bool unlisted;          /* no list of revocations is to be had */
};

static void
harvesting_free(struct harvesting *h)
{
	LIST_REMOVE(h, next);
	h->agent->nharvests--;
	verify_cancel(h->verify);
	crl_cancel(h->list);
	blob_unref(h->found);
	free(h);
}

void
harvests_abandon(struct agent *a)
{
	struct harvesting *h;

	while ((h = LIST_FIRST(&a->harvests)) != NULL)
		harvesting_free(h);
}

static bool
is_named(const struct harvest *what)
{
	static const uint8_t none[FINGERPRINT];

	return (memcmp(what->fingerprint, none, FINGERPRINT) != 0);
}

/* Is this one wanted, and may it be used? */
static bool
is_good(const struct harvesting *h, const struct cert_rec *c)
{
	return (
	    c->verdict.code == ERR_OK && (c->usage & USAGE_ENCRYPT) != 0 &&
	    certlist_names(c, h->what.address) &&
	    (!is_named(&h->what) ||
	        memcmp(c->fingerprint, h->what.fingerprint, FINGERPRINT) == 0));
}

static int
keep(struct harvesting *h, const struct cert_rec *given, struct err *err)
{
	struct certlist_item items[CERTLIST_MAX];
	struct store *store = h->agent->store;
	int64_t now = clock_now().wall;
	struct cert_rec c = *given;
	enum trust trust = TRUST_PENDING;
	struct buf text;
	size_t n;
	int rc = -1;

	buf_init(&text, SIZE_MAX);
	if (store_find(store, h->what.address, &text, items, &n, err) == 0) {
		trust = certlist_harvest(items, n, c.fingerprint, now);
		c.gcm = c.gcm || h->what.gcm;
		c.oaep = c.oaep || h->what.oaep;
		rc = h->what.caps ? store_put_as_is(store, &c, trust, now, err)
		                  : store_put(store, &c, trust, now, err);
	}
	buf_clear(&text);
	log_info("harvest address=%s pending=%s code=%s",
	    log_addr(h->what.address), trust == TRUST_PENDING ? "yes" : "no",
	    rc == 0 ? "ok" : err_word(err->code));
	return (rc);
}

static void ask_verifier(struct harvesting *);

static void
on_list(const struct err *err, void *arg)
{
	struct harvesting *h = arg;

	h->list = NULL;
	if (err->code != ERR_OK)
		log_info("revocations reason=%s", log_str(str_c(err->text)));
	ask_verifier(h);
}

/*
 * Is it only unknown whether one was revoked?  Lists are fetched from nobody
 * but the cloud, whatever a mail says; without one, the chain to an authority
 * that is believed has to do.
 */
static bool
ask_again(struct harvesting *h, struct str url)
{
	struct err err;

	if (h->unlisted)
		return (false);
	if (url.len > 0 && !h->fetched && h->agent->http != NULL) {
		h->fetched = true;
		h->list = crl_fetch(h->agent, url, on_list, h, &err);
		if (h->list != NULL)
			return (true);
	}
	h->unlisted = true;
	ask_verifier(h);
	return (true);
}

static void
on_verdicts(const struct str *list, struct str url, const struct err *why,
    void *arg)
{
	struct harvesting *h = arg;
	struct err err = {.code = ERR_OK};
	struct cert_rec c, best;
	bool any = false, unknown = false;
	struct rec in;

	h->verify = NULL;
	if (list == NULL) {
		err = *why;
		goto out;
	}
	rec_init(&in, *list);
	while (cert_rec_get(&in, &c, &err) == 1) {
		unknown = unknown || c.verdict.code == ERR_UNAVAILABLE ||
		          c.verdict.code == ERR_UNSUPPORTED;
		if (!is_good(h, &c)) {
			if (c.verdict.code != ERR_OK)
				err = c.verdict;
			continue;
		}
		if (!any || c.not_before > best.not_before)
			best = c;
		any = true;
	}
	if (!any && unknown && ask_again(h, url))
		return;
	if (any)
		(void)keep(h, &best, &err);
out:
	if (!any)
		log_info("harvest address=%s refused=%s",
		    log_addr(h->what.address), log_str(str_c(err.text)));
	harvesting_free(h);
}

static void
ask_verifier(struct harvesting *h)
{
	struct verify_req q = {.usage = USAGE_ENCRYPT,
	    .address = h->what.address,
	    .time = clock_now().wall,
	    .revocation = !h->unlisted};
	struct blob *crls = crl_all(h->agent);

	h->verify =
	    verify_start(h->agent->self, &q, h->found, crls, on_verdicts, h);
	blob_unref(crls);
	if (h->verify == NULL)
		harvesting_free(h);
}

/* Nothing new: most mails come from people who wrote before. */
static bool
is_known(struct agent *a, const struct harvest *what)
{
	struct certlist_item items[CERTLIST_MAX], *it;
	bool known = false;
	struct buf text;
	struct err err;
	size_t n;

	buf_init(&text, SIZE_MAX);
	if (is_named(what) &&
	    store_find(a->store, what->address, &text, items, &n, &err) == 0)
		for (it = items; it < items + n; it++)
			known =
			    known ||
			    (memcmp(it->c.fingerprint, what->fingerprint,
			         FINGERPRINT) == 0 &&
			        it->trust != TRUST_PENDING &&
			        (!what->caps || (it->c.gcm == what->gcm &&
			                            it->c.oaep == what->oaep)));
	buf_clear(&text);
	return (known);
}

void
op_harvest(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct harvesting *h;
	struct harvest what;
	struct err err;
	struct str low;
	struct rec r;

	(void)l;
	rec_init(&r, msg->body);
	harvest_get(&r, &what);
	if (rec_end(&r, &err) == -1 || a->nharvests >= AGENT_HARVESTS ||
	    (h = calloc(1, sizeof(*h))) == NULL)
		return;
	LIST_INSERT_HEAD(&a->harvests, h, next);
	a->nharvests++;
	h->agent = a;
	h->what = what;
	if (certlist_address(what.address, h->space, &low, &err) == 0) {
		h->what.address = low;
		if (!is_known(a, &h->what))
			h->found =
			    memfd_copy(what.certs.p, what.certs.len, &err);
	}
	if (h->found == NULL) {
		harvesting_free(h);
		return;
	}
	h->what.certs = blob_str(h->found);
	ask_verifier(h);
}
