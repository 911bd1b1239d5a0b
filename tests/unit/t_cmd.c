#include "config.h"

#include "imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "unit.h"

/*
 * Feed in pieces and write down what happens: "+" go ahead, "<text>" ready,
 * "S(text)n" an APPEND's message (taken, its tail comes), "tag!" refused,
 * "tag!!" fatal.
 */
static void
trace(struct buf *out, struct str in, size_t step)
{
	struct cmd_reader r;
	enum cmd_event ev;
	size_t at, end;
	bool fatal = false;

	cmd_init(&r);
	for (at = 0; at < in.len && !fatal;) {
		end = at + step < in.len ? at + step : in.len;
		at += cmd_feed(&r, str_of(in.p + at, end - at), &ev);
		switch (ev) {
		case CMD_MORE:
			break;
		case CMD_READY:
			buf_putc(out, '<');
			buf_str(out, buf_text(&r.text));
			buf_putc(out, '>');
			cmd_next(&r);
			break;
		case CMD_GO_AHEAD:
			buf_putc(out, '+');
			break;
		case CMD_STREAM:
			buf_puts(out, "S(");
			buf_str(out, buf_text(&r.text));
			buf_printf(out, ")%u", (unsigned)r.stream);
			at += (size_t)r.stream;
			cmd_streamed(&r);
			break;
		case CMD_REFUSED:
			buf_printf(out, "%s! ", r.tag);
			break;
		case CMD_FATAL:
			buf_printf(out, "%s!!", r.tag);
			fatal = true;
			break;
		}
	}
	cmd_clear(&r);
}

static void
t_feed(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"a NOOP\r\nb NOOP\r\n", "<a NOOP\r\n><b NOOP\r\n>"},
	    {"a LOGIN {1}\r\nx {2+}\r\nyz\r\n",
	        "+<a LOGIN {1}\r\nx {2+}\r\nyz\r\n>"},
	    {"a NOOP\nb NOOP\r\n", "a! <b NOOP\r\n>"},
	    {"a \"x\r\nb NOOP\r\n", "a! <b NOOP\r\n>"},
	    {"nonsense\r\nb NOOP\r\n", "<nonsense\r\n><b NOOP\r\n>"},
	    {"\r\nb NOOP\r\n", "<\r\n><b NOOP\r\n>"},
	    {"a X {70000}\r\nb NOOP\r\n", "a! <b NOOP\r\n>"},
	    {"a X {70000+}\r\nb NOOP\r\n", "a!!"},
	    {"a X {99999999999999999999999999}\r\nb NOOP\r\n",
	        "a! <b NOOP\r\n>"},
	    {"a+b X {70000}\r\n", "*! "},
	    {"a APPEND x {5}\r\nhello\r\nb NOOP\r\n",
	        "S(a APPEND x {5}\r\n)5<\r\n><b NOOP\r\n>"},
	    {"a append {1}\r\nx (\\Seen) \" 1-Jan-2020 00:00:00 +0000\" "
	     "{5+}\r\nhello\r\n",
	        "+S(a append {1}\r\nx (\\Seen) \" 1-Jan-2020 00:00:00 "
	        "+0000\" {5+}\r\n)5<\r\n>"},
	    {"a APPEND x {5}\r\nhello {3+}\r\nabc\r\nb NOOP\r\n",
	        "S(a APPEND x {5}\r\n)5*! <b NOOP\r\n>"},
	    {"a APPEND x {5}\r\nhello {3}\r\nb NOOP\r\n",
	        "S(a APPEND x {5}\r\n)5*! <b NOOP\r\n>"},
	    {"a APPEND x CATENATE (TEXT {5+}\r\nhello)\r\nb NOOP\r\n",
	        "a! <b NOOP\r\n>"},
	    {"a APPEND x ~{5+}\r\nhello\r\nb NOOP\r\n", "a! <b NOOP\r\n>"},
	    {"a APPEND x {999999999}\r\nb NOOP\r\n", "a! <b NOOP\r\n>"},
	    {"a APPEND x {999999999+}\r\nb NOOP\r\n", "a!!"},
	};
	struct buf out;
	size_t i, step;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		for (step = 1; step <= strlen(rows[i].in); step++) {
			buf_init(&out, 4096);
			trace(&out, str_c(rows[i].in), step);
			if (!CHECK_BUF(&out, rows[i].want))
				step = 1000;
			buf_clear(&out);
		}
	}
}

