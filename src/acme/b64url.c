#include "config.h"

#include "acme/b64url.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
b64url_encode(struct str s, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned bits = 0, held = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		bits = (bits << 8 | p[i]) & 0xffff;
		for (held += 8; held >= 6; held -= 6)
			buf_putc(out, alphabet[bits >> (held - 6) & 63]);
	}
	if (held > 0)
		buf_putc(out, alphabet[bits << (6 - held) & 63]);
}

static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (c - '0' + 52);
	if (c == '-')
		return (62);
	return (c == '_' ? 63 : -1);
}

int
b64url_decode(struct str s, struct buf *out)
{
	unsigned bits = 0, held = 0;
	size_t i, n;
	char *room;
	int v;

	/* exactly as much as it becomes: out may be made to measure */
	n = s.len / 4 * 3 + s.len % 4 * 3 / 4;
	if (s.len % 4 == 1 || (room = buf_room(out, n)) == NULL)
		return (-1);
	n = 0;
	for (i = 0; i < s.len; i++) {
		if ((v = sextet(s.p[i])) == -1)
			return (-1);
		bits = (bits << 6 | (unsigned)v) & 0xffff;
		if ((held += 6) < 8)
			continue;
		held -= 8;
		room[n++] = (char)(bits >> held & 0xff);
	}
	/* Two spellings of one value would be two names of one thing. */
	if ((bits & ((1U << held) - 1)) != 0)
		return (-1);
	out->len += n;
	return (0);
}
