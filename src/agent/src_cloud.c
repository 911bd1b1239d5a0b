#include "config.h"

#include "agent/src_cloud.h"

#include <stdlib.h>
#include <string.h>

#include "acme/object.h"
#include "agent/crl.h"
#include "agent/multipart.h"
#include "agent/verify.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "sys/fault.h"
#include "sys/log.h"

/* The whole of it; the sender's own patience is LIMIT_LOOKUP_MS. */
#define DEADLINE_MS (LIMIT_LOOKUP_MS - 500)

/* An answer: some certificates of a few KiB. */
#define ANSWER_MAX ((size_t)256 * 1024)

/* How long an answer is believed: as the directory says, within bounds.  That
 * there is no certificate may change any moment: somebody was enrolled. */
#define FOUND_LEAST 60
#define FOUND_MOST  86400
#define FOUND_USUAL 3600
#define NONE_LEAST  5
#define NONE_MOST   3600
#define NONE_USUAL  60

/* A cloud that does not answer in time is left alone for so long. */
#define SILENCE_MS 5000

/* Askings under way at once; a mail to LIMIT_RCPTS is looked up at once. */
#define ASKINGS (2 * LIMIT_RCPTS)

/* Fetched for one answer: a list that was due, an issuer and a list that were
 * missing. */
#define LISTS 3

struct waiter {
	SLIST_ENTRY(waiter) next;
	src_cloud_fn *done;
	void *arg;
};

struct asking {
	LIST_ENTRY(asking) next;
	struct agent *agent;
	char space[LIMIT_ADDRESS];
	struct str address; /* in space */
	SLIST_HEAD(, waiter) waiters;
	struct event *late; /* owned */
	/* what is under way: one of them */
	struct http_req *http;
	struct crl_fetch *list;
	struct verify *verify;
	struct blob *found; /* owned; the answer's certificates */
	struct buf etag;    /* owned */
	int64_t max_age;
	unsigned lists;         /* fetched so far */
	bool near_ca, near_crl; /* fetched from the cloud instead */
};

static void
asking_free(struct asking *k)
{
	struct waiter *w;

	while ((w = SLIST_FIRST(&k->waiters)) != NULL) {
		SLIST_REMOVE_HEAD(&k->waiters, next);
		free(w);
	}
	http_cancel(k->http);
	crl_cancel(k->list);
	verify_cancel(k->verify);
	if (k->late != NULL)
		event_free(k->late);
	blob_unref(k->found);
	buf_clear(&k->etag);
	LIST_REMOVE(k, next);
	k->agent->naskings--;
	free(k);
}

/* Tell all who wait; the asking is gone. */
static void
finish(struct asking *k, const struct err *err)
{
	SLIST_HEAD(, waiter) waiters = SLIST_HEAD_INITIALIZER(waiters);
	struct waiter *w;

	log_debug("directory address=%s code=%s reason=%s",
	    log_addr(k->address), err_word(err->code),
	    log_str(str_c(err->code != ERR_OK ? err->text : "")));
	waiters.slh_first = SLIST_FIRST(&k->waiters);
	SLIST_INIT(&k->waiters);
	/* what they ask for next must not find this one */
	asking_free(k);
	while ((w = SLIST_FIRST(&waiters)) != NULL) {
		SLIST_REMOVE_HEAD(&waiters, next);
		w->done(err, w->arg);
		free(w);
	}
}

/* --- the answer goes into pub/ --- */

static int
remember(struct asking *k, const struct cert_rec *best, struct err *err)
{
	struct looked was, now = {.found = best != NULL};
	struct buf old;
	int rc = -1;

	buf_init(&old, LIMIT_RECORD);
	if (store_looked(k->agent->store, k->address, &old, &was, err) == -1)
		goto out;
	now.at = clock_now().wall;
	now.ended = was.found && !now.found ? now.at : was.ended;
	if (best != NULL) {
		memcpy(now.fingerprint, best->fingerprint, FINGERPRINT);
		now.etag = buf_text(&k->etag);
		now.fresh = http_fresh(now.at, k->max_age, FOUND_USUAL,
		    FOUND_LEAST, FOUND_MOST);
	} else {
		now.fresh = http_fresh(now.at, k->max_age, NONE_USUAL,
		    NONE_LEAST, NONE_MOST);
	}
	if (FAULT("agent.looked"))
		err_set(err, ERR_IO, "fault agent.looked");
	else
		rc = store_put_looked(k->agent->store, k->address, &now, err);
out:
	buf_clear(&old);
	return (rc);
}

