/*
 * directory.h - certificates to encrypt to, for everybody who asks: the HTTP
 * certificate store of RFC 4387.
 *
 * GET /search?email=ADDRESS ("uri" is the same, RFC 4387 2.5.1): the valid
 * encryption certificates of a mailbox, newest first.  One is
 * application/pkix-cert, several are multipart/mixed, none is 404.
 */
#ifndef WAXWING_CLOUD_DIRECTORY_H
#define WAXWING_CLOUD_DIRECTORY_H

#include "cloud/ca.h"
#include "cloud/cloud.h"

/* Publish a certificate of a key, in the store's open transaction: it is what
 * is found first from the commit on.  An older one of the same key goes. */
int directory_publish(struct cloud *, struct str mailbox, struct str key,
    const struct ca_cert *, int64_t now, struct err *);

void directory_search(struct cloud *, const struct http_req *,
    struct http_res *);

#endif
