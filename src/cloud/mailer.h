/*
 * mailer.h - challenge mails on their way (RFC 8823 3.1).
 *
 * What is to be sent stands in the store until the relay took it, so that
 * nothing is lost with the process; a mail may go out twice then, which does
 * no harm.  Sent by libcurl's multi interface on the event loop.
 */
#ifndef WAXWING_CLOUD_MAILER_H
#define WAXWING_CLOUD_MAILER_H

#include "cloud/cloud.h"

struct mailer;

struct mailer *mailer_new(struct cloud *, struct err *);
void mailer_free(struct mailer *); /* accepts NULL */

/* Queue the challenge of an authorization, in the open transaction. */
int mailer_queue(struct cloud *, struct str authz, int64_t now, struct err *);

/* There is something in the queue. */
void mailer_kick(struct mailer *);

/* The whole mail for an authorization's record, signed. */
struct acme_challenge_mail;
int mailer_compose(struct cloud *, const struct acme_challenge_mail *,
    int64_t now, struct buf *out, struct err *);

#endif
