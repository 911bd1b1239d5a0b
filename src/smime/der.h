/*
 * der.h - walking and writing ASN.1 (X.690), as much as CMS needs.
 *
 * The reader takes BER and DER and returns pieces of its input; it allocates
 * nothing and never recurses on input it has not measured.  A "der" is a
 * cursor inside one constructed value.
 */
#ifndef WAXWING_SMIME_DER_H
#define WAXWING_SMIME_DER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_UTCTIME = 0x17,
	DER_GENTIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_OCTETS_CONS = 0x24, /* BER's octet string in pieces */
	DER_CTX0 = 0x80,        /* [0] IMPLICIT primitive */
	DER_CTX0_CONS = 0xa0,   /* [0] constructed */
};

/* One value: its identifier octet, its contents, and all of it. */
struct der_item {
	unsigned tag;
	bool indefinite;
	struct str in;
	struct str all;
};

struct der {
	struct str rest;
};

/* Deeper nesting of indefinite lengths than this is an attack. */
#define DER_DEPTH 32

static inline struct der
der_of(struct str s)
{
	return ((struct der){s});
}

static inline bool
der_end(const struct der *d)
{
	return (d->rest.len == 0);
}

/* The next value: 1, or 0 at the end, or -1 when it is malformed. */
int der_next(struct der *, struct der_item *);

/* Is the next value's identifier octet this? */
bool der_at(const struct der *, unsigned tag);

/* Take the next value if it has this tag; false (and no move) if not. */
bool der_take(struct der *, unsigned tag, struct der_item *);

/* Step over it, and into it. */
bool der_enter(struct der *, unsigned tag, struct der *inside);

/* Take a value of any tag, or one that may be missing. */
bool der_any(struct der *, struct der_item *);
void der_skip(struct der *, unsigned tag);

/* Take an INTEGER with 0 <= value <= max. */
bool der_uint(struct der *, uint64_t max, uint64_t *);

/* Take an OBJECT IDENTIFIER: its contents octets. */
bool der_oid(struct der *, struct str *);

/* Take an AlgorithmIdentifier: the OID and the parameters (len 0: none). */
bool der_algorithm(struct der *, struct str *oid, struct der_item *params);

/*
 * Call f for each piece of an octet string's contents in order; tag tells
 * how it is encoded (a constructed one consists of octet strings).  False
 * when malformed or when f says so.
 */
bool der_pieces(const struct der_item *, bool (*f)(void *, struct str),
    void *arg);

/* Does the encoding use definite lengths and strings in one piece only? */
bool der_is_plain(struct str all);

/* Append one BER value as DER: definite lengths, strings in one piece.  The
 * order of SETs is kept.  False when malformed. */
bool der_plain(struct str all, struct buf *out);

/* --- writing --- */

/* Identifier and length octets. */
void der_put_head(struct buf *, unsigned tag, size_t len);
size_t der_head_len(size_t len);

void der_put(struct buf *, unsigned tag, struct str);
void der_put_uint(struct buf *, unsigned);
/* SEQUENCE { OID }, with NULL parameters if asked. */
void der_put_algorithm(struct buf *, struct str oid, bool null);

/* A constructed value written front to back: begin returns the mark that
 * end, which fills in the length, wants back. */
size_t der_begin(struct buf *, unsigned tag);
void der_finish(struct buf *, size_t mark);

#endif
