#include "config.h"

#include "agent/verify.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proto/op.h"
#include "sys/fault.h"

/* How often a verifier that is not there is looked for, and how long. */
#define LOOK_MS 200
#define WAIT_MS 10000

/* One judgement: some dozen signatures. */
#define ANSWER_MS 10000

/* One that owes a judgement and said nothing for so long never will.  It is
 * less than the patience of who looks somebody up. */
#define HUNG_MS 4000

/* Asked so often in all: what killed two verifiers is not shown a third. */
#define TRIES 2

#define LIST_MAX ((size_t)16 * 1024 * 1024)

struct verify {
	struct self *self;
	struct buf body;    /* the request */
	struct blob *in[2]; /* references: certificates, CRLs */
	size_t nin;
	struct event *again; /* owned */
	uint32_t id;         /* asked, or 0 */
	struct ipc *asked;   /* whom; gone when it answered */
	unsigned tries;
	uint64_t until; /* monotonic ms: give up waiting for one */
	verify_fn *done;
	void *arg;
};

void
verify_check(struct self *self)
{
	role_check(self, ROLE_OPENER, HUNG_MS);
}

void
verify_cancel(struct verify *v)
{
	if (v == NULL)
		return;
	if (v->id != 0) {
		ipc_forget(v->asked, v->id);
		verify_check(v->self);
	}
	if (v->again != NULL)
		event_free(v->again);
	blob_unref(v->in[0]);
	blob_unref(v->in[1]);
	buf_clear(&v->body);
	free(v);
}

static void
finish(struct verify *v, const struct str *list, struct str crl,
    const struct err *err)
{
	v->done(list, crl, err, v->arg);
	verify_cancel(v);
}

static void
give_up(struct verify *v)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "the verifier is not there");
	finish(v, NULL, STR(""), &err);
}

static void
wait_a_little(struct verify *v)
{
	struct timeval tv = {0, LOOK_MS * 1000};

	if (clock_now().mono >= v->until || event_add(v->again, &tv) == -1)
		give_up(v);
}

static void
on_answer(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct verify *v = arg;
	struct err err = {0};
	struct verify_ans ans;
	struct blob *list;
	struct str text;

	v->id = 0;
	if (msg == NULL) {
		verify_check(v->self);
		if (v->tries < TRIES)
			wait_a_little(v);
		else
			finish(v, NULL, STR(""), why);
		return;
	}
	if (verify_ans_get(msg->body, &ans, &err) == 0)
		err = ans.err;
	list = err.code == ERR_OK ? ipc_msg_blob(msg, 0, LIST_MAX, &err) : NULL;
	if (list == NULL) {
		finish(v, NULL, STR(""), &err);
		return;
	}
	text = blob_str(list);
	finish(v, &text, ans.crl, NULL);
	blob_unref(list);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct verify *v = arg;

	(void)fd;
	(void)what;
	verify_check(v->self);
	if ((v->asked = role_link(v->self, ROLE_OPENER)) == NULL ||
	    FAULT("agent.verify") ||
	    (v->id = ipc_ask(v->asked, OP_VERIFY, buf_text(&v->body), v->in,
	         v->nin, ANSWER_MS, on_answer, v)) == 0) {
		wait_a_little(v);
		return;
	}
	v->tries++;
}

struct verify *
verify_start(struct self *self, const struct verify_req *q, struct blob *certs,
    struct blob *crls, verify_fn *done, void *arg)
{
	struct verify *v;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return (NULL);
	v->self = self;
	v->in[v->nin++] = blob_ref(certs);
	if (crls != NULL)
		v->in[v->nin++] = blob_ref(crls);
	v->until = clock_now().mono + WAIT_MS;
	v->done = done;
	v->arg = arg;
	buf_init(&v->body, LIMIT_RECORD);
	verify_req_put(&v->body, q);
	v->again = evtimer_new(self->base, on_again, v);
	if (v->body.failed || v->again == NULL) {
		verify_cancel(v);
		return (NULL);
	}
	event_active(v->again, EV_TIMEOUT, 0);
	return (v);
}
