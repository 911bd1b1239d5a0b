/*
 * multipart.h - the certificates of a multipart/mixed answer (RFC 4387 2.1,
 * RFC 2046 5.1), as PEM.  What is in them is the verifier's to find out.
 */
#ifndef WAXWING_AGENT_MULTIPART_H
#define WAXWING_AGENT_MULTIPART_H

#include "base/buf.h"
#include "base/err.h"

/* Certificates in one answer: all that a mailbox ever had are fewer. */
#define MULTIPART_MAX 16

/*
 * type is the Content-Type's value.  For each part of the type
 * application/pkix-cert (binary or base64) a PEM block is appended to out.
 * -1 with ERR_SYNTAX unless there is at least one, or with ERR_LIMIT.
 */
int multipart_certs(struct str type, struct str body, struct buf *out,
    struct err *);

#endif
