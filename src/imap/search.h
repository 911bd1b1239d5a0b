/*
 * search.h - the SEARCH program (RFC 3501 6.4.4; RFC 4731, 5032, 7162, 8474,
 * 8514).
 *
 * A program is parsed into a tree.  A key either asks for what the server
 * knows (flags, its own dates, numbers) or for the content of messages, which
 * of sealed ones the server cannot judge.  search_divide() cuts the tree into
 * units, each of which is one SEARCH for the server: stretches without
 * content as large as possible, and single content keys.  When the answers
 * are there (those of content keys corrected for sealed messages),
 * search_eval() puts them together.
 *
 * Unit 0 is the domain: what the program demands in any case and the server
 * knows, or ALL.  The texts of all other units ask within the domain, which
 * saves the server work; results are always subsets of it.
 */
#ifndef WAXWING_IMAP_SEARCH_H
#define WAXWING_IMAP_SEARCH_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/set.h"
#include "base/span.h"

struct tok;

/* Longest command line we send (RFC 7162 section 4), literals not counted,
 * without tag and the words before the program. */
#define SEARCH_LINE 7800

/* Nesting of keys: people's searches have three levels. */
#define SEARCH_DEPTH 50

/* Units of one program, each a command for the server. */
#define SEARCH_UNITS 200

enum search_op {
	SEARCH_KEY, /* a leaf */
	SEARCH_AND, /* of all children */
	SEARCH_OR,  /* of all children */
	SEARCH_NOT  /* its only child */
};

enum search_what {
	SEARCH_SERVER, /* not content */
	SEARCH_BODY,
	SEARCH_TEXT,
	SEARCH_HEADER,  /* any field, plain */
	SEARCH_ADDRESS, /* BCC, CC, FROM, TO */
	SEARCH_SUBJECT,
	SEARCH_SENTBEFORE,
	SEARCH_SENTON,
	SEARCH_SENTSINCE,
	SEARCH_LARGER,
	SEARCH_SMALLER
};

struct search_node {
	enum search_op op;
	struct search_node *child; /* first */
	struct search_node *next;  /* sibling */
	bool content;              /* itself, or something below */
	size_t unit;               /* after search_divide(); or SIZE_MAX */

	/* SEARCH_KEY: */
	enum search_what what;
	struct str field; /* SEARCH_HEADER, ADDRESS, SUBJECT: its name */
	struct str value; /* BODY, TEXT and fields: in the program's charset */
	int64_t day;      /* SENT*: days since 1970-01-01 */
	uint64_t number;  /* LARGER, SMALLER */
	struct str word;  /* how it is printed: the key, and ... */
	struct str args;  /* ... what follows; strings aside */
};

/* RFC 4731 2.1: what is wanted in an ESEARCH. */
enum search_return {
	SEARCH_MIN = 1,
	SEARCH_MAX = 2,
	SEARCH_ALL = 4,
	SEARCH_COUNT = 8
};

struct search {
	struct search_node *root; /* SEARCH_AND */
	bool esearch;             /* RETURN was there */
	unsigned returns;         /* of enum search_return */
	struct str charset;       /* "" if none was named */
	bool modseq;              /* there is a MODSEQ key: the answer has one
	                           * too (RFC 7162 3.1.5) */
	bool numbers;             /* there is a set of message numbers */
	struct str bad;           /* if it was not understood: what it is
	                           * about, or "" */
};

/*
 * Parse the arguments of SEARCH or UID SEARCH (struct cmd's args; they have
 * to live as long as the result).  False with the reason for a BAD; keys of
 * extensions that we do not offer are unknown.
 */
bool search_parse(struct str args, struct arena *, struct search *,
    const char **why);

/*
 * The keys of a SEARCH or SORT or THREAD from t on, to the end; without
 * RETURN and CHARSET.
 */
bool search_parse_keys(struct tok *, struct arena *, struct search *,
    const char **why);

/* The name of a charset at t, and a blank behind it: SORT and THREAD have to
 * have one. */
bool search_parse_charset(struct tok *, struct arena *, struct search *);

/*
 * RETURN (...) at t, if it is there, with a blank behind it; for SORT too.
 * False: it is there, but bad.
 */
bool search_parse_return(struct tok *, struct search *, const char **why);

struct search_unit {
	struct search_node *node; /* NULL: unit 0 */
	bool content;             /* node is a content key */
	struct str text;          /* "CHARSET x keys": goes behind SEARCH and
	                           * its RETURN; literals in place */
	const size_t *lits;       /* offsets in text just behind "{n}\r\n" */
	size_t nlits;
};

struct search_plan {
	struct search *search;
	struct search_unit *units; /* in the arena */
	size_t n;
};

/*
 * Divide the program.  plus: literals are written {n+} (LITERAL+).  The tree
 * is regrouped.  -1: ERR_LIMIT when there are too many units.
 */
int search_divide(struct search *, bool plus, struct arena *,
    struct search_plan *, struct err *);

/*
 * hits[i] is what unit i found: together, what the program finds.  -1 when
 * memory is out.
 */
int search_eval(const struct search_plan *, const struct set *hits,
    struct set *out);

/*
 * Write keys as search_parse_keys() reads them.  Strings that need it or are
 * long become literals, whose places are added to lits (may be NULL) as
 * size_t.
 */
void search_print(const struct search_node *, bool plus, struct buf *out,
    struct buf *lits);

/* "* SEARCH 1 2 3\r\n" as Dovecot writes it; modseq 0: without. */
void search_render(struct buf *out, const struct set *, uint64_t modseq);

/* "* ESEARCH (TAG "x") UID ALL 1:3\r\n" likewise. */
void esearch_render(struct buf *out, struct str tag, bool uid, unsigned returns,
    const struct set *, uint64_t modseq);

/* A SEARCH or ESEARCH response of a server. */
struct search_answer {
	struct str tag; /* of ESEARCH; else empty */
	bool uid;       /* of ESEARCH */
	struct set set; /* SEARCH's numbers, or ALL */
	uint64_t modseq;
};

/*
 * Read one whole response.  1 with a set that the caller clears; 0: another
 * response; -1: malformed, or out of memory.
 */
int search_read(struct str line, struct arena *, struct search_answer *);

#endif
