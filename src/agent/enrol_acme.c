/* The steps that speak ACME (RFC 8555 7, RFC 8823 3). */
#include "config.h"

#include <string.h>

#include "agent/enrol_priv.h"
#include "agent/renew.h"
#include "base/clock.h"
#include "base/limits.h"
#include "sys/log.h"

/* An authorization that was not settled after so many looks never will be. */
#define POLLS_MAX 40

/* How often the release log is looked at: at a login, and without one. */
#define WATCH_SEEN_S 15
#define WATCH_S      (6 * 3600)

/* Certificates are not renewed more often. */
#define AGAIN_LEAST_S 3600

/* If nobody knows whether an answer left, it is sent again after so many looks
 * at the authorization. */
#define UNSURE_POLLS 8

/*
 * A challenge can be genuine and not ours: somebody else, or another device of
 * the user, has ordered for the same mailbox.  When the answer to one did not
 * count after so many looks, another is looked for, so often.
 */
#define OTHER_POLLS 8
#define OTHERS_MAX  5

/* An order whose challenge has not come by then is given up: mail servers may
 * keep a first mail waiting for a quarter of an hour. */
#define NO_MAIL_S ((int64_t)3600)

/* The cloud answered, but not what was hoped for. */
static void
refused(struct enrol *e, const struct posted *p, const struct err *err)
{
	struct err bad;

	if (!str_eq(p->problem, STR("accountDoesNotExist"))) {
		enrol_retry(e, err, p->retry_after);
		return;
	}
	/* the cloud forgot us: begin at the beginning */
	if (enrol_keep_kid(e, STR(""), &bad) == -1)
		log_error("enrol reason=%s", log_str(str_c(bad.text)));
	e->step = STEP_ACCOUNT;
	enrol_retry(e, err, p->retry_after);
}

/* Is what was ordered gone at the cloud? */
static bool
is_gone(const struct posted *p, const struct err *err)
{
	return (p->a == NULL && err->code == ERR_DENIED &&
	        !str_eq(p->problem, STR("accountDoesNotExist")) &&
	        !str_eq(p->problem, STR("badNonce")) &&
	        !str_eq(p->problem, STR("rateLimited")));
}

/* Is there an answer?  If not, that is dealt with. */
static bool
is_answered(struct enrol *e, const struct posted *p, const struct err *why)
{
	e->post = NULL;
	if (p->a != NULL)
		return (true);
	if (e->step != STEP_ORDER && is_gone(p, why))
		enrol_restart(e, why);
	else
		refused(e, p, why);
	return (false);
}

/* The order in an answer, if it is ours, goes to take(). */
static void
with_order(struct enrol *e, const struct posted *p, const struct err *why,
    void (*take)(struct enrol *, const struct posted *,
        const struct acme_order *))
{
	struct acme_order o;
	struct arena arena;
	struct err err;

	if (!is_answered(e, p, why))
		return;
	arena_init(&arena, 2 * ACME_JSON_MAX);
	if (acme_order_get(p->a->body, &arena, &o, &err) == -1) {
		err_prefix(&err, "the order");
		enrol_retry(e, &err, -1);
	} else if (!str_ieq(o.identifier, enrol_str(e, "address"))) {
		err_set(&err, ERR_PEER,
		    "the cloud's order is for another address");
		enrol_retry(e, &err, -1);
	} else
		take(e, p, &o);
	arena_clear(&arena);
}

/* The same with an authorization. */
static void
with_authz(struct enrol *e, const struct posted *p, const struct err *why,
    void (*take)(struct enrol *, const struct posted *,
        const struct acme_authz *))
{
	struct acme_authz z;
	struct arena arena;
	struct err err;

	if (!is_answered(e, p, why))
		return;
	arena_init(&arena, 2 * ACME_JSON_MAX);
	if (acme_authz_get(p->a->body, &arena, &z, &err) == -1) {
		err_prefix(&err, "the authorization");
		enrol_retry(e, &err, -1);
	} else if (!str_ieq(z.identifier, enrol_str(e, "address"))) {
		err_set(&err, ERR_PEER,
		    "the cloud's authorization is for another address");
		enrol_retry(e, &err, -1);
	} else
		take(e, p, &z);
	arena_clear(&arena);
}

static void
lost(struct enrol *e, const char *what, enum acme_status status,
    struct str problem)
{
	struct err err;

	err_set(&err, ERR_DENIED, "%s is %s%s%.*s", what,
	    acme_status_word(status), problem.len > 0 ? ": " : "",
	    (int)(problem.len < 150 ? problem.len : 150), problem.p);
	enrol_restart(e, &err);
}

/* --- account (RFC 8555 7.3) --- */

