/*
 * dkim.h - is a mail signed by its From's domain (RFC 6376, as RFC 8823 wants
 * it of challenges and of replies)?  By libopendkim.
 */
#ifndef WAXWING_DKIM_DKIM_H
#define WAXWING_DKIM_DKIM_H

#include <stdbool.h>

#include "base/err.h"

/* A domain name, as text. */
#define DKIM_NAME_MAX 253

enum dkim_key {
	DKIM_KEY_IS,    /* out holds the record, with NUL behind it */
	DKIM_KEY_NONE,  /* there is none */
	DKIM_KEY_LATER, /* it cannot be had now */
};

/* The TXT record at that name, SELECTOR._domainkey.DOMAIN. */
typedef enum dkim_key dkim_key_fn(const char *name, char *out, size_t size,
    void *arg);

struct dkim_ask {
	struct str domain;       /* "d=" has to be that one */
	const char *const *must; /* fields that are signed if they are there;
	                          * NULL ends them */
	/* Where keys come from.  NULL: libopendkim asks the DNS and waits for
	 * it, so that is for a thread of its own. */
	dkim_key_fn *key;
	void *arg;
};

/*
 * 0 if a signature of the domain holds over the whole body and the fields.
 * -1: ERR_UNAVAILABLE if a key cannot be had now, ERR_UNTRUSTED otherwise.
 * Whoever uses a field has to refuse two of it: a signature covers the last.
 */
int dkim_check(struct str mail, const struct dkim_ask *, struct err *);

#endif
