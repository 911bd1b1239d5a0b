/*
 * finder.h - what a SEARCH program finds in a mailbox with sealed messages:
 * the common part of the SEARCH, SORT and THREAD jobs.
 *
 *	finder.c	from a program to the messages it finds
 *	finder_judge.c	sealed messages, by what is in them
 *	finder_whole.c	those whose search text is not kept, or not all of it
 *	job_search.c	SEARCH and UID SEARCH
 *	job_sort.c	SORT, THREAD
 *
 * The server is asked for all that it knows, and for content among the plain
 * messages; of sealed ones it finds in their content only what must not count.
 * Which messages it is asked about follows from what it knows itself (flags,
 * dates, numbers, which messages are sealed), never from what is in sealed
 * ones.
 */
#ifndef WAXWING_PROXY_FINDER_H
#define WAXWING_PROXY_FINDER_H

#include <event2/event.h>

#include "imap/search.h"
#include "mail/match.h"
#include "mail/view.h"
#include "proxy/job.h"
#include "proxy/msgname.h"

/* How long others wait for us.  The clock is looked at after each message, and
 * within a long one. */
#define FINDER_SLICE_MS 10

struct keywait;
struct viewref;
TAILQ_HEAD(whole_list, whole);

struct finder {
	struct job j; /* first */
	struct arena arena;
	bool uid; /* numbers are UIDs, also those of the server's answers */
	struct search cmd;
	struct search_plan plan;
	/* All messages that are found are in result.  Not called when the
	 * command was answered NO, or passes. */
	void (*found)(struct finder *);
	/* All that is found matters, not only whether.  The size and header of
	 * each sealed message that is found are told. */
	bool all;
	void (*keep)(struct finder *, uint32_t number, uint64_t size,
	    struct str header);

	struct set *hits; /* arena; plan.n of them, owned */
	size_t unit;      /* the next to ask for, ... */
	bool content;     /* ... of those with content, or of the others */
	bool within;      /* a piece of it was asked for */
	struct set rest;  /* its other pieces, ... */
	size_t room;      /* ... each so long; 0: it is asked as a whole */
	unsigned asks;
	struct set asked;  /* what those with content are about */
	struct set sealed; /* sealed messages that have to be judged, ... */
	uint32_t at;       /* ... up to here they were looked up, ... */
	struct set closed; /* ... these have to be opened first, ... */
	struct set yes;    /* ... and these are found */
	struct set gone;   /* expunged meanwhile, by UID ... */
	uint32_t ngone;    /* ... and how many, also where that is not known */
	struct set result;

	/* finder_judge.c */
	struct buf *needles; /* arena; plan.n of them, owned */
	struct buf hold;
	struct buf text;
	struct event *slice; /* owned */
	bool pulling;        /* all is looked at that is at hand */
	void (*judged)(struct finder *);
	struct set later;        /* wait for a key */
	struct keywait *keywait; /* owned */
	bool needs_text;
	bool judging;
	bool moved; /* numbers do not mean what they meant */

	/* finder_whole.c */
	struct whole_list wholes; /* owned */
	unsigned nwholes;
	struct event *match; /* owned */
};

static inline struct finder *
finder_of(struct job *j)
{
	return ((struct finder *)(void *)j);
}

/* The job's ops, for jobs without their own. */
void finder_expunge(struct job *, uint32_t seq, uint32_t uid);

void finder_init(struct finder *);
void finder_clear(struct finder *);

/* The job is begun, its command kept, cmd parsed into the arena.  All else
 * follows. */
void finder_start(struct finder *);

/* The name of a message by its number. */
struct msg_name finder_name(const struct finder *, uint32_t number);

/* Something that makes all answers wrong happened: NO was said. */
bool finder_stopped(struct finder *);
void finder_oom(struct finder *);

/* All messages of the mailbox are known here, and none is sealed. */
bool finder_all_plain(const struct mailbox *);

/* finder_judge.c: look at f->sealed; those found are added to f->yes, and next
 * is called.  Before it prepare: -1 when it cannot be done, and NO was said. */
void judge_start(struct finder *, void (*next)(struct finder *));
int judge_prepare(struct finder *);

/* Keys that are looked for in a long text: how far that is. */
struct sift {
	signed char *verdicts; /* owned; of each unit of the plan */
	struct match_at at;    /* within the one that is looked for */
	uint64_t until;        /* mono: when this turn ends */
};

/* A message that is judged. */
struct subject {
	uint64_t size;
	int64_t sent;
	struct str header;
	struct str text;
	struct sift *sift; /* NULL: the text is short */
};

/* What a view tells; not its text.  False: it tells nothing, a NO is due. */
bool judge_subject_of(struct finder *, const struct view *, struct subject *);

/* Found, or not, or a NO is due.  False: there is more to do, in another
 * turn. */
bool judge_subject(struct finder *, uint32_t number, const struct subject *);

/* Some turns later, go on looking at what is at hand. */
void judge_resume(struct finder *);

/*
 * finder_whole.c: judge a message by the whole search text of its view (a
 * reference is taken), in some turns of the loop; then pull_judged(), if the
 * pull holds it, else judge_resume().  More than whole_full() says shall not
 * wait.
 */
void whole_judge(struct finder *, uint32_t number, struct viewref *,
    bool pulled);
bool whole_full(const struct finder *);
void whole_clear(struct finder *);

/* Do the hits without content settle it?  1 found, 0 not found, -1 no. */
int judge_known(const struct finder *, uint32_t number);

#endif