static void
finish_none(struct asking *k)
{
	struct err err = {.code = ERR_OK};

	(void)remember(k, NULL, &err);
	finish(k, &err);
}

/* What came of one verification. */
struct sifted {
	struct cert_rec best; /* borrowed from the list */
	bool any;
	bool ours;    /* at least one names the address */
	bool unknown; /* at least one whose revocation is not known */
	struct err why;
};

static int
sift(struct asking *k, struct str list, struct sifted *s, struct err *err)
{
	struct cert_rec c;
	struct rec in;
	int got;

	memset(s, 0, sizeof(*s));
	rec_init(&in, list);
	while ((got = cert_rec_get(&in, &c, err)) == 1) {
		s->ours = s->ours || certlist_names(&c, k->address);
		if (c.verdict.code != ERR_OK) {
			s->unknown |= c.verdict.code == ERR_UNAVAILABLE;
			s->why = c.verdict;
			continue;
		}
		if (!certlist_names(&c, k->address) ||
		    (c.usage & USAGE_ENCRYPT) == 0)
			continue;
		if (store_put(k->agent->store, &c, TRUST_DISCOVERED,
		        clock_now().wall, err) == -1)
			return (-1);
		if (!s->any || c.not_before > s->best.not_before)
			s->best = c;
		s->any = true;
	}
	return (got == -1 ? -1 : 0);
}

static void
settle(struct asking *k, struct str list)
{
	struct err err = {.code = ERR_OK};
	struct sifted s;

	if (sift(k, list, &s, &err) == -1) {
		finish(k, &err);
		return;
	}
	if (!s.any && s.why.code != ERR_OK)
		log_info("directory address=%s refused=%s",
		    log_addr(k->address), log_str(str_c(s.why.text)));
	if (!s.any)
		k->max_age = -1; /* it was said of another answer than "none" */
	if (!s.any && s.unknown)
		err = s.why;
	else if (!s.any && !s.ours)
		err_set(&err, ERR_PEER,
		    "the directory answered for another address");
	else
		(void)remember(k, s.any ? &s.best : NULL, &err);
	finish(k, &err);
}

/* --- in the order of time --- */

static void verify_found(struct asking *);

static void
on_list(const struct err *err, void *arg)
{
	struct asking *k = arg;

	k->list = NULL;
	if (err->code != ERR_OK) {
		log_warn("revocations reason=%s", log_str(str_c(err->text)));
		k->lists = LISTS; /* once is enough */
	}
	verify_found(k);
}

/*
 * Certificates may name a place that is reached without TLS (RFC 5280 8).
 * Nobody is spoken to but the cloud, and it has the same under its own
 * address: the issuer if that is not known yet, else the list.  Whether it is
 * what was missing the verifier will see.
 */
static void
put_near(struct asking *k, struct buf *out)
{
	const char *base = http_url(k->agent->http);
	struct crl_rec c;
	struct buf url, old;
	bool known;

	buf_init(&url, LIMIT_RECORD);
	buf_init(&old, CRL_MAX + LIMIT_RECORD);
	buf_printf(&url, "%s/ca", base);
	known = k->near_ca ||
	        (!k->near_crl && store_crl(k->agent->store, buf_text(&url),
	                             &old, &c, NULL) == 1);
	buf_clear(&old);
	buf_clear(&url);
	k->near_ca = k->near_ca || !known;
	k->near_crl = k->near_crl || known;
	buf_printf(out, "%s/%s", base, known ? "crl" : "ca");
}

