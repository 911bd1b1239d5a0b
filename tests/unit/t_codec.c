#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "unit.h"

/* Decode in pieces of the given size (0: all at once). */
static void
b64_pieces(struct str in, size_t piece, struct buf *out)
{
	struct b64dec d;
	size_t i, n;
	char *to;

	b64dec_init(&d);
	buf_reset(out);
	for (i = 0; i < in.len; i += n) {
		n = in.len - i;
		if (piece > 0 && piece < n)
			n = piece;
		if ((to = buf_room(out, n / 4 * 3 + 3)) == NULL)
			return;
		out->len += b64dec_feed(&d, in.p + i, n, to);
	}
}

static void
test_b64dec(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
	    {"", ""},
	    {"Zg==", "f"},
	    {"Zm8=", "fo"},
	    {"Zm9v", "foo"},
	    {"Zm9vYmFy", "foobar"},
	    {"Zm9v\r\nYmFy\r\n", "foobar"},
	    {"Zm 9v!\r\n-Ym\tFy", "foobar"},
	    {"Zm9vYmE=\r\nZm9v", "fooba"},
	    {"Zm9vYg==Zm9v", "foob"},
	    {"Zm9v=Zm9v", "foo"},
	    {"=Zm9v", ""},
	    {"Zm9vYmE", "fooba"},
	    {"Zm9vYg", "foob"},
	    {"Zm9vY", "foo"},
	    {"\xff\xfeZm9v\x80", "foo"},
	    {"++//AAAA", NULL},
	};
	struct buf out;
	size_t i, piece;

	buf_init(&out, 1000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		for (piece = 0; piece < 10; piece++) {
			b64_pieces(str_c(rows[i].in), piece, &out);
			if (rows[i].want != NULL)
				CHECK_BUF(&out, rows[i].want);
			else
				CHECK_BUF_EQ(&out,
				    STR("\xfb\xef\xff\x00\x00\x00"));
		}
	}
	buf_clear(&out);
}

static void
test_b64_strict(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
	    {"", ""},
	    {"Zg==", "f"},
	    {"Zm8=", "fo"},
	    {"Zm9v", "foo"},
	    {"Zg", NULL},
	    {"Zg=", NULL},
	    {"Zg===", NULL},
	    {"Z===", NULL},
	    {"====", NULL},
	    {"Zh==", NULL}, /* bits behind the last byte */
	    {"Zm9=", NULL},
	    {"Zm9v\r\n", NULL},
	    {"Zm9v\r\n==", NULL},
	    {" Zm9", NULL},
	    {"Zg==Zm9v", NULL},
	    {"Z=9v", NULL},
	    {"Zm-_", NULL},
	};
	struct buf out;
	size_t i;

	buf_init(&out, 100);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_reset(&out);
		buf_putc(&out, '>');
		CHECK_INT(b64_decode(str_c(rows[i].in), &out),
		    rows[i].want != NULL ? 0 : -1);
		CHECK(!out.failed && out.len > 0 && out.data[0] == '>');
		CHECK_STR(str_of(out.data + 1, out.len - 1),
		    rows[i].want != NULL ? rows[i].want : "");
		if (rows[i].want == NULL)
			continue;
		buf_reset(&out);
		b64_encode(str_c(rows[i].want), &out);
		CHECK_BUF(&out, rows[i].in);
	}
	buf_clear(&out);
	buf_init(&out, 3);
	CHECK_INT(b64_decode(STR("Zm9vZg=="), &out), -1);
	buf_reset(&out);
	CHECK_INT(b64_decode(STR("Zm9v"), &out), 0);
	CHECK_BUF(&out, "foo");
	buf_reset(&out);
	b64_encode(STR("f"), &out);
	CHECK(out.failed);
	buf_clear(&out);
	buf_init(&out, 4);
	b64_encode(STR("foo"), &out);
	CHECK_BUF(&out, "Zm9v");
	buf_clear(&out);
}

/* Many characters at once are decoded as they are one by one, whatever stands
 * among them. */
