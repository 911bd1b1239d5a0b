#include "config.h"

#include "proto/op.h"
#include "role/idle.h"

int
proxy_main(int parent_fd)
{
	return (role_idle(ROLE_PROXY, op_parent_to_proxy, parent_fd));
}
