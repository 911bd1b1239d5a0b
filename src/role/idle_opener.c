#include "config.h"

#include "proto/op.h"
#include "role/idle.h"

int
opener_main(int parent_fd)
{
	return (role_idle(ROLE_OPENER, op_parent_to_opener, parent_fd));
}
