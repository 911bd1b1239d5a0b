#include "config.h"

#include "agent/post.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proto/op.h"
#include "sys/log.h"

/* A directory says rarely anything new. */
#define DIRECTORY_S 3600

/* A cloud that signs certificates may take its time, a sealer that makes keys
 * too. */
#define HTTP_MS 30000
#define JWS_MS  20000

#define NONCE_MAX 512

struct post {
	LIST_ENTRY(post) next;
	struct agent *agent;
	enum post_to to;
	struct jws_req q;
	struct buf url, kid, account, address; /* what q borrows from; owned */
	const char *accept;
	size_t max;
	bool again; /* after badNonce */
	struct event *begin;
	/* what is under way: one of them */
	struct http_req *http;
	struct ipc *asked;
	uint32_t id;
	post_fn *done;
	void *arg;
};

void
directory_init(struct directory *d)
{
	memset(d, 0, sizeof(*d));
	arena_init(&d->arena, ACME_JSON_MAX);
	buf_init(&d->nonce, NONCE_MAX);
}

void
directory_clear(struct directory *d)
{
	arena_clear(&d->arena);
	buf_clear(&d->nonce);
	directory_init(d);
}

void
post_cancel(struct post *p)
{
	if (p == NULL)
		return;
	http_cancel(p->http);
	if (p->id != 0)
		ipc_forget(p->asked, p->id);
	if (p->begin != NULL)
		event_free(p->begin);
	LIST_REMOVE(p, next);
	buf_clear(&p->url);
	buf_clear(&p->kid);
	buf_clear(&p->account);
	buf_clear(&p->address);
	free(p);
}

static void
finish(struct post *p, const struct posted *posted, const struct err *err)
{
	p->done(posted, err, p->arg);
	post_cancel(p);
}

static void
fail(struct post *p, const struct err *err)
{
	const struct posted none = {.retry_after = -1};

	finish(p, &none, err);
}

static void
keep_nonce(struct post *p, const struct http_answer *a)
{
	struct buf *nonce = &p->agent->directory.nonce;

	buf_reset(nonce);
	buf_str(nonce, a->nonce);
	if (nonce->failed)
		buf_reset(nonce);
}

static struct str
directory_url(const struct post *p)
{
	const struct acme_directory *d = &p->agent->directory.urls;

	switch (p->to) {
	case POST_NEW_ACCOUNT:
		return (d->new_account);
	case POST_NEW_ORDER:
		return (d->new_order);
	case POST_REVOKE:
		return (d->revoke_cert);
	case POST_KEYS:
		return (d->kms_keys);
	case POST_LOG:
		return (d->kms_log);
	case POST_URL:
		break;
	}
	return (buf_text(&p->url));
}

static void proceed(struct post *);

/* --- 4. the answer --- */

/* What a problem document (RFC 7807) means to us. */
static void
read_problem(const struct http_answer *a, struct arena *arena,
    struct posted *posted, struct err *err)
{
	struct acme_problem problem;
	char type[80], detail[160];

	posted->retry_after = a->retry_after;
	if (acme_problem_get(a->body, arena, &problem, err) == -1) {
		err_set(err, a->status >= 500 ? ERR_UNAVAILABLE : ERR_PEER,
		    "cloud: status %u", a->status);
		return;
	}
	posted->problem = problem.type;
	err_set(err,
	    a->status >= 500 || a->status == 429 ? ERR_UNAVAILABLE : ERR_DENIED,
	    "cloud: status %u: %s: %s", a->status,
	    err_escape(type, sizeof(type), problem.type),
	    err_escape(detail, sizeof(detail), problem.detail));
}

static void
on_posted(const struct http_answer *a, const struct err *why, void *arg)
{
	struct posted posted = {.retry_after = -1};
	struct err err = {.code = ERR_OK};
	struct post *p = arg;
	struct arena arena;

	p->http = NULL;
	if (a == NULL) {
		/* another may be there next time */
		p->agent->directory.fresh = 0;
		fail(p, why);
		return;
	}
	keep_nonce(p, a);
	if (a->status >= 200 && a->status < 300) {
		posted.a = a;
		posted.retry_after = a->retry_after;
		finish(p, &posted, NULL);
		return;
	}
	arena_init(&arena, ACME_JSON_MAX);
	read_problem(a, &arena, &posted, &err);
	if (!p->again && str_eq(posted.problem, STR("badNonce"))) {
		p->again = true;
		proceed(p);
	} else {
		finish(p, &posted, &err);
	}
	arena_clear(&arena);
}

/* --- 3. the sealer's JWS --- */

static void
on_jws(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct http_ask ask = {.verb = HTTP_POST,
	    .type = "application/jose+json",
	    .deadline_ms = HTTP_MS};
	struct post *p = arg;
	struct jws_ans ans;
	struct err err = {.code = ERR_OK};

	p->id = 0;
	if (msg == NULL) {
		fail(p, why);
		return;
	}
	if (jws_ans_get(msg->body, &ans, &err) == 0)
		err = ans.err;
	if (err.code == ERR_OK) {
		ask.url = directory_url(p);
		ask.body = ans.jws;
		ask.accept = p->accept;
		ask.max = p->max;
		p->http = http_start(p->agent->http, &ask, on_posted, p, &err);
	}
	if (p->http == NULL)
		fail(p, &err);
}

