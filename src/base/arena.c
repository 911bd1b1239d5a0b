#include "config.h"

#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define CHUNK_MIN 1024
#define CHUNK_MAX 65536

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	alignas(max_align_t) char data[];
};

void
arena_init(struct arena *a, size_t max)
{
	a->chunks = NULL;
	a->used = 0;
	a->max = max;
}

void
arena_clear(struct arena *a)
{
	struct arena_chunk *c;

	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		free(c);
	}
	a->used = 0;
}

/* A fresh chunk with room for n, in front of the others. */
static struct arena_chunk *
chunk_new(struct arena *a, size_t n)
{
	struct arena_chunk *c;
	size_t size = CHUNK_MIN, total;

	if (a->chunks != NULL)
		size = a->chunks->size * 2;
	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < n)
		size = n;
	if (!num_add(sizeof(*c), size, &total) ||
	    (c = calloc(1, total)) == NULL)
		return (NULL);
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	return (c);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_chunk *c = a->chunks;
	void *p;

	if (n > a->max - a->used || n > SIZE_MAX - align)
		return (NULL);
	n = (n + align - 1) / align * align;
	if (n == 0)
		n = align;
	if (n > a->max - a->used)
		return (NULL);
	if ((c == NULL || n > c->size - c->used) &&
	    (c = chunk_new(a, n)) == NULL)
		return (NULL);
	p = c->data + c->used;
	c->used += n;
	a->used += n;
	return (p);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (!num_mul(count, size, &n))
		return (NULL);
	return (arena_alloc(a, n));
}

char *
arena_strdup(struct arena *a, struct str s)
{
	size_t n;
	char *p;

	if (!num_add(s.len, 1, &n) || (p = arena_alloc(a, n)) == NULL)
		return (NULL);
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return (p);
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.len);

	if (p == NULL)
		return (str_of(NULL, 0));
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return (str_of(p, s.len));
}
