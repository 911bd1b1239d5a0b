/*
 * dkim.h - is a mail signed by its From's domain (RFC 6376, as RFC 8823 3.2
 * point 9 wants it)?
 *
 * By libopendkim, which looks keys up in the DNS and waits for them: call it
 * from a thread of its own.
 */
#ifndef WAXWING_CLOUD_DKIM_H
#define WAXWING_CLOUD_DKIM_H

#include "base/err.h"

/*
 * 0 if a signature with d= equal to this domain holds over the whole body and
 * every field that RFC 8823 names.  -1: ERR_UNAVAILABLE if the key cannot be
 * had now, ERR_UNTRUSTED otherwise.  keys: a file that stands in for the DNS
 * ("NAME TEXT" on each line), or NULL.
 */
int dkim_check(struct str mail, struct str domain, const char *keys,
    struct err *);

#endif
