/*
 * authz.h - authorizations of mailboxes and their one challenge,
 * email-reply-00 (RFC 8555 7.5, RFC 8823).
 *
 * The first look at a new one sends the challenge mail.  It is valid when
 * both have come: the client's word that it answered, and the answer.
 */
#ifndef WAXWING_CLOUD_AUTHZ_H
#define WAXWING_CLOUD_AUTHZ_H

#include "acme/object.h"
#include "cloud/acme_auth.h"

/* Is its account still there?  A deactivated one waits for nothing any more
 * (RFC 8555 7.3.6). */
bool authz_is_wanted(struct cloud *, const json_t *authz);

/* What it is at this time. */
enum acme_status authz_status(const json_t *, int64_t now);

/* Is it an address that challenges come from: "acme+ID@domain" or plain
 * "acme@domain"?  Replies to it are taken, and nobody gets a certificate. */
bool authz_is_sender(const struct cloud *, struct str mailbox);

/* One that an order of this account can use again: 1 with its id, 0, -1. */
int authz_reusable(struct cloud *, struct str account, struct str mailbox,
    int64_t now, char id[CLOUD_ID], struct err *);

/* A new one, put into the store's open transaction. */
int authz_make(struct cloud *, struct str account, struct str mailbox,
    int64_t now, char id[CLOUD_ID], struct err *);

/* Its own URL: look, or deactivate; the challenge's URL: look, or respond. */
void authz_serve(struct acme_call *, json_t *authz);
void authz_respond(struct acme_call *, json_t *authz);

/*
 * A reply came that is authentic: from is its From, token1 the one in its
 * Subject, digest what its body holds.  0 if it was one that was awaited,
 * whether it was right or wrong; -1 with the reason if it is to be refused.
 */
int authz_reply(struct cloud *, struct str from, struct str token1,
    struct str digest, struct err *);

/* A challenge with this token1 waits for a reply: whom it was sent to, and from
 * which address.  A look before anything else is done with a mail; -1 with
 * ERR_NOTFOUND if none waits. */
int authz_awaits(struct cloud *, struct str token1, struct buf *mailbox,
    struct buf *from, struct err *);

/* The challenge mail was refused for good. */
int authz_undeliverable(struct cloud *, struct str id, const char *why,
    struct err *);

#endif
