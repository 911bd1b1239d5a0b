/*
 * imap.h - one IMAP session: a client, its server, and what lies between.
 * Private to the imap_*.c and job*.c files.
 *
 *	imap_session.c	life and death, flow control, the turn
 *	imap_login.c	the client before it is logged in
 *	imap_upstream.c	connecting and logging in at the server
 *	imap_router.c	a command passes, waits, or becomes a job
 *	imap_send.c	commands with literals on their way to the server
 *	imap_reply.c	responses on their way to the client
 *	job*.c		commands we carry out ourselves
 *
 * Every event ends in imap_turn(): it reads on where reading is allowed,
 * balances the two sides, and frees a dead session.  imap_die() only marks.
 */
#ifndef WAXWING_PROXY_IMAP_H
#define WAXWING_PROXY_IMAP_H

#include "base/blob.h"
#include "imap/caps.h"
#include "imap/cmd.h"
#include "imap/resp.h"
#include "proxy/account.h"
#include "proxy/held.h"
#include "proxy/imap_upstream.h"
#include "proxy/mailbox.h"
#include "proxy/throttle.h"
#include "sys/stream.h"

/* Passed commands that may be in flight: Thunderbird pipelines a few. */
#define IMAP_PIPELINE 16

/* Output that makes us stop reading the other side: more than one event may
 * read there, so that a client that keeps up never does. */
#define IMAP_HIGH (1024UL * 1024)

/* What was read of the server's waits when so much is to be sent: a short
 * response of its may mean a long one of ours. */
#define IMAP_MOST (8 * IMAP_HIGH)

/* A server may take its time with a passed command (SEARCH, COPY, EXPUNGE of
 * many), and with a job's searches; other jobs and a login wait
 * LIMIT_UPSTREAM_S. */
#define IMAP_PASSED_S 900

/* As much of a client's own words as is said to it again, escaped. */
#define NAMED_MAX 80

enum imap_state {
	IMAP_NEW,     /* TLS to the client does not stand yet */
	IMAP_NOAUTH,  /* greeted */
	IMAP_TLS,     /* STARTTLS with the client */
	IMAP_LOGIN,   /* the server is being asked */
	IMAP_OPEN,    /* logged in */
	IMAP_LEAVING, /* LOGOUT was passed */
	IMAP_DEAD
};

struct append;
struct special;
struct verb;
struct job;
struct gather;

/* A command that passed and whose tagged response has not come. */
struct inflight {
	const struct verb *verb;
	char tag[CMD_TAG_MAX + 1];
	char *sealed; /* owned: the mailbox that an APPEND puts a sealed
	               * message into, or NULL */
	size_t sealedlen;
	struct share share; /* of what is sent for an APPEND's message */
};

struct imap {
	struct session s;
	struct proxy *p;
	enum imap_state state;
	bool tls;              /* implicit TLS to the client */
	struct stream *client; /* owned */
	struct stream *up;     /* owned; NULL before login */

	/* from the client */
	struct cmd_reader in;
	bool held;             /* the command in there waits for the others */
	bool kept;             /* it is a job's, which may still let it pass */
	bool pass_kept;        /* it shall pass when the job is gone */
	bool sasl;             /* the next line answers AUTHENTICATE */
	bool literal_wait;     /* the server has to say "+" to a literal */
	bool append_ours;      /* that "+" is not for the client */
	uint64_t append_left;  /* of an APPEND's message that streams */
	bool appending;        /* from its head to its end */
	struct append *append; /* owned; until it passes */
	size_t send_at;        /* how much of in.text was sent upstream */
	size_t send_lit;       /* the literal there that comes next */
	bool client_paused;

	/* from the server */
	struct lex up_lex;
	bool limits;           /* STATUS may tell of APPENDLIMIT */
	bool mid;              /* within a response that streams through ... */
	struct buf said;       /* ... whose end this waits for */
	bool eat;              /* within one that nobody wants */
	struct gather *gather; /* owned; within one that is collected */
	bool up_paused;
	struct inflight fl[IMAP_PIPELINE];
	size_t nfl;
	bool barrier;  /* nothing is read before the last one is answered */
	bool idling;   /* IDLE: the client's next line is DONE */
	bool bad_done; /* it was something else */

