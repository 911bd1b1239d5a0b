/*
 * sort.h - SORT (RFC 5256, 5267 ESORT, 5957 DISPLAY) over keys that were
 * gathered from a server and from views.
 *
 * The order is Dovecot's: strings are compared as bytes after being made
 * comparable (casemap.h), a message without a Date counts from its arrival,
 * and what is equal in all criteria stands in the order of numbers.
 */
#ifndef WAXWING_IMAP_SORT_H
#define WAXWING_IMAP_SORT_H

#include "imap/search.h"

enum sort_by {
	SORT_ARRIVAL,
	SORT_CC,
	SORT_DATE,
	SORT_DISPLAYFROM,
	SORT_DISPLAYTO,
	SORT_FROM,
	SORT_SIZE,
	SORT_SUBJECT,
	SORT_TO,
	SORT_KINDS /* how many there are */
};

struct sort {
	enum sort_by by[SORT_KINDS]; /* each at most once */
	bool reverse[SORT_KINDS];
	size_t n;
	bool header; /* some of it stands in the header ... */
	bool arrival, size;
	struct search search; /* with its charset and RETURN */
};

/* Parse the arguments of SORT or UID SORT.  False: BAD, with the reason. */
bool sort_parse(struct str args, struct arena *, struct sort *,
    const char **why);

/* The fields of a header that keys are made of, for HEADER.FIELDS (...). */
extern const char sort_fields[];

struct sort_key {
	uint32_t number; /* what the answer says: UID or message number */
	int64_t arrival; /* INTERNALDATE, seconds */
	int64_t date;    /* the Date field, or arrival */
	uint64_t size;
	struct str cc, from, to; /* the first mailbox, comparable */
	struct str displayfrom, displayto;
	struct str subject; /* the base subject */
};

/*
 * Fill in what the criteria need of a header (or of just those fields); the
 * other members are set before.  Strings are in the arena.  -1: it is full.
 */
int sort_key(const struct sort *, struct str header, struct arena *,
    struct sort_key *);

/* Put the keys in order.  -1: memory is out. */
int sort_keys(const struct sort *, struct sort_key *, size_t n);

/* The same in steps of some milliseconds: 1 there are more, 0 or -1.  The work
 * is zeroed before the first, and cleared in the end. */
#define SORT_STEP 8192
struct sort_work {
	struct sort_key *tmp; /* owned */
	bool swapped;         /* the keys are there, not in the caller's */
	size_t width;         /* stretches of that length are in order ... */
	size_t at;            /* ... and these of twice that, elsewhere; ... */
	size_t i, j;          /* ... those come next, of two stretches */
};
int sort_step(const struct sort *, struct sort_key *, size_t n,
    struct sort_work *);
void sort_work_clear(struct sort_work *);

/* "* SORT 3 1 2\r\n", or the ESEARCH for RETURN, as Dovecot writes it. */
void sort_render(struct buf *out, const struct sort *, struct str tag, bool uid,
    const struct sort_key *, size_t n, uint64_t modseq);

/*
 * Append the base subject (RFC 5256 2.1) of a Subject field's raw value, made
 * comparable; tells whether the subject is of a reply or forward.
 */
void sort_base_subject(struct str value, struct buf *out, bool *reply);

#endif
