/*
 * verb.h - one line from an SMTP client (RFC 5321 4.1, 6409, 4954, 1870, 6152).
 *
 * A line is parsed into a value, or into the reply that it deserves.  Spans of
 * the value point into the line.  Nothing here knows in which state a session
 * is; whether a command comes at the right time is the session's question.
 */
#ifndef WAXWING_SMTP_VERB_H
#define WAXWING_SMTP_VERB_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum verb_code {
	VERB_EHLO,
	VERB_HELO,
	VERB_STARTTLS,
	VERB_AUTH,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_RSET,
	VERB_NOOP,
	VERB_QUIT,
	VERB_VRFY,
	VERB_HELP,
};

/* BODY= of RFC 6152. */
enum verb_body { BODY_UNSAID, BODY_7BIT, BODY_8BITMIME };

struct verb_line {
	enum verb_code code;
	struct str arg;     /* EHLO, HELO: the name; others: the rest */
	struct str mech;    /* AUTH: the mechanism */
	struct str initial; /* AUTH: initial response; p is NULL without one */
	struct str path;    /* MAIL, RCPT: the mailbox; empty for "<>" */
	uint64_t size;      /* MAIL: SIZE=, or 0 */
	enum verb_body body;
};

/* A reply of ours: text starts with the enhanced code (RFC 2034). */
struct verb_fault {
	unsigned code;
	const char *text;
};

/*
 * Parse a line without its line end.  Returns 0, or -1 with the reply in
 * *fault: 500 for an unknown verb, 502 for one not offered here, 501, 553 or
 * 555 for its arguments.  AUTH= of MAIL is checked and dropped (RFC 4954 5:
 * the upstream knows only the login that we made there).
 */
int verb_parse(struct str line, struct verb_line *out,
    struct verb_fault *fault);

/*
 * Write a mailbox as it is looked up and compared: lower case, and without
 * quotes around a local part that needs none (RFC 5321 4.1.2: all quoted
 * forms are equivalent).  Returns -1 if it is not a mailbox of RFC 5321.
 */
int verb_canonical(struct str mailbox, struct buf *out);

#endif
