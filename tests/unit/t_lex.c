#include "config.h"

#include "imap/lex.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

/* Events as letters with the bytes they cover: T text, L line, ! literal
 * announced, D data.  Neighbouring pieces of one kind are joined. */
static void
trace(struct buf *out, const char *in, size_t step)
{
	struct lex l;
	enum lex_event ev;
	size_t len = strlen(in), at, end, n, text = 0, data = 0;

	lex_init(&l);
	for (at = 0; at < len; at = end) {
		end = at + step < len ? at + step : len;
		for (; at < end; at += n) {
			n = lex_step(&l, str_of(in + at, end - at), &ev);
			if (ev == LEX_DATA) {
				data += n;
				continue;
			}
			if (data > 0)
				buf_printf(out, "D%zu ", data);
			data = 0;
			text += n;
			if (ev == LEX_TEXT)
				continue;
			buf_printf(out, "%c%zu%s ", ev == LEX_LINE ? 'L' : '!',
			    text, ev == LEX_LITERAL && l.nonsync ? "+" : "");
			text = 0;
		}
	}
	if (data > 0)
		buf_printf(out, "D%zu ", data);
	if (text > 0)
		buf_printf(out, "T%zu ", text);
}

static void
t_step(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"a NOOP\r\nb", "L8 T1 "},
	    {"a LOGIN {3}\r\nfoo {2+}\r\nxy\r\n", "!13 D3 !7+ D2 L2 "},
	    {"a X {0}\r\n\r\n", "!9 L2 "},
	    {"a X {x}\r\n{}\r\n", "L9 L4 "},
	    {"a X 5}\r\n", "L8 "},
	    {"a X {5} \r\n", "L10 "},
	    {"a X {5}\nz", "L8 T1 "},
	    {"a X {12+}\r\n\r\n{5}\r\n....5z", "!11+ D12 T1 "},
	    {"a APPEND x ~{3}\r\na\nb\r\n", "!17 D3 L2 "},
	    {"* OK {5\r\n", "L9 "},
	};
	struct buf out;
	size_t i, step;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		for (step = 1; step <= strlen(rows[i].in); step++) {
			buf_init(&out, 4096);
			trace(&out, rows[i].in, step);
			CHECK_BUF(&out, rows[i].want);
			buf_clear(&out);
		}
	}
}

static void
t_absurd(void)
{
	static const char *const rows[] = {"a X {9999999999999999999}\r\n",
	    "a X {99999999999999999999999999999999999999999}\r\n",
	    "a X {99999999999999999999999999999999999999999+}\r\n"};
	struct lex l;
	enum lex_event ev;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i]);
		lex_init(&l);
		CHECK_UINT(lex_step(&l, str_c(rows[i]), &ev), strlen(rows[i]));
		CHECK(ev == LEX_LITERAL);
		CHECK_UINT(l.left, LEX_ABSURD);
	}
}

static void
t_plain(void)
{
	struct lex l;
	enum lex_event ev;

	lex_init(&l);
	l.plain = true;
	CHECK_UINT(lex_step(&l, STR("* OK hi {5}\r\nabc"), &ev), 13);
	CHECK(ev == LEX_LINE);
	CHECK_UINT(l.left, 0);
}

static void
t_line_ok(void)
{
	static const struct {
		const char *in;
		bool ok;
	} rows[] = {
	    {"a NOOP\r\n", true},
	    {"a NOOP\n", false},
	    {"a \"x\\\"y\" z\r\n", true},
	    {"a \"x\r\n", false},
	    {"a \"x\\\"\r\n", false},
	    {"a \"x\\\r\n", false},
	    {"a \\Seen\r\n", true},
	    {"a \"x\\\\\"\r\n", true},
	    {"a \"x\\yz\"\r\n", true},
	    {"a \"x\\\ry\"\r\n", false},
	    {"a b\rc\r\n", false},
	    {"\r\n", true},
	    {"\n", false},
	};
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		CHECK(lex_line_ok(str_c(rows[i].in), &why) == rows[i].ok);
	}
	unit_row("NUL");
	CHECK(!lex_line_ok(STR("a\0b\r\n"), &why));
	CHECK(!lex_line_ok(STR("a \"\\\0b\"\r\n"), &why));
}

static void
t_value(void)
{
	static const struct {
		const char *in;
		const char *want; /* NULL: refused */
	} rows[] = {
	    {"NIL x", "NIL"},
	    {"(\\Seen \\* $x) y", "(\\Seen \\* $x)"},
	    {"(a (b \"c)\" {2}\r\n)( d)) y", "(a (b \"c)\" {2}\r\n)( d))"},
	    {"\"a\\\"b\" c", "\"a\\\"b\""},
	    {"(a", NULL},
	    {")", NULL},
	    {"", NULL},
	    {"{9}\r\nabc", NULL},
	    {"\"abc", NULL},
	};
	struct tok t;
	struct str got;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		tok_init(&t, str_c(rows[i].in));
		CHECK(tok_value(&t, &got) == (rows[i].want != NULL));
		if (rows[i].want != NULL)
			CHECK_STR(got, rows[i].want);
		else
			CHECK_UINT(t.pos, 0);
	}
}

static void
t_strings(void)
{
	static const struct {
		const char *in;
		const char *want; /* NULL: refused */
	} rows[] = {
	    {"inbox x", "inbox"},
	    {"a]b)", "a]b"},
	    {"\"a b\"", "a b"},
	    {"\"a\\\\b\\\"\"", "a\\b\""},
	    {"\"\"", ""},
	    {"{4}\r\na\r\nb", "a\r\nb"},
	    {"{1+}\r\n(", "("},
	    {"(", NULL},
	    {"%", NULL},
	};
	struct arena arena;
	struct tok t;
	struct str got;
	size_t i;

	arena_init(&arena, 10000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		tok_init(&t, str_c(rows[i].in));
		CHECK(tok_astring(&t, &arena, &got) == (rows[i].want != NULL));
		if (rows[i].want != NULL)
			CHECK_STR(got, rows[i].want);
	}
	arena_clear(&arena);
}

static void
t_away(void)
{
	static const size_t away[] = {5};
	struct tok t;
	struct str got;
	size_t nth;

	tok_init(&t, STR("{99}\r\n x {1}\r\ny"));
	t.away = away;
	t.naway = 1;
	CHECK(!tok_literal(&t, &got, &nth));
	t.in = STR("{9}\r\n {1}\r\ny");
	CHECK(!tok_astring(&t, NULL, &got));
	CHECK_UINT(t.pos, 0);
	CHECK(tok_literal(&t, &got, &nth) && nth == 0 && got.len == 0);
	CHECK(tok_char(&t, ' '));
	CHECK(tok_literal(&t, &got, &nth) && nth == SIZE_MAX);
	CHECK_STR(got, "y");
	CHECK(tok_end(&t));
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"lines and literals in any pieces", t_step},
	    {"absurd literals", t_absurd},
	    {"text for a person has no literals", t_plain},
	    {"what a line may hold", t_line_ok},
	    {"values", t_value},
	    {"strings", t_strings},
	    {"literals kept elsewhere", t_away},
	    {NULL, NULL},
	};

	return (unit_main("t_lex", tests));
}
