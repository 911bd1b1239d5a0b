/*
 * addr.h - address lists (RFC 5322 section 3.4).
 *
 * There are two readings.  addr_parse() takes whatever people write, obsolete
 * syntax and nonsense included, and gives what Dovecot shows in ENVELOPE.
 * addr_specs() is for decisions (who is the sender, who is hidden): it gives
 * plain addr-specs and refuses a field it cannot read completely.
 */
#ifndef WAXWING_MAIL_ADDR_H
#define WAXWING_MAIL_ADDR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

/*
 * One row of an ENVELOPE address list (RFC 3501 7.4.2): a part that is absent
 * has a NULL p.  A group is a row with only a mailbox (its name), its members,
 * and an empty row.
 */
struct addr {
	struct addr *next;
	struct str name;
	struct str route;
	struct str mailbox;
	struct str domain;
};

/* Longer lists end here: a megabyte of commas is not a million people. */
#define ADDR_MAX 20000

/*
 * Parse the raw value of an address field.  *out is NULL for an empty list.
 * Returns -1 only when the arena is full.
 */
int addr_parse(struct str value, struct arena *, struct addr **out);

/* Write a list as Dovecot does for its searches: Name <local@domain>, ... */
void addr_write(struct buf *out, const struct addr *);

/*
 * The addr-specs of a field's raw value ("local@domain"; a quoted local part
 * keeps its quotes only if it needs them), groups flattened, names and
 * comments dropped.  Returns -1 when the value is not an RFC 5322 address
 * list (the commoner obs- forms are read), or the arena is full.
 */
int addr_specs(struct str value, struct arena *, struct str **out, size_t *n);

/*
 * Do two addr-specs mean one mailbox?  Local parts are compared without
 * regard to case too: no server in use tells them apart.
 */
bool addr_same(struct str a, struct str b);

/* What follows the last "@", or an empty str. */
struct str addr_domain(struct str spec);

#endif
