/*
 * verify.h - have certificates read and judged by the verifier (OP_VERIFY).
 *
 * It may be restarting, and hostile input may kill it: a question is asked
 * again once, and the wait for a verifier has an end.
 */
#ifndef WAXWING_AGENT_VERIFY_H
#define WAXWING_AGENT_VERIFY_H

#include "proto/keys.h"
#include "role/role.h"

struct verify;

/* The cert_recs as they came, one verdict each, and where a list of
 * revocations is that was missing (or empty); or list NULL and why not. */
typedef void verify_fn(const struct str *list, struct str crl,
    const struct err *, void *arg);

/* Takes its own references to certs and crls (NULL: none).  The callback comes
 * from the event loop.  NULL when memory is out. */
struct verify *verify_start(struct self *, const struct verify_req *,
    struct blob *certs, struct blob *crls, verify_fn *, void *arg);

/* Does the verifier answer nothing any more?  Then have it replaced. */
void verify_check(struct self *);

/* No callback comes any more.  Accepts NULL. */
void verify_cancel(struct verify *);

#endif
