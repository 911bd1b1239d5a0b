#include "config.h"

#include "proxy/msgname.h"

int
msg_key(const struct msg_name *n, struct seen_key *key)
{
	return (seen_key_make(&n->account->proxy->seen_key,
	    str_c(n->account->login), str_c(n->account->up->domain), n->mailbox,
	    n->uidvalidity, n->uid, key));
}
