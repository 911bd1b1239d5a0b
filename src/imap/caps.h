/*
 * caps.h - which capabilities a client gets to see, and which response codes.
 *
 * The list appears in four places (greeting, CAPABILITY response, code of the
 * OK of a login, code after STARTTLS or ENABLE).  A client sees what the
 * server has and we allow, and what we provide ourselves.
 */
#ifndef WAXWING_IMAP_CAPS_H
#define WAXWING_IMAP_CAPS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Extensions with commands, parameters or FETCH items of their own: what
 * belongs to one that the server lacks is BAD.
 */
enum caps_ext {
	EXT_ENABLE = 1U << 0,     /* RFC 5161 */
	EXT_CONDSTORE = 1U << 1,  /* RFC 7162; QRESYNC includes it */
	EXT_QRESYNC = 1U << 2,    /* RFC 7162 */
	EXT_QUOTA = 1U << 3,      /* RFC 2087, 9208 */
	EXT_QUOTASET = 1U << 4,   /* RFC 9208 */
	EXT_METADATA = 1U << 5,   /* RFC 5464, or its server's part alone */
	EXT_OBJECTID = 1U << 6,   /* RFC 8474 */
	EXT_SAVEDATE = 1U << 7,   /* RFC 8514 */
	EXT_GMAIL = 1U << 8,      /* X-GM-EXT-1 */
	EXT_UNSELECT = 1U << 9,   /* RFC 3691 */
	EXT_MOVE = 1U << 10,      /* RFC 6851 */
	EXT_NAMESPACE = 1U << 11, /* RFC 2342 */
	EXT_ESEARCH = 1U << 12,   /* RFC 4731 */
	EXT_SORT = 1U << 13,      /* RFC 5256 */
	EXT_THREAD = 1U << 14,    /* RFC 5256 */
	EXT_PREVIEW = 1U << 15    /* RFC 8970; made of the view */
};

/* What we have to know of the upstream. */
struct caps {
	bool known; /* a list was read */
	bool starttls;
	bool logindisabled;
	bool auth_plain;
	bool sasl_ir;
	bool literal_plus;
	bool literal_minus; /* non-synchronising ones up to 4096 bytes */
	bool id;
	bool idle;
	bool uidplus;
	bool move;
	bool special_use;
	bool list_extended;
	uint64_t append_limit; /* RFC 7889; 0: not said */
	uint32_t ext;          /* enum caps_ext */
};

/* Read a list ("IMAP4rev1 IDLE ..."). */
void caps_read(struct str list, struct caps *);

/* Is this one let through? */
bool caps_allowed(struct str name);

/* May a client ENABLE it?  What is enabled changes what the server says, so
 * only those are let through whose changes are understood here. */
bool caps_enables(struct str name);

/* The list for a client that is logged in. */
void caps_filter(struct str list, struct buf *out);

/* Our own list for one that is not. */
void caps_greeting(bool starttls, bool login, struct buf *out);

/*
 * A response code for the client: appends "[...] " or nothing.  CAPABILITY is
 * filtered; REFERRAL would send the client past us and is dropped; APPENDLIMIT
 * speaks of the server's own limit: messages grow by about 1.4 when they are
 * sealed.
 */
void caps_code(struct str code, struct buf *out);

/* A whole STATUS response ("* STATUS box (MESSAGES 1 APPENDLIMIT 1400)") for
 * the client: the same for its limit. */
void caps_status(struct str line, struct buf *out);

/* Does caps_code() change anything? */
bool caps_code_edits(struct str code);

#endif
