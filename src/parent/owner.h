/*
 * owner.h - which account a control command is about, and whether whoever
 * asks may touch it.
 */
#ifndef WAXWING_PARENT_OWNER_H
#define WAXWING_PARENT_OWNER_H

#include <jansson.h>
#include <sys/types.h>

#include "base/err.h"
#include "parent/request.h"
#include "sys/conf.h"

/* The accounts of the conf, or of them those of a Unix user, as an array of
 * {login, addresses, unix_user}.  NULL: out of memory. */
json_t *owner_accounts(const struct conf *, bool all, uid_t);

/* Fill q->address from the argument "address", in lower case. */
int owner_address(struct request *, struct err *);

/*
 * Fill q->address and q->account for a key import: the account that is named,
 * or lists the address, or has it as its login.  -1 with ERR_DENIED if it is
 * not the asker's, or the address not the account's.
 */
int owner_of_key(struct request *, struct err *);

/* Fill q->account with what an unprivileged asker means, and return it: the
 * account named, or the only one that is theirs.  NULL with ERR_DENIED if they
 * have none, or it is not theirs; with ERR_SYNTAX if they must say which. */
const char *owner_own(struct request *, const char *named, struct err *);

/* Are these addresses (separated by spaces; none is no) all the account's? */
bool owner_has_all(const struct conf *, const char *account,
    struct str addresses);

#endif
