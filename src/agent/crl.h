/*
 * crl.h - lists of revocations, and certificates of issuers: fetched from the
 * cloud, kept in pub/, and handed to the verifier, who alone reads them.
 */
#ifndef WAXWING_AGENT_CRL_H
#define WAXWING_AGENT_CRL_H

#include "agent/state.h"

struct crl_fetch;

/* err ERR_OK: the list is in pub/ (a new one, or unchanged). */
typedef void crl_fn(const struct err *, void *arg);

/* The callback comes once, from the event loop.  NULL with err, and no
 * callback, for a URL of another origin. */
struct crl_fetch *crl_fetch(struct agent *, struct str url, crl_fn *, void *arg,
    struct err *);
void crl_cancel(struct crl_fetch *); /* accepts NULL */

/* The URL of a list that should be fetched again, appended to out; false if
 * there is none. */
bool crl_due(struct agent *, struct buf *out);

/* All that was fetched, as OP_VERIFY wants it; NULL if there is none. */
struct blob *crl_all(struct agent *);

#endif
