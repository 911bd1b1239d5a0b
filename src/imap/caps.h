/*
 * caps.h - which capabilities a client gets to see, and which response codes.
 *
 * The list appears in four places (greeting, CAPABILITY response, code of the
 * OK of a login, code after STARTTLS or ENABLE).  A client sees what the
 * server has and we allow, and what we provide ourselves.
 */
#ifndef WAXWING_IMAP_CAPS_H
#define WAXWING_IMAP_CAPS_H

#include "base/buf.h"
#include "base/span.h"

/* What we have to know of the upstream. */
struct caps {
	bool known; /* a list was read */
	bool starttls;
	bool logindisabled;
	bool auth_plain;
	bool sasl_ir;
	bool literal_plus;
	bool literal_minus; /* non-synchronising ones up to 4096 bytes */
	bool idle;
	bool uidplus;
	bool move;
};

/* Read a list ("IMAP4rev1 IDLE ..."). */
void caps_read(struct str list, struct caps *);

/* Is this one let through? */
bool caps_allowed(struct str name);

/* The list for a client that is logged in. */
void caps_filter(struct str list, struct buf *out);

/* Our own list for one that is not. */
void caps_greeting(bool starttls, bool login, struct buf *out);

/*
 * A response code for the client: appends "[...] " or nothing.  CAPABILITY is
 * filtered; REFERRAL would send the client past us and is dropped; TOOBIG and
 * APPENDLIMIT speak of the server's own limits: messages grow by about 1.4
 * when they are sealed.
 */
void caps_code(struct str code, struct buf *out);

/* Does caps_code() change anything? */
bool caps_code_edits(struct str code);

#endif
