/*
 * thread.h - THREAD (RFC 5256 section 3) over what was gathered from a server
 * and from views.
 *
 * ORDEREDSUBJECT and REFERENCES, and Dovecot's REFS, which links as
 * REFERENCES does, leaves subjects alone and sorts threads by their newest
 * message.  All are Dovecot's to the letter of the answer, but for one thing:
 * threads without their first message, and equally new, stand where their
 * Message-IDs were first met, by Dovecot in all of the mailbox's history.
 */
#ifndef WAXWING_IMAP_THREAD_H
#define WAXWING_IMAP_THREAD_H

#include "imap/search.h"

/* Message-IDs in one References field that count: the first ones name the
 * oldest ancestors, and no discussion is so deep. */
#define THREAD_REFS 500

enum thread_how {
	THREAD_ORDEREDSUBJECT,
	THREAD_REFERENCES,
	THREAD_REFS_NEWEST
};

struct thread {
	enum thread_how how;
	struct search search; /* with its charset */
};

/* Parse the arguments of THREAD or UID THREAD.  False: BAD, with the reason. */
bool thread_parse(struct str args, struct arena *, struct thread *,
    const char **why);

/* The fields of a header that keys are made of, for HEADER.FIELDS (...). */
extern const char thread_fields[];

/*
 * Message-IDs get numbers from 1 as they are met, so that they are compared but
 * once, and what comes after all of them is quick.  most bounds the bytes.
 */
struct thread_ids;

struct thread_ids *thread_ids_new(size_t most);
void thread_ids_free(struct thread_ids *); /* accepts NULL */

struct thread_key {
	uint32_t number;      /* what the answer says: UID or message number */
	int64_t arrival;      /* INTERNALDATE, seconds */
	int64_t date;         /* the Date field, or arrival */
	struct str subject;   /* base subject; "" if there is none */
	bool reply;           /* of a reply or forward */
	uint32_t id;          /* Message-ID; 0 if there is none */
	const uint32_t *refs; /* its ancestors, the oldest first */
	size_t nrefs;
};

/* Fill in all but number and arrival, which is set before, from a header (or
 * from just those fields).  -1: the arena is full. */
int thread_key(enum thread_how, struct str header, struct arena *,
    struct thread_ids *, struct thread_key *);

/*
 * Append "* THREAD (1 2)(3)\r\n".  Keys have to be in the order of their
 * numbers; ORDEREDSUBJECT reorders them.  -1: memory is out, or ERR_LIMIT
 * where following the references would take too long.
 */
int thread_render(enum thread_how, struct thread_key *, size_t n,
    struct buf *out, struct err *);

/*
 * The same in steps, none of which takes long: 1 there are more, 0 it is all in
 * out, or -1.  The keys stay the caller's.  NULL: memory is out.
 */
struct thread_work;
struct thread_work *thread_begin(enum thread_how, struct thread_key *,
    size_t n);
int thread_step(struct thread_work *, struct buf *out, struct err *);
void thread_end(struct thread_work *); /* accepts NULL */

/*
 * The next Message-ID in a field's value, without its brackets, appended to
 * out; what is none is passed over.  False at the end.
 */
bool thread_next_id(struct str *value, struct buf *out);

#endif
