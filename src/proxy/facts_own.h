/*
 * facts_own.h - what the files of facts share.
 *
 *	facts.c		records by message and by mailbox
 *	facts_room.c	who goes when there is no room
 *	facts_view.c	a record made of a view
 *
 * What is in the database, by the first letter of its name.  KEY is account,
 * mailbox, UIDVALIDITY and UID; the first two are keyed hashes.
 *
 *	r KEY		a message's record
 *	t KEY		its search text
 *	s KEY		when it was used (bare): stamp, bytes
 *	l STAMP KEY	the same in the order of use (bare): bytes
 *	c BOX		the classes of a mailbox
 *	e ACCOUNT	how many keys came: unopened records of before are void
 */
#ifndef WAXWING_PROXY_FACTS_OWN_H
#define WAXWING_PROXY_FACTS_OWN_H

#include <string.h>

#include "proxy/factdb.h"
#include "proxy/facts.h"

/* Bytes of the parts of a name. */
#define FACT_ACCOUNT 12
#define FACT_BOX     28 /* with the account */
#define FACT_KEY     36
#define FACT_NAME    (1 + 4 + FACT_KEY)

struct fact_key {
	uint8_t k[FACT_KEY];
};

/* The mailbox asked about last: hashing names is slow. */
struct fact_box {
	char *name; /* owned; login, upstream and mailbox; NULL: none */
	size_t len;
	uint8_t k[FACT_BOX];
	uint32_t uidvalidity;
	struct set touched; /* marked as used since: */
	int64_t since;
};

/* A mailbox whose messages go. */
struct fact_doom {
	struct fact_doom *next;
	uint8_t k[FACT_BOX];
	uint32_t keep; /* UIDVALIDITY */
};

struct facts {
	struct factdb *db; /* owned */
	struct crypt_key key;
	struct fact_box box;
	struct fact_doom *dooms; /* owned */
	uint64_t limit;
	uint64_t bytes;
	uint64_t count;
	unsigned epoch; /* of the database, when they were counted */
};

/* The name of something: a letter and some bytes. */
struct fact_name {
	char s[FACT_NAME];
	size_t len;
};

static inline struct str
fact_name(struct fact_name *n, char kind, const void *k, size_t len)
{
	n->s[0] = kind;
	memcpy(n->s + 1, k, len);
	n->len = 1 + len;
	return (str_of(n->s, n->len));
}

static inline struct str
fact_name_key(struct fact_name *n, char kind, const struct fact_key *key)
{
	return (fact_name(n, kind, key->k, sizeof(key->k)));
}

static inline void
fact_put_u32(uint8_t *p, uint32_t n)
{
	p[0] = (uint8_t)(n >> 24);
	p[1] = (uint8_t)(n >> 16);
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
}

static inline uint32_t
fact_u32(const char *s)
{
	const uint8_t *p = (const uint8_t *)s;

	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	        (uint32_t)p[2] << 8 | p[3]);
}

/* facts.c */
int facts_box_key(const struct facts *, const struct account *,
    struct str mailbox, uint8_t out[FACT_BOX]);
void facts_box_forget(struct fact_box *);
void facts_gripe(const struct err *);

/* facts_room.c */
/* It is used now, and has so many bytes. */
int facts_use_put(struct facts *, const struct fact_key *, uint32_t stamp,
    uint32_t size, struct err *);
/* It is used now, if that was long ago. */
void facts_touch(struct facts *, const struct fact_key *, uint32_t uid);
/* Take a message out, these kinds of values of it: 1, 0 or -1. */
int facts_remove(struct facts *, const struct fact_key *, const char *kinds,
    struct err *);
/* The database may have lost something: count again. */
void facts_recount(struct facts *);

#endif
