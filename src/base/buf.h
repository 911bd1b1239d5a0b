/*
 * buf.h - a growing byte buffer with a limit.
 *
 * Writing past the limit or running out of memory sets "failed", after which
 * every put is a no-op; so a renderer writes all it has and checks once.
 */
#ifndef WAXWING_BASE_BUF_H
#define WAXWING_BASE_BUF_H

#include <stdint.h>

#include "base/span.h"

struct buf {
	char *data; /* owned; NULL while empty; not NUL-terminated */
	size_t len;
	size_t cap;
	size_t max; /* len never exceeds this */
	bool failed;
};

/* An empty buffer that may hold at most max bytes. */
void buf_init(struct buf *, size_t max);

/* Free the memory and go back to empty, with the same limit. */
void buf_clear(struct buf *);

/* The same, wiping the bytes first (secrets). */
void buf_wipe(struct buf *);

/* Forget the contents, and that something failed, but keep the memory. */
void buf_reset(struct buf *);

/* Drop the first n bytes. */
void buf_drop(struct buf *, size_t n);

/* Make room for n more; returns where they go, or NULL (failed is set).
 * The caller adds to len what it wrote. */
char *buf_room(struct buf *, size_t n);

void buf_put(struct buf *, const void *, size_t);
void buf_putc(struct buf *, char);
void buf_puts(struct buf *, const char *);
void buf_str(struct buf *, struct str);
void buf_printf(struct buf *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct str
buf_text(const struct buf *b)
{
	return (str_of(b->data != NULL ? b->data : "", b->len));
}

#endif
