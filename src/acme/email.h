/*
 * email.h - the two mails of email-reply-00 (RFC 8823 3.1 and 3.2) and what
 * is computed from them.
 */
#ifndef WAXWING_ACME_EMAIL_H
#define WAXWING_ACME_EMAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * token-part1 from the raw value of a Subject, "ACME: token": unfolded, encoded
 * words undone (UTF-8 and US-ASCII only), white space in the token ignored.
 * With reply anything before "ACME:" is ignored (3.2 point 1), else there may
 * be nothing, not even "Re:".  -1 too for a token of less than 128 bits.
 */
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
/* The challenge as one mail with its fields, ready to be signed with header
 * protection (mail/protect puts hp="clear" in).  -1 too if a value would break
 * its field. */
int acme_challenge_put(const struct acme_challenge_mail *, struct buf *out);

/*
 * What a challenge says, from the header that is protected (of the verified
 * payload, or of the mail when DKIM covers it); whose it is was settled before.
 * ERR_DENIED unless it is a challenge from the one address to the other that
 * is no reply (RFC 8823 3.1): one From, one To, Auto-Submitted, no List-*.
 */
struct acme_challenge {
	struct str token1;
	struct str message_id; /* with brackets */
	struct str reply_to;   /* Reply-To's address, or From's */
};
int acme_challenge_get(struct str header, struct str from, struct str to,
    struct arena *, struct acme_challenge *, struct err *);

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
 * The digest in a reply (whole message), base64url without padding: text/plain,
 * or in multipart/alternative; 7bit, quoted-printable and base64 are read.
 * Refused: List-* fields, no or two blocks, what is no SHA-256.  Whom it is
 * from and what it answers are the caller's questions.
 */
int acme_reply_digest(struct str mail, struct arena *, struct str *digest,
    struct err *);

#endif
