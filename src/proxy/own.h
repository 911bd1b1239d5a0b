/*
 * own.h - messages that were sealed to an account itself, by their names.
 *
 * The view of such a message carries nothing that tells it from ordinary mail.
 * So when a client moves one to another mailbox or account by reading and
 * appending it, this is what tells that it must not go there in clear.  Kept
 * in seen/ for ever.
 *
 * The names are those of all accounts together, for the account that it is
 * moved to has not sealed it.  The price: an account's opener that is taken
 * over can name messages that others then cannot file in clear.
 */
#ifndef WAXWING_PROXY_OWN_H
#define WAXWING_PROXY_OWN_H

#include "base/span.h"
#include "proxy/proxy.h"

/* This message (its header is enough) was sealed, or opened and found to be
 * such a one.  -1: that will not be known, so it must not be stored or shown.
 */
int own_note(struct proxy *, struct str mail, struct err *);

/* Was a message of that name sealed by anybody here? */
bool own_is(struct proxy *, struct str mail);

#endif
