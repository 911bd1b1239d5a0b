/*
 * resync_own.h - the parts of a resync: resync_run.c begins it, resync.c finds
 * what is to be copied, resync_move.c copies it, resync_look.c finds the
 * copies, resync_log.c keeps on disk what is under way.
 */
#ifndef WAXWING_PROXY_RESYNC_OWN_H
#define WAXWING_PROXY_RESYNC_OWN_H

#include "base/set.h"
#include "imap/copyuid.h"
#include "proto/open.h"
#include "proxy/reading.h"
#include "proxy/resync.h"
#include "proxy/side.h"

/* Messages that are copied at once: what one interruption leaves to be looked
 * into. */
#define RESYNC_BATCH 50

/* A mailbox's name, as the server writes it. */
#define RESYNC_NAME_MAX 1000

struct resync_msg {
	uint32_t old;
	uint32_t copy; /* its new UID; 0: not known */
	uint32_t away; /* its UID in the other mailbox, or 0 */
	bool there;    /* the old one exists */
	bool checked;  /* the copy exists, and is as long */
	uint64_t size; /* RFC822.SIZE */
	uint8_t wire[CRYPT_DIGEST];
};

/* What is on disk from before a COPY until all is done. */
struct resync_log {
	uint32_t uidvalidity;
	uint32_t uidnext; /* copies are not below */
	char away[32];    /* the other mailbox; "": there is none */
	uint32_t away_uidvalidity;
	size_t n;
	struct resync_msg m[RESYNC_BATCH];
};

/* 1, 0 or -1; put syncs; an empty one (n 0) removes it. */
int resync_log_get(struct resync *, struct err *);
int resync_log_put(struct resync *, struct err *);

/* The mailboxes of an account that have one: fn is called for each, -1 stops.
 * 0 or -1. */
typedef int resync_name_fn(struct str name, void *arg);
int resync_log_names(struct account *, resync_name_fn *, void *arg,
    struct err *);

struct resync {
	struct account *account;
	struct side *side; /* owned; NULL when it is over */
	enum { RESYNC_RUNS, RESYNC_DONE, RESYNC_FAILED } state;
	struct err err;
	char **names; /* owned, as are they; mailboxes */
	size_t nnames;
	size_t at;  /* names[at] is the one at hand ... */
	bool begun; /* ... if it has begun */
	bool
	    alone; /* nobody asked: only what was interrupted is finished ... */
	char *next; /* owned; ... and then this mailbox, "": all; or NULL */

	uint32_t uidvalidity; /* as the last SELECT said */
	uint32_t uidnext;
	uint32_t exists;
	uint32_t top;    /* highest UID that was used there */
	bool readonly;   /* or nothing can be marked \Deleted in it */
	uint32_t keys;   /* seen_keys() */
	struct set todo; /* UIDs that may have to be copied */

	struct resync_log log;
	bool found;                   /* it is one that was interrupted */
	size_t i;                     /* the message of it that is looked at */
	struct set hits;              /* UIDs of what may be copies */
	uint32_t uid;                 /* whose body was asked for */
	struct blob *wire;            /* owned; that body, ... */
	uint8_t digest[CRYPT_DIGEST]; /* ... its SHA-256 */
	struct reading *reading;      /* owned */
	bool back;                    /* they were copied back */
	bool unmarked;                /* those that stay are not \Deleted */

	uint32_t total, done, moved;
};

void resync_fail(struct resync *, const struct err *);
void resync_failed(struct resync *, enum err_code, const char *why);

/* A command went well; else it is over. */
bool resync_well(struct resync *, const struct err *);

/* UID and RFC822.SIZE in a FETCH response; false: no UID. */
bool resync_item(const struct resp *, struct str text, uint32_t *uid,
    uint64_t *size);

/* SELECT or EXAMINE the mailbox at hand; what it says is taken down. */
void resync_select(struct resync *, const char *verb, side_done_fn *);

/* "VERB set TAIL", for the set of the messages that want() likes; 0 if there
 * are none, and then nothing is asked. */
typedef uint32_t resync_want_fn(const struct resync_msg *);
size_t resync_ask(struct resync *, const char *verb, resync_want_fn *,
    const char *tail, side_data_fn *, side_done_fn *);

/* A body that was asked for by side_fetch(), into wire and digest. */
side_fetch_fn resync_body;

/* The batch is in the log: copy it and remove the old ones. */
void resync_move(struct resync *);

/* The log is that of one who was interrupted, and its mailbox is selected. */
void resync_recover(struct resync *);

/* Find the copies that are not known, or look at those that are and find the
 * others; then settle. */
void resync_look(struct resync *);
void resync_check(struct resync *);
bool resync_is_ours(struct resync *, uint32_t uid);

/* See what is the case of each message, and take the next step. */
void resync_settle(struct resync *);

/* resync_log_put(), or it is over. */
bool resync_keep(struct resync *);

/* Both end there: the log is empty. */
void resync_next(struct resync *);

/* What was interrupted is finished: now what somebody asked for meanwhile. */
void resync_go_on(struct resync *);

/* Hang up. */
void resync_over(struct resync *);

/* Is the word in there? */
bool resync_has_word(struct str in, struct str word);

#endif
