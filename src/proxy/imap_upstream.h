/*
 * imap_upstream.h - logging in at the real IMAP server: greeting, STARTTLS
 * where the conf says so, capabilities, then AUTHENTICATE PLAIN or LOGIN.
 *
 * It works on a connection that its owner holds: the owner tells it when the
 * connection (or TLS) stands and gives it the responses, until it says how it
 * ended.
 */
#ifndef WAXWING_PROXY_IMAP_UPSTREAM_H
#define WAXWING_PROXY_IMAP_UPSTREAM_H

#include "base/err.h"
#include "imap/caps.h"
#include "imap/resp.h"
#include "proxy/upstream.h"

enum uplogin_end {
	UPLOGIN_DONE,    /* logged in; the capabilities are known */
	UPLOGIN_REFUSED, /* NO or BAD to the credential: the response tells */
	UPLOGIN_FAILED   /* it did not come to that: err tells */
};

/* Called once; the login may be freed in there. */
typedef void uplogin_fn(enum uplogin_end, const struct resp *,
    const struct err *, void *arg);

struct uplogin;

/* up outlives the login.  NULL when memory is out. */
struct uplogin *uplogin_new(const struct upstream *up, struct str user,
    struct str password, uplogin_fn *, void *arg);
void uplogin_free(struct uplogin *); /* accepts NULL; wipes */

/* What the server shall be told of the client (imap/id.h) once it is logged in,
 * if it wants to know (RFC 2971); what it answers changes nothing. */
void uplogin_introduce(struct uplogin *, struct str id);

/* The connection, which stays the owner's.  With another one it begins anew. */
void uplogin_connect(struct uplogin *, struct stream *);

void uplogin_ready(struct uplogin *); /* the connection (or TLS) stands */
void uplogin_resp(struct uplogin *, const struct resp *);
/* The connection ended. */
void uplogin_lost(struct uplogin *, const struct err *);

/* After UPLOGIN_DONE: what the server can, as read and as it said it. */
const struct caps *uplogin_caps(const struct uplogin *);
struct str uplogin_list(const struct uplogin *);
struct str uplogin_password(const struct uplogin *);

#endif
