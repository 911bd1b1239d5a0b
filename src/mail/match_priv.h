/*
 * match_priv.h - the form of a search text.
 *
 *	magic, flags, number of fields, number of parts
 *	for each field: offset, length of its name, value and tidied value
 *	for each part: offset, length of all, length of its header
 *	the bytes
 *
 * All of these are 32 bits, little-endian; offsets count from the bytes.
 * The length of a tidied value that is not there is NO_LEN.
 */
#ifndef WAXWING_MAIL_MATCH_PRIV_H
#define WAXWING_MAIL_MATCH_PRIV_H

#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"

#define MATCH_MAGIC 0x31747357U

/* flags */
#define MATCH_CUT        1U /* there is more text */
#define MATCH_FIELDS_CUT 2U /* there are more fields, or longer ones */

#define MATCH_HEAD  16
#define MATCH_FIELD 24
#define MATCH_PART  12

#define NO_LEN UINT32_MAX

/* Rows of fields when all of a message is looked into, of five bytes each a
 * header of the largest size; and of parts. */
#define MATCH_ROWS  (LIMIT_HEADER / 5)
#define MATCH_PARTS (LIMIT_MIME_PARTS + 1)

static inline void
match_put32(struct buf *out, size_t v)
{
	unsigned char b[4];

	b[0] = (unsigned char)(v & 0xff);
	b[1] = (unsigned char)(v >> 8 & 0xff);
	b[2] = (unsigned char)(v >> 16 & 0xff);
	b[3] = (unsigned char)(v >> 24 & 0xff);
	buf_put(out, b, sizeof(b));
}

static inline uint32_t
match_get32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return ((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	        (uint32_t)b[3] << 24);
}

#endif
