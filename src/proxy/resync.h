/*
 * resync.h - have clients read again what they once got unopened.
 *
 * A client keeps for ever what it was given under a UID (RFC 3501 2.3.1.1).  So
 * when a key comes late, the messages that it opens are copied to new UIDs in
 * their own mailbox, the copies are checked, and the old ones are removed by
 * UID EXPUNGE (RFC 4315), those and no others.  Where a server makes no second
 * copy of what it has, they go through a mailbox for the time being.
 *
 * It may be interrupted anywhere: what is being copied is on disk before, and
 * the next one, or the next login, looks first what became of it.
 */
#ifndef WAXWING_PROXY_RESYNC_H
#define WAXWING_PROXY_RESYNC_H

#include <jansson.h>

#include "proxy/account.h"

struct resync;

/* Begin with a mailbox (empty: all of them), unless one is under way.  -1 with
 * the reason. */
int resync_begin(struct account *, struct str mailbox, struct err *);

/* A client has logged in: finish what was interrupted, if there is anything. */
void resync_resume(struct account *);

bool resync_runs(const struct resync *); /* NULL does not */

/* How far the account's is, or how the last one ended; NULL: there was none. */
json_t *resync_json(const struct resync *);

void resync_free(struct resync *); /* accepts NULL */

#endif
