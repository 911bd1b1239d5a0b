#include "config.h"

#include "base/codec.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_SHUFFLE 1
#include <immintrin.h>
#endif

/*
 * The tables are made by the preprocessor: SEXTET(c) is the value of a
 * character of the base64 alphabet (RFC 4648 table 1) or -1.
 */
#define SEXTET(c)                                       \
	((c) >= 'A' && (c) <= 'Z'      ? (c) - 'A'      \
	    : (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26 \
	    : (c) >= '0' && (c) <= '9' ? (c) - '0' + 52 \
	    : (c) == '+'               ? 62             \
	    : (c) == '/'               ? 63             \
	                               : -1)
#define BAD 0xff000000U

#define D(c, shift) \
	(SEXTET(c) < 0 ? BAD : (uint32_t)(SEXTET(c) & 63) << (shift))
#define D4(c, s)  D(c, s), D((c) + 1, s), D((c) + 2, s), D((c) + 3, s)
#define D16(c, s) D4(c, s), D4((c) + 4, s), D4((c) + 8, s), D4((c) + 12, s)
#define D64(c, s) \
	D16(c, s), D16((c) + 16, s), D16((c) + 32, s), D16((c) + 48, s)
#define D256(c, s) \
	D64(c, s), D64((c) + 64, s), D64((c) + 128, s), D64((c) + 192, s)

/* One table for each place in a group of four, its bits already there; what
 * is no base64 has a bit above 24 set. */
static const uint32_t dec0[256] = {D256(0, 18)};
static const uint32_t dec1[256] = {D256(0, 12)};
static const uint32_t dec2[256] = {D256(0, 6)};
static const uint32_t dec3[256] = {D256(0, 0)};

/* The way back: two characters for each twelve bits. */
#define CHARACTER(v)                   \
	((v) < 26       ? 'A' + (v)    \
	    : (v) < 52  ? 'a' + (v)-26 \
	    : (v) < 62  ? '0' + (v)-52 \
	    : (v) == 62 ? '+'          \
	                : '/')
#define E(v)                                                           \
	{                                                              \
		(char)(CHARACTER((v) >> 6)), (char)(CHARACTER((v)&63)) \
	}
#define E4(v)    E(v), E((v) + 1), E((v) + 2), E((v) + 3)
#define E16(v)   E4(v), E4((v) + 4), E4((v) + 8), E4((v) + 12)
#define E64(v)   E16(v), E16((v) + 16), E16((v) + 32), E16((v) + 48)
#define E256(v)  E64(v), E64((v) + 64), E64((v) + 128), E64((v) + 192)
#define E1024(v) E256(v), E256((v) + 256), E256((v) + 512), E256((v) + 768)

static const char pairs[4096][2] = {E1024(0), E1024(1024), E1024(2048),
    E1024(3072)};

void
b64dec_init(struct b64dec *d)
{
	d->bits = 0;
	d->n = 0;
	d->done = false;
}

static inline uint32_t
group(const unsigned char *s)
{
	return (dec0[s[0]] | dec1[s[1]] | dec2[s[2]] | dec3[s[3]]);
}

static inline void
store3(unsigned char *out, uint32_t v)
{
	out[0] = (unsigned char)(v >> 16);
	out[1] = (unsigned char)(v >> 8);
	out[2] = (unsigned char)v;
}

#ifdef HAVE_SHUFFLE
/*
 * Sixteen characters at a time (W. Mula, D. Lemire: Faster Base64 Encoding and
 * Decoding using AVX2 Instructions).  The high half of a character tells what
 * to add to make a sextet of it ("/" has its own number there); two tables by
 * both halves have a bit in common where a character is none of base64.
 * Writes 4 bytes more than it decodes: the last 24 characters are left alone.
 */
__attribute__((target("ssse3"))) static size_t
decode_shuffled(const unsigned char *s, size_t len, unsigned char *out)
{
	const __m128i low = _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11,
	    0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
	const __m128i high = _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08,
	    0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
	const __m128i add = _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0,
	    0, 0, 0, 0, 0, 0, 0);
	const __m128i order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13,
	    12, -1, -1, -1, -1);
	const __m128i half = _mm_set1_epi8(0x0f);
	size_t n = 0;
	__m128i v, hi, bad;

	for (; len - 4 * n >= 24; n += 4, s += 16, out += 12) {
		v = _mm_loadu_si128((const __m128i *)(const void *)s);
		hi = _mm_and_si128(_mm_srli_epi32(v, 4), half);
		bad = _mm_and_si128(_mm_shuffle_epi8(high, hi),
		    _mm_shuffle_epi8(low, _mm_and_si128(v, half)));
		if (_mm_movemask_epi8(
		        _mm_cmpeq_epi8(bad, _mm_setzero_si128())) != 0xffff)
			break;
		hi = _mm_add_epi8(hi, _mm_cmpeq_epi8(v, _mm_set1_epi8('/')));
		v = _mm_add_epi8(v, _mm_shuffle_epi8(add, hi));
		v = _mm_maddubs_epi16(v, _mm_set1_epi32(0x01400140));
		v = _mm_madd_epi16(v, _mm_set1_epi32(0x00011000));
		_mm_storeu_si128((__m128i *)(void *)out,
		    _mm_shuffle_epi8(v, order));
	}
	return (n);
}
#endif

