/*
 * smtp_up.h - one connection to an upstream's submission server (RFC 6409).
 *
 * smtp_up_open() connects, says EHLO, takes TLS as the conf demands and logs
 * in.  After that commands are asked, each with a callback that gets the
 * server's reply, in order; they are pipelined if the server can (RFC 2920).
 * Every callback is called exactly once: with the reply, or, when the
 * connection is lost, with NULL and the reason.
 *
 * smtp_up_free() may be called at any time, in a callback too; after it, and
 * after smtp_up_forget(), no callback comes.
 */
#ifndef WAXWING_PROXY_SMTP_UP_H
#define WAXWING_PROXY_SMTP_UP_H

#include "base/blob.h"
#include "base/err.h"
#include "proxy/proxy.h"
#include "proxy/upstream.h"
#include "smtp/ehlo.h"
#include "smtp/reply.h"

struct smtp_up;

typedef void smtp_up_fn(const struct reply *, const struct err *, void *arg);

/*
 * Connect and log in.  done gets the reply to AUTH: 2yz, and the connection
 * stands, or a refusal.  It gets NULL and the reason when it did not come to
 * that.  hello is what we say with EHLO, our client's own name; if that is
 * empty, an address literal (RFC 5321 4.1.4).  Never calls done before it
 * returns; NULL with the reason.
 */
struct smtp_up *smtp_up_open(struct proxy *, const struct upstream *,
    struct str hello, struct str user, struct str password, smtp_up_fn *done,
    void *arg, struct err *);
void smtp_up_free(struct smtp_up *); /* accepts NULL; says QUIT if it can */

/* Logged in, and nothing went wrong since.  Accepts NULL. */
bool smtp_up_alive(const struct smtp_up *);

/* What the server offers, after login. */
const struct ehlo_caps *smtp_up_caps(const struct smtp_up *);

/* Ask a command, given without its CRLF.  If the connection is lost already,
 * the callback comes from the event loop.  -1, and no callback ever, when
 * memory is out. */
int smtp_up_ask(struct smtp_up *, struct str command, smtp_up_fn *, void *arg);

/*
 * Send the text after a 354: dot-stuffed, with the final dot.  The callback
 * gets the reply to the whole.  Keeps a reference to the blob.  -1 as above.
 */
int smtp_up_text(struct smtp_up *, struct blob *, smtp_up_fn *, void *arg);

/* The connection is of no use any more: it counts as lost from here on, and
 * whoever waits is told so. */
void smtp_up_give_up(struct smtp_up *, const char *why);

/* Replies to what was asked with this arg are of no interest any more. */
void smtp_up_forget(struct smtp_up *, void *arg);

#endif
