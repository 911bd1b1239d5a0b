/*
 * arena.h - memory that goes at once.
 *
 * Parsers allocate their trees here and free nothing; the owner of the arena
 * clears it.  An arena has a limit, so hostile input meets it before malloc.
 */
#ifndef WAXWING_BASE_ARENA_H
#define WAXWING_BASE_ARENA_H

#include "base/span.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* owned */
	size_t used;
	size_t max;
};

void arena_init(struct arena *, size_t max);
void arena_clear(struct arena *);

/* n zeroed bytes aligned for anything, or NULL at the limit. */
void *arena_alloc(struct arena *, size_t n);

/* count * size zeroed bytes, overflow checked. */
void *arena_array(struct arena *, size_t count, size_t size);

/* A NUL-terminated copy. */
char *arena_strdup(struct arena *, struct str);

/* A copy, not terminated; p is NULL when memory is out. */
struct str arena_str(struct arena *, struct str);

#endif
