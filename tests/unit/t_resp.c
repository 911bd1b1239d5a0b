#include "config.h"

#include "imap/resp.h"

#include <string.h>

#include "unit.h"

static void
t_head(void)
{
	static const struct {
		const char *in;
		int rc;
		enum resp_kind kind;
		enum resp_cond cond;
		uint32_t number;
		const char *tag;
		const char *code;
		const char *text;
		const char *line;
	} rows[] = {
	    {"* OK [UIDVALIDITY 5] Hi\r\nx", 1, RESP_STATUS, COND_OK, 0, "",
	        "UIDVALIDITY 5", "Hi", "* OK [UIDVALIDITY 5] Hi\r\n"},
	    {"* ok\r\n", 1, RESP_STATUS, COND_OK, 0, "", "", "", "* ok\r\n"},
	    {"* BYE {5}\r\n", 1, RESP_STATUS, COND_BYE, 0, "", "", "{5}",
	        "* BYE {5}\r\n"},
	    {"* PREAUTH x\r\n", 1, RESP_STATUS, COND_PREAUTH, 0, "", "", "x",
	        "* PREAUTH x\r\n"},
	    {"a1 NO [UNAVAILABLE] later\r\n", 1, RESP_TAGGED, COND_NO, 0, "a1",
	        "UNAVAILABLE", "later", "a1 NO [UNAVAILABLE] later\r\n"},
	    {"a1 OK\r\n", 1, RESP_TAGGED, COND_OK, 0, "a1", "", "",
	        "a1 OK\r\n"},
	    {"a1 BYE x\r\n", -1, RESP_TAGGED, COND_OK, 0, "", "", "", ""},
	    {"a1 hello\r\n", -1, RESP_TAGGED, COND_OK, 0, "", "", "", ""},
	    {"a1\r\n", -1, RESP_TAGGED, COND_OK, 0, "", "", "", ""},
	    {"* 12 EXISTS\r\n", 1, RESP_EXISTS, COND_OK, 12, "", "", "",
	        "* 12 EXISTS\r\n"},
	    {"* 12 EXISTS", 0, RESP_EXISTS, COND_OK, 0, "", "", "", ""},
	    {"* 0 EXPUNGE\r\n", 1, RESP_DATA, COND_OK, 0, "", "", "",
	        "* 0 EXPUNGE"},
	    {"* 3 EXPUNGE\r\n", 1, RESP_EXPUNGE, COND_OK, 3, "", "", "",
	        "* 3 EXPUNGE\r\n"},
	    {"* 3 RECENT\r\n", 1, RESP_RECENT, COND_OK, 3, "", "", "",
	        "* 3 RECENT\r\n"},
	    {"* 3 FETCH (UID", 1, RESP_FETCH, COND_OK, 3, "", "", "",
	        "* 3 FETCH"},
	    {"* 0 FETCH (UID", -1, RESP_FETCH, COND_OK, 0, "", "", "", ""},
	    {"* 3 FETC", 0, RESP_FETCH, COND_OK, 0, "", "", "", ""},
	    {"* 99999999999 EXISTS\r\n", 1, RESP_DATA, COND_OK, 0, "", "", "",
	        "* 99999999999"},
	    {"* VANISHED (earlier) 1:3,5\r\n", 1, RESP_VANISHED, COND_OK, 0, "",
	        "", "1:3,5", "* VANISHED (earlier) 1:3,5\r\n"},
	    {"* vanished 7\r\n", 1, RESP_VANISHED, COND_OK, 0, "", "", "7",
	        "* vanished 7\r\n"},
	    {"* VANISHED 7,", 0, RESP_VANISHED, COND_OK, 0, "", "", "", ""},
	    {"* ENABLED CONDSTORE\r\n", 1, RESP_ENABLED, COND_OK, 0, "", "",
	        "CONDSTORE", "* ENABLED CONDSTORE\r\n"},
	    {"* CAPABILITY IMAP4rev1 IDLE\r\n", 1, RESP_CAPABILITY, COND_OK, 0,
	        "", "", "IMAP4rev1 IDLE", "* CAPABILITY IMAP4rev1 IDLE\r\n"},
	    {"* LIST () ", 1, RESP_DATA, COND_OK, 0, "", "", "", "* LIST"},
	    {"+ go\r\n", 1, RESP_CONTINUE, COND_OK, 0, "", "", "", "+ go\r\n"},
	    {"+\r\n", 1, RESP_CONTINUE, COND_OK, 0, "", "", "", "+\r\n"},
	    {"", 0, RESP_TAGGED, COND_OK, 0, "", "", "", ""},
	    {"*", 0, RESP_TAGGED, COND_OK, 0, "", "", "", ""},
	    {"*x", -1, RESP_TAGGED, COND_OK, 0, "", "", "", ""},
	    {"\r\n", -1, RESP_TAGGED, COND_OK, 0, "", "", "", ""},
	};
	struct resp r;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		if (!CHECK_INT(resp_head(str_c(rows[i].in), &r), rows[i].rc) ||
		    rows[i].rc != 1)
			continue;
		CHECK(r.kind == rows[i].kind);
		CHECK(r.cond == rows[i].cond);
		CHECK_STR(r.tag, rows[i].tag);
		CHECK_STR(r.code, rows[i].code);
		CHECK_STR(r.line, rows[i].line);
		if (r.kind == RESP_STATUS || r.kind == RESP_TAGGED ||
		    r.kind == RESP_CAPABILITY)
			CHECK_STR(r.text, rows[i].text);
		if (r.kind != RESP_DATA)
			CHECK_UINT(r.number, rows[i].number);
	}
}

