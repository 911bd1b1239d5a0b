/*
 * The decoders give the same bytes however their input is cut, write no more
 * than they promise, and give back what the encoders were given.
 */
#include "config.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

/* A decoder fed in two pieces. */
static void
b64_decode_cut(struct str in, size_t cut, struct buf *out)
{
	struct b64dec d;
	char *to;

	b64dec_init(&d);
	to = buf_room(out, cut / 4 * 3 + 3);
	assert(to != NULL);
	out->len += b64dec_feed(&d, in.p, cut, to);
	assert(out->len <= cut / 4 * 3 + 3);
	to = buf_room(out, (in.len - cut) / 4 * 3 + 3);
	assert(to != NULL);
	out->len += b64dec_feed(&d, in.p + cut, in.len - cut, to);
}

static void
qp_decode_cut(struct str in, size_t cut, struct buf *out)
{
	struct qpdec d;

	qpdec_init(&d);
	qpdec_feed(&d, in.p, cut, out);
	qpdec_feed(&d, in.p + cut, in.len - cut, out);
	qpdec_end(&d, out);
	assert(!out->failed && out->len <= in.len);
}

static void
b64_encode_cut(struct str in, size_t cut, struct buf *out)
{
	struct b64enc e;

	b64enc_init(&e);
	b64enc_feed(&e, in.p, cut, out);
	b64enc_feed(&e, in.p + cut, in.len - cut, out);
	b64enc_end(&e, out);
	assert(!out->failed);
}

static void
check_cut(void (*code)(struct str, size_t, struct buf *), struct str in,
    size_t cut)
{
	struct buf whole, pieces;

	buf_init(&whole, (size_t)1 << 24);
	buf_init(&pieces, (size_t)1 << 24);
	code(in, in.len, &whole);
	code(in, cut, &pieces);
	assert(str_eq(buf_text(&whole), buf_text(&pieces)));
	buf_clear(&pieces);
	buf_clear(&whole);
}

/* in, encoded and decoded, is in. */
static void
check_round(struct str in)
{
	struct buf text, back;

	buf_init(&text, (size_t)1 << 24);
	buf_init(&back, (size_t)1 << 24);
	b64_encode_cut(in, 0, &text);
	b64_decode_cut(buf_text(&text), 0, &back);
	assert(str_eq(in, buf_text(&back)));

	buf_reset(&text);
	buf_reset(&back);
	b64_encode(in, &text);
	assert(b64_decode(buf_text(&text), &back) == 0);
	assert(str_eq(in, buf_text(&back)));

	buf_reset(&text);
	buf_reset(&back);
	qp_encode(in, &text);
	qp_decode_cut(buf_text(&text), 0, &back);
	assert(str_eq(in, buf_text(&back)));
	buf_clear(&back);
	buf_clear(&text);
}

/* What the strict decoder accepts has one spelling, and the other agrees. */
static void
check_strict(struct str in)
{
	struct buf bytes, text;

	buf_init(&bytes, (size_t)1 << 24);
	buf_init(&text, (size_t)1 << 24);
	if (b64_decode(in, &bytes) == 0) {
		b64_encode(buf_text(&bytes), &text);
		assert(str_eq(in, buf_text(&text)));
		buf_reset(&text);
		b64_decode_cut(in, in.len, &text);
		assert(str_eq(buf_text(&bytes), buf_text(&text)));
	} else {
		assert(bytes.len == 0);
	}
	buf_clear(&text);
	buf_clear(&bytes);
}

static void
check_hex(struct str in)
{
	unsigned char bytes[16], again[16];
	char text[33];

	if (in.len < 2 * sizeof(bytes) ||
	    hex_decode(str_of(in.p, 32), bytes, sizeof(bytes)) == -1)
		return;
	hex_encode(bytes, sizeof(bytes), text);
	assert(hex_decode(str_of(text, 32), again, sizeof(again)) == 0);
	assert(memcmp(bytes, again, sizeof(bytes)) == 0);
	assert(str_ieq(str_of(text, 32), str_of(in.p, 32)));
}

/* The first byte says where to cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in;
	size_t cut;

	if (size == 0)
		return (0);
	in = str_of((const char *)data + 1, size - 1);
	cut = data[0] % size;
	check_cut(b64_decode_cut, in, cut);
	check_cut(qp_decode_cut, in, cut);
	check_cut(b64_encode_cut, in, cut);
	check_round(in);
	check_strict(in);
	check_hex(in);
	return (0);
}