static void
ask_jws(struct post *p)
{
	struct jws_req q = p->q;
	struct buf body;
	struct err err;

	q.url = directory_url(p);
	q.kid = buf_text(&p->kid);
	q.account = buf_text(&p->account);
	q.address = buf_text(&p->address);
	q.nonce = buf_text(&p->agent->directory.nonce);
	buf_init(&body, LIMIT_RECORD);
	jws_req_put(&body, &q);
	/* it is good for one question */
	buf_reset(&p->agent->directory.nonce);
	p->asked = role_link(p->agent->self, ROLE_SEALER);
	if (p->asked != NULL && !body.failed)
		p->id = ipc_ask(p->asked, OP_JWS, buf_text(&body), NULL, 0,
		    JWS_MS, on_jws, p);
	buf_clear(&body);
	if (p->id != 0)
		return;
	err_set(&err, ERR_UNAVAILABLE, "the sealer is not there");
	fail(p, &err);
}

/* --- 2. a nonce --- */

static void
on_nonce(const struct http_answer *a, const struct err *why, void *arg)
{
	struct post *p = arg;
	struct err err;

	p->http = NULL;
	if (a == NULL) {
		fail(p, why);
		return;
	}
	keep_nonce(p, a);
	if (p->agent->directory.nonce.len > 0) {
		proceed(p);
		return;
	}
	err_set(&err, ERR_PEER, "the cloud gives no nonce");
	fail(p, &err);
}

/* --- 1. the directory --- */

static void
on_directory(const struct http_answer *a, const struct err *why, void *arg)
{
	struct post *p = arg;
	struct directory *d = &p->agent->directory;
	struct err err = {.code = ERR_OK};

	p->http = NULL;
	if (a == NULL) {
		fail(p, why);
		return;
	}
	directory_clear(d);
	if (a->status != 200)
		err_set(&err, ERR_UNAVAILABLE,
		    "the cloud's directory: status %u", a->status);
	else if (acme_directory_get(a->body, &d->arena, &d->urls, &err) == 0) {
		d->fresh = clock_now().wall + DIRECTORY_S;
		proceed(p);
		return;
	} else
		err_prefix(&err, "the cloud's directory");
	fail(p, &err);
}

static void
get(struct post *p, enum http_verb verb, struct str url, http_fn *fn)
{
	struct http_ask ask = {.verb = verb,
	    .url = url,
	    .deadline_ms = HTTP_MS,
	    .max = ACME_JSON_MAX};
	struct err err;

	if ((p->http = http_start(p->agent->http, &ask, fn, p, &err)) == NULL)
		fail(p, &err);
}

/* Whatever comes next. */
static void
proceed(struct post *p)
{
	struct directory *d = &p->agent->directory;
	struct buf url;
	struct err err;

	if (d->fresh <= clock_now().wall) {
		buf_init(&url, LIMIT_RECORD);
		buf_puts(&url, http_url(p->agent->http));
		buf_puts(&url, "/acme/directory");
		get(p, HTTP_GET, buf_text(&url), on_directory);
		buf_clear(&url);
	} else if (directory_url(p).len == 0) {
		err_set(&err, ERR_UNSUPPORTED, "the cloud does not offer that");
		fail(p, &err);
	} else if (!acme_same_origin(directory_url(p),
	               str_c(http_url(p->agent->http)))) {
		d->fresh = 0; /* it may say something else next time */
		err_set(&err, ERR_DENIED,
		    "the cloud gave a URL of another origin");
		fail(p, &err);
	} else if (d->nonce.len == 0) {
		get(p, HTTP_HEAD, d->urls.new_nonce, on_nonce);
	} else {
		ask_jws(p);
	}
}

static void
on_begin(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	proceed(arg);
}

static void
copy(struct buf *b, struct str s)
{
	buf_init(b, LIMIT_RECORD);
	buf_str(b, s);
}

struct post *
post_start(struct agent *a, const struct post_ask *ask, post_fn *done,
    void *arg, struct err *err)
{
	struct post *p;

	if (a->http == NULL) {
		err_set(err, ERR_UNSUPPORTED, "there is no [cloud] url");
		return (NULL);
	}
	if ((p = calloc(1, sizeof(*p))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a request");
		return (NULL);
	}
	LIST_INSERT_HEAD(&a->posts, p, next);
	p->agent = a;
	p->to = ask->to;
	p->q = ask->q;
	copy(&p->url, ask->q.url);
	copy(&p->kid, ask->q.kid);
	copy(&p->account, ask->q.account);
	copy(&p->address, ask->q.address);
	p->accept = ask->accept;
	p->max = ask->max;
	p->done = done;
	p->arg = arg;
	p->begin = evtimer_new(a->self->base, on_begin, p);
	if (p->begin == NULL) {
		post_cancel(p);
		err_set(err, ERR_MEMORY, "no memory for a request");
		return (NULL);
	}
	event_active(p->begin, EV_TIMEOUT, 0);
	return (p);
}

void
post_abandon(struct agent *a)
{
	struct post *p;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "the cloud is another now");
	while ((p = LIST_FIRST(&a->posts)) != NULL)
		fail(p, &err);
}
