/*
 * splice.h - surgery on outgoing mail.
 *
 * Whatever is not named here passes byte for byte.
 */
#ifndef WAXWING_MAIL_SPLICE_H
#define WAXWING_MAIL_SPLICE_H

#include "base/buf.h"
#include "base/span.h"

/* Values, without name and line end, for fields that may be missing. */
struct splice_add {
	struct str date;
	struct str message_id; /* with its angle brackets */
};

/*
 * Append mail to out with Bcc and Resent-Bcc fields removed from its header,
 * and Date and Message-ID put first where they are missing (RFC 6409 8.2,
 * 8.3).  Returns -1 if out is full.
 */
int splice_outgoing(struct str mail, const struct splice_add *,
    struct buf *out);

/*
 * Divide a mail for sealing.  outer gets its header fields but Content-* and
 * MIME-Version, without an empty line; head gets the header of the entity to
 * be sealed (the Content-* fields and the empty line); *body is the rest of
 * mail, not copied.  A mail without Content-Type gets the default written
 * out, because readers take its other fields seriously only then (RFC 2045
 * section 5.2).  Returns -1 if a buffer is full.
 */
int splice_divide(struct str mail, struct buf *outer, struct buf *head,
    struct str *body);

/* Is it a field of the entity: Content-* or MIME-Version? */
bool splice_is_entity(struct str name);

#endif
