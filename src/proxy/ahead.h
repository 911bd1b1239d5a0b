/*
 * ahead.h - a large message on its way from the server: the account's opener
 * is told how far it is, so that it can begin (OP_AHEAD).
 */
#ifndef WAXWING_PROXY_AHEAD_H
#define WAXWING_PROXY_AHEAD_H

#include "proxy/account.h"
#include "sys/memfd.h"

struct ahead;

/* A message of total bytes is being written to m.  NULL: it is small, or the
 * opener has something else to do. */
struct ahead *ahead_new(struct account *, const struct memfd *m, size_t total);
void ahead_free(struct ahead *); /* accepts NULL */

/* There is more of it.  Accepts NULL. */
void ahead_more(struct ahead *, const struct memfd *m);

#endif
