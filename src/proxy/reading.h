/*
 * reading.h - a sealed message becomes a view: the one place where that is
 * done, for whoever asks (FETCH, SEARCH, what warms up the caches).
 *
 * What fixed the view's bytes the first time (seen.h) is looked up, the
 * account's opener is asked, the bytes are checked against the first time's or
 * remembered, and the view is kept (viewcache.h), as is what it tells without
 * its body (facts.h).  Two who ask for the same message at once share one
 * opening.
 */
#ifndef WAXWING_PROXY_READING_H
#define WAXWING_PROXY_READING_H

#include "base/blob.h"
#include "base/err.h"
#include "base/set.h"
#include "proxy/msgname.h"
#include "proxy/viewcache.h"

struct readings; /* those of a proxy that are under way */
struct reading;  /* one who asks */

struct readings *readings_new(void);
void readings_free(struct readings *); /* accepts NULL */

/*
 * The view is borrowed (viewref_ref() keeps it); NULL with the reason when
 * there is none: ERR_NOKEY its key is on its way, ERR_UNAVAILABLE and others
 * it cannot be opened now.  Called from the event loop, never from within
 * reading_start().
 */
typedef void reading_fn(struct viewref *view, const struct err *, void *arg);

/*
 * Read the message whose text at the server is wire (a memfd's; a reference
 * is taken); digest is its SHA-256.  The name is copied.  NULL with the reason
 * when that cannot even begin.  An asker is to be called or to cancel before
 * its account goes.
 */
struct reading *reading_start(const struct msg_name *, struct blob *wire,
    const uint8_t digest[CRYPT_DIGEST], reading_fn *, void *arg, struct err *);

/* The same out of the views on disk, without asking the server.  NULL: there
 * is none.  ERR_NOTFOUND: there is none after all, so ask the server. */
struct reading *reading_start_disk(const struct msg_name *, reading_fn *,
    void *arg);
/* May there be one? */
bool reading_on_disk(const struct msg_name *);

/* The asker is gone; the last one takes the opening along.  Accepts NULL. */
void reading_cancel(struct reading *);

/*
 * Write what fixes the bytes of views, synced; before the first answer that
 * tells of a view.  -1: it must not be told, but where reading_fixed().
 */
int reading_commit(struct proxy *);
/* What fixes this one's view was written, now or earlier. */
bool reading_fixed(const struct msg_name *);

/* Write all that is kept with it (seen.h), synced.  Views on the disk make
 * room for it. */
int reading_write(struct proxy *, struct err *);

/* Every few seconds, and at the end: write that, and then the facts, which
 * must not speak of a view that could become another. */
void reading_tick(struct proxy *);

/* These messages of the one's mailbox are gone for ever (EXPUNGE, VANISHED):
 * nothing will be kept of them.  The set is taken, and left empty. */
void reading_gone(const struct msg_name *, struct set *uids);

/* The same for one whose mailbox is gone, and its facts with it. */
void reading_forget(struct proxy *, const struct seen_key *);

/* A key of the account arrived: what was shown unopened is read anew, and
 * what waits for one tries at once. */
void reading_key_came(struct account *);

/* The same for a login that nobody has here now. */
void reading_key_came_away(struct proxy *, struct str login);

/* A message that is plain, but shall be answered as a view: its text is the
 * view.  came is the SHA-256 of what the server sent.  A reference, or NULL
 * with the reason. */
struct viewref *reading_plain(const struct msg_name *, struct blob *text,
    const uint8_t came[CRYPT_DIGEST], struct err *);

#endif
