/*
 * side.h - a connection of our own to an account's IMAP server, beside those
 * of its clients.
 *
 * One command at a time; each gets the untagged responses that come with it,
 * whole, and then its tagged one.  A response is held in memory, up to
 * SIDE_MAX; the messages in those to side_fetch() are in memfds.
 */
#ifndef WAXWING_PROXY_SIDE_H
#define WAXWING_PROXY_SIDE_H

#include "imap/caps.h"
#include "imap/resp.h"
#include "proxy/account.h"
#include "proxy/gather.h"

#define SIDE_MAX (1024UL * 1024)

struct side;

/* An untagged response; text is all of it, with its literals. */
typedef void side_data_fn(const struct resp *, struct str text, void *arg);

/*
 * The end of a command, or of the login.  err NULL: it went well, and resp is
 * the tagged response of a command.  Else the server said NO or BAD
 * (ERR_DENIED; ERR_UNAVAILABLE: to the login, and for now), or is gone or
 * silent (another code).  The side may be freed in there.
 */
typedef void side_done_fn(const struct resp *, const struct err *, void *arg);

/* Connect and log in with the credential that the account holds.  NULL with
 * the reason; done is not called then. */
struct side *side_open(struct account *, side_done_fn *done, void *arg,
    struct err *);

/* Ask a command, given without tag and CRLF.  data may be NULL. */
void side_ask(struct side *, const char *command, side_data_fn *data,
    side_done_fn *done, void *arg);

/* A FETCH response; it goes to fetch instead of data. */
typedef void side_fetch_fn(struct gather *, void *arg);

/* The same for a command whose FETCH responses hold messages (BODY[]). */
void side_fetch(struct side *, const char *command, side_fetch_fn *fetch,
    side_data_fn *data, side_done_fn *done, void *arg);

/* IDLE (RFC 2177): data gets what happens until side_wake(), which makes it
 * end; it is patient in between. */
void side_idle(struct side *, side_data_fn *data, side_done_fn *done,
    void *arg);
void side_wake(struct side *);

const struct caps *side_caps(const struct side *);

/* Was it the server that said no to the login, and not that it could not be
 * reached? */
bool side_refused(const struct side *);

/* Says LOGOUT if it can; accepts NULL. */
void side_free(struct side *);

#endif
