#include "config.h"

#include "base/map.h"

#include <sys/random.h>

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define FIRST_SLOTS 16 /* a power of two, as every size */

/*
 * Open addressing with linear probing.  A deleted slot stays as a mark until
 * the table is built anew, so a walk survives the deletion of where it stands.
 */
enum slot_kind { SLOT_FREE, SLOT_USED, SLOT_GONE };

struct slot {
	enum slot_kind kind;
	uint64_t hash;
	char *key; /* owned */
	size_t len;
	void *value; /* owned if the map has free_value */
};

struct map {
	struct slot *slots; /* owned */
	size_t size;
	size_t count;
	size_t filled; /* used or gone */
	uint64_t key[2];
	void (*free_value)(void *);
};

static uint64_t
rotl(uint64_t x, unsigned n)
{
	return (x << n | x >> (64 - n));
}

static uint64_t
load64(const unsigned char *p, size_t n)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return (v);
}

static void
sip_rounds(uint64_t v[4], unsigned n)
{
	for (; n > 0; n--) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

uint64_t
map_siphash(const uint64_t key[2], struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	uint64_t v[4], m;
	size_t left = s.len;

	v[0] = key[0] ^ 0x736f6d6570736575;
	v[1] = key[1] ^ 0x646f72616e646f6d;
	v[2] = key[0] ^ 0x6c7967656e657261;
	v[3] = key[1] ^ 0x7465646279746573;
	for (; left >= 8; left -= 8, p += 8) {
		m = load64(p, 8);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	m = (uint64_t)s.len << 56 | load64(p, left);
	v[3] ^= m;
	sip_rounds(v, 2);
	v[0] ^= m;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return (v[0] ^ v[1] ^ v[2] ^ v[3]);
}

struct map *
map_new(void (*free_value)(void *))
{
	struct map *m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (NULL);
	m->free_value = free_value;
	m->size = FIRST_SLOTS;
	m->slots = calloc(m->size, sizeof(*m->slots));
	if (m->slots == NULL ||
	    getrandom(m->key, sizeof(m->key), 0) != (ssize_t)sizeof(m->key)) {
		free(m->slots);
		free(m);
		return (NULL);
	}
	return (m);
}

static void
value_free(const struct map *m, void *value)
{
	if (m->free_value != NULL)
		m->free_value(value);
}

void
map_free(struct map *m)
{
	size_t i;

	if (m == NULL)
		return;
	for (i = 0; i < m->size; i++)
		if (m->slots[i].kind == SLOT_USED) {
			value_free(m, m->slots[i].value);
			free(m->slots[i].key);
		}
	free(m->slots);
	free(m);
}

/* The slot that holds the key, or NULL.  There is always a free slot, so the
 * search ends. */
static struct slot *
slot_find(const struct map *m, uint64_t hash, struct str key)
{
	size_t i = (size_t)hash & (m->size - 1);
	struct slot *s;

	for (;; i = (i + 1) & (m->size - 1)) {
		s = &m->slots[i];
		if (s->kind == SLOT_FREE)
			return (NULL);
		if (s->kind == SLOT_USED && s->hash == hash &&
		    str_eq(str_of(s->key, s->len), key))
			return (s);
	}
}

/* Where a key that is not in the table goes. */
static struct slot *
slot_free(struct slot *slots, size_t size, uint64_t hash)
{
	size_t i = (size_t)hash & (size - 1);

	while (slots[i].kind == SLOT_USED)
		i = (i + 1) & (size - 1);
	return (&slots[i]);
}

/* Keep a quarter of the slots free; the marks of deleted ones go. */
static int
make_room(struct map *m)
{
	struct slot *slots;
	size_t size = m->size, i;

	if (m->filled + 1 <= m->size / 4 * 3)
		return (0);
	if (m->count >= m->size / 2 && !num_mul(size, 2, &size))
		return (-1);
	if ((slots = calloc(size, sizeof(*slots))) == NULL)
		return (-1);
	for (i = 0; i < m->size; i++)
		if (m->slots[i].kind == SLOT_USED)
			*slot_free(slots, size, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->size = size;
	m->filled = m->count;
	return (0);
}

void *
map_get(const struct map *m, struct str key)
{
	const struct slot *s;

	s = slot_find(m, map_siphash(m->key, key), key);
	return (s != NULL ? s->value : NULL);
}

int
map_put(struct map *m, struct str key, void *value)
{
	uint64_t hash = map_siphash(m->key, key);
	struct slot *s;
	void *old;
	char *copy;

	if ((s = slot_find(m, hash, key)) != NULL) {
		old = s->value;
		s->value = value;
		if (old != value)
			value_free(m, old);
		return (0);
	}
	if ((copy = malloc(key.len > 0 ? key.len : 1)) == NULL)
		return (-1);
	if (make_room(m) == -1) {
		free(copy);
		return (-1);
	}
	if (key.len > 0)
		memcpy(copy, key.p, key.len);
	s = slot_free(m->slots, m->size, hash);
	if (s->kind == SLOT_FREE)
		m->filled++;
	s->kind = SLOT_USED;
	s->hash = hash;
	s->key = copy;
	s->len = key.len;
	s->value = value;
	m->count++;
	return (0);
}

bool
map_del(struct map *m, struct str key)
{
	struct slot *s = slot_find(m, map_siphash(m->key, key), key);
	void *value;

	if (s == NULL)
		return (false);
	value = s->value;
	free(s->key);
	*s = (struct slot){.kind = SLOT_GONE};
	m->count--;
	value_free(m, value);
	return (true);
}

size_t
map_count(const struct map *m)
{
	return (m->count);
}

bool
map_next(const struct map *m, size_t *pos, struct str *key, void **value)
{
	const struct slot *s;

	while (*pos < m->size) {
		s = &m->slots[(*pos)++];
		if (s->kind != SLOT_USED)
			continue;
		if (key != NULL)
			*key = str_of(s->key, s->len);
		if (value != NULL)
			*value = s->value;
		return (true);
	}
	return (false);
}
