/* How an enrolment goes from step to step: when, and whom it asks. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "agent/enrol_priv.h"
#include "agent/renew.h"
#include "base/clock.h"
#include "base/limits.h"
#include "proto/op.h"
#include "sys/fault.h"
#include "sys/log.h"

/* The wall clock may jump, so nothing sleeps longer; tests move it. */
#ifdef WAXWING_TEST_HOOKS
#define SLEEP_S 1
#else
#define SLEEP_S 60
#endif

/* No server's word makes us wait longer: it may have been a mistake. */
#define WAIT_MOST_S 86400

/* How often missing links are looked for. */
#define LINKS_MS 200

/* Making keys of 3072 bits takes a second; upstreams take longer. */
#define ASK_MS 60000

static const struct {
	const char *word;
	void (*go)(struct enrol *);
} steps[STEP_MAX] = {
    [STEP_ACCOUNT] = {"account", step_account},
    [STEP_ORDER] = {"order", step_order},
    [STEP_AUTHZ] = {"authorization", step_authz},
    [STEP_FIND] = {"find", step_find},
    [STEP_ANSWER] = {"answer", step_answer},
    [STEP_RESPOND] = {"respond", step_respond},
    [STEP_VALID] = {"validation", step_valid},
    [STEP_TIDY] = {"tidy", step_tidy},
    [STEP_FINALIZE] = {"finalize", step_finalize},
    [STEP_CERT] = {"certificate", step_cert},
    [STEP_KEYS] = {"keys", step_keys},
    [STEP_DONE] = {"done", step_done},
};

const char *
enrol_word(enum step step)
{
	return (steps[step].word);
}

void
enrol_sleep(struct enrol *e, int64_t next)
{
	struct timeval tv = {next - clock_now().wall, 0};

	if (tv.tv_sec > SLEEP_S)
		tv.tv_sec = SLEEP_S;
	if (tv.tv_sec <= 0)
		event_active(e->timer, EV_TIMEOUT, 0);
	else if (event_add(e->timer, &tv) == -1)
		log_error("enrol reason=\"no timer\"");
}

static uint32_t
random32(void)
{
	uint32_t r = 0;

	(void)crypt_random(&r, sizeof(r));
	return (r);
}

void
enrol_drop(struct enrol *e)
{
	post_cancel(e->post);
	verify_cancel(e->verify);
	txt_cancel(e->txt);
	if (e->id != 0)
		ipc_forget(e->asked, e->id);
	blob_unref(e->held);
	e->post = NULL;
	e->verify = NULL;
	e->txt = NULL;
	e->id = 0;
	e->held = NULL;
}

bool
enrol_busy(const struct enrol *e)
{
	return (e->post != NULL || e->verify != NULL || e->txt != NULL ||
	        e->id != 0);
}

void
enrol_retry(struct enrol *e, const struct err *err, int64_t after)
{
	int64_t tries = enrol_num(e, "tries") + 1, wait;
	struct err bad;

	enrol_drop(e);
	if (err->code == ERR_TIMEOUT) {
		/* what nobody else would notice for long */
		verify_check(e->agent->self);
		role_check(e->agent->self, ROLE_SEALER, LIMIT_SEAL_MS);
	}
	wait = renew_backoff(tries < 100 ? (unsigned)tries : 100, random32());
	if (after > wait)
		wait = after < WAIT_MOST_S ? after : WAIT_MOST_S;
	log_warn("enrol address=%s step=%s tries=%lld wait=%lld code=%s "
	         "reason=%s",
	    log_addr(enrol_str(e, "address")), steps[e->step].word,
	    (long long)tries, (long long)wait, err_word(err->code),
	    log_str(str_c(err->text)));
	enrol_set_num(e, "tries", tries);
	enrol_set_num(e, "next", clock_now().wall + wait);
	enrol_set_str(e, "error", str_c(err->text));
	/* the disk may be what failed */
	if (enrol_write(e, &bad) == -1)
		log_error("enrol reason=%s", log_str(str_c(bad.text)));
	enrol_sleep(e, enrol_num(e, "next"));
}

void
enrol_poll(struct enrol *e, int64_t after)
{
	int64_t wait = renew_poll(e->polls++);

	enrol_drop(e);
	if (after > wait)
		wait = after < WAIT_MOST_S ? after : WAIT_MOST_S;
	enrol_set_num(e, "next", clock_now().wall + wait);
	enrol_sleep(e, enrol_num(e, "next"));
}

