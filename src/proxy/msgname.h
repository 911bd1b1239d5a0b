/*
 * msgname.h - the name of one message, as the caches know it.
 */
#ifndef WAXWING_PROXY_MSGNAME_H
#define WAXWING_PROXY_MSGNAME_H

#include "proxy/account.h"
#include "proxy/seen.h"

/* One message of an account. */
struct msg_name {
	struct account *account;
	struct str mailbox; /* INBOX in capitals, as struct mailbox has it */
	uint32_t uidvalidity;
	uint32_t uid;
};

/* Its key in seen.h and viewcache.h.  -1: it cannot be made. */
int msg_key(const struct msg_name *, struct seen_key *);

#endif
