/*
 * late.h - what is kept of a message beside its view: its facts (facts.h).
 *
 * The search text of a long view takes a good part of the time of opening it,
 * and nobody waits for it.  So the opener answers without (OPEN_TEXT_LATER),
 * and is asked for the text when the view was given to who waits for that.
 */
#ifndef WAXWING_PROXY_LATE_H
#define WAXWING_PROXY_LATE_H

#include "base/blob.h"
#include "proto/open.h"
#include "proxy/msgname.h"
#include "proxy/viewcache.h"

struct lates; /* those of a proxy that are to come */

struct lates *lates_new(void);
void lates_free(struct lates *); /* accepts NULL */

/*
 * Keep the facts of a view that was just made, now or soon; text is the view's
 * memfd, search its search text or NULL.  All is copied or referenced.
 */
void late_keep(const struct msg_name *, const struct open_ans *,
    struct viewref *, struct blob *text, const struct blob *search);

/* The whole search text of a view was made for somebody else.  If it is not too
 * long to be kept, it need not be made again. */
void late_text(const struct msg_name *, const uint8_t digest[CRYPT_DIGEST],
    const struct blob *search);

/* The account goes, or the message. */
void late_account_gone(struct account *);
void late_gone(const struct msg_name *);

#endif
