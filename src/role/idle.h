/*
 * idle.h - a role that keeps the ritual and does nothing: it stands in where
 * a role is not part of the build.
 */
#ifndef WAXWING_ROLE_IDLE_H
#define WAXWING_ROLE_IDLE_H

#include "role/role.h"
#include "sys/proc.h"

int role_idle(enum role, const uint16_t *from_parent, int parent_fd);

/* The linker takes this where the room has none of its own; that it is weak
 * tells the tests. */
role_fn proxy_main __attribute__((weak));

#endif
