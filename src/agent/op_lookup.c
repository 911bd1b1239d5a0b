/* OP_LOOKUP: may we seal to this address, and to which certificate? */
#include "config.h"

#include <stdlib.h>

#include "agent/resolve.h"
#include "base/limits.h"
#include "sys/log.h"

struct asked {
	struct agent *agent;
	struct ipc *link;
	uint16_t op;
	uint32_t id;
};

static void
answer(const struct lookup_ans *ans, void *arg)
{
	struct asked *k = arg;
	struct buf body;

	k->agent->lookups++;
	if (ans->state == LOOKUP_USABLE)
		k->agent->found++;
	if (ans->err.code != ERR_OK)
		log_warn("lookup code=%s reason=\"%s\"",
		    err_word(ans->err.code), ans->err.text);
	buf_init(&body, LIMIT_RECORD);
	lookup_ans_put(&body, ans);
	ipc_answer(k->link, k->op, k->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}

void
op_lookup(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct asked k = {a, l, msg->op, msg->id};
	struct lookup_ans bad = {.state = LOOKUP_ERROR};
	struct lookup_req q;

	if (lookup_req_get(msg->body, &q, &bad.err) == -1)
		answer(&bad, &k);
	else
		resolve(a, q.address, answer, &k);
}