/* Fetch a list first; false if that cannot be done. */
static bool
fetch_list(struct asking *k, struct str url, struct err *err)
{
	struct buf near;

	if (k->lists++ >= LISTS)
		return (false);
	buf_init(&near, LIMIT_RECORD);
	if (k->agent->http != NULL &&
	    !acme_same_origin(url, str_c(http_url(k->agent->http)))) {
		put_near(k, &near);
		url = buf_text(&near);
	}
	k->list = crl_fetch(k->agent, url, on_list, k, err);
	buf_clear(&near);
	return (k->list != NULL);
}

/* 3. The verifier has judged. */
static void
on_verdicts(const struct str *list, struct str crl, const struct err *why,
    void *arg)
{
	struct asking *k = arg;
	struct err err = {.code = ERR_OK};

	k->verify = NULL;
	if (list == NULL)
		finish(k, why);
	else if (crl.len > 0 && fetch_list(k, crl, &err))
		return;
	else if (err.code != ERR_OK)
		finish(k, &err);
	else
		settle(k, *list);
}

/* 2. There are certificates. */
static void
verify_found(struct asking *k)
{
	struct verify_req q = {.usage = USAGE_ENCRYPT, .revocation = true};
	struct blob *crls;
	struct err err;
	struct buf url;
	bool waits;

	buf_init(&url, LIMIT_RECORD);
	waits = k->lists == 0 && crl_due(k->agent, &url) &&
	        fetch_list(k, buf_text(&url), &err);
	buf_clear(&url);
	if (waits)
		return;
	crls = crl_all(k->agent);
	q.address = k->address;
	q.time = clock_now().wall;
	k->verify =
	    verify_start(k->agent->self, &q, k->found, crls, on_verdicts, k);
	blob_unref(crls);
	if (k->verify != NULL)
		return;
	err_set(&err, ERR_MEMORY, "no memory for a look-up");
	finish(k, &err);
}

/* What the directory gave before, as it is in pub/ (it said: unchanged). */
static void
take_old(struct asking *k, struct buf *out, struct err *err)
{
	struct certlist_item items[CERTLIST_MAX];
	struct buf text;
	size_t i, n;

	buf_init(&text, SIZE_MAX);
	if (store_find(k->agent->store, k->address, &text, items, &n, err) == 0)
		for (i = 0; i < n; i++)
			if (items[i].trust == TRUST_DISCOVERED)
				pem_cert_put(items[i].c.der, out);
	buf_clear(&text);
	if (err->code == ERR_OK && out->len == 0)
		err_set(err, ERR_PEER,
		    "the directory says that nothing "
		    "changed, but there was nothing");
}

static void
take_body(const struct http_answer *a, struct buf *out, struct err *err)
{
	if (str_istarts(a->type, STR("multipart/mixed")))
		(void)multipart_certs(a->type, a->body, out, err);
	else if (str_istarts(a->type, STR("application/pkix-cert")))
		buf_str(out, a->body);
	else
		err_set(err, ERR_PEER,
		    "the directory's answer is of an "
		    "unknown type");
}

/* 1. The directory has answered. */
static void
on_answer(const struct http_answer *a, const struct err *why, void *arg)
{
	struct asking *k = arg;
	struct err err = {.code = ERR_OK};
	struct buf found;

	k->http = NULL;
	if (a == NULL) {
		if (why->code == ERR_TIMEOUT)
			k->agent->silent = clock_now().mono + SILENCE_MS;
		finish(k, why);
		return;
	}
	k->max_age = a->max_age;
	buf_reset(&k->etag);
	buf_str(&k->etag, a->etag);
	if (a->status == 404) {
		finish_none(k);
		return;
	}
	buf_init(&found, 2 * ANSWER_MAX);
	if (a->status == 200)
		take_body(a, &found, &err);
	else if (a->status == 304)
		take_old(k, &found, &err);
	else
		err_set(&err, ERR_UNAVAILABLE,
		    "the directory answered with status %u", a->status);
	if (err.code == ERR_OK && (k->found = blob_take(&found)) == NULL)
		err_set(&err, ERR_LIMIT, "the directory's answer is too large");
	buf_clear(&found);
	if (err.code == ERR_OK)
		verify_found(k);
	else
		finish(k, &err);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct asking *k = arg;
	struct err err;

	(void)fd;
	(void)what;
	err_set(&err, ERR_TIMEOUT, "the %s did not answer in time",
	    k->verify != NULL ? "verifier" : "directory");
	if (k->verify == NULL)
		k->agent->silent = clock_now().mono + SILENCE_MS;
	finish(k, &err);
}

