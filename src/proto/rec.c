#include "config.h"

#include "proto/rec.h"

#include <string.h>

void
rec_put_u8(struct buf *b, uint8_t v)
{
	buf_putc(b, (char)v);
}

void
rec_put_u32(struct buf *b, uint32_t v)
{
	int shift;

	for (shift = 24; shift >= 0; shift -= 8)
		rec_put_u8(b, (uint8_t)(v >> shift & 0xff));
}

void
rec_put_u64(struct buf *b, uint64_t v)
{
	rec_put_u32(b, (uint32_t)(v >> 32));
	rec_put_u32(b, (uint32_t)(v & 0xffffffff));
}

void
rec_put_bool(struct buf *b, bool v)
{
	rec_put_u8(b, v ? 1 : 0);
}

void
rec_put_str(struct buf *b, struct str s)
{
	if (s.len > UINT32_MAX) {
		b->failed = true;
		return;
	}
	rec_put_u32(b, (uint32_t)s.len);
	buf_str(b, s);
}

void
rec_put_bytes(struct buf *b, const void *p, size_t n)
{
	buf_put(b, p, n);
}

/* May this byte stand in the text of an err? */
static bool
printable(char c)
{
	return (c >= 0x20 && c <= 0x7e);
}

/* File names in a text may hold anything, the reader takes only ASCII. */
void
rec_put_err(struct buf *b, const struct err *err)
{
	const char *p;

	rec_put_u8(b, (uint8_t)err->code);
	if (err->code == ERR_OK) {
		rec_put_u32(b, 0);
		return;
	}
	rec_put_u32(b, (uint32_t)strlen(err->text));
	for (p = err->text; *p != '\0'; p++)
		buf_putc(b, printable(*p) ? *p : '?');
}

void
rec_init(struct rec *r, struct str in)
{
	r->in = in;
	r->pos = 0;
	r->bad = false;
}

/* The next n bytes, or NULL once the record is bad. */
static const char *
next(struct rec *r, size_t n)
{
	const char *p;

	if (r->bad || n > r->in.len - r->pos) {
		r->bad = true;
		return (NULL);
	}
	p = r->in.p + r->pos;
	r->pos += n;
	return (p);
}

uint8_t
rec_get_u8(struct rec *r)
{
	const char *p;

	return ((p = next(r, 1)) != NULL ? (uint8_t)*p : 0);
}

uint32_t
rec_get_u32(struct rec *r)
{
	const char *p;
	uint32_t v = 0;
	size_t i;

	if ((p = next(r, 4)) == NULL)
		return (0);
	for (i = 0; i < 4; i++)
		v = v << 8 | (uint8_t)p[i];
	return (v);
}

uint64_t
rec_get_u64(struct rec *r)
{
	uint64_t hi = rec_get_u32(r);
	uint64_t lo = rec_get_u32(r);

	return (r->bad ? 0 : hi << 32 | lo);
}

bool
rec_get_bool(struct rec *r)
{
	return (rec_get_enum(r, 1) == 1);
}

struct str
rec_get_str(struct rec *r)
{
	size_t n = rec_get_u32(r);
	const char *p;

	if ((p = next(r, n)) == NULL)
		return (STR(""));
	return (str_of(p, n));
}

void
rec_get_bytes(struct rec *r, void *out, size_t n)
{
	const char *p;

	if ((p = next(r, n)) == NULL)
		memset(out, 0, n);
	else
		memcpy(out, p, n);
}

void
rec_get_err(struct rec *r, struct err *err)
{
	struct str text;
	size_t i;

	memset(err, 0, sizeof(*err));
	err->code = (enum err_code)rec_get_enum(r, ERR_UNAVAILABLE);
	text = rec_get_str(r);
	if (text.len >= sizeof(err->text) ||
	    (err->code == ERR_OK && text.len > 0))
		r->bad = true;
	for (i = 0; !r->bad && i < text.len; i++)
		if (!printable(text.p[i]))
			r->bad = true;
	if (r->bad) {
		err->code = ERR_OK;
		return;
	}
	memcpy(err->text, text.p, text.len);
}

uint8_t
rec_get_enum(struct rec *r, uint8_t max)
{
	uint8_t v = rec_get_u8(r);

	if (v > max) {
		r->bad = true;
		return (0);
	}
	return (v);
}

int
rec_end(const struct rec *r, struct err *err)
{
	if (!r->bad && r->pos == r->in.len)
		return (0);
	err_set(err, ERR_SYNTAX, "malformed record");
	return (-1);
}
