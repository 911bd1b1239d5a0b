#include "config.h"

#include "agent/crl.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

/* How long a list is used without asking: as its server says, within these
 * bounds.  It shows how late a revocation may be noticed. */
#define FRESH_LEAST 60
#define FRESH_MOST  86400
#define FRESH_USUAL 3600

/* It must not eat the time that a look-up has. */
#define FETCH_MS 2500

/* After a failure, others do not wait for it again at once. */
#define PAUSE_S 30

struct crl_fetch {
	struct agent *agent;
	struct http_req *http;
	struct buf url; /* owned */
	crl_fn *done;
	void *arg;
};

void
crl_cancel(struct crl_fetch *f)
{
	if (f == NULL)
		return;
	http_cancel(f->http);
	buf_clear(&f->url);
	free(f);
}

static int
keep(struct crl_fetch *f, const struct http_answer *a, struct err *err)
{
	struct store *st = f->agent->store;
	int64_t now = clock_now().wall;
	struct crl_rec c;
	struct buf old;
	int rc = -1;

	buf_init(&old, CRL_MAX + LIMIT_RECORD);
	if (store_crl(st, buf_text(&f->url), &old, &c, err) == -1)
		goto out;
	if (a->status == 200) {
		c.der = a->body;
		c.etag = a->etag;
	} else if (a->status != 304 || c.der.len == 0) {
		err_set(err, ERR_PEER,
		    "cloud: status %u for the list of "
		    "revocations",
		    a->status);
		goto out;
	}
	c.at = now;
	c.fresh =
	    http_fresh(now, a->max_age, FRESH_USUAL, FRESH_LEAST, FRESH_MOST);
	rc = store_put_crl(st, buf_text(&f->url), &c, err);
out:
	buf_clear(&old);
	return (rc);
}

/* The one we have may still do: its own dates decide. */
static void
pause(struct crl_fetch *f)
{
	struct crl_rec c;
	struct buf old;

	buf_init(&old, CRL_MAX + LIMIT_RECORD);
	if (store_crl(f->agent->store, buf_text(&f->url), &old, &c, NULL) ==
	    1) {
		c.fresh = clock_now().wall + PAUSE_S;
		(void)store_put_crl(f->agent->store, buf_text(&f->url), &c,
		    NULL);
	}
	buf_clear(&old);
}

static void
on_list(const struct http_answer *a, const struct err *why, void *arg)
{
	struct crl_fetch *f = arg;
	struct err err = {.code = ERR_OK};

	f->http = NULL; /* it goes by itself */
	if (a == NULL)
		err = *why;
	else
		(void)keep(f, a, &err);
	if (err.code != ERR_OK)
		pause(f);
	f->done(&err, f->arg);
	crl_cancel(f);
}

struct crl_fetch *
crl_fetch(struct agent *a, struct str url, crl_fn *done, void *arg,
    struct err *err)
{
	struct http_ask ask = {.url = url,
	    .deadline_ms = FETCH_MS,
	    .max = CRL_MAX};
	struct crl_fetch *f;
	struct crl_rec c;
	struct buf old;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a list");
		return (NULL);
	}
	f->agent = a;
	f->done = done;
	f->arg = arg;
	buf_init(&f->url, LIMIT_RECORD);
	buf_str(&f->url, url);
	buf_init(&old, CRL_MAX + LIMIT_RECORD);
	if (store_crl(a->store, url, &old, &c, NULL) == 1)
		ask.etag = c.etag;
	if (a->http == NULL)
		err_set(err, ERR_UNAVAILABLE, "there is no cloud");
	else
		f->http = http_start(a->http, &ask, on_list, f, err);
	buf_clear(&old);
	if (f->http != NULL)
		return (f);
	crl_cancel(f);
	return (NULL);
}

static int
is_due(struct str url, const struct crl_rec *c, void *arg)
{
	struct buf *out = arg;

	if (c->fresh > clock_now().wall)
		return (0);
	buf_str(out, url);
	return (1);
}

bool
crl_due(struct agent *a, struct buf *out)
{
	(void)store_walk_crls(a->store, is_due, out, NULL);
	return (out->len > 0);
}

static int
add_list(struct str url, const struct crl_rec *c, void *arg)
{
	struct buf *out = arg;

	(void)url;
	rec_put_str(out, c->der);
	return (0);
}

struct blob *
crl_all(struct agent *a)
{
	struct buf all;
	struct blob *b;

	buf_init(&all, 4 * CRL_MAX);
	(void)store_walk_crls(a->store, add_list, &all, NULL);
	b = all.len > 0 ? blob_take(&all) : NULL;
	buf_clear(&all);
	return (b);
}
