/*
 * lex.h - the letters of IMAP: lines with literals in them (RFC 3501 2.2, 4.3)
 * and the words of a line (section 9).
 *
 * struct lex finds the ends of commands and responses in a stream that comes
 * in any pieces, without keeping it.  struct tok reads the words of a text
 * that is there as a whole.
 */
#ifndef WAXWING_IMAP_LEX_H
#define WAXWING_IMAP_LEX_H

#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"

/* A literal's length beyond which we do not count. */
#define LEX_ABSURD (UINT64_MAX / 2)

enum lex_event {
	LEX_TEXT,    /* part of a line whose end has not come */
	LEX_LINE,    /* up to and with the LF that ends the whole */
	LEX_LITERAL, /* up to and with the LF after {n}: left bytes follow */
	LEX_DATA     /* bytes of the literal */
};

struct lex {
	uint64_t left; /* bytes of the literal that have not come */
	bool nonsync;  /* {n+} (RFC 7888) */
	bool binary;   /* ~{n} (RFC 3516) */
	bool plain;    /* the caller says: this line holds no literals, it is
	                * text for a person (resp-text) */
	char tail[28]; /* the last bytes of an unfinished line */
	size_t ntail;
};

void lex_init(struct lex *);

/*
 * Look at in and say what its first bytes are.  Returns how many they are; 0
 * (LEX_TEXT) only if in is empty.
 */
size_t lex_step(struct lex *, struct str in, enum lex_event *);

/*
 * Is a line (or what lies between two literals) in order: no NUL, CR only
 * before the final LF, quoted strings closed (section 9, QUOTED-CHAR)?  Else
 * why says what is wrong.
 */
bool lex_line_ok(struct str line, const char **why);

/*
 * Words.  A text holds its literals in place, but for those whose offset
 * (just behind "{n}\r\n") is in away: their bytes are kept elsewhere.
 * Functions that return bool read what they promise or nothing at all.
 */
struct tok {
	struct str in;
	size_t pos;
	const size_t *away; /* ascending; borrowed */
	size_t naway;
};

void tok_init(struct tok *, struct str);
bool tok_end(const struct tok *);
int tok_peek(const struct tok *); /* the next byte, or -1 */
bool tok_char(struct tok *, char);

/* 1*ATOM-CHAR; with "]" for what is not a response code. */
bool tok_atom(struct tok *, struct str *);
/* The same with "\" in front, or "\*": a flag. */
bool tok_flag(struct tok *, struct str *);
bool tok_number(struct tok *, uint64_t max, uint64_t *);

/* A quoted string or literal.  Copied to the arena only if it has to be
 * unescaped. */
bool tok_string(struct tok *, struct arena *, struct str *);
/* astring: an atom (with "]") or a string. */
bool tok_astring(struct tok *, struct arena *, struct str *);

/* A literal; if its bytes are away, *nth is its place in that list and the
 * str is empty, else *nth is SIZE_MAX. */
bool tok_literal(struct tok *, struct str *, size_t *nth);

/* One value of any kind: atom, flag, string, NIL, number or list. */
bool tok_value(struct tok *, struct str *);

#endif