	/* who */
	struct login login;
	struct attempt *attempt;   /* owned */
	struct uplogin *uplogin;   /* owned; while logging in */
	struct buf id;             /* what the client said it is (imap/id.h) */
	bool again;                /* it is tried a second time, ... */
	uint64_t again_at;         /* ... then (mono); 0: not waiting */
	struct account *account;   /* counted */
	struct caps caps;          /* the server's */
	char tag[CMD_TAG_MAX + 1]; /* of the login */

	/* what */
	struct mailbox *box;     /* owned; NULL: none selected */
	struct mailbox *opening; /* owned; while SELECT is in flight */
	struct job *job;         /* owned */
	struct special *special; /* owned; as the server said; may be NULL */
	bool special_asked;      /* and it was asked, and nothing changed */
	struct buf renames;      /* names in DELETE or RENAME, each with NUL */

	uint64_t client_until; /* mono: when its patience, ... */
	uint64_t up_until;     /* ... or ours ends; 0: never */
};

/* imap_session.c */
/* The end, with its reason for the log.  The client is told bye (unless NULL,
 * or in the middle of something). */
void imap_die(struct imap *, const char *bye, const char *, ...)
    __attribute__((format(printf, 3, 4)));
void imap_enter(struct imap *, enum imap_state);
void imap_turn(struct imap *);
/* The server has something to do and that many seconds. */
void imap_expect(struct imap *, unsigned seconds);
/* Words of ours to the client: not within a response that streams through, they
 * would become a part of it.  Where a response was just handled there is none,
 * and stream_str() will do. */
void imap_say(struct imap *, struct str);
void imap_said(struct imap *); /* one has ended: what waited goes */

/* "TAG text\r\n" to the client. */
void imap_tagged(struct imap *, const char *tag, const char *, ...)
    __attribute__((format(printf, 3, 4)));
/* Adopt a new connection to the server. */
int imap_connect(struct imap *, struct err *);
void imap_disconnect(struct imap *);
struct imap *imap_of(struct session *);

/* imap_login.c */
void imap_greet(struct imap *);
void imap_noauth(struct imap *); /* a command or line is in s->in */
void imap_login_tick(struct imap *, uint64_t mono);
/* The arguments of an ID command: note them.  False: it is none. */
bool imap_heard_id(struct imap *, struct str args);

/* What is made of a command. */
enum route {
	ROUTE_PASS,
	ROUTE_WAIT, /* try again when nothing is in flight */
	ROUTE_KEEP, /* a job has it, and needs it where it is */
	ROUTE_DONE  /* answered, or a job has it */
};

/* imap_router.c */
enum route route_refuse(struct imap *, const struct cmd *, const char *why);
/* The same with what it is about, which may be empty. */
enum route route_refuse_it(struct imap *, const struct cmd *, const char *why,
    struct str it);
void imap_route(struct imap *); /* a command is in s->in */
void imap_route_append(struct imap *);
/* The same goes to the server. */
void imap_send_append(struct imap *);
void imap_done_line(struct imap *); /* the line that ends IDLE */
/* A command of ours goes in a client's name: count it in. */
void imap_pass_as(struct imap *, const char *verb, const char *tag);
/* A tagged response of a passed command came: what it changes. */
void imap_passed(struct imap *, const struct inflight *, const struct resp *);
struct inflight *imap_inflight(struct imap *, struct str tag);

/* imap_send.c */
/* Send what is in s->in, literals and all; it may take some "+" to do it. */
void imap_send(struct imap *);
void imap_send_more(struct imap *); /* a "+" came */
void imap_append_move(struct imap *);
void imap_append_end(struct imap *, bool well);

/* imap_reply.c */
void imap_reply(struct imap *);

#endif
