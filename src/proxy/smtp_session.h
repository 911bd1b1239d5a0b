/*
 * smtp_session.h - a client's connection to our submission port (RFC 6409).
 *
 * The session greets, takes TLS and the login, and reads commands one by one;
 * what concerns one mail is smtp_tx.h's.  No command is read while the answer
 * to another is awaited, but for RCPT: those of a pipelining client are
 * looked up together and answered in order.
 *
 * Every way in from the event loop (client, upstream, other roles, timers)
 * stands between smtp_session_enter() and smtp_session_leave(); whoever finds
 * the session to be at its end calls smtp_session_kill(), and the last leave
 * frees it.  So no callback's callee ever frees the session under it.
 */
#ifndef WAXWING_PROXY_SMTP_SESSION_H
#define WAXWING_PROXY_SMTP_SESSION_H

#include "base/buf.h"
#include "proxy/account.h"
#include "proxy/proxy.h"
#include "proxy/smtp_up.h"
#include "proxy/throttle.h"
#include "smtp/reply.h"
#include "smtp/verb.h"
#include "sys/stream.h"

struct smtp_tx;

enum session_state {
	SESSION_TLS,     /* waits for a handshake */
	SESSION_COMMAND, /* the next line is a command */
	SESSION_AUTH,    /* the next line answers our 334 */
	SESSION_LOGIN,   /* the upstream is asked */
	SESSION_MAIL,    /* the mail waits for something */
	SESSION_TEXT,    /* the text comes */
};

enum auth_step { AUTH_PLAIN, AUTH_LOGIN_USER, AUTH_LOGIN_PASS };

struct smtp_session {
	struct session base;
	struct proxy *proxy;
	struct stream *client; /* owned; NULL once it is gone */
	enum session_state state;
	unsigned depth; /* entries from the event loop */
	bool dead;
	bool greeted;
	bool stopping;        /* goes when the mail in hand is done */
	uint64_t login_until; /* mono: who has not logged in by then goes */

	struct buf hello; /* owned: what the client said with EHLO */
	struct buf line;  /* owned: the line in hand; wiped */

	enum auth_step auth;
	struct buf user;     /* owned */
	struct buf password; /* owned; wiped when the login is over */
	struct login login;
	struct attempt *attempt; /* owned; a login is under way */
	unsigned refused;        /* logins that failed */

	struct account *account; /* counted in; NULL before the login */
	struct smtp_up *up;      /* owned; may be lost: smtp_up_alive() */
	bool up_open;            /* a mail was begun there */
	struct smtp_tx *tx;      /* owned; NULL: no mail */
};

void smtp_session_enter(struct smtp_session *);
void smtp_session_leave(struct smtp_session *);
void smtp_session_kill(struct smtp_session *);

void smtp_session_state(struct smtp_session *, enum session_state);

/* Answer the client.  text may have several lines, each of which begins with
 * its enhanced code if it has one. */
void smtp_session_reply(struct smtp_session *, unsigned code, const char *text);

/* Say a last word and close. */
void smtp_session_hang_up(struct smtp_session *, unsigned code,
    const char *text);

/* Pass a reply of the upstream on (421 as 451: our connection goes on). */
void smtp_session_relay(struct smtp_session *, const struct reply *);

/* Forget what was begun upstream, with RSET if need be. */
void smtp_session_reset_up(struct smtp_session *);

/* Connect and log in again; as smtp_up_open().  The old connection goes. */
int smtp_session_reconnect(struct smtp_session *, smtp_up_fn *, void *arg,
    struct err *);

/* Is a login allowed as the connection is: in TLS, or on this machine? */
bool smtp_login_allowed(const struct smtp_session *);

/* AUTH; and a line in SESSION_AUTH, or the initial response of AUTH.
 * (smtp_login.c) */
void smtp_login_auth(struct smtp_session *, const struct verb_line *);
void smtp_login_line(struct smtp_session *, struct str);

#endif
