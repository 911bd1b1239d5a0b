/*
 * sasl.h - the PLAIN mechanism (RFC 4616).
 */
#ifndef WAXWING_SMTP_SASL_H
#define WAXWING_SMTP_SASL_H

#include "base/buf.h"
#include "base/span.h"

struct sasl_plain {
	struct str authzid; /* empty: the same as authcid */
	struct str authcid;
	struct str passwd;
};

/* Cut a decoded message into its parts, which are borrowed from it.  -1
 * unless it is [authzid] NUL authcid NUL passwd without a further NUL, and
 * the latter two are not empty. */
int sasl_plain_get(struct str message, struct sasl_plain *out);

/* Append the base64 form without an authzid. */
void sasl_plain_put(struct buf *out, struct str authcid, struct str passwd);

#endif