static void
on_account(const struct posted *p, const struct err *why, void *arg)
{
	struct enrol *e = arg;
	struct err err;

	e->post = NULL;
	if (p->a == NULL) {
		enrol_retry(e, why, p->retry_after);
		return;
	}
	if (!acme_same_origin(p->a->location, str_c(http_url(e->agent->http))))
		err_set(&err, ERR_PEER,
		    "the cloud gave the account no URL of "
		    "its own");
	else if (enrol_keep_kid(e, p->a->location, &err) == 0) {
		enrol_next(e, STEP_ORDER);
		return;
	}
	enrol_retry(e, &err, -1);
}

void
step_account(struct enrol *e)
{
	struct err err;
	struct buf kid;
	int rc;

	buf_init(&kid, LIMIT_RECORD);
	rc = enrol_kid(e->agent, enrol_str(e, "account"), &kid, &err);
	buf_clear(&kid);
	if (rc == -1)
		enrol_retry(e, &err, -1);
	else if (rc == 1)
		enrol_next(e, STEP_ORDER);
	else
		enrol_post(e, POST_NEW_ACCOUNT, JWS_NEW_ACCOUNT, STR(""),
		    on_account);
}

/* --- order (RFC 8555 7.4) --- */

/* But earlier orders may have left their challenges. */
static void
nothing_to_prove(struct enrol *e)
{
	enrol_next(e, enrol_untidy(e) ? STEP_TIDY : STEP_FINALIZE);
}

static void
take_new_order(struct enrol *e, const struct posted *p,
    const struct acme_order *o)
{
	struct err err;

	if (!acme_same_origin(p->a->location,
	        str_c(http_url(e->agent->http)))) {
		err_set(&err, ERR_PEER, "the order has no URL of the cloud's");
		enrol_retry(e, &err, -1);
		return;
	}
	enrol_set_str(e, "order", p->a->location);
	enrol_set_str(e, "authorization", o->authorization);
	enrol_set_str(e, "finalize", o->finalize);
	enrol_stray(e);
	enrol_unset(e, "answered");
	enrol_unset(e, "unsure");
	enrol_unset(e, "token1");
	enrol_unset(e, "tried");
	enrol_unset(e, "others");
	enrol_set_num(e, "ordered", clock_now().wall);
	/* validated a short while ago, and that still counts */
	if (o->status == ACME_READY)
		nothing_to_prove(e);
	else
		enrol_next(e, STEP_AUTHZ);
}

static void
on_order(const struct posted *p, const struct err *why, void *arg)
{
	with_order(arg, p, why, take_new_order);
}

void
step_order(struct enrol *e)
{
	enrol_post(e, POST_NEW_ORDER, JWS_NEW_ORDER, STR(""), on_order);
}

/* --- authorization (RFC 8555 7.5, RFC 8823 3) --- */

static void
valid(struct enrol *e)
{
	enrol_set_num(e, "validated", clock_now().wall);
	enrol_next(e, STEP_TIDY);
}

static bool
is_overdue(const struct enrol *e)
{
	return (enrol_num(e, "ordered") != 0 &&
	        json_object_get(e->rec, "tried") == NULL &&
	        clock_now().wall > enrol_num(e, "ordered") + NO_MAIL_S);
}

static void
take_authz(struct enrol *e, const struct posted *p, const struct acme_authz *z)
{
	struct err err;

	(void)p;
	switch (z->status) {
	case ACME_VALID:
		/* when it was is not told */
		nothing_to_prove(e);
		return;
	case ACME_PENDING:
		if (is_overdue(e)) {
			err_set(&err, ERR_TIMEOUT, "no challenge mail came");
			enrol_restart(e, &err);
			return;
		}
		enrol_set_str(e, "challenge", z->challenge);
		enrol_set_str(e, "token2", z->token2);
		enrol_set_str(e, "from", z->from);
		enrol_next(e, json_is_true(json_object_get(e->rec, "answered"))
		                  ? STEP_RESPOND
		                  : STEP_FIND);
		return;
	case ACME_READY:
	case ACME_PROCESSING:
	case ACME_INVALID:
	case ACME_DEACTIVATED:
	case ACME_EXPIRED:
	case ACME_REVOKED:
		break;
	}
	lost(e, "the authorization", z->status, z->problem);
}

static void
on_authz(const struct posted *p, const struct err *why, void *arg)
{
	with_authz(arg, p, why, take_authz);
}

void
step_authz(struct enrol *e)
{
	enrol_post(e, POST_URL, JWS_GET, enrol_str(e, "authorization"),
	    on_authz);
}

/* --- the challenge was answered (RFC 8555 7.5.1) --- */

