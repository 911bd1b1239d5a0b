/* OP_LOOKUP: may we seal to this address, and to which certificate? */
#include "config.h"

#include <stdlib.h>

#include "agent/resolve.h"
#include "base/limits.h"
#include "sys/log.h"

struct asked {
	LIST_ENTRY(asked) next;
	struct agent *agent;
	struct ipc *link; /* NULL: it is gone */
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
		log_warn("lookup code=%s reason=%s", err_word(ans->err.code),
		    log_str(str_c(ans->err.text)));
	buf_init(&body, LIMIT_RECORD);
	lookup_ans_put(&body, ans);
	if (k->link != NULL)
		ipc_answer(k->link, k->op, k->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
	LIST_REMOVE(k, next);
	free(k);
}

void
op_lookup(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct lookup_ans bad = {.state = LOOKUP_ERROR};
	struct lookup_req q;
	struct asked *k;

	if ((k = calloc(1, sizeof(*k))) == NULL) {
		err_set(&bad.err, ERR_MEMORY, "no memory for a look-up");
		role_answer_err(l, msg, &bad.err);
		return;
	}
	LIST_INSERT_HEAD(&a->asked, k, next);
	k->agent = a;
	k->link = l;
	k->op = msg->op;
	k->id = msg->id;
	if (lookup_req_get(msg->body, &q, &bad.err) == -1)
		answer(&bad, k);
	else
		resolve(a, q.address, answer, k);
}

void
op_lookup_forget(struct agent *a, const struct ipc *l)
{
	struct asked *k;

	LIST_FOREACH (k, &a->asked, next)
		if (l == NULL || k->link == l)
			k->link = NULL;
}
