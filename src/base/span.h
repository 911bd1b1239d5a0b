/*
 * span.h - stretches of bytes.
 *
 * A span is {offset, length} inside a text that is named beside it; every
 * parser returns spans.  A str is {pointer, length}: a borrowed piece of
 * memory that is not NUL-terminated.  Neither owns what it points to.
 */
#ifndef WAXWING_BASE_SPAN_H
#define WAXWING_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
	size_t off;
	size_t len;
};

struct str {
	const char *p;
	size_t len;
};

/* A str of a string literal. */
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})

static inline struct span
span_of(size_t off, size_t len)
{
	return ((struct span){off, len});
}

static inline struct str
str_of(const char *p, size_t len)
{
	return ((struct str){p, len});
}

/* The bytes that a span names in text. */
static inline struct str
span_str(const char *text, struct span s)
{
	return (str_of(text + s.off, s.len));
}

/* A str of a NUL-terminated string. */
struct str str_c(const char *);

/* Apply BODY[...]<from.count> to a span: what lies outside is cut off. */
struct span span_clip(struct span, size_t from, size_t count);

/* Byte-wise equality. */
bool str_eq(struct str, struct str);

/* Less than, equal to or greater than 0, as memcmp(3) orders bytes; what is
 * the beginning of the other comes first. */
int str_cmp(struct str, struct str);

/* Equality without regard to the case of A-Z (RFC 3501's and 5321's words). */
bool str_ieq(struct str, struct str);

/* Does a begin with b, without regard to the case of A-Z? */
bool str_istarts(struct str a, struct str b);

/* Where c is in s, or s.len. */
size_t str_find(struct str s, char c);

/* Without leading and trailing SP, HTAB, CR and LF. */
struct str str_trim(struct str);

/* Without the line end, CRLF, LF or CR, that it ends with. */
struct str str_chomp(struct str);

/* Lower-case one ASCII byte; others are left alone. */
static inline char
ascii_lower(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
}

#endif
