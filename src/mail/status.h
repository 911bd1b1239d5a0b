/*
 * status.h - which fields claim to be our status fields.
 *
 * They are Waxwing-Status, and Authentication-Results (RFC 8601) under our
 * own authserv-id.  Whoever else writes them is not believed.
 */
#ifndef WAXWING_MAIL_STATUS_H
#define WAXWING_MAIL_STATUS_H

#include "mail/header.h"

/*
 * Our authserv-id is random, so an Authentication-Results field that holds it
 * anywhere was written by us or by someone who wants to be us.  With an empty
 * authserv only Waxwing-Status counts.  A field that hides one of them behind
 * a CR alone claims it too.
 */
bool status_claims(const struct field *, struct str authserv);

#endif
