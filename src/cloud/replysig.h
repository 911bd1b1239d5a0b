/*
 * replysig.h - is a reply signed as RFC 8823 3.2 point 9 wants it?
 */
#ifndef WAXWING_CLOUD_REPLYSIG_H
#define WAXWING_CLOUD_REPLYSIG_H

#include "base/err.h"

/*
 * dkim_check() of a reply.  keys: a file that stands in for the DNS ("NAME
 * TEXT" on each line), or NULL: then it waits for the DNS, so call it from a
 * thread of its own.
 */
int replysig_check(struct str mail, struct str domain, const char *keys,
    struct err *);

#endif
