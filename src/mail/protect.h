/*
 * protect.h - header protection (RFC 9788), the signed-only half.
 *
 * The entity that gets signed carries the mail's fields in its own header and
 * hp="clear" on its Content-Type; the same fields stand outside.  A reader
 * believes those inside once the signature holds.
 */
#ifndef WAXWING_MAIL_PROTECT_H
#define WAXWING_MAIL_PROTECT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"
#include "mail/header.h"

enum protect {
	PROTECT_NONE,
	PROTECT_CLEAR,  /* hp="clear": it was composed to be signed */
	PROTECT_CIPHER, /* hp="cipher": to be signed and encrypted */
};

/* What the one Content-Type of a payload's header says (2.1.1). */
enum protect protect_kind(struct str payload, struct arena *);

/*
 * The only field of that name that a payload protects.  False if the payload
 * protects none, has none of the name or several (which RFC 9788 says nothing
 * about), or if memory is out.  Only a verified signature makes it true.
 */
bool protect_find(struct str payload, const char *name, struct arena *,
    struct field *);

/*
 * Divide a mail for signing (5.2.1).  payload gets the entity to be signed: the
 * mail with hp="clear" in its Content-Type, HP-Outer dropped; outer gets the
 * fields that stand outside, all but Content-*, MIME-Version, without an empty
 * line.  -1 if the mail carries hp= already or several Content-Type, or if a
 * buffer is full.
 */
int protect_clear(struct str mail, struct buf *outer, struct buf *payload);

#endif
