/*
 * cmd.h - client commands (RFC 3501 sections 6 and 9).
 *
 * struct cmd_reader collects one command with its literals, up to
 * LIMIT_CLIENT_LINE bytes, from input in any pieces.  The message of an APPEND
 * is left to the caller, who lets it stream.
 */
#ifndef WAXWING_IMAP_CMD_H
#define WAXWING_IMAP_CMD_H

#include <stdint.h>

#include "base/buf.h"
#include "imap/lex.h"

/* Literals in one command: clients send two or three. */
#define CMD_LITERALS 32

/* Longest tag: everybody's has less than ten characters. */
#define CMD_TAG_MAX 64

enum cmd_event {
	CMD_MORE,     /* nothing yet */
	CMD_READY,    /* a command, or the line that was expected, in text */
	CMD_GO_AHEAD, /* a synchronising literal: send "+", then feed on */
	CMD_STREAM,   /* APPEND: its head is in text, stream bytes follow that
	               * the caller takes; then cmd_streamed() */
	CMD_REFUSED,  /* answer BAD with why; the reader went on to the next */
	CMD_FATAL     /* the same, but what follows cannot be told apart */
};

struct cmd_literal {
	size_t at; /* offset of its first byte in text */
	bool nonsync;
};

struct cmd_reader {
	struct lex lex;
	struct buf text; /* owned */
	struct cmd_literal lits[CMD_LITERALS];
	size_t nlits;
	size_t seg; /* where in text the line begins that is being read */
	enum { CMD_IN_COMMAND, CMD_IN_LINE, CMD_IN_TAIL, CMD_IN_SKIP } state;
	uint64_t stream; /* CMD_STREAM: length of the message */
	bool stream_nonsync;
	bool quiet; /* skip without an event at the end */
	const char *why;
	bool too_big; /* it is NO [TOOBIG] (RFC 7889) rather than BAD */
	char tag[CMD_TAG_MAX + 1]; /* of the refused one; "*" if unreadable */
};

void cmd_init(struct cmd_reader *);
void cmd_clear(struct cmd_reader *); /* wipes */

/* Returns how many bytes of in were taken; stops behind an event. */
size_t cmd_feed(struct cmd_reader *, struct str in, enum cmd_event *);

/* Done with CMD_READY or CMD_STREAM: the next command. */
void cmd_next(struct cmd_reader *);

/* What comes next is a bare line (AUTHENTICATE's answer, DONE). */
void cmd_expect_line(struct cmd_reader *);

/* The message of an APPEND was taken: the end of the command comes, as
 * CMD_READY; CMD_REFUSED if anything else comes. */
void cmd_streamed(struct cmd_reader *);

/* An APPEND was refused before its message: skip it and the rest of the
 * command if the client sends it all the same. */
void cmd_skip_stream(struct cmd_reader *);

/* A command that was read. */
struct cmd {
	struct str tag;
	struct str name; /* the verb, "FETCH" also of UID FETCH */
	bool uid;
	struct str
	    args; /* behind the verb and a blank; without the last CRLF */
};

/* False with the reason in why (the tag is there if it could be read). */
bool cmd_parse(struct str text, struct cmd *, const char **why);

#endif
