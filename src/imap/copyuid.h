/*
 * copyuid.h - the response code COPYUID (RFC 4315 section 3): which UID each
 * message that was copied has in the other mailbox.
 */
#ifndef WAXWING_IMAP_COPYUID_H
#define WAXWING_IMAP_COPYUID_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Pairs that are read; who copies more in one command cannot check it. */
#define COPYUID_MAX 200

struct copyuid {
	uint32_t uidvalidity; /* of the other mailbox */
	size_t n;
	uint32_t from[COPYUID_MAX];
	uint32_t to[COPYUID_MAX];
};

/* Read the inside of the brackets.  False: it is another code, malformed, too
 * long, or its two sets are not of one size. */
bool copyuid_parse(struct str code, struct copyuid *);

#endif
