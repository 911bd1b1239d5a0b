#include "config.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST_CAP 256

/* Passwords and keys are smaller than this; mail is larger. */
#define WIPE_BELOW 65536

/* From here on it is worth asking for large pages. */
#define HUGE_FROM (4UL * 1024 * 1024)

/* Ten thousand page faults take as long as decrypting what is filled in. */
static void
want_huge(char *p, size_t n)
{
#ifdef MADV_HUGEPAGE
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t skip = (page - (uintptr_t)p % page) % page;

	if (n >= HUGE_FROM)
		(void)madvise(p + skip, (n - skip) / page * page,
		    MADV_HUGEPAGE);
#else
	(void)p;
	(void)n;
#endif
}

/*
 * realloc may leave a copy of the bytes in freed memory, so what could be a
 * secret is moved by hand and wiped.  Large buffers go by realloc, which only
 * remaps their pages.
 */
static bool
grow(struct buf *b, size_t cap)
{
	char *data;

	if (b->cap >= WIPE_BELOW) {
		if ((data = realloc(b->data, cap)) == NULL)
			return (false);
	} else {
		if ((data = malloc(cap)) == NULL)
			return (false);
		if (b->data != NULL) {
			memcpy(data, b->data, b->len);
			explicit_bzero(b->data, b->cap);
			free(b->data);
		}
	}
	want_huge(data, cap);
	b->data = data;
	b->cap = cap;
	return (true);
}

void
buf_init(struct buf *b, size_t max)
{
	b->data = NULL;
	b->len = 0;
	b->cap = 0;
	b->max = max;
	b->failed = false;
}

void
buf_clear(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_wipe(struct buf *b)
{
	/* all of it: buf_reset and buf_drop leave old bytes behind len */
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_clear(b);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t need, cap;

	if (b->failed)
		return (NULL);
	/* no object is larger than PTRDIFF_MAX */
	if (n > b->max - b->len || n > PTRDIFF_MAX - b->len) {
		b->failed = true;
		return (NULL);
	}
	need = b->len + n;
	if (need <= b->cap && b->data != NULL)
		return (b->data + b->len);
	cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
	if (b->data == NULL && need >= WIPE_BELOW)
		cap = need; /* who begins so knows how much there will be */
	while (cap < need && cap <= b->max / 2)
		cap *= 2;
	/* Not for each byte anew on the last half of the way. */
	if (cap < need)
		cap = need / 4 < b->max - need ? need + need / 4 : b->max;
	if (!grow(b, cap)) {
		b->failed = true;
		return (NULL);
	}
	return (b->data + b->len);
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	char *to;

	if (n == 0 || (to = buf_room(b, n)) == NULL)
		return;
	memcpy(to, p, n);
	b->len += n;
}

void
buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.len);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[128], *big;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		buf_put(b, small, (size_t)n);
		return;
	}
	/* vsnprintf wants room for its NUL, which the limit need not allow */
	if ((size_t)n > b->max - b->len ||
	    (big = malloc((size_t)n + 1)) == NULL) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_put(b, big, (size_t)n);
	explicit_bzero(big, (size_t)n);
	free(big);
}
