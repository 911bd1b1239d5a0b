/*
 * resp.h - server responses (RFC 3501 section 7).
 *
 * Of each response the first words are read, and the whole of those that are
 * one line of status.  What a response is decides whether the rest streams
 * through unread (framed by struct lex) or is collected for whoever asked.
 */
#ifndef WAXWING_IMAP_RESP_H
#define WAXWING_IMAP_RESP_H

#include <stdint.h>

#include "imap/lex.h"

enum resp_kind {
	/* Whole lines: */
	RESP_TAGGED,     /* tag OK|NO|BAD ... */
	RESP_STATUS,     /* * OK|NO|BAD|BYE|PREAUTH ... */
	RESP_CONTINUE,   /* + ... */
	RESP_CAPABILITY, /* * CAPABILITY ... : text is the list */
	RESP_EXISTS,     /* * n EXISTS */
	RESP_RECENT,     /* * n RECENT */
	RESP_EXPUNGE,    /* * n EXPUNGE */
	RESP_VANISHED,   /* * VANISHED [(EARLIER)] set: text is the set */
	RESP_ENABLED,    /* * ENABLED ... : text is the list */
	/* First words only: */
	RESP_FETCH, /* * n FETCH (... */
	RESP_DATA   /* anything else behind "* " */
};

enum resp_cond { COND_OK, COND_NO, COND_BAD, COND_BYE, COND_PREAUTH };

struct resp {
	enum resp_kind kind;
	enum resp_cond cond; /* RESP_TAGGED, RESP_STATUS */
	struct str tag;
	uint32_t number;
	struct str code; /* between "[" and "]"; empty: none */
	struct str text; /* behind the code; the list of CAPABILITY */
	bool earlier;    /* RESP_VANISHED: before now, nothing moves */
	struct str line; /* all that was read; whole lines with their end */
};

/* Longest line of status we read: COPYUID for all of a large mailbox. */
#define RESP_LINE_MAX (1024UL * 1024)

/*
 * Read the response at the start of in.  OK 1, MORE 0 (it cannot be told yet;
 * more bytes never change an answer of 1), BAD -1 (no IMAP).
 */
int resp_head(struct str in, struct resp *);

/* A glance: is it beyond doubt "* n FETCH ("?  Most responses are.  Returns
 * where "(" is and sets *seq, or returns 0. */
size_t resp_is_fetch(struct str in, uint32_t *seq);

/* Does that kind hold literals, or is its line plain text? */
bool resp_is_line(enum resp_kind);

/* The first word of a response code ("UIDVALIDITY"), and what follows. */
struct str resp_code_word(struct str code, struct str *rest);

/* One item of a FETCH response: (NAME value NAME value ...). */
struct resp_item {
	struct str name;  /* "BODY[HEADER.FIELDS (DATE)]<0>" as it came */
	struct str value; /* as it came, quotes and all */
	struct str data;  /* the string in it, if it is one */
	size_t away;      /* its place among the literals kept away */
};

/*
 * Walk the items of "* n FETCH (...)\r\n": tok_init() to the text, set away,
 * then resp_items_open() and resp_item_next(): 1 item, 0 end, -1 malformed.
 */
bool resp_items_open(struct tok *);
int resp_item_next(struct tok *, struct arena *, struct resp_item *);

#endif