/* Everything but letters, digits and -._~ (RFC 3986 2.3). */
static void
put_escaped(struct buf *out, struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (memchr("abcdefghijklmnopqrstuvwxyz0123456789-._~",
		        ascii_lower(s.p[i]), 40) != NULL)
			buf_putc(out, s.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)s.p[i]);
}

static int
send_question(struct asking *k, struct err *err)
{
	struct http_ask ask = {.deadline_ms = DEADLINE_MS, .max = ANSWER_MAX};
	struct buf url, old;
	struct looked was;

	buf_init(&url, LIMIT_RECORD);
	buf_init(&old, LIMIT_RECORD);
	buf_puts(&url, http_url(k->agent->http));
	buf_puts(&url, "/search?email=");
	put_escaped(&url, k->address);
	ask.url = buf_text(&url);
	ask.accept = "application/pkix-cert, multipart/mixed";
	if (store_looked(k->agent->store, k->address, &old, &was, NULL) == 1 &&
	    was.found)
		ask.etag = was.etag;
	k->http = http_start(k->agent->http, &ask, on_answer, k, err);
	buf_clear(&old);
	buf_clear(&url);
	return (k->http != NULL ? 0 : -1);
}

static struct asking *
start(struct agent *a, struct str address, struct err *err)
{
	struct timeval tv = {DEADLINE_MS / 1000, DEADLINE_MS % 1000 * 1000};
	struct asking *k;

	if (a->naskings >= ASKINGS || (k = calloc(1, sizeof(*k))) == NULL) {
		err_set(err, ERR_UNAVAILABLE, "too many look-ups at once");
		return (NULL);
	}
	LIST_INSERT_HEAD(&a->askings, k, next);
	a->naskings++;
	k->agent = a;
	SLIST_INIT(&k->waiters);
	buf_init(&k->etag, LIMIT_ADDRESS);
	memcpy(k->space, address.p, address.len);
	k->address = str_of(k->space, address.len);
	k->late = evtimer_new(a->self->base, on_late, k);
	if (k->late == NULL || event_add(k->late, &tv) == -1)
		err_set(err, ERR_MEMORY, "no memory for a look-up");
	else if (send_question(k, err) == 0)
		return (k);
	asking_free(k);
	return (NULL);
}

int
src_cloud_ask(struct agent *a, struct str address, src_cloud_fn *done,
    void *arg, struct err *err)
{
	struct waiter *w = NULL;
	struct asking *k;

	if (a->http == NULL || address.len > LIMIT_ADDRESS) {
		err_set(err, ERR_UNAVAILABLE, "there is no cloud");
		return (-1);
	}
	if (clock_now().mono < a->silent) {
		err_set(err, ERR_UNAVAILABLE, "the cloud does not answer");
		return (-1);
	}
	if (done != NULL && (w = calloc(1, sizeof(*w))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a look-up");
		return (-1);
	}
	LIST_FOREACH (k, &a->askings, next)
		if (str_eq(k->address, address))
			break;
	if (k == NULL && (k = start(a, address, err)) == NULL) {
		free(w);
		return (-1);
	}
	if (w != NULL) {
		w->done = done;
		w->arg = arg;
		SLIST_INSERT_HEAD(&k->waiters, w, next);
	}
	return (0);
}

void
src_cloud_abandon(struct agent *a)
{
	struct asking *k;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "the look-up was given up");
	while ((k = LIST_FIRST(&a->askings)) != NULL)
		finish(k, &err);
}