static void
t_long(void)
{
	static char big[RESP_LINE_MAX + 10];
	struct resp r;

	memset(big, 'x', sizeof(big));
	memcpy(big, "* OK ", 5);
	CHECK_INT(resp_head(str_of(big, 1000), &r), 0);
	CHECK_INT(resp_head(str_of(big, sizeof(big)), &r), -1);
	memcpy(big, "xxxxx", 5);
	CHECK_INT(resp_head(str_of(big, sizeof(big)), &r), -1);
}

/* Names and values, "data" in braces. */
static void
items(struct buf *out, const char *in, const size_t *away, size_t naway)
{
	struct resp_item it;
	struct arena arena;
	struct tok t;
	int rc;

	arena_init(&arena, 100000);
	tok_init(&t, str_c(in));
	t.away = away;
	t.naway = naway;
	if (!resp_items_open(&t)) {
		buf_puts(out, "closed");
		return;
	}
	while ((rc = resp_item_next(&t, &arena, &it)) == 1) {
		buf_str(out, it.name);
		buf_putc(out, '=');
		if (it.away != SIZE_MAX)
			buf_printf(out, "#%zu", it.away);
		else if (it.data.p != NULL) {
			buf_putc(out, '{');
			buf_str(out, it.data);
			buf_putc(out, '}');
		} else
			buf_str(out, it.value);
		buf_putc(out, '|');
	}
	buf_puts(out, rc == 0 ? "end" : "bad");
	arena_clear(&arena);
}

static void
t_items(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"* 1 FETCH (UID 5 FLAGS (\\Seen x))\r\n",
	        "UID=5|FLAGS=(\\Seen x)|end"},
	    {"* 1 FETCH (BODY[HEADER.FIELDS (\"From\" X]Y)] {4}\r\nA\r\n) "
	     "UID 3)\r\n",
	        "BODY[HEADER.FIELDS (\"From\" X]Y)]={A\r\n)}|UID=3|end"},
	    {"* 1 FETCH (BODY[]<0> \"a\\\"b\" BODY NIL)\r\n",
	        "BODY[]<0>={a\"b}|BODY=NIL|end"},
	    {"* 1 FETCH (BODY[1.HEADER] NIL)\r\n", "BODY[1.HEADER]=NIL|end"},
	    {"* 1 FETCH ()\r\n", "end"},
	    {"* 1 FETCH (UID 5)x\r\n", "UID=5|bad"},
	    {"* 1 FETCH (UID)\r\n", "bad"},
	    {"* 1 FETCH (BODY[ 5)\r\n", "bad"},
	    {"* 1 FETCH (BODY[] {50}\r\nabc)\r\n", "bad"},
	    {"* 1 FETCH (UID 5 \r\n", "UID=5|bad"},
	    {"* 1 EXISTS\r\n", "closed"},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 4096);
		items(&out, rows[i].in, NULL, 0);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
	}
}

static void
t_away(void)
{
	static const char in[] = "* 1 FETCH (BODY[] {99}\r\n UID 4)\r\n";
	size_t away[] = {24};
	struct buf out;

	buf_init(&out, 4096);
	items(&out, in, away, 1);
	CHECK_BUF(&out, "BODY[]=#0|UID=4|end");
	buf_clear(&out);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"first words", t_head},
	    {"lines without end", t_long},
	    {"items of a FETCH response", t_items},
	    {"items whose bytes are elsewhere", t_away},
	    {NULL, NULL},
	};

	return (unit_main("t_resp", tests));
}
