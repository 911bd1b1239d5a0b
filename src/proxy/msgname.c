#include "config.h"

#include "proxy/boxname.h"

int
msg_key(const struct msg_name *n, struct seen_key *key)
{
	struct seen_name name = {.login = str_c(n->account->login),
	    .domain = str_c(n->account->up->domain),
	    .mailbox = boxname_first(n),
	    .uidvalidity = n->uidvalidity,
	    .uid = n->uid};

	return (seen_key_make(&n->account->proxy->seen_key, &name, key));
}
