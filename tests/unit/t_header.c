#include "config.h"

#include "unit.h"

#include <string.h>

#include "mail/header.h"

/* One line a field: NAME|VALUE|whole, and what is left behind "=". */
static const struct {
	const char *name;
	const char *in;
	const char *want;
} headers[] = {
    {"empty", "", "="},
    {"nothing but the end", "\r\n", "=\r\n"},
    {"plain", "A: b\r\nC:d\r\n\r\nx", "A|b;C|d;=\r\nx"},
    {"bare LF", "A: b\nC: d\n\nx", "A|b;C|d;=\nx"},
    {"no line end", "A: b", "A|b;="},
    {"folded", "A: b\r\n c\r\n\td\r\nE: f\r\n", "A|b\r\n c\r\n\td;E|f;="},
    {"folded at once", "A:\r\n b\r\n", "A|\r\n b;="},
    {"blank fold is no end", "A: b\r\n \r\nC: d\r\n", "A|b\r\n ;C|d;="},
    {"blanks after the colon", "A: \t b\r\n", "A|b;="},
    {"only blanks", "A:   \r\n", "A|  ;="},
    {"one blank", "A: \r\n", "A|;="},
    {"blanks before the colon", "A \t: b\r\n", "A|b;="},
    {"no colon", "From x\r\nA: b\r\n", "|From x;A|b;="},
    {"no name", ": b\r\n", "|b;="},
    {"starts with a blank", " A: b\r\n", " A|b;="},
    {"CR is no line end", "A: b\rc\r\n", "A|b\rc;="},
    {"CR CR LF is no end", "A: b\r\n\r\r\nC: d\r\n", "A|b;|\r;C|d;="},
    {"several colons", "A: b:c\r\n", "A|b:c;="},
};

static void
t_walk(void)
{
	struct header h;
	struct field f;
	struct str in;
	struct buf out;
	size_t i, all;

	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		unit_row(headers[i].name);
		in = str_c(headers[i].in);
		buf_init(&out, 4096);
		header_init(&h, in);
		all = 0;
		while (header_next(&h, &f)) {
			CHECK(f.all.p == in.p + all);
			all += f.all.len;
			buf_str(&out, f.name);
			buf_putc(&out, '|');
			buf_str(&out, f.value);
			buf_putc(&out, ';');
		}
		CHECK_UINT(h.pos, all);
		buf_putc(&out, '=');
		buf_put(&out, in.p + h.pos, in.len - h.pos);
		CHECK_BUF(&out, headers[i].want);
		buf_clear(&out);
	}
}

static void
t_long_name(void)
{
	char line[1200];
	struct header h;
	struct field f;

	memset(line, 'a', sizeof(line));
	memcpy(line + 1000, ": b\r\n", 5);
	header_init(&h, str_of(line, 1005));
	CHECK(header_next(&h, &f));
	CHECK_UINT(f.name.len, 1000);
	line[1000] = 'a';
	line[1001] = ':';
	header_init(&h, str_of(line, 1005));
	CHECK(header_next(&h, &f));
	CHECK_UINT(f.name.len, 0);
	CHECK_UINT(f.value.len, 1003);
}

static void
t_len(void)
{
	CHECK_UINT(header_len(STR("")), 0);
	CHECK_UINT(header_len(STR("\r\nx")), 2);
	CHECK_UINT(header_len(STR("A: b\r\n\r\nx")), 8);
	CHECK_UINT(header_len(STR("A: b\n\nx")), 6);
	CHECK_UINT(header_len(STR("A: b\r\n")), 6);
}

static void
t_find(void)
{
	struct str text = STR("Ab: 1\r\nC: 2\r\nAB: 3\r\n\r\nD: 4\r\n");
	struct field f;

	CHECK(header_find(text, "aB", &f));
	CHECK_STR(f.value, "1");
	CHECK_UINT(header_count(text, "ab"), 2);
	CHECK(!header_find(text, "D", &f));
	CHECK(!header_find(text, "", &f));
}

static void
t_unfold(void)
{
	struct arena arena;

	arena_init(&arena, 4096);
	CHECK_STR(header_unfold(STR(" a\r\n b\n\tc\r\n"), &arena), "a b\tc");
	CHECK_STR(header_unfold(STR("a\rb"), &arena), "a\rb");
	CHECK_STR(header_unfold(STR(""), &arena), "");
	arena_clear(&arena);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"walk", t_walk},
	    {"long_name", t_long_name},
	    {"len", t_len},
	    {"find", t_find},
	    {"unfold", t_unfold},
	    {NULL, NULL},
	};

	return (unit_main("header", tests));
}
