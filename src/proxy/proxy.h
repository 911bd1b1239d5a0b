/*
 * proxy.h - the role that talks to mail clients and to their servers.
 *
 * One event loop serves all IMAP and SMTP sessions.  This role holds the
 * sessions' credentials in memory and no S/MIME key.  What every session may
 * use of it is struct proxy.
 */
#ifndef WAXWING_PROXY_PROXY_H
#define WAXWING_PROXY_PROXY_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "sys/conf.h"
#include "sys/crypt.h"
#include "sys/ipc.h"
#include "sys/resolv.h"

struct accounts;
struct boxnames;
struct errand;
struct facts;
struct listener;
struct lates;
struct readings;
struct recorder;
struct self;
struct seen;
struct sentlog;
struct throttle;
struct upstream;
struct viewcache;
struct viewdisk;

/* What the proxy knows of any session, IMAP or SMTP: embedded there. */
struct session {
	TAILQ_ENTRY(session) link;
	char id[12];      /* for logs: unique while the proxy lives */
	const char *kind; /* "imap" or "smtp" */
	/* The daemon stops: say so to the client and go. */
	void (*stop)(struct session *);
	/* Called every few seconds with the monotonic clock; may be NULL. */
	void (*tick)(struct session *, uint64_t mono);
};
TAILQ_HEAD(session_list, session);

struct proxy {
	struct event_base *base;
	struct resolv *resolv;
	struct self *self; /* the role's (role/role.h) */
	struct conf *conf; /* replaced at reload, so never kept */
	SSL_CTX *imap_tls; /* for clients; NULL: no TLS offered */
	SSL_CTX *smtp_tls;
	struct ipc *parent; /* links; NULL while the other is away */
	struct ipc *agent;
	struct ipc *sealer;
	uint64_t sealed;     /* answers of the sealer so far */
	bool sealer_stuck;   /* it has to be replaced */
	bool agent_late;     /* it did not answer in time */
	char install_id[17]; /* authserv-id of the status fields */
	const char *state_dir;
	struct crypt_key seen_key;
	struct crypt_key tokens_key;

	struct upstream *upstreams; /* of the current conf; see upstream.h */
	struct accounts *accounts;  /* see account.h */
	struct throttle *throttle;  /* see throttle.h */
	struct recorder *recorder;  /* see recorder.h */
	struct sentlog *sent;       /* see sentlog.h */
	struct viewcache *views;
	struct viewdisk *viewdisk; /* NULL: [cache] views = memory */
	struct readings *readings; /* see reading.h */
	struct lates *lates;       /* see late.h */
	struct boxnames *boxnames; /* see boxname.h */
	struct seen *seen;         /* NULL: not open yet; see seen.h */
	struct facts *facts;       /* NULL: memory was out; see facts.h */
	uint64_t opened;           /* messages that openers answered */
	uint32_t aheads;           /* large ones that they were told of */
	uint64_t probed;           /* messages that servers were asked about */
	struct session_list sessions;
	LIST_HEAD(errand_list, errand) errands; /* see challenge.h */
	LIST_HEAD(listener_list, listener) listeners;
	struct event *tick; /* owned */
	struct event *last; /* owned; when all sessions are gone */
	uint64_t held;      /* bytes of all accounts; see held.h */
	uint64_t worked;    /* messages opened and asked about by then */
	uint64_t mono;      /* the clock at the last tick, for timeouts */
	uint64_t next_session;
	bool stopping;
};

/* A sealer that died is started again by the parent within some seconds, or not
 * at all: so often who needs it looks whether it is there. */
#define SEALER_RETRY_MS 250
#define SEALER_RETRIES  40

/* Enter a new session into the list and give it an id; and out again. */
void proxy_session_add(struct proxy *, struct session *, const char *kind,
    void (*stop)(struct session *));
void proxy_session_del(struct proxy *, struct session *);

/* The role's entry point (re-exec with -x proxy): returns the exit status. */
int proxy_main(int parent_fd);

#endif
