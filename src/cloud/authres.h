/*
 * authres.h - what our own mail server found (Authentication-Results, RFC
 * 8601).  Believed only on a private listener.
 */
#ifndef WAXWING_CLOUD_AUTHRES_H
#define WAXWING_CLOUD_AUTHRES_H

#include "base/span.h"

/*
 * Does the topmost Authentication-Results of this authserv-id say dkim=pass
 * with header.d equal to the domain?  Lower ones may be anybody's.
 */
bool authres_passes(struct str mail, struct str authserv_id, struct str domain);

#endif
