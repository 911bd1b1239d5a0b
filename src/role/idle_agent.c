#include "config.h"

#include "proto/op.h"
#include "role/idle.h"

int
agent_main(int parent_fd)
{
	return (role_idle(ROLE_AGENT, op_parent_to_agent, parent_fd));
}
