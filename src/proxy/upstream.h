/*
 * upstream.h - the real servers: [upstream DOMAIN] of the conf.
 *
 * imap = imaps://HOST[:993], imap+starttls://HOST[:143], imap://HOST[:143]
 * smtp = smtps://HOST[:465], smtp+starttls://HOST[:587], smtp://HOST[:587]
 * (submissions, submission+starttls and submission mean the same.)  A scheme
 * without TLS is taken for loopback only.  Certificates are verified against
 * ca_file, or the system's anchors, and against HOST.
 *
 * An upstream outlives a reload as long as a session refers to it.
 */
#ifndef WAXWING_PROXY_UPSTREAM_H
#define WAXWING_PROXY_UPSTREAM_H

#include "base/err.h"
#include "base/span.h"
#include "proxy/proxy.h"
#include "sys/stream.h"

enum upstream_proto { UPSTREAM_IMAP, UPSTREAM_SMTP, UPSTREAM_NPROTO };
enum upstream_tls { UPSTREAM_CLEAR, UPSTREAM_STARTTLS, UPSTREAM_IMPLICIT };

struct endpoint {
	char *host; /* owned; NULL: none configured */
	uint16_t port;
	enum upstream_tls tls;
};

struct upstream {
	struct upstream *next;
	unsigned refs;
	char *domain; /* owned, lower case */
	struct endpoint at[UPSTREAM_NPROTO];
	SSL_CTX *tls; /* owned */
};

/* Parse one URL of the conf.  -1 with the reason. */
int endpoint_parse(struct str url, enum upstream_proto, struct endpoint *,
    struct err *);
void endpoint_clear(struct endpoint *);

/* All upstreams of a conf as a list with one reference each; NULL with the
 * reason.  At least one section must be there. */
struct upstream *upstream_load(const struct conf *, struct err *);
void upstream_list_free(struct upstream *);

/* After a reload: where nothing but the anchors changed, the old ones stay (so
 * that accounts stay what they are).  Swallows both lists, returns the new. */
struct upstream *upstream_adopt(struct upstream *list, struct upstream *old);

struct upstream *upstream_ref(struct upstream *);
void upstream_unref(struct upstream *); /* accepts NULL */

/* The upstream for a mail domain (any case), or NULL.  Not a reference. */
struct upstream *upstream_find(struct upstream *list, struct str domain);

/*
 * Connect.  With UPSTREAM_IMPLICIT ready() means that TLS stands; with
 * UPSTREAM_STARTTLS the caller speaks up to the go-ahead, then calls
 * upstream_starttls() and waits for ready() again.
 */
struct stream *upstream_connect(struct proxy *, const struct upstream *,
    enum upstream_proto, const struct stream_ops *, void *arg, struct err *);
int upstream_starttls(struct stream *, const struct upstream *,
    enum upstream_proto, struct err *);

#endif
