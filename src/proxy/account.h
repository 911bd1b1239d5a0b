/*
 * account.h - who is logged in.
 *
 * An account is (upstream, canonical login name): the login in lower case,
 * whose domain picks [upstream DOMAIN].  It exists only after the upstream
 * accepted the credential.  It holds the credential while sessions live and
 * ACCOUNT_HOLD_S after the last; then the credential is wiped and the
 * account with its opener link goes.
 *
 * How a session logs in:
 *	login_parse()      name -> canonical name and upstream
 *	throttle_begin()   wait for the turn
 *	upstream_connect() and the upstream's own login
 *	throttle_end()     success or not
 *	account_enter()    count the session, keep the credential
 *	account_leave()    when the session ends
 */
#ifndef WAXWING_PROXY_ACCOUNT_H
#define WAXWING_PROXY_ACCOUNT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "proxy/proxy.h"
#include "proxy/upstream.h"

#define LOGIN_MAX      255
#define ACCOUNT_HOLD_S 300

/* A login name that was understood. */
struct login {
	char name[LOGIN_MAX + 1]; /* canonical */
	struct upstream *up;      /* a reference, owned */
};

/*
 * Refused: empty, longer than LOGIN_MAX, control or non-ASCII characters, "*",
 * blanks, no domain (ERR_SYNTAX); a domain without upstream (ERR_NOTFOUND).
 */
int login_parse(struct proxy *, struct str user, struct login *, struct err *);
void login_clear(struct login *); /* an empty one is fine */

struct account {
	struct proxy *proxy;
	char *login;         /* owned; canonical */
	struct upstream *up; /* a reference, owned */
	struct buf password; /* wiped when the account goes */
	struct buf id;       /* what its last client said it is (imap/id.h) */
	unsigned sessions;
	struct opens *opens;     /* owned; see opens.h */
	struct classes *classes; /* owned; a list, see mailbox.h */
	struct warm *warm;       /* owned; see warm.h */
	struct resync *resync;   /* owned; see resync.h */
	struct event *hold;      /* runs after the last session */
	int64_t since;           /* wall clock of the first login */
	char delimiter;  /* of its server's mailbox names; 0: not known */
	bool delimiters; /* it has several */
	uint64_t held;   /* bytes; see held.h */
};

/*
 * The upstream accepted the credential: count one session more.  NULL with
 * ERR_LIMIT when LIMIT_ACCOUNT_SESSIONS are there already.
 */
struct account *account_enter(struct proxy *, const struct login *,
    struct str password, struct err *);
void account_leave(struct account *); /* accepts NULL */

struct accounts *accounts_new(void);
void accounts_free(struct accounts *); /* accepts NULL */

/* Tell the agent of every account whose credential is held: it was away, or
 * has not heard of them. */
void accounts_tell(struct proxy *);

/* Write what was found out about the accounts' mailboxes (mailbox.h). */
void accounts_save(struct proxy *);

/* The account of a canonical login name that is here now, or NULL. */
struct account *account_find(struct proxy *, struct str login);

/* OP_ACCOUNTS: [{"login", "upstream", "sessions", "since", "opener",
 * "watched", "read_ahead", "to_read"}, ...] as JSON. */
void accounts_json(struct proxy *, struct buf *);

#endif
