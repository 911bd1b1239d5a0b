#include "config.h"

#include <string.h>

#include "smime/der.h"
#include "unit.h"

#define IN(lit) lit, sizeof(lit) - 1

/* rest: how many bytes are left after the first value; -1: malformed. */
static const struct {
	const char *name;
	const char *in;
	size_t len;
	int rest;
	size_t contents;
} values[] = {
    {"null", IN("\x05\x00"), 0, 0},
    {"short",
        IN("\x04\x03"
           "abcX"),
        1, 3},
    {"long form",
        IN("\x04\x81\x03"
           "abc"),
        0, 3},
    {"eight length octets",
        IN("\x04\x88\0\0\0\0\0\0\0\x01"
           "a"),
        0, 1},
    {"nine length octets",
        IN("\x04\x89\0\0\0\0\0\0\0\0\x01"
           "a"),
        -1, 0},
    {"cut length", IN("\x04\x82\x01"), -1, 0},
    {"cut contents",
        IN("\x04\x03"
           "ab"),
        -1, 0},
    {"only a tag", IN("\x04"), -1, 0},
    {"high tag number", IN("\x1f\x81\x01\x00"), -1, 0},
    {"huge", IN("\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff"), -1, 0},
    {"indefinite", IN("\x30\x80\x05\x00\x00\x00XY"), 2, 2},
    {"indefinite nested", IN("\x30\x80\x30\x80\x00\x00\x00\x00"), 0, 4},
    {"indefinite with definite zeros", IN("\x30\x80\x04\x02\0\0\0\0"), 0, 4},
    {"indefinite primitive", IN("\x04\x80\x00\x00"), -1, 0},
    {"indefinite without end", IN("\x30\x80\x05\x00"), -1, 0},
    {"half an end", IN("\x30\x80\x05\x00\x00"), -1, 0},
};

static void
t_next(void)
{
	struct der_item it;
	struct der d;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		unit_row(values[i].name);
		d = der_of(str_of(values[i].in, values[i].len));
		rc = der_next(&d, &it);
		if (values[i].rest == -1) {
			CHECK_INT(rc, -1);
			continue;
		}
		CHECK_INT(rc, 1);
		CHECK_UINT(d.rest.len, (size_t)values[i].rest);
		CHECK_UINT(it.in.len, values[i].contents);
		CHECK_UINT(it.all.len + d.rest.len, values[i].len);
	}
}

static const struct {
	const char *name;
	const char *in;
	size_t len;
	uint64_t max;
	bool ok;
	uint64_t value;
} numbers[] = {
    {"zero", IN("\x02\x01\x00"), 10, true, 0},
    {"one octet", IN("\x02\x01\x7f"), 127, true, 127},
    {"above max", IN("\x02\x01\x7f"), 126, false, 0},
    {"negative", IN("\x02\x01\x80"), UINT64_MAX, false, 0},
    {"nine octets", IN("\x02\x09\0\xff\xff\xff\xff\xff\xff\xff\xff"),
        UINT64_MAX, true, UINT64_MAX},
    {"too large", IN("\x02\x09\x01\xff\xff\xff\xff\xff\xff\xff\xff"),
        UINT64_MAX, false, 0},
    {"empty", IN("\x02\x00"), 10, false, 0},
    {"another type", IN("\x04\x01\x01"), 10, false, 0},
};

static void
t_uint(void)
{
	uint64_t v;
	struct der d;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		unit_row(numbers[i].name);
		d = der_of(str_of(numbers[i].in, numbers[i].len));
		v = 0;
		CHECK(der_uint(&d, numbers[i].max, &v) == numbers[i].ok);
		CHECK_UINT(v, numbers[i].value);
	}
}

static bool
join(void *arg, struct str s)
{
	buf_str(arg, s);
	return (true);
}

