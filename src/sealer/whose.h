/*
 * whose.h - for whom the agent asks: an account of this installation, the
 * configured cloud and perhaps a mailbox that no other account has.
 */
#ifndef WAXWING_SEALER_WHOSE_H
#define WAXWING_SEALER_WHOSE_H

#include "base/limits.h"
#include "sealer/device.h"
#include "sealer/state.h"

struct whose {
	struct device_of of; /* its account and address point to what follows,
	                      * so the struct is not copied */
	char account[LIMIT_ADDRESS + 1];
	char address[LIMIT_ADDRESS + 1];
};

/* address may be empty.  ERR_DENIED if it is another account's,
 * ERR_UNSUPPORTED if there is no cloud. */
int whose_find(struct sealer *, struct str account, struct str address,
    struct whose *, struct err *);

#endif
