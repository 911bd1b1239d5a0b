#include "config.h"

#include "smime/der.h"

#include <string.h>

/* Identifier and length octets at p: sizes, or false. */
static bool
head_read(struct str s, size_t *head, size_t *len, bool *indefinite)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n, i;

	/* Tag numbers above 30 do not occur in CMS. */
	if (s.len < 2 || (p[0] & 0x1f) == 0x1f)
		return (false);
	*indefinite = false;
	*len = 0;
	if (p[1] < 0x80) {
		*head = 2;
		*len = p[1];
		return (true);
	}
	if (p[1] == 0x80) {
		*head = 2;
		*indefinite = true;
		return ((p[0] & 0x20) != 0);
	}
	n = p[1] & 0x7f;
	if (n > sizeof(size_t) || s.len < 2 + n)
		return (false);
	for (i = 0; i < n; i++)
		*len = *len << 8 | p[2 + i];
	*head = 2 + n;
	return (true);
}

static bool
is_eoc(struct str s)
{
	return (s.len >= 2 && s.p[0] == 0 && s.p[1] == 0);
}

/*
 * Find the end-of-contents octets that belong to a value whose head has been
 * read; s is what follows the head.  *in is the length up to them.
 */
static bool
indefinite_end(struct str s, size_t *in)
{
	size_t pos = 0, depth = 1, head, len;
	bool indefinite;
	struct str at;

	for (;;) {
		at = str_of(s.p + pos, s.len - pos);
		if (is_eoc(at)) {
			if (--depth == 0) {
				*in = pos;
				return (true);
			}
			pos += 2;
			continue;
		}
		if (!head_read(at, &head, &len, &indefinite))
			return (false);
		if (indefinite) {
			if (++depth > DER_DEPTH)
				return (false);
		} else if (len > at.len - head)
			return (false);
		pos += head + len;
	}
}

int
der_next(struct der *d, struct der_item *it)
{
	size_t head, len, tail = 0;
	struct str s = d->rest;

	if (s.len == 0)
		return (0);
	if (!head_read(s, &head, &len, &it->indefinite))
		return (-1);
	if (it->indefinite) {
		if (!indefinite_end(str_of(s.p + head, s.len - head), &len))
			return (-1);
		tail = 2;
	} else if (len > s.len - head)
		return (-1);
	it->tag = (unsigned char)s.p[0];
	it->in = str_of(s.p + head, len);
	it->all = str_of(s.p, head + len + tail);
	d->rest = str_of(s.p + it->all.len, s.len - it->all.len);
	return (1);
}

bool
der_at(const struct der *d, unsigned tag)
{
	return (d->rest.len > 0 && (unsigned char)d->rest.p[0] == tag);
}

bool
der_take(struct der *d, unsigned tag, struct der_item *it)
{
	return (der_at(d, tag) && der_next(d, it) == 1);
}

bool
der_enter(struct der *d, unsigned tag, struct der *inside)
{
	struct der_item it;

	if (!der_take(d, tag, &it))
		return (false);
	*inside = der_of(it.in);
	return (true);
}

bool
der_any(struct der *d, struct der_item *it)
{
	return (der_next(d, it) == 1);
}

void
der_skip(struct der *d, unsigned tag)
{
	struct der_item it;

	(void)der_take(d, tag, &it);
}

bool
der_uint(struct der *d, uint64_t max, uint64_t *out)
{
	struct der_item it;
	uint64_t v = 0;
	size_t i;

	if (!der_take(d, DER_INTEGER, &it) || it.in.len == 0 || it.in.len > 9 ||
	    ((unsigned char)it.in.p[0] & 0x80) != 0 ||
	    (it.in.len == 9 && it.in.p[0] != 0))
		return (false);
	for (i = 0; i < it.in.len; i++)
		v = v << 8 | (unsigned char)it.in.p[i];
	if (v > max)
		return (false);
	*out = v;
	return (true);
}

bool
der_oid(struct der *d, struct str *oid)
{
	struct der_item it;

	if (!der_take(d, DER_OID, &it) || it.in.len == 0)
		return (false);
	*oid = it.in;
	return (true);
}

bool
der_algorithm(struct der *d, struct str *oid, struct der_item *params)
{
	struct der in;

	memset(params, 0, sizeof(*params));
	if (!der_enter(d, DER_SEQUENCE, &in) || !der_oid(&in, oid))
		return (false);
	return (der_end(&in) || der_any(&in, params));
}

