#include "config.h"

#include "role/idle.h"

#include "proto/op.h"

/* Everything is answered with "done". */
static void
on_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	(void)arg;
	role_answer_err(l, msg, NULL);
}

static const struct role_peer peers[] = {
    {.role = ROLE_PROXY, .allow = op_nothing},
    {.role = ROLE_AGENT, .allow = op_nothing},
    {.role = ROLE_SEALER, .allow = op_sealer_to_proxy, .request = on_request},
    {.role = ROLE_OPENER, .allow = op_nothing},
    {.allow = NULL},
};

int
role_idle(enum role role, const uint16_t *from_parent, int parent_fd)
{
	struct role_ops ops = {
	    .role = role,
	    .from_parent = from_parent,
	    .request = on_request,
	    .peers = peers,
	};

	return (role_run(&ops, parent_fd, NULL));
}
