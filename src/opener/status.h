/*
 * status.h - the two status fields at the top of a view.
 *
 *	Authentication-Results: ID; smime=pass
 *	 body.smime-identifier="alice@example.org"
 *	Waxwing-Status: opened; encryption=AES-256-CBC; signature=good
 *
 * The first is RFC 8601's with the smime method of RFC 7281, under an
 * authserv-id that is random per installation; the second is for people and
 * for us: it is fixed at first opening, so that the view is the same for ever,
 * and a later opening reads back from it what was decided then.
 */
#ifndef WAXWING_OPENER_STATUS_H
#define WAXWING_OPENER_STATUS_H

#include "base/buf.h"
#include "opener/judge.h"

struct status {
	enum open_result result;
	const char *encryption; /* a cipher's name, or "none" */
	enum open_sign sign;
	const char *signer;  /* escaped; "" if nobody */
	const char *why;     /* escaped; for bad and untrusted signatures */
	const char *problem; /* a sentence without quotes, or "" */
	bool reduced;        /* shown without what nothing vouches for */
	bool from_outer;     /* signed for the outer From, not the inner */
	bool kept;           /* the inner signature was left in the view */
	bool other_from;     /* the ciphertext came under another From before */
};

void status_put(const struct status *, struct str authserv, struct buf *out);

/* What an earlier opening decided, from its fields. */
struct status_fixed {
	bool unopened;
	bool reduced;
	bool from_outer;
	bool kept;
	enum open_sign sign;
};
void status_get(struct str fields, struct status_fixed *);

#endif
