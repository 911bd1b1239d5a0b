/*
 * owner.h - whose is an address?
 *
 * The administrator's word in the conf comes first, then that an address is
 * the login itself, then who has imported a key for it.
 */
#ifndef WAXWING_SEALER_OWNER_H
#define WAXWING_SEALER_OWNER_H

#include "base/limits.h"
#include "sealer/keystore.h"
#include "sys/conf.h"

enum owner {
	OWNER_NONE,  /* nobody's, as far as is known here */
	OWNER_US,    /* the account's */
	OWNER_OTHER, /* another account's */
};

/* What the conf and the login alone say. */
enum owner owner_by_conf(const struct conf *, struct str account,
    struct str address);

/* -1 with err if the key store cannot be read. */
int owner_of(const struct conf *, struct keystore *, struct str account,
    struct str address, enum owner *, struct err *);

/* Copy an address in lower case, as accounts are named and addresses
 * compared. */
int owner_name(char out[LIMIT_ADDRESS + 1], struct str, struct err *);

#endif