/* BER in, DER out. */
static const struct {
	const char *name;
	const char *in;
	size_t len;
	const char *want;
	size_t wantlen;
} rewrites[] = {
    {"already", IN("\x30\x02\x05\x00"), IN("\x30\x02\x05\x00")},
    {"long form", IN("\x30\x81\x02\x05\x00"), IN("\x30\x02\x05\x00")},
    {"indefinite", IN("\x30\x80\x05\x00\x00\x00"), IN("\x30\x02\x05\x00")},
    {"pieces",
        IN("\x24\x80\x04\x01"
           "a\x04\x02"
           "bc\x00\x00"),
        IN("\x04\x03"
           "abc")},
    {"pieces of pieces",
        IN("\x24\x08\x24\x06\x04\x01"
           "a\x04\x01"
           "b"),
        IN("\x04\x02"
           "ab")},
    {"nothing in pieces", IN("\x24\x00"), IN("\x04\x00")},
    {"something else in pieces", IN("\x24\x02\x05\x00"), NULL, 0},
    {"bit string in pieces", IN("\x23\x04\x03\x02\x00\x01"), NULL, 0},
    {"cut", IN("\x30\x80\x30\x03\x05\x00"), NULL, 0},
};

static void
t_plain(void)
{
	struct buf out;
	struct str in;
	size_t i;
	bool ok;

	for (i = 0; i < sizeof(rewrites) / sizeof(rewrites[0]); i++) {
		unit_row(rewrites[i].name);
		in = str_of(rewrites[i].in, rewrites[i].len);
		buf_init(&out, 1024);
		ok = der_plain(in, &out);
		CHECK(ok == (rewrites[i].want != NULL));
		if (ok) {
			CHECK_BUF_EQ(&out,
			    str_of(rewrites[i].want, rewrites[i].wantlen));
			CHECK(der_is_plain(buf_text(&out)));
		}
		buf_clear(&out);
	}
}

static void
t_pieces(void)
{
	struct der_item it;
	struct buf out, deep;
	struct der d;
	int i;

	unit_row("in one");
	buf_init(&out, 1024);
	d = der_of(STR("\x80\x02hi"));
	CHECK(der_any(&d, &it) && der_pieces(&it, join, &out));
	CHECK_BUF(&out, "hi");
	buf_clear(&out);
	unit_row("too deep");
	buf_init(&deep, 1024);
	buf_init(&out, 1024);
	for (i = 0; i < 10; i++)
		buf_put(&deep, "\x24\x80", 2);
	for (i = 0; i < 10; i++)
		buf_put(&deep, "\0\0", 2);
	d = der_of(buf_text(&deep));
	CHECK(der_any(&d, &it) && !der_pieces(&it, join, &out));
	buf_clear(&deep);
	buf_clear(&out);
}

/* What is written can be read, at every size of length. */
static void
t_write(void)
{
	static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536,
	    70000};
	static char bytes[70000];
	struct der_item it;
	struct der d, in;
	struct buf out;
	size_t i, mark, n;

	memset(bytes, 'x', sizeof(bytes));
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		n = sizes[i];
		unit_row("size");
		buf_init(&out, (size_t)1 << 20);
		mark = der_begin(&out, DER_SEQUENCE);
		der_put(&out, DER_OCTETS, str_of(bytes, n));
		der_put_uint(&out, 3);
		der_finish(&out, mark);
		d = der_of(buf_text(&out));
		CHECK(der_enter(&d, DER_SEQUENCE, &in) && der_end(&d));
		CHECK(der_take(&in, DER_OCTETS, &it));
		CHECK_UINT(it.in.len, n);
		CHECK_UINT(it.all.len, der_head_len(n) + n);
		CHECK(der_take(&in, DER_INTEGER, &it) && der_end(&in));
		CHECK(der_is_plain(buf_text(&out)));
		buf_clear(&out);
	}
	unit_row("a full buffer fails");
	buf_init(&out, 10);
	mark = der_begin(&out, DER_SEQUENCE);
	der_put(&out, DER_OCTETS, str_of(bytes, 200));
	der_finish(&out, mark);
	CHECK(out.failed);
	buf_clear(&out);
}

static const struct unit_test tests[] = {
    {"next", t_next},
    {"uint", t_uint},
    {"plain", t_plain},
    {"pieces", t_pieces},
    {"write", t_write},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("der", tests));
}
