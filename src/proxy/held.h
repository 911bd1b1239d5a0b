/*
 * held.h - how many bytes of clients' mail are in memory.
 *
 * Mail that may be sealed is taken as a whole before any of it goes on
 * (append.h, smtp_tx.h), and so is what is made of it.  Each has its limit, but
 * an account has many sessions: there is one for all that these hold together,
 * and one for all accounts.  Bytes are counted in before they are taken, in a
 * share that lives as long as they do.
 *
 * What comes from servers is bounded where it is asked for, for each session's
 * one job at a time:
 *
 *	gather.c	one answer: LIMIT_MESSAGE in memfds, LIMIT_RESPONSE_TEXT
 *			beside (probes need no more), LIMIT_RESULTS of a search;
 *			ahead.c shows the opener these same bytes
 *	fetch_views.c	messages that are fetched, and job_pull.c: two windows
 *			of LIMIT_FETCH_AHEAD / 2 by their sizes, and
 *			JOB_WINDOW_EXTRA where a size was not true
 *	opens.c		a view: LIMIT_OPEN_GROWTH; LIMIT_ACCOUNT_OPENS at once
 *	finder_whole.c	long search texts: two at a time
 *
 * and where nobody asks for it:
 *
 *	viewcache.c	[cache] view_bytes for each account
 *	warm.c		WARM_FLIGHT messages up to WARM_MESSAGE, the same
 *	late.c		LATE_MAX views of all accounts
 *	sentlog.c	SENTLOG_BYTES, the same
 */
#ifndef WAXWING_PROXY_HELD_H
#define WAXWING_PROXY_HELD_H

#include <stdint.h>

struct account;

/* All zero: an empty one. */
struct share {
	struct account *of; /* borrowed: outlives it */
	uint64_t bytes;
};

/* Count bytes of the account's in.  -1: it holds too much, or all do, and
 * nothing was counted. */
int share_add(struct share *, struct account *, uint64_t bytes);

/* They are gone. */
void share_clear(struct share *);

/* Another one has them now, which was empty. */
void share_move(struct share *to, struct share *from);

/* What so many bytes are when they are sealed, at most. */
static inline uint64_t
share_sealed(uint64_t bytes)
{
	return (bytes / 5 * 7 + 7);
}

#endif