/*
 * Decode whole groups of four as long as nothing else comes.  Returns how
 * many were decoded.
 */
static size_t
decode_run(const unsigned char *s, size_t len, unsigned char *out)
{
	size_t n = 0;
	uint32_t a, b;

#ifdef HAVE_SHUFFLE
	if (__builtin_cpu_supports("ssse3")) {
		n = decode_shuffled(s, len, out);
		s += 4 * n;
		out += 3 * n;
	}
#endif
	while (len - 4 * n >= 8) {
		a = group(s);
		b = group(s + 4);
		if (((a | b) & BAD) != 0)
			break;
		store3(out, a);
		store3(out + 3, b);
		s += 8;
		out += 6;
		n += 2;
	}
	while (len - 4 * n >= 4) {
		a = group(s);
		if ((a & BAD) != 0)
			break;
		store3(out, a);
		s += 4;
		out += 3;
		n++;
	}
	return (n);
}

/*
 * A byte is written as soon as its bits are there, so that nothing is left to
 * flush at the end and a missing padding does no harm.
 */
static size_t
decode_one(struct b64dec *d, unsigned char c, unsigned char *out)
{
	uint32_t v = dec3[c];

	if (v == BAD) {
		if (c == '=')
			d->done = true;
		return (0);
	}
	d->bits = (d->bits << 6 | v) & 0xffffff;
	d->n = (d->n + 1) % 4;
	switch (d->n) {
	case 2:
		*out = (unsigned char)(d->bits >> 4);
		return (1);
	case 3:
		*out = (unsigned char)(d->bits >> 2);
		return (1);
	case 0:
		*out = (unsigned char)d->bits;
		return (1);
	default:
		return (0);
	}
}

size_t
b64dec_feed(struct b64dec *d, const char *text, size_t len, char *to)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char *out = (unsigned char *)to;
	size_t i = 0, o = 0, run;

	while (i < len && !d->done) {
		if (d->n == 0) {
			run = decode_run(s + i, len - i, out + o);
			i += run * 4;
			o += run * 3;
			if (i == len)
				break;
		}
		o += decode_one(d, s[i++], out + o);
	}
	return (o);
}

int
b64_decode(struct str s, struct buf *out)
{
	struct b64dec d;
	size_t pad = 0, n, want;
	char *to;

	while (pad < 2 && pad < s.len && s.p[s.len - 1 - pad] == '=')
		pad++;
	if (s.len % 4 != 0)
		return (-1);
	want = s.len / 4 * 3 - pad;
	if ((to = buf_room(out, want)) == NULL)
		return (-1);
	b64dec_init(&d);
	n = b64dec_feed(&d, s.p, s.len - pad, to);
	/* nothing was skipped, and the bits behind the last byte are zero
	 * (RFC 4648 3.5), so that each text has one spelling */
	if (n != want || d.done || (pad == 1 && (d.bits & 3) != 0) ||
	    (pad == 2 && (d.bits & 15) != 0))
		return (-1);
	out->len += n;
	return (0);
}

