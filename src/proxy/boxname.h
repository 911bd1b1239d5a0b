/*
 * boxname.h - mailboxes that get another name, or are no more.
 *
 * What fixes the bytes of a view is kept under its mailbox's name, UIDVALIDITY
 * and UID, which together are one message for ever (RFC 3501 2.3.1.1).  RENAME
 * gives the mailbox another name, and most servers let it keep the other two:
 * then clients keep what they have, and so the name that it had first is
 * remembered and goes on to be used here.  For the mailboxes below it, which
 * only the server knows, it is remembered what theirs began with.
 *
 * When a mailbox is deleted, or has another UIDVALIDITY, nothing is kept of its
 * sealed messages, and nothing of those that are expunged.  That is done bit by
 * bit, as they may be many; what an interruption leaves is never met again.
 */
#ifndef WAXWING_PROXY_BOXNAME_H
#define WAXWING_PROXY_BOXNAME_H

#include "base/set.h"
#include "proxy/msgname.h"

struct boxnames;

struct boxnames *boxnames_new(struct proxy *);
void boxnames_free(struct boxnames *); /* accepts NULL */

/* The name under which things are kept; borrowed until the next call, or the
 * mailbox's own. */
struct str boxname_first(const struct msg_name *);

/* The mailbox has another name now, of which nothing may be kept. */
void boxname_renamed(const struct msg_name *, struct str to);

/* Those below one have another name now, and one has had another: 1, 0 or -1.
 * That is no more than a guess, for it may be a new one. */
void boxname_moved(const struct account *, struct str name, struct str to);
int boxname_was(const struct account *, struct str name, struct buf *was);

/* These UIDs of it are no more, because it is not; taken, and left empty. */
void boxname_gone(const struct msg_name *, struct set *uids);

/* The same, but the mailbox is there. */
void boxname_expunged(const struct msg_name *, struct set *uids);

#endif