int
enrol_save(struct enrol *e)
{
	struct err err;

	if (enrol_write(e, &err) == 0)
		return (0);
	enrol_retry(e, &err, -1);
	return (-1);
}

static void
enter(struct enrol *e, enum step step)
{
	log_debug("enrol address=%s step=%s", log_addr(enrol_str(e, "address")),
	    steps[step].word);
	enrol_drop(e);
	/* between these two the order stays the same */
	if (step != STEP_FIND && step != STEP_AUTHZ)
		e->look = (struct look){.low = 0};
	e->step = step;
	e->polls = 0;
	enrol_set_num(e, "since", clock_now().wall);
}

/* Where a test may end us: before and after each record is written. */
static void
fault_point(struct enrol *e, const char *when)
{
	char point[80];

	(void)snprintf(point, sizeof(point), "agent.enrol.%s.%s",
	    steps[e->step].word, when);
	(void)FAULT(point);
}

void
enrol_next(struct enrol *e, enum step step)
{
	enter(e, step);
	enrol_set_num(e, "tries", 0);
	enrol_set_num(e, "next", 0);
	enrol_unset(e, "error");
	fault_point(e, "before");
	if (enrol_save(e) == -1)
		return;
	fault_point(e, "after");
	enrol_sleep(e, 0);
}

void
enrol_restart(struct enrol *e, const struct err *err)
{
	static const char *const lost[] = {"order", "authorization", "finalize",
	    "challenge", "token2", "token1", "message_id", "reply_to",
	    "answered", "unsure", "certificate", "tried", "others", "ordered"};
	size_t i;

	enrol_stray(e);
	for (i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
		enrol_unset(e, lost[i]);
	enter(e, STEP_ORDER);
	enrol_retry(e, err, -1);
}

/* After a start the links to the others come one by one. */
static bool
is_complete(struct self *self)
{
	return (role_link(self, ROLE_SEALER) != NULL &&
	        role_link(self, ROLE_PROXY) != NULL &&
	        role_link(self, ROLE_OPENER) != NULL);
}

void
enrol_on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = {0, LINKS_MS * 1000};
	struct enrol *e = arg;

	(void)fd;
	(void)what;
	if (enrol_busy(e) || e->agent->http == NULL)
		return;
	if (!is_complete(e->agent->self)) {
		(void)event_add(e->timer, &soon);
		return;
	}
	if (clock_now().wall < enrol_num(e, "next"))
		enrol_sleep(e, enrol_num(e, "next"));
	else
		steps[e->step].go(e);
}

/* --- asking --- */

void
enrol_post_ask(struct enrol *e, struct post_ask *ask, post_fn *done)
{
	struct err err = {.code = ERR_OK};
	struct buf kid;

	buf_init(&kid, LIMIT_RECORD);
	ask->q.account = enrol_str(e, "account");
	ask->q.address = enrol_str(e, "address");
	if (ask->max == 0)
		ask->max = ACME_JSON_MAX;
	if (ask->q.kind != JWS_NEW_ACCOUNT &&
	    enrol_kid(e->agent, ask->q.account, &kid, &err) == 0)
		err_set(&err, ERR_NOTFOUND, "no account at the cloud");
	ask->q.kid = buf_text(&kid);
	if (err.code == ERR_OK)
		e->post = post_start(e->agent, ask, done, e, &err);
	buf_clear(&kid);
	if (e->post != NULL)
		return;
	if (err.code == ERR_NOTFOUND)
		enter(e, STEP_ACCOUNT);
	enrol_retry(e, &err, -1);
}

void
enrol_post(struct enrol *e, enum post_to to, enum jws_kind kind, struct str url,
    post_fn *done)
{
	struct post_ask ask = {.to = to, .q = {.kind = (uint8_t)kind}};

	ask.q.url = url;
	enrol_post_ask(e, &ask, done);
}

void
enrol_ask(struct enrol *e, enum role role, uint16_t op, const struct buf *body,
    struct blob *const *blobs, size_t nblobs, ipc_answer_fn *done)
{
	struct err err;

	e->asked = role_link(e->agent->self, role);
	if (e->asked != NULL && !body->failed)
		e->id = ipc_ask(e->asked, op, buf_text(body), blobs, nblobs,
		    ASK_MS, done, e);
	if (e->id != 0)
		return;
	err_set(&err, ERR_UNAVAILABLE, "the %s is not there",
	    role == ROLE_OPENER ? "verifier" : role_name(role));
	enrol_retry(e, &err, -1);
}
