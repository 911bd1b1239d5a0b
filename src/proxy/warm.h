/*
 * warm.h - opening new mail before a client asks for it.
 *
 * While the credential of an account is held, a connection of our own looks
 * into its INBOX (EXAMINE, so nothing changes there), finds what is sealed,
 * newest first, and has it read (reading.h); then it waits for more (IDLE).
 * It gives way: to the account's clients, when [account LOGIN] connections are
 * there, and to the server when that refuses it: for an hour, or for some
 * minutes at first if it says [UNAVAILABLE].
 */
#ifndef WAXWING_PROXY_WARM_H
#define WAXWING_PROXY_WARM_H

#include "base/span.h"
#include "proxy/account.h"

struct warm;

/* The account's sessions have become more or fewer: begin, or make room. */
void warm_check(struct account *);

/* May there be one connection of our own more? */
bool warm_room(const struct account *);

/* A key of the account arrived. */
void warm_key_came(struct account *);

/* The server refused a client's login with this response code: if it has too
 * many connections, ours goes.  Did it? */
bool warm_refused(struct account *, struct str code);

void warm_free(struct warm *); /* accepts NULL */

/* Is it there, how many messages did it have read, and how many wait: for
 * status. */
void warm_tell(const struct warm *, bool *up, uint64_t *read,
    uint64_t *waiting);

#endif
