/*
 * map.h - a hash table from byte strings to pointers.
 *
 * Keys are copied; values are the caller's.  The hash is keyed with random
 * bytes (SipHash-2-4), because some keys are chosen by strangers.
 */
#ifndef WAXWING_BASE_MAP_H
#define WAXWING_BASE_MAP_H

#include <stdint.h>

#include "base/span.h"

struct map;

/* free_value may be NULL; it is called for values dropped by map_del,
 * map_put over an old one, and map_free. */
struct map *map_new(void (*free_value)(void *));
void map_free(struct map *); /* accepts NULL */

/* The value, or NULL. */
void *map_get(const struct map *, struct str key);

/* Returns -1 when memory is out (the map is as before). */
int map_put(struct map *, struct str key, void *value);

/* True if there was one. */
bool map_del(struct map *, struct str key);

/* How many keys there are. */
size_t map_count(const struct map *);

/* Walk in no order: start with *pos = 0; false at the end.  The map must not
 * change meanwhile, but for deletion of the entry just returned. */
bool map_next(const struct map *, size_t *pos, struct str *key, void **value);

/* SipHash-2-4 of s, for whoever needs a keyed hash of its own. */
uint64_t map_siphash(const uint64_t key[2], struct str s);

#endif
