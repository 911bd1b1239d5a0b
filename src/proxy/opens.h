/*
 * opens.h - sealed messages on their way through an account's opener.
 *
 * The opener is asked for when the first message comes (OP_OPENER) and kept
 * as long as the account lives.  At most LIMIT_ACCOUNT_OPENS are with it at
 * once.  When it dies, what was with it is tried once more, one at a time in
 * another; a message that two openers died of is quarantined: openers are asked
 * to show it as it is, unopened, so that its mailbox stays usable.
 */
#ifndef WAXWING_PROXY_OPENS_H
#define WAXWING_PROXY_OPENS_H

#include "base/blob.h"
#include "base/err.h"
#include "proto/open.h"
#include "proxy/account.h"
#include "sys/ipc.h"

struct opens;
struct opening;

/*
 * The answer; view and text (the search text, NULL: there is none) are
 * borrowed.  On failure ans and both are NULL and err says why: ERR_UNAVAILABLE
 * no opener; ERR_DENIED two openers died of it; ERR_CRYPTO and others: it said
 * no.  Called from the event loop.
 */
typedef void opens_fn(const struct open_ans *ans, struct blob *view,
    struct blob *text, const struct err *, void *arg);

void opens_free(struct opens *); /* accepts NULL; nobody is called any more */

/*
 * Open wire (a reference is taken; must be a memfd's) for the account; digest
 * is its SHA-256.  req's strings are copied.  NULL with the reason when that
 * cannot even begin.
 */
struct opening *opens_ask(struct account *, struct blob *wire,
    const uint8_t digest[CRYPT_DIGEST], const struct open_req *, opens_fn *,
    void *arg, struct err *);

/*
 * Make the search text of a view that was opened (a reference is taken);
 * digest is its SHA-256.  Whole: at full length, else what is worth keeping.
 * fn gets the text, borrowed, or NULL: there is none.  NULL when that cannot
 * even begin.
 */
typedef void opens_text_fn(struct blob *text, void *arg);
struct opening *opens_ask_text(struct account *, struct blob *view,
    const uint8_t digest[CRYPT_DIGEST], bool whole, opens_text_fn *, void *arg);

/* The link to the account's opener, if it is there and has nothing to do. */
struct ipc *opens_idle(const struct account *);

/* The asker is gone.  Accepts NULL. */
void opens_cancel(struct opening *);

/*
 * Some messages are answered with OPEN_KEY_LATER: wait for a key of the
 * account.  fn is called once, with whether one came; if none does, KEY_WAIT_MS
 * after somebody began to wait.  NULL: it is not worth it now, because nobody
 * should wait at every command.
 */
struct keywait;
typedef void keywait_fn(bool came, void *arg);
struct keywait *opens_wait_key(struct account *, keywait_fn *, void *arg);
void opens_wait_cancel(struct keywait *); /* accepts NULL */

/* A key of the account arrived. */
void opens_key_arrived(struct account *);

#endif