static bool
pieces_of(struct str in, unsigned depth, bool (*f)(void *, struct str),
    void *arg)
{
	struct der d = der_of(in);
	struct der_item it;
	int rc;

	while ((rc = der_next(&d, &it)) == 1) {
		if (it.tag == DER_OCTETS) {
			if (!f(arg, it.in))
				return (false);
		} else if (it.tag != DER_OCTETS_CONS || depth == 0 ||
		           !pieces_of(it.in, depth - 1, f, arg))
			return (false);
	}
	return (rc == 0);
}

bool
der_pieces(const struct der_item *it, bool (*f)(void *, struct str), void *arg)
{
	if ((it->tag & 0x20) == 0)
		return (f(arg, it->in));
	/* Real encoders nest once; BER would allow more. */
	return (pieces_of(it->in, 4, f, arg));
}

/* Is it a string type written in pieces?  Context tags cannot be told apart
 * from structures here; where CMS has such a string the caller knows. */
static bool
is_cons_string(unsigned tag)
{
	return (tag == DER_OCTETS_CONS || tag == (DER_BITS | 0x20));
}

static bool
plain_in(struct str in, unsigned depth)
{
	struct der d = der_of(in);
	struct der_item it;
	int rc;

	while ((rc = der_next(&d, &it)) == 1) {
		if (it.indefinite || is_cons_string(it.tag))
			return (false);
		if ((it.tag & 0x20) != 0 &&
		    (depth == 0 || !plain_in(it.in, depth - 1)))
			return (false);
	}
	return (rc == 0);
}

bool
der_is_plain(struct str all)
{
	return (plain_in(all, DER_DEPTH));
}

static bool
put_piece(void *arg, struct str s)
{
	buf_str(arg, s);
	return (true);
}

static bool
plain_out(struct str in, unsigned depth, struct buf *out)
{
	struct der d = der_of(in);
	struct der_item it;
	size_t mark;
	int rc;

	while ((rc = der_next(&d, &it)) == 1) {
		if ((it.tag & 0x20) == 0) {
			der_put(out, it.tag, it.in);
			continue;
		}
		if (depth == 0 || it.tag == (DER_BITS | 0x20))
			return (false);
		if (it.tag == DER_OCTETS_CONS) {
			mark = der_begin(out, DER_OCTETS);
			if (!der_pieces(&it, put_piece, out))
				return (false);
		} else {
			mark = der_begin(out, it.tag);
			if (!plain_out(it.in, depth - 1, out))
				return (false);
		}
		der_finish(out, mark);
	}
	return (rc == 0);
}

bool
der_plain(struct str all, struct buf *out)
{
	return (plain_out(all, DER_DEPTH, out) && !out->failed);
}

/* How many octets the length itself takes. */
size_t
der_head_len(size_t len)
{
	size_t n = 0;

	if (len < 0x80)
		return (2);
	for (; len != 0; len >>= 8)
		n++;
	return (2 + n);
}

void
der_put_head(struct buf *out, unsigned tag, size_t len)
{
	size_t n = der_head_len(len) - 2;

	buf_putc(out, (char)tag);
	if (n == 0) {
		buf_putc(out, (char)len);
		return;
	}
	buf_putc(out, (char)(0x80 | n));
	while (n-- > 0)
		buf_putc(out, (char)(len >> (8 * n) & 0xff));
}

void
der_put(struct buf *out, unsigned tag, struct str s)
{
	der_put_head(out, tag, s.len);
	buf_str(out, s);
}

void
der_put_uint(struct buf *out, unsigned v)
{
	der_put_head(out, DER_INTEGER, 1);
	buf_putc(out, (char)(v & 0x7f));
}

void
der_put_algorithm(struct buf *out, struct str oid, bool null)
{
	size_t mark = der_begin(out, DER_SEQUENCE);

	der_put(out, DER_OID, oid);
	if (null)
		der_put(out, DER_NULL, STR(""));
	der_finish(out, mark);
}

size_t
der_begin(struct buf *out, unsigned tag)
{
	buf_putc(out, (char)tag);
	return (out->len);
}

void
der_finish(struct buf *out, size_t mark)
{
	size_t len, head;

	if (out->failed)
		return;
	len = out->len - mark;
	head = der_head_len(len) - 1;
	if (buf_room(out, head) == NULL)
		return;
	memmove(out->data + mark + head, out->data + mark, len);
	out->len = mark;
	if (head == 1)
		buf_putc(out, (char)len);
	else {
		size_t n = head - 1;

		buf_putc(out, (char)(0x80 | n));
		while (n-- > 0)
			buf_putc(out, (char)(len >> (8 * n) & 0xff));
	}
	out->len += len;
}