static void
on_responded(const struct posted *p, const struct err *why, void *arg)
{
	struct enrol *e = arg;

	e->post = NULL;
	/* whether it counts is seen in the authorization */
	if (p->a != NULL || is_gone(p, why))
		enrol_next(e, STEP_VALID);
	else
		refused(e, p, why);
}

void
step_respond(struct enrol *e)
{
	enrol_post(e, POST_URL, JWS_CHALLENGE, enrol_str(e, "challenge"),
	    on_responded);
}

static void
take_validity(struct enrol *e, const struct posted *p,
    const struct acme_authz *z)
{
	if (z->status == ACME_VALID)
		valid(e);
	else if (z->status == ACME_PENDING && e->polls >= UNSURE_POLLS &&
	         json_is_true(json_object_get(e->rec, "unsure"))) {
		enrol_unset(e, "unsure");
		enrol_unset(e, "answered");
		enrol_next(e, STEP_ANSWER);
	} else if (z->status == ACME_PENDING && e->polls == OTHER_POLLS &&
	           enrol_num(e, "others") < OTHERS_MAX) {
		enrol_set_num(e, "others", enrol_num(e, "others") + 1);
		enrol_unset(e, "answered");
		enrol_next(e, STEP_FIND);
	} else if (z->status == ACME_PENDING && e->polls < POLLS_MAX)
		enrol_poll(e, p->retry_after);
	else
		lost(e, "the authorization", z->status, z->problem);
}

static void
on_validity(const struct posted *p, const struct err *why, void *arg)
{
	with_authz(arg, p, why, take_validity);
}

void
step_valid(struct enrol *e)
{
	enrol_post(e, POST_URL, JWS_GET, enrol_str(e, "authorization"),
	    on_validity);
}

/* --- the order is made into a certificate (RFC 8555 7.4) --- */

static void on_state(const struct posted *, const struct err *, void *);

static void
take_order(struct enrol *e, const struct posted *p, const struct acme_order *o)
{
	switch (o->status) {
	case ACME_READY:
		enrol_post(e, POST_URL, JWS_FINALIZE, enrol_str(e, "finalize"),
		    on_state);
		return;
	case ACME_PROCESSING:
	case ACME_PENDING:
		if (e->polls >= POLLS_MAX)
			break;
		enrol_poll(e, p->retry_after);
		return;
	case ACME_VALID:
		enrol_set_str(e, "certificate", o->certificate);
		enrol_next(e, STEP_CERT);
		return;
	case ACME_INVALID:
	case ACME_DEACTIVATED:
	case ACME_EXPIRED:
	case ACME_REVOKED:
		break;
	}
	lost(e, "the order", o->status, o->problem);
}

static void
on_state(const struct posted *p, const struct err *why, void *arg)
{
	with_order(arg, p, why, take_order);
}

/* Whatever happened before: the order knows. */
void
step_finalize(struct enrol *e)
{
	enrol_post(e, POST_URL, JWS_GET, enrol_str(e, "order"), on_state);
}

/* --- until it is time again --- */

/* When the certificate of that use is to be renewed; 0: there is none. */
static int64_t
due(const struct enrol *e, const char *use)
{
	const json_t *c = json_object_get(e->rec, use);

	if (!json_is_object(c))
		return (0);
	return (renew_at(json_integer_value(json_object_get(c, "not_before")),
	    json_integer_value(json_object_get(c, "not_after")),
	    (uint32_t)json_integer_value(json_object_get(c, "random"))));
}

void
step_done(struct enrol *e)
{
	int64_t now = clock_now().wall, at = due(e, "sign"), other, watch;

	if (e->near && enrol_untidy(e)) {
		enrol_rest(e);
		return;
	}
	if ((other = due(e, "encrypt")) != 0 && (at == 0 || other < at))
		at = other;
	/* whatever the certificates of a strange cloud say */
	if (at != 0 && at < enrol_num(e, "completed") + AGAIN_LEAST_S)
		at = enrol_num(e, "completed") + AGAIN_LEAST_S;
	watch = enrol_num(e, "watched") + (e->seen ? WATCH_SEEN_S : WATCH_S);
	if (now < at || at == 0) {
		if (json_object_get(e->rec, "encrypt") == NULL)
			watch = now + WATCH_S;
		e->seen = false;
		if (now >= watch)
			enrol_watch(e);
		else
			enrol_poll(e,
			    (at != 0 && at < watch ? at : watch) - now);
		return;
	}
	/* without a fresh validation a challenge mail would come, and nobody
	 * is there to answer it */
	if (!e->seen && enrol_num(e, "validated") + RENEW_VALIDATION_S < now) {
		enrol_set_str(e, "error", STR("renewal waits for a login"));
		enrol_poll(e, 3600);
		return;
	}
	enrol_next(e, STEP_ACCOUNT);
}