static void
test_b64dec_wide(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                               "abcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf wide, narrow;
	char text[80];
	size_t i, at, c;

	buf_init(&wide, 1000);
	buf_init(&narrow, 1000);
	for (at = 0; at < 40; at++)
		for (c = 0; c < 256; c++) {
			for (i = 0; i < sizeof(text); i++)
				text[i] = alphabet[(at * 7 + c + i) % 64];
			text[at] = (char)(unsigned char)c;
			b64_pieces(str_of(text, sizeof(text)), 0, &wide);
			b64_pieces(str_of(text, sizeof(text)), 1, &narrow);
			CHECK_BUF_EQ(&wide, buf_text(&narrow));
		}
	buf_clear(&wide);
	buf_clear(&narrow);
}

/* Lines as RFC 2045 6.8 has them, and what was encoded comes back. */
static void
test_b64enc(void)
{
	static const size_t lengths[] = {0, 1, 2, 3, 56, 57, 58, 113, 114, 115,
	    57 * 1025 + 5};
	static char data[57 * 1025 + 5];
	struct buf text, back;
	struct b64enc e;
	bool shaped;
	size_t i, j, n, piece;

	srand(2);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (char)rand();
	buf_init(&text, 1 << 20);
	buf_init(&back, 1 << 20);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (piece = 1; piece < 200; piece += 28) {
			buf_reset(&text);
			b64enc_init(&e);
			for (j = 0; j < lengths[i]; j += n) {
				n = lengths[i] - j;
				if (n > piece)
					n = piece;
				b64enc_feed(&e, data + j, n, &text);
			}
			b64enc_end(&e, &text);
			n = (lengths[i] + 2) / 3 * 4;
			CHECK_UINT(text.len, n + (n + 75) / 76 * 2);
			shaped = true;
			for (j = 76; j < text.len; j += 78)
				shaped &= text.data[j] == '\r' &&
				          text.data[j + 1] == '\n';
			CHECK(shaped);
			b64_pieces(buf_text(&text), piece, &back);
			CHECK_BUF_EQ(&back, str_of(data, lengths[i]));
		}
	buf_clear(&text);
	buf_clear(&back);
	buf_init(&text, 77);
	b64enc_init(&e);
	b64enc_feed(&e, data, 57, &text);
	CHECK(text.failed);
	buf_clear(&text);
}

static void
qp_pieces(struct str in, size_t piece, struct buf *out)
{
	struct qpdec d;
	size_t i, n;

	qpdec_init(&d);
	buf_reset(out);
	for (i = 0; i < in.len; i += n) {
		n = in.len - i;
		if (piece > 0 && piece < n)
			n = piece;
		qpdec_feed(&d, in.p + i, n, out);
	}
	qpdec_end(&d, out);
}

static void
test_qpdec(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
	    {"", ""},
	    {"plain words here", "plain words here"},
	    {"a=3Db", "a=b"},
	    {"a=3db=C3=A4", "a=b\xc3\xa4"},
	    {"a  \t\r\nb", "a\r\nb"},
	    {"a  \nb", "a\nb"},
	    {"  a", "  a"},
	    {"a  ", "a"},
	    {"soft=\r\nbreak", "softbreak"},
	    {"soft=\nbreak", "softbreak"},
	    {"soft= \t\r\nbreak", "softbreak"},
	    {"soft =\r\nbreak", "soft break"},
	    {"last=", "last"},
	    {"last= ", "last"},
	    {"bad=", "bad"},
	    {"bad=4", "bad=4"},
	    {"bad=4\r\nx", "bad=4\r\nx"},
	    {"bad=4G", "bad=4G"},
	    {"bad=GG", "bad=GG"},
	    {"bad=4=41", "bad=4A"},
	    {"bad==41", "bad=A"},
	    {"bad= x", "bad= x"},
	    {"bad=\rx", "bad=\rx"},
	    {"cr\rx \ry", "cr\rx \ry"},
	    {"\r\n\r\n", "\r\n\r\n"},
	    {"\r\r\n", "\r\r\n"},
	    {" \r \r\n", " \r\r\n"},
	    {"=20\r\n", " \r\n"},
	    {"=20 \r\n", " \r\n"},
	    {"=0D=0A", "\r\n"},
	    {"\xe4\xff", "\xe4\xff"},
	};
	struct buf out;
	size_t i, piece;

	buf_init(&out, 1000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		for (piece = 0; piece < 6; piece++) {
			qp_pieces(str_c(rows[i].in), piece, &out);
			CHECK_BUF(&out, rows[i].want);
		}
	}
	buf_clear(&out);
}

