/*
 * ehlo.h - what each side offers (RFC 5321 4.1.1.1).
 *
 * Ours is a fixed list, for the upstream is known only after AUTH; what the
 * upstream cannot do is refused at MAIL.
 */
#ifndef WAXWING_SMTP_EHLO_H
#define WAXWING_SMTP_EHLO_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* What we offer now. */
struct ehlo_offer {
	struct str host; /* our name */
	uint64_t size;   /* SIZE; 0 says "no limit" and is not used */
	bool pipelining;
	bool eightbit;
	bool enhanced;
	bool starttls; /* TLS is possible and not yet on */
	bool auth;     /* AUTH is allowed here and now */
};

/* Offer an extension that takes no care of ours but to be named:
 * PIPELINING, 8BITMIME or ENHANCEDSTATUSCODES.  -1: another word. */
int ehlo_offer_add(struct ehlo_offer *, struct str word);

/* Append the whole EHLO reply. */
void ehlo_print(struct buf *out, const struct ehlo_offer *);

/* What a server offers. */
struct ehlo_caps {
	bool pipelining;
	bool eightbit;
	bool enhanced;
	bool starttls;
	bool dsn;
	bool smtputf8;
	bool auth_plain;
	bool auth_login;
	bool auth_xoauth2;
	bool auth_oauthbearer;
	bool has_size;
	uint64_t size; /* 0: no limit known (RFC 1870 4) */
};

/* Parse the text of a 250 to EHLO: lines joined with "\n" (reply.h), the
 * first of which is a greeting.  Unknown and malformed lines mean nothing. */
void ehlo_parse(struct str text, struct ehlo_caps *);

#endif
