/*
 * ossl.h - OpenSSL's errors in our words.
 */
#ifndef WAXWING_SMIME_OSSL_H
#define WAXWING_SMIME_OSSL_H

#include "base/err.h"

/*
 * Fill err with text and OpenSSL's first reason, and empty OpenSSL's queue.
 * Never used for what happens after a RecipientInfo matched: there the reason
 * itself would be an oracle.  err may be NULL.
 */
void err_openssl(struct err *, enum err_code, const char *text);

/* Empty the queue after a failure that is no error here. */
void ossl_forget(void);

#endif