static inline void
encode3(const unsigned char *s, char *out)
{
	memcpy(out, pairs[s[0] << 4 | s[1] >> 4], 2);
	memcpy(out + 2, pairs[(s[1] & 15) << 8 | s[2]], 2);
}

/* Encode n bytes with padding; returns the number of characters. */
static size_t
encode_all(const unsigned char *s, size_t n, char *out)
{
	unsigned char last[3] = {0, 0, 0};
	size_t o = 0;

	for (; n >= 3; n -= 3, s += 3, o += 4)
		encode3(s, out + o);
	if (n > 0) {
		memcpy(last, s, n);
		encode3(last, out + o);
		out[o + 3] = '=';
		if (n == 1)
			out[o + 2] = '=';
		o += 4;
	}
	return (o);
}

void
b64_encode(struct str s, struct buf *out)
{
	size_t n = s.len / 3 * 4 + (s.len % 3 > 0 ? 4 : 0);
	char *to;

	if ((to = buf_room(out, n)) == NULL)
		return;
	out->len += encode_all((const unsigned char *)s.p, s.len, to);
}

#define LINE_BYTES 57  /* what makes a line of 76 characters */
#define LINE_CHARS 78  /* with its CRLF */
#define BATCH      512 /* lines encoded into one stretch of the buffer */

void
b64enc_init(struct b64enc *e)
{
	e->n = 0;
}

/* Encode whole lines. */
static void
encode_lines(const unsigned char *s, size_t lines, struct buf *out)
{
	size_t i, batch;
	char *to;

	for (; lines > 0; lines -= batch) {
		batch = lines < BATCH ? lines : BATCH;
		if ((to = buf_room(out, batch * LINE_CHARS)) == NULL)
			return;
		for (i = 0; i < batch; i++) {
			(void)encode_all(s, LINE_BYTES, to);
			to[76] = '\r';
			to[77] = '\n';
			to += LINE_CHARS;
			s += LINE_BYTES;
		}
		out->len += batch * LINE_CHARS;
	}
}

void
b64enc_feed(struct b64enc *e, const void *data, size_t n, struct buf *out)
{
	const unsigned char *s = data;
	size_t part;

	if (n == 0)
		return;
	if (e->n > 0) {
		part = LINE_BYTES - e->n < n ? LINE_BYTES - e->n : n;
		memcpy(e->held + e->n, s, part);
		e->n += part;
		s += part;
		n -= part;
		if (e->n < LINE_BYTES)
			return;
		encode_lines(e->held, 1, out);
		e->n = 0;
	}
	encode_lines(s, n / LINE_BYTES, out);
	s += n / LINE_BYTES * LINE_BYTES;
	e->n = n % LINE_BYTES;
	if (e->n > 0)
		memcpy(e->held, s, e->n);
}

void
b64enc_end(struct b64enc *e, struct buf *out)
{
	char *to;
	size_t n;

	if (e->n == 0 || (to = buf_room(out, LINE_CHARS)) == NULL)
		return;
	n = encode_all(e->held, e->n, to);
	to[n] = '\r';
	to[n + 1] = '\n';
	out->len += n + 2;
	e->n = 0;
}

void
pem_cert_put(struct str der, struct buf *out)
{
	struct b64enc enc;

	buf_puts(out, "-----BEGIN CERTIFICATE-----\r\n");
	b64enc_init(&enc);
	b64enc_feed(&enc, der.p, der.len, out);
	b64enc_end(&enc, out);
	buf_puts(out, "-----END CERTIFICATE-----\r\n");
}

int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	c = ascii_lower(c);
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (-1);
}

void
hex_encode(const void *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

int
hex_decode(struct str s, void *data, size_t n)
{
	unsigned char *out = data;
	int hi, lo;
	size_t i;

	if (s.len % 2 != 0 || s.len / 2 != n)
		return (-1);
	for (i = 0; i < n; i++) {
		hi = hex_value(s.p[2 * i]);
		lo = hex_value(s.p[2 * i + 1]);
		if (hi == -1 || lo == -1)
			return (-1);
		out[i] = (unsigned char)(hi << 4 | lo);
	}
	return (0);
}