/* A line that never ends costs no memory beyond the limit. */
static void
t_long(void)
{
	struct cmd_reader r;
	enum cmd_event ev;
	struct str piece;
	char big[5000];
	size_t i;

	memset(big, 'x', sizeof(big));
	piece = str_of(big, sizeof(big));
	cmd_init(&r);
	cmd_feed(&r, STR("a1 SEARCH "), &ev);
	for (i = 0; i < 100; i++) {
		CHECK_UINT(cmd_feed(&r, piece, &ev), piece.len);
		CHECK(ev == CMD_MORE);
		CHECK(r.text.cap <= LIMIT_CLIENT_LINE);
	}
	CHECK_UINT(cmd_feed(&r, STR("\r\nb NOOP\r\n"), &ev), 2);
	CHECK(ev == CMD_REFUSED);
	CHECK_CSTR(r.tag, "a1");
	CHECK_UINT(cmd_feed(&r, STR("b NOOP\r\n"), &ev), 8);
	CHECK(ev == CMD_READY);
	cmd_clear(&r);
}

static void
t_line(void)
{
	struct cmd_reader r;
	enum cmd_event ev;

	cmd_init(&r);
	cmd_expect_line(&r);
	CHECK_UINT(cmd_feed(&r, STR("AHg {5}\r\nb NOOP\r\n"), &ev), 9);
	CHECK(ev == CMD_READY);
	CHECK_BUF(&r.text, "AHg {5}\r\n");
	cmd_next(&r);
	cmd_feed(&r, STR("b NOOP\r\n"), &ev);
	CHECK(ev == CMD_READY);
	cmd_clear(&r);
}

static void
t_skip(void)
{
	struct cmd_reader r;
	enum cmd_event ev;

	cmd_init(&r);
	unit_row("nonsync");
	cmd_feed(&r, STR("a APPEND x {5+}\r\n"), &ev);
	CHECK(ev == CMD_STREAM && r.stream == 5 && r.stream_nonsync);
	cmd_skip_stream(&r);
	CHECK_UINT(cmd_feed(&r, STR("he\r\n"), &ev), 4);
	CHECK(ev == CMD_MORE);
	cmd_feed(&r, STR("o\r\nb NOOP\r\n"), &ev);
	CHECK(ev == CMD_READY);
	CHECK_BUF(&r.text, "b NOOP\r\n");
	cmd_next(&r);
	unit_row("sync");
	cmd_feed(&r, STR("a APPEND x {5}\r\n"), &ev);
	CHECK(ev == CMD_STREAM && r.stream == 5 && !r.stream_nonsync);
	cmd_skip_stream(&r);
	cmd_feed(&r, STR("b NOOP\r\n"), &ev);
	CHECK(ev == CMD_READY);
	cmd_clear(&r);
}

static void
t_parse(void)
{
	static const struct {
		const char *in;
		const char *tag; /* NULL: refused */
		const char *name;
		const char *args;
		bool uid;
	} rows[] = {
	    {"a NOOP\r\n", "a", "NOOP", "", false},
	    {"a fetch 1 x\r\n", "a", "fetch", "1 x", false},
	    {"a UID FETCH 1 x\r\n", "a", "FETCH", "1 x", true},
	    {"a uid\r\n", NULL, NULL, NULL, false},
	    {"a\r\n", NULL, NULL, NULL, false},
	    {"\r\n", NULL, NULL, NULL, false},
	    {" NOOP\r\n", NULL, NULL, NULL, false},
	    {"a(b NOOP\r\n", NULL, NULL, NULL, false},
	    {"a NOOP(\r\n", NULL, NULL, NULL, false},
	    {"a+ NOOP\r\n", NULL, NULL, NULL, false},
	    {"a NOOP \r\n", "a", "NOOP", "", false},
	};
	struct cmd c;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		CHECK(cmd_parse(str_c(rows[i].in), &c, &why) ==
		      (rows[i].tag != NULL));
		if (rows[i].tag == NULL)
			continue;
		CHECK_STR(c.tag, rows[i].tag);
		CHECK_STR(c.name, rows[i].name);
		CHECK_STR(c.args, rows[i].args);
		CHECK(c.uid == rows[i].uid);
	}
}

/* Memory runs out within a literal: what is left of it is no command. */
static void
t_literal_cut(void)
{
	struct str in = STR("\r\nx NOOP\r\nyz\r\nb NOOP\r\n");
	struct cmd_reader r;
	enum cmd_event ev;
	size_t at;

	cmd_init(&r);
	(void)cmd_feed(&r, STR("a LOGIN {12+}\r\n"), &ev);
	r.text.max = r.text.len + 3; /* as if there were no more */
	at = cmd_feed(&r, in, &ev);
	CHECK(ev == CMD_REFUSED);
	CHECK_STR(str_c(r.tag), "a");
	at += cmd_feed(&r, str_of(in.p + at, in.len - at), &ev);
	CHECK(ev == CMD_READY);
	CHECK_STR(buf_text(&r.text), "b NOOP\r\n");
	CHECK_UINT(at, in.len);
	cmd_clear(&r);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"commands in any pieces", t_feed},
	    {"a line without end", t_long},
	    {"memory runs out in a literal", t_literal_cut},
	    {"a bare line", t_line},
	    {"skip a refused message", t_skip},
	    {"tag and verb", t_parse},
	    {NULL, NULL},
	};

	return (unit_main("t_cmd", tests));
}
