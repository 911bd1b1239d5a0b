/*
 * append.h - APPEND: what a client puts into a mailbox.
 *
 * Drafts, copies of what was sent, and messages that were sealed when they
 * were read go to the server sealed to the account itself (OP_SEAL_SELF);
 * everything else passes byte for byte.  To tell them apart the header is
 * needed, so the client is asked for its message before the server is:
 *
 *	append.c	what comes from the client: which mailbox, the header,
 *			the message, the end
 *	append_seal.c	the sealer, and the command for the server
 *
 * The command that goes to the server is the client's own but for the length
 * and the bytes of the message, and so its answer is the client's, APPENDUID
 * and all.  What cannot be sealed is refused with a NO, and nothing of it is
 * sent.
 */
#ifndef WAXWING_PROXY_APPEND_H
#define WAXWING_PROXY_APPEND_H

#include "proxy/imap.h"
#include "proxy/special.h"
#include "sys/memfd.h"

enum append_state {
	APPEND_WAIT, /* for other commands, ... */
	APPEND_LIST, /* ... then for the server to say what is special */
	APPEND_HEAD, /* the header comes */
	APPEND_TEXT, /* the rest of the message comes */
	APPEND_DROP, /* the same, but nobody wants it */
	APPEND_SEAL, /* the sealer has it */
	APPEND_SEND, /* the command goes to the server */
};

struct append {
	struct imap *s;
	enum append_state state;
	enum special_kind kind;
	char tag[CMD_TAG_MAX + 1];
	struct buf name; /* owned: of the mailbox */
	bool draft;      /* it is flagged as one */

	/* the command up to its message, kept while the reader goes on */
	struct buf cmd; /* owned */
	struct cmd_literal lits[CMD_LITERALS];
	size_t nlits;

	struct buf first;      /* owned: the header and what came with it */
	struct memfd *text;    /* owned: all of the message */
	struct blob *message;  /* owned: the same when it is there */
	struct blob *put;      /* owned: what the server gets instead */
	struct share share;    /* of the last three */
	bool clear_ok;         /* without a key it may pass as it is */
	char answer[ERR_TEXT]; /* APPEND_DROP: what the client is told */

	uint32_t ask;        /* id of the question to the sealer, or 0 */
	struct event *timer; /* owned */
	unsigned tries;      /* waits for a sealer that is away */
	bool retried;        /* the question was asked twice */
	uint64_t sealed;     /* proxy's, when the sealer was asked */
};

/* An APPEND's head is in s->in.  Takes it over. */
void append_start(struct imap *, struct str tag);
void append_free(struct append *); /* accepts NULL */

/* May the client's next bytes be looked at? */
bool append_reads(const struct append *);

/* Nothing is in flight any more. */
void append_resume(struct imap *);

/* Bytes of the message are there; the end of the command was read, well or
 * with more than APPEND takes. */
void append_take(struct imap *);
void append_end(struct imap *, bool well);

/* The server waits for the message: give it to it. */
void append_stream(struct imap *);
/* It refused the command before it got the message. */
void append_cut(struct imap *);
/* It answered; f->sealed is there. */
void append_passed(struct imap *, const struct inflight *, const struct resp *);

/* LIST responses. */
bool append_wants_lists(const struct imap *, struct str head);
/* A LIST response, ours or the client's; false: that is for the client. */
bool append_list(struct imap *, struct str line);
bool append_tagged(struct imap *, const struct resp *);

/* --- between append.c and append_seal.c --- */

void append_enter(struct append *, enum append_state);
/* Have the message sealed, then send it. */
void append_seal(struct append *);
/* Send the command with a->put for the message. */
void append_send(struct append *);
/* It is over with this answer (without the tag). */
void append_finish(struct append *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

#endif
