/*
 * special.h - which mailboxes hold what was sent, and drafts.
 *
 * A server may say so (RFC 6154: \Sent, \Drafts in LIST); besides, the names
 * count that mail clients give such mailboxes in the larger languages,
 * wherever in the hierarchy they lie.  A name taken for one in error only
 * means that what is put there is sealed.
 */
#ifndef WAXWING_PROXY_SPECIAL_H
#define WAXWING_PROXY_SPECIAL_H

#include "base/span.h"

enum special_kind { SPECIAL_NONE, SPECIAL_SENT, SPECIAL_DRAFTS };

/* Mailboxes that a server named so; it has one of each, seldom more.  Where it
 * has more, whatever it did not get said of is taken for one. */
#define SPECIAL_MAX 32

struct special;

struct special *special_new(void);
void special_free(struct special *); /* accepts NULL */

/* Does it look as if a LIST response told of such a mailbox? */
bool special_mentioned(struct str line);

/* Read one LIST response, literals in place; others are passed over.  What was
 * once said of a mailbox stays. */
void special_read(struct special *, struct str line);

/* What a mailbox is: by what the server said (NULL: nothing) or by its
 * name, as IMAP has it (modified UTF-7, RFC 3501 5.1.3). */
enum special_kind special_kind(const struct special *, struct str name);

#endif
