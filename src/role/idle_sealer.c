#include "config.h"

#include "proto/op.h"
#include "role/idle.h"

int
sealer_main(int parent_fd)
{
	return (role_idle(ROLE_SEALER, op_parent_to_sealer, parent_fd));
}
