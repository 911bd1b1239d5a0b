/*
 * resync.h - OP_RESYNC, parent > proxy: have messages that clients once got
 * unopened read again.
 *
 * The answer is err + blob 0, an object in JSON: how far it is.  One that is
 * under way for the account is not begun a second time.
 */
#ifndef WAXWING_PROTO_RESYNC_H
#define WAXWING_PROTO_RESYNC_H

#include "proto/rec.h"

struct resync_req {
	struct str account;
	struct str mailbox; /* as the server names it; empty: all */
	bool begin;         /* else only tell */
};

void resync_req_put(struct buf *, const struct resync_req *);
int resync_req_get(struct str, struct resync_req *, struct err *);

#endif
