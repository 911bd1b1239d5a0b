/*
 * early.h - a large message that is still on its way to us.
 *
 * While the server sends it, what has come of it is decoded: base64 takes a
 * good part of an opening, and the opener has nothing else to do.  Only that:
 * nothing is decrypted before the message is whole.  Its memfd is not sealed
 * yet: it is read with pread(2) and never mapped, and what was decoded is used
 * for that very file alone, once it comes sealed.
 */
#ifndef WAXWING_OPENER_EARLY_H
#define WAXWING_OPENER_EARLY_H

#include "opener/peel.h"

struct early;

/* Swallows fd, a memfd that is being written.  NULL: there is nothing to be
 * gained. */
struct early *early_new(int fd, const struct open_ahead *);
void early_free(struct early *); /* accepts NULL */

/* More of it has come.  What is about another message is ignored. */
void early_more(struct early *, const struct open_ahead *);

/*
 * The message is whole, and wire_fd its memfd: decode what is left and take
 * it; the buffer is the caller's to clear.  False: this is another message, or
 * it is no base64, and early is empty.  The first may be NULL.
 */
bool early_take(struct early *, int wire_fd, size_t len, struct peel_early *);

#endif
