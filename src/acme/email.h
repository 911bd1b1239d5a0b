/*
 * email.h - the two mails of email-reply-00 (RFC 8823 3.1 and 3.2) and what
 * is computed from them.
 */
#ifndef WAXWING_ACME_EMAIL_H
#define WAXWING_ACME_EMAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* token-part1 from a Subject value, "ACME: token": unfolded, white space in the
 * token ignored, encoded words undone.  -1 for a reply ("Re:") when reply is
 * false; with it, anything before "ACME:" is ignored (3.2 point 1). */
int acme_subject_token(struct str value, bool reply, struct arena *,
    struct str *token1);

/* base64url(SHA-256(token1 token2 "." thumbprint)) (3 point 6). */
int acme_email_digest(struct str token1, struct str token2,
    struct str thumbprint, struct buf *out);

struct acme_challenge_mail {
	struct str from, to;
	struct str token1;
	struct str message_id; /* with brackets */
	struct str date;
};
/* The challenge as one entity with its fields, ready to be signed with header
 * protection (mail/protect): hp="clear" is set there. */
int acme_challenge_put(const struct acme_challenge_mail *, struct buf *out);

struct acme_reply_mail {
	struct str from, to;
	struct str token1;
	struct str in_reply_to; /* with brackets */
	struct str message_id;
	struct str date;
	struct str digest;
};
int acme_reply_put(const struct acme_reply_mail *, struct buf *out);

/*
 * The digest in a reply (whole message): text/plain, or in
 * multipart/alternative; 7bit, quoted-printable and base64 are read.  Refused:
 * List-* fields, no or two blocks, more than 200 characters in it.
 */
int acme_reply_digest(struct str mail, struct arena *, struct str *digest,
    struct err *);

#endif
