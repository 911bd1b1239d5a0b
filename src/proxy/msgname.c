#include "config.h"

#include "proxy/boxname.h"

int
msg_key(const struct msg_name *n, struct seen_key *key)
{
	return (seen_key_make(&n->account->proxy->seen_key,
	    str_c(n->account->login), str_c(n->account->up->domain),
	    boxname_first(n), n->uidvalidity, n->uid, key));
}
