/*
 * job_fetch.h - what the files of the FETCH job share.
 *
 *	job_fetch.c	from the command to the plain and the sealed part
 *	fetch_views.c	the sealed part: windows of messages, their views
 *	fetch_answer.c	one answer
 */
#ifndef WAXWING_PROXY_JOB_FETCH_H
#define WAXWING_PROXY_JOB_FETCH_H

#include "imap/fetch.h"
#include "proxy/facts.h"
#include "proxy/job.h"
#include "proxy/opens.h"
#include "proxy/reading.h"

enum want_state {
	WANT_NEW,
	WANT_ASKED, /* its body is on the way */
	WANT_OPEN,  /* with the opener */
	WANT_READY, /* there is a view, or facts that will do */
	WANT_LATER, /* its key is on its way */
	WANT_LOST,  /* it cannot be opened now */
	WANT_GONE,  /* no longer in the mailbox */
	WANT_ANSWERED
};

/* What is known of a message, in place of a view. */
struct known {
	struct facts_rec rec;
	struct buf hold; /* its strings */
};

/* One sealed message of the command. */
struct want {
	struct fetch_job *f;
	enum want_state state;
	uint32_t uid;
	uint32_t seq;            /* by sequence number only */
	uint64_t size;           /* of the wire text, as the server says */
	struct reading *reading; /* owned */
	bool disk;               /* it is out of the views on disk */
	struct viewref *view;    /* owned */
	struct known *known;     /* owned; or this */
};

enum window_state { WIN_NONE, WIN_BODIES, WIN_ANSWERS };

/* Neighbours in wants that are fetched and answered together. */
struct window {
	enum window_state state;
	size_t lo, hi; /* wants[lo] up to before wants[hi] */
	unsigned asks;
	unsigned opens;
	uint64_t bytes; /* of wire text that came, beyond what was announced */
};

struct fetch_job {
	struct job j; /* first */
	struct arena arena;
	struct fetch cmd;
	bool uid;
	bool star;
	bool more;          /* some asked numbers are not known to exist */
	struct set asked;   /* numbers of the client's kind */
	struct set plain;   /* those the server answers */
	struct set exist;   /* UIDs, when the server cannot be asked as is */
	struct buf line;    /* command being made */
	struct want *wants; /* owned; ascending */
	size_t nwants;
	size_t next; /* first that is in no window */
	struct window win[2];
	unsigned cur;            /* the window that is answered first */
	unsigned sizes;          /* asks about sizes in flight */
	unsigned expunged;       /* by sequence number: how many were */
	bool late;               /* some wait for a key */
	struct keywait *keywait; /* owned; all others are answered */
	bool preview;            /* PREVIEW is among the items */
	bool lazy;               /* PREVIEW (LAZY) is */
	bool listing;            /* facts will do for all items */
	bool headers;            /* some are made of the header */
};

static inline struct fetch_job *
fetch_job(struct job *j)
{
	return ((struct fetch_job *)(void *)j);
}

/* The number by which the server is asked for it. */
static inline uint32_t
want_number(const struct want *w)
{
	return (w->f->uid ? w->uid : w->seq);
}

void fetch_oom(struct fetch_job *);

/* job_ask_all() by the client's kind of numbers. */
unsigned fetch_ask_all(struct fetch_job *, const struct set *, struct str items,
    const struct ask *like);

/* Close the command. */
void fetch_finish(struct fetch_job *);

/* fetch_views.c: the wants are there. */
void views_start(struct fetch_job *);
void views_free(struct fetch_job *);
void views_expunge(struct fetch_job *, uint32_t seq);
/* There is no answer for it, and a NO in the end. */
void want_lost(struct want *, enum err_code, const char *why);
struct want *views_find(struct fetch_job *, const struct window *,
    uint32_t uid);

/* fetch_answer.c: the items that the server is asked for the sealed part,
 * and what is made of its answer.  False: it does not hold all of them. */
void answer_items(const struct fetch_job *, struct buf *);
void known_free(struct known *); /* accepts NULL */
bool answer_give(struct fetch_job *, struct want *, struct gather *);

#endif
