/*
 * replies.h - replies to challenges (RFC 8823 3.2), by SMTP or LMTP.
 *
 * A server that knows just enough to take one small mail from the domain's
 * mail server.  A mail is judged before its final dot is answered, so what is
 * refused stays with whoever sent it.
 */
#ifndef WAXWING_CLOUD_REPLIES_H
#define WAXWING_CLOUD_REPLIES_H

#include "cloud/cloud.h"

struct replies;

/* Binds at once. */
struct replies *replies_new(struct cloud *, struct err *);
void replies_free(struct replies *); /* accepts NULL */

#endif