/* Runs of blanks around the length that the decoder holds. */
static void
test_qpdec_blanks(void)
{
	struct buf in, out;
	size_t n, piece;

	buf_init(&in, 1000);
	buf_init(&out, 1000);
	for (n = 70; n < 300; n += n < 90 ? 1 : 50)
		for (piece = 0; piece < 100; piece += 33) {
			buf_reset(&in);
			buf_printf(&in, "a%*s\r\nb", (int)n, "");
			qp_pieces(buf_text(&in), piece, &out);
			if (n < 80)
				CHECK_BUF(&out, "a\r\nb");
			else
				CHECK_BUF_EQ(&out, buf_text(&in));
		}
	buf_clear(&in);
	buf_clear(&out);
}

static void
test_qp_encode(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
	    {"", ""},
	    {"a b\r\n", "a b\r\n"},
	    {"a=b", "a=3Db"},
	    {"\xc3\xa4", "=C3=A4"},
	    {"a \r\nb\t\r\n", "a=20\r\nb=09\r\n"},
	    {"a ", "a=20"},
	    {"a\nb\rc", "a=0Ab=0Dc"},
	    {"\r\r\n", "=0D\r\n"},
	    {".\r\n..\r\n.", "=2E\r\n..\r\n=2E"},
	    {"From me\r\nFrom", "=46rom me\r\nFrom"},
	    {"x From me", "x From me"},
	};
	struct buf text, back;
	size_t i, j, line;
	bool fits = true;
	char *p;

	buf_init(&text, 100000);
	buf_init(&back, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_reset(&text);
		qp_encode(str_c(rows[i].in), &text);
		CHECK_BUF(&text, rows[i].want);
		qp_pieces(buf_text(&text), 0, &back);
		CHECK_BUF(&back, rows[i].in);
	}
	unit_row("long lines");
	srand(3);
	for (i = 0; i < 500; i++) {
		static const char chars[] = "abcdF.rom \t=\xe4\n";
		char in[300];

		for (j = 0; j < sizeof(in); j++)
			in[j] = chars[(size_t)rand() % (sizeof(chars) - 1)];
		buf_reset(&text);
		qp_encode(str_of(in, sizeof(in)), &text);
		buf_putc(&text, '\n');
		for (p = text.data, line = 0; p < text.data + text.len; p++) {
			line = *p == '\n' ? 0 : line + 1;
			fits &= line <= 77; /* with the CR */
		}
		text.len--;
		qp_pieces(buf_text(&text), 7, &back);
		CHECK_BUF_EQ(&back, str_of(in, sizeof(in)));
	}
	CHECK(fits);
	buf_clear(&text);
	buf_clear(&back);
}

static void
test_pem(void)
{
	struct buf out;

	buf_init(&out, 1000);
	pem_cert_put(STR("abc"), &out);
	CHECK_BUF(&out, "-----BEGIN CERTIFICATE-----\r\nYWJj\r\n"
	                "-----END CERTIFICATE-----\r\n");
	buf_clear(&out);
}

static void
test_hex(void)
{
	unsigned char out[3];
	char text[7];

	hex_encode("\x00\xaf\xff", 3, text);
	CHECK_CSTR(text, "00afff");
	CHECK_INT(hex_decode(STR("00AffF"), out, 3), 0);
	CHECK(memcmp(out, "\x00\xaf\xff", 3) == 0);
	CHECK_INT(hex_decode(STR("00aff"), out, 3), -1);
	CHECK_INT(hex_decode(STR("00afff0"), out, 3), -1);
	CHECK_INT(hex_decode(STR("00afff00"), out, 3), -1);
	CHECK_INT(hex_decode(STR("00afg0"), out, 3), -1);
	CHECK_INT(hex_decode(STR("00 aff"), out, 3), -1);
	CHECK_INT(hex_decode(STR(""), out, 0), 0);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"b64dec", test_b64dec},
	    {"b64dec wide", test_b64dec_wide},
	    {"b64 strict", test_b64_strict},
	    {"b64enc", test_b64enc},
	    {"qpdec", test_qpdec},
	    {"qpdec blanks", test_qpdec_blanks},
	    {"qp encode", test_qp_encode},
	    {"pem", test_pem},
	    {"hex", test_hex},
	    {NULL, NULL},
	};

	return (unit_main("t_codec", tests));
}
