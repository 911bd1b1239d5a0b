/*
 * plain.h - the CRL and the issuing authority's certificate without TLS.
 *
 * Whoever asks whether a certificate holds cannot ask that of the connection
 * too (RFC 5280 8): programs that verify mail fetch lists by http only.  What
 * is served here is signed and public.  It is GET or HEAD of two paths, one
 * for each connection, and nothing of the request but its first line is looked
 * at.
 */
#ifndef WAXWING_CLOUD_PLAIN_H
#define WAXWING_CLOUD_PLAIN_H

#include "cloud/cloud.h"

/* Listen on [cloud] listen_http, which may be empty. */
struct plain *plain_new(struct cloud *, struct err *);
void plain_free(struct plain *); /* accepts NULL */

/* Append where that path ("/crl") is found here, as http://HOST/crl. */
void plain_url(const struct cloud *, const char *path, struct buf *out);

#endif
