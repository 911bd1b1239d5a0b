/*
 * challenge.h - the mail of a challenge (RFC 8823 3 point 3): who may have one
 * sent, and what is remembered of it.
 */
#ifndef WAXWING_CLOUD_CHALLENGE_H
#define WAXWING_CLOUD_CHALLENGE_H

#include "cloud/acme_auth.h"

/* A token in base64url, at most. */
#define CHALLENGE_TOKEN 32

/* Append a new one. */
int challenge_token(struct buf *);

/* What one account, or all accounts of one network, may have of the mails to
 * one mailbox in an hour, when there are so many in all. */
uint64_t challenge_share(uint64_t mails);

/* The first look at a pending authorization: queue its mail.  0, or -1 after
 * an answer. */
int challenge_send(struct acme_call *, json_t *authz);

#endif
