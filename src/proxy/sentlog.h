/*
 * sentlog.h - what was sent lately, for the copy that clients put into the
 * sent mailbox afterwards.
 *
 * A mail that was delivered is known by its account, Message-ID, Date, From, To
 * and Cc for SENTLOG_KEEP_S: whether it went out sealed or in clear, and if the
 * account wants that (sent = as-sent), the text itself.  It is in memory only;
 * what is not known here has to be taken for sealed.
 */
#ifndef WAXWING_PROXY_SENTLOG_H
#define WAXWING_PROXY_SENTLOG_H

#include <stdint.h>

#include "base/blob.h"
#include "sys/crypt.h"

/* Clients put the copy away at once, or when they are online again. */
#define SENTLOG_KEEP_S 3600

/* Mails, and bytes of their texts; the oldest are forgotten first. */
#define SENTLOG_MAX   10000
#define SENTLOG_BYTES (64UL * 1024 * 1024)

struct sentlog;

struct sentlog *sentlog_new(const struct crypt_key *);
void sentlog_free(struct sentlog *); /* accepts NULL */

struct sent {
	bool sealed;       /* all that left was sealed */
	struct blob *text; /* the text that the recipients named in the mail
	                    * got, or NULL */
};

/*
 * A mail (its header is enough) was delivered at wall, seconds.  text may be
 * NULL; it is kept if it is small enough.  Without a Message-ID, or when
 * memory is out, it stays unknown.
 */
void sentlog_put(struct sentlog *, struct str account, struct str mail,
    bool sealed, struct blob *text, int64_t wall);

/* Was this mail sent?  Borrowed until the next call; NULL: not known. */
const struct sent *sentlog_get(struct sentlog *, struct str account,
    struct str mail, int64_t wall);

/* Its copy came, and is not stored: a second one is no copy.  What
 * sentlog_get() gave is forgotten. */
void sentlog_done(struct sentlog *, const struct sent *);

/* How many bytes of texts are held. */
size_t sentlog_bytes(const struct sentlog *);

#endif
