/*
 * warm_own.h - what the files of warm share.
 *
 *	warm.c		the connection, what is new, what is read ahead
 *	warm_signed.c	what is only signed, for its certificates
 */
#ifndef WAXWING_PROXY_WARM_OWN_H
#define WAXWING_PROXY_WARM_OWN_H

#include "base/set.h"
#include "proxy/mailbox.h"
#include "proxy/opens.h"
#include "proxy/reading.h"
#include "proxy/side.h"
#include "proxy/warm.h"

/* Openings in flight: the account's clients shall find the others free. */
#define WARM_FLIGHT 2

struct warm_reading {
	struct warm *warm;
	struct reading *reading; /* owned; NULL: this place is free */
	uint32_t uid;
};

struct warm {
	struct account *account;
	struct side *side;   /* owned; NULL: not connected */
	struct mailbox *box; /* owned; once EXAMINE was answered: bound */
	struct event *timer; /* to connect, or to look again */
	bool asked;          /* the side has something to do */
	bool idle;           /* and that is IDLE */
	bool news;           /* it told of new messages */
	unsigned lost;       /* connections in a row */
	unsigned busy;       /* times in a row that the server was, ... */
	uint64_t busy_at;    /* ... the last time (mono) */

	uint32_t top;    /* messages above that were not looked at */
	uint32_t down;   /* nor were those up to that, in the first look */
	uint32_t lo, hi; /* what is being looked at */
	struct set todo; /* UIDs of sealed messages to be read */
	uint32_t uid;    /* whose body was asked for */
	struct set only_signed; /* UIDs of plain messages that may bring
	                         * certificates */
	uint32_t harvest_uid;
	struct opening *harvest; /* owned; one that is looked into */
	bool harvest_later;      /* that cannot be done now */
	uint32_t key_later;      /* messages that a key is missing for */
	struct warm_reading readings[WARM_FLIGHT];
	uint64_t read;
};

/* warm.c */
void warm_step(struct warm *); /* the side has nothing to do: what is next? */
struct msg_name warm_name(const struct warm *, uint32_t uid);
side_data_fn warm_data;   /* what the server tells at any time */
side_done_fn warm_looked; /* a command ended */

/* warm_signed.c */
/* It is only signed: what does the signature bring? */
void warm_signed(struct warm *, uint32_t uid, uint64_t size);
/* Ask for the newest message that may bring certificates; false: none. */
bool warm_harvest(struct warm *);
/* The connection ends.  What was not looked into will be asked about again. */
void warm_harvest_end(struct warm *);

#endif
