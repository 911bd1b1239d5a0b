#include "config.h"

#include "imap/search.h"

#include <string.h>

#include "unit.h"

static void
t_parse(void)
{
	static const struct {
		const char *in;
		const char *want; /* printed again; NULL: bad */
		const char *why;
	} rows[] = {
	    {"ALL", "ALL", NULL},
	    {"seen unseen", "SEEN UNSEEN", NULL},
	    {"1:3,5 uid 7:*", "1:3,5 UID 7:*", NULL},
	    {"FROM smith", "FROM \"smith\"", NULL},
	    {"TEXT {3}\r\na\"b", "TEXT \"a\\\"b\"", NULL},
	    {"TEXT {3+}\r\na\nb", "TEXT {3}\r\na\nb", NULL},
	    {"BODY \"\xc3\xa4\"", "BODY {2}\r\n\xc3\xa4", NULL},
	    {"HEADER x \"\"", "HEADER \"x\" \"\"", NULL},
	    {"(ALL)", "ALL", NULL},
	    {"((SEEN NEW) OLD)", "SEEN NEW OLD", NULL},
	    {"NOT (SEEN NEW)", "NOT (SEEN NEW)", NULL},
	    {"NOT NOT SEEN", "NOT NOT SEEN", NULL},
	    {"OR SEEN OR NEW (OLD RECENT) ALL",
	        "OR SEEN OR NEW (OLD RECENT) ALL", NULL},
	    {"OR OR SEEN NEW OLD", "OR SEEN OR NEW OLD", NULL},
	    {"OR OR OR SEEN NEW OLD ALL", "OR SEEN OR NEW OR OLD ALL", NULL},
	    {"SENTBEFORE 1-Feb-1994 ON \"01-feb-1994\"",
	        "SENTBEFORE 1-Feb-1994 ON \"01-feb-1994\"", NULL},
	    {"OLDER 60 YOUNGER 5 LARGER 3 SMALLER 4",
	        "OLDER 60 YOUNGER 5 LARGER 3 SMALLER 4", NULL},
	    {"MODSEQ 620162338", "MODSEQ 620162338", NULL},
	    {"MODSEQ \"/flags/\\\\draft\" all 620162338",
	        "MODSEQ \"/flags/\\\\draft\" all 620162338", NULL},
	    {"KEYWORD $Junk UNKEYWORD x", "KEYWORD $Junk UNKEYWORD x", NULL},
	    {"SAVEDSINCE 1-Jan-2020 SAVEDATESUPPORTED",
	        "SAVEDSINCE 1-Jan-2020 SAVEDATESUPPORTED", NULL},
	    {"EMAILID M6d99 THREADID T64b", "EMAILID M6d99 THREADID T64b",
	        NULL},
	    {"X-GM-MSGID 5 X-GM-LABELS \"a b\"",
	        "X-GM-MSGID 5 X-GM-LABELS \"a b\"", NULL},
	    {"", NULL, "a SEARCH key is missing"},
	    {"()", NULL, "a SEARCH key is missing"},
	    {"(ALL", NULL, "a parenthesis is missing"},
	    {"ALL)", NULL, "garbage behind the SEARCH keys"},
	    {"ALL ", NULL, "a SEARCH key is missing"},
	    {"FOO", NULL, "unknown SEARCH key: FOO"},
	    {"NOT", NULL, "NOT takes a key"},
	    {"OR ALL", NULL, "OR takes two keys"},
	    {"FROM", NULL, "a SEARCH key lacks its argument: FROM"},
	    {"FROM ()", NULL, "a SEARCH key has a bad argument: FROM"},
	    {"UID 0", NULL, "bad set of messages: 0"},
	    {"1:,", NULL, "bad set of messages: 1:,"},
	    {"$", NULL, "saved results are not offered"},
	    {"UID $", NULL, "saved results are not offered"},
	    {"X-GM-RAW foo", NULL, "X-GM-RAW cannot look into sealed mail"},
	    {"ON 30-Feb-2020", NULL, "a SEARCH key has a bad argument: ON"},
	    {"ON 1-Foo-2020", NULL, "a SEARCH key has a bad argument: ON"},
	    {"LARGER x", NULL, "a SEARCH key has a bad argument: LARGER"},
	    {"SUBJECT {9}\r\nabc", NULL,
	        "a SEARCH key has a bad argument: SUBJECT"},
	};
	struct arena arena;
	struct search s;
	struct buf out;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1 << 20);
		buf_init(&out, 1 << 16);
		if (search_parse(str_c(rows[i].in), &arena, &s, &why)) {
			search_print(s.root, false, &out, NULL);
			if (CHECK(rows[i].want != NULL))
				CHECK_BUF(&out, rows[i].want);
		} else if (CHECK(rows[i].want == NULL)) {
			buf_printf(&out, "%s%s", why,
			    s.bad.len > 0 ? ": " : "");
			buf_str(&out, s.bad);
			CHECK_BUF(&out, rows[i].why);
		}
		buf_clear(&out);
		arena_clear(&arena);
	}
}

static void
t_days(void)
{
	static const struct {
		const char *in;
		int64_t want;
	} rows[] = {
	    {"SENTON 1-Jan-1970", 0},
	    {"SENTON 31-Dec-1969", -1},
	    {"SENTON 29-Feb-2000", 11016},
	    {"SENTON 1-Mar-2000", 11017},
	    {"SENTON 26-Nov-2026", 20783},
	    {"SENTON 1-Jan-0000", -719528},
	    {"SENTON \" 1-Mar-1970\"", 59},
	};
	struct arena arena;
	struct search s;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1 << 20);
		if (CHECK(search_parse(str_c(rows[i].in), &arena, &s, &why)))
			CHECK_INT(s.root->child->day, rows[i].want);
		arena_clear(&arena);
	}
}

static void
t_head(void)
{
	static const struct {
		const char *in;
		bool ok;
		bool esearch;
		unsigned returns;
		const char *charset;
		bool modseq, numbers;
	} rows[] = {
	    {"ALL", true, false, SEARCH_ALL, "", false, false},
	    {"RETURN () ALL", true, true, SEARCH_ALL, "", false, false},
	    {"return (min COUNT) CHARSET UTF-8 MODSEQ 1 5", true, true,
	        SEARCH_MIN | SEARCH_COUNT, "UTF-8", true, true},
	    {"CHARSET \"utf-8\" NOT 2", true, false, SEARCH_ALL, "utf-8", false,
	        true},
	    {"RETURN (SAVE) ALL", false, false, 0, "", false, false},
	    {"RETURN (MIN", false, false, 0, "", false, false},
	    {"RETURN (MIN)ALL", false, false, 0, "", false, false},
	    {"RETURN ALL", false, false, 0, "", false, false},
	    {"CHARSET ALL", false, false, 0, "", false, false},
	};
	struct arena arena;
	struct search s;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1 << 20);
		CHECK(search_parse(str_c(rows[i].in), &arena, &s, &why) ==
		      rows[i].ok);
		if (rows[i].ok) {
			CHECK(s.esearch == rows[i].esearch);
			CHECK_UINT(s.returns, rows[i].returns);
			CHECK_STR(s.charset, rows[i].charset);
			CHECK(s.modseq == rows[i].modseq);
			CHECK(s.numbers == rows[i].numbers);
		}
		arena_clear(&arena);
	}
}

static void
t_depth(void)
{
	struct buf in;
	struct arena arena;
	struct search s;
	const char *why;
	int i;

	buf_init(&in, 1 << 20);
	arena_init(&arena, 1 << 22);
	for (i = 0; i < 20000; i++)
		buf_puts(&in, "NOT ");
	buf_puts(&in, "ALL");
	CHECK(!search_parse(buf_text(&in), &arena, &s, &why));
	CHECK_CSTR(why, "SEARCH keys nested too deeply");
	buf_reset(&in);
	for (i = 0; i < 1000; i++)
		buf_puts(&in, "OR ALL ");
	buf_puts(&in, "ALL");
	CHECK(search_parse(buf_text(&in), &arena, &s, &why));
	arena_clear(&arena);
	arena_init(&arena, 1 << 10);
	CHECK(!search_parse(buf_text(&in), &arena, &s, &why));
	CHECK_CSTR(why, "search too large");
	arena_clear(&arena);
	buf_clear(&in);
}

/* The units of a program, with "|" between; content ones end with "!". */
static void
t_divide(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"ALL", "ALL"},
	    {"SEEN 1:5", "SEEN 1:5"},
	    {"TEXT a", "ALL|TEXT \"a\"!"},
	    {"UNSEEN TEXT a", "UNSEEN|UNSEEN TEXT \"a\"!"},
	    {"TEXT a SEEN NOT BODY b NEW",
	        "SEEN NEW|SEEN NEW TEXT \"a\"!|SEEN NEW BODY \"b\"!"},
	    {"OR SEEN TEXT a", "ALL|TEXT \"a\"!|SEEN"},
	    {"NEW OR OLD OR TEXT a (OR RECENT ALL)",
	        "NEW|NEW TEXT \"a\"!|NEW OR OLD OR RECENT ALL"},
	    {"NOT (OLD NEW TEXT a)", "ALL|TEXT \"a\"!|(OLD NEW)"},
	    {"CHARSET utf-8 OLD BODY \"\xc3\xa4\"",
	        "OLD|CHARSET \"utf-8\" OLD BODY {2+}\r\n\xc3\xa4!"},
	};
	struct arena arena;
	struct search s;
	struct search_plan plan;
	struct buf out;
	const char *why;
	size_t i, u;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1 << 20);
		buf_init(&out, 1 << 16);
		if (!CHECK(search_parse(str_c(rows[i].in), &arena, &s, &why)))
			continue;
		CHECK(search_divide(&s, true, &arena, &plan, NULL) == 0);
		for (u = 0; u < plan.n; u++) {
			buf_puts(&out, u > 0 ? "|" : "");
			buf_str(&out, plan.units[u].text);
			buf_puts(&out, plan.units[u].content ? "!" : "");
		}
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
		arena_clear(&arena);
	}
}

static void
t_literals(void)
{
	struct arena arena;
	struct search s;
	struct search_plan plan;
	const char *why;
	struct str text;

	arena_init(&arena, 1 << 20);
	CHECK(search_parse(STR("HEADER {2}\r\n\xc3\xa4 \"\xc3\xb6\""), &arena,
	    &s, &why));
	CHECK(search_divide(&s, false, &arena, &plan, NULL) == 0);
	CHECK_UINT(plan.n, 2);
	text = plan.units[1].text;
	CHECK_STR(text, "HEADER {2}\r\n\xc3\xa4 {2}\r\n\xc3\xb6");
	CHECK_UINT(plan.units[1].nlits, 2);
	CHECK_UINT(plan.units[1].lits[0], 12);
	CHECK_UINT(plan.units[1].lits[1], 20);
	arena_clear(&arena);
}

/* A long set of the client's own numbers takes several lines. */
static void
t_long(void)
{
	struct buf in;
	struct arena arena;
	struct search s;
	struct search_plan plan;
	struct set hits[SEARCH_UNITS], out;
	struct err err;
	const char *why;
	uint32_t n;
	size_t i;

	buf_init(&in, 1 << 20);
	arena_init(&arena, 1 << 22);
	buf_puts(&in, "NOT BODY x UID 1");
	for (n = 3; n < 16000; n += 2)
		buf_printf(&in, ",%u", n);
	CHECK(search_parse(buf_text(&in), &arena, &s, &why));
	CHECK(search_divide(&s, false, &arena, &plan, &err) == 0);
	CHECK(plan.n > 4 && plan.n < 12);
	CHECK_STR(plan.units[0].text, "ALL");
	CHECK_STR(plan.units[1].text, "BODY \"x\"");
	for (i = 0; i < plan.n; i++) {
		CHECK(plan.units[i].text.len <= SEARCH_LINE);
		set_init(&hits[i]);
	}
	/* each piece found one, and x is in 20 */
	set_init(&out);
	set_add(&hits[0], 1, 20000);
	for (i = 2; i < plan.n; i++)
		set_add(&hits[i], (uint32_t)i * 10, (uint32_t)i * 10);
	set_add(&hits[1], 20, 20);
	CHECK(search_eval(&plan, hits, &out) == 0);
	CHECK_UINT(set_count(&out), plan.n - 3);
	CHECK(!set_has(&out, 20) && set_has(&out, 30));
	for (i = 0; i < plan.n; i++)
		set_clear(&hits[i]);
	set_clear(&out);
	arena_clear(&arena);
	buf_reset(&in);
	/* too many content keys are refused */
	arena_init(&arena, 1 << 22);
	for (n = 0; n < SEARCH_UNITS; n++)
		buf_printf(&in, "%sTEXT %u", n > 0 ? " " : "", n);
	CHECK(search_parse(buf_text(&in), &arena, &s, &why));
	CHECK(search_divide(&s, false, &arena, &plan, &err) == -1);
	CHECK_INT(err.code, ERR_LIMIT);
	arena_clear(&arena);
	buf_clear(&in);
}

static void
t_eval(void)
{
	static const struct {
		const char *in;
		const char *hits[4];
		const char *want;
	} rows[] = {
	    {"TEXT a", {"1:9", "2,4"}, "2,4"},
	    {"NOT TEXT a", {"1:9", "2,4"}, "1,3,5:9"},
	    {"SEEN NOT TEXT a", {"3:5", "4"}, "3,5"},
	    {"OR TEXT a SEEN", {"1:9", "1", "7:8"}, "1,7:8"},
	    {"TEXT a BODY b", {"1:9", "1:5", "4:8"}, "4:5"},
	    {"NOT (TEXT a BODY b)", {"1:9", "1:5", "4:8"}, "1:3,6:9"},
	    {"TEXT a", {"1:3", "1:9"}, "1:3"}, /* outside of the domain */
	    {"SEEN", {"1:3"}, "1:3"},
	};
	struct arena arena;
	struct search s;
	struct search_plan plan;
	struct set hits[4], out;
	struct buf text;
	const char *why;
	size_t i, u;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1 << 20);
		buf_init(&text, 1 << 16);
		set_init(&out);
		CHECK(search_parse(str_c(rows[i].in), &arena, &s, &why));
		CHECK(search_divide(&s, true, &arena, &plan, NULL) == 0);
		for (u = 0; u < 4; u++) {
			set_init(&hits[u]);
			CHECK((rows[i].hits[u] != NULL) == (u < plan.n));
			if (rows[i].hits[u] != NULL)
				set_parse(&hits[u], str_c(rows[i].hits[u]), 0,
				    NULL);
		}
		CHECK(search_eval(&plan, hits, &out) == 0);
		set_print(&out, &text);
		CHECK_BUF(&text, rows[i].want);
		for (u = 0; u < 4; u++)
			set_clear(&hits[u]);
		set_clear(&out);
		buf_clear(&text);
		arena_clear(&arena);
	}
}

/* As Dovecot 2.3.19 answered. */
static void
t_render(void)
{
	static const struct {
		const char *set;
		bool uid;
		unsigned returns; /* 0: SEARCH */
		uint64_t modseq;
		const char *want;
	} rows[] = {
	    {"1:5", false, 0, 0, "* SEARCH 1 2 3 4 5\r\n"},
	    {"", false, 0, 0, "* SEARCH\r\n"},
	    {"1:5", false, 0, 6, "* SEARCH 1 2 3 4 5 (MODSEQ 6)\r\n"},
	    {"1:5", true, SEARCH_ALL, 0,
	        "* ESEARCH (TAG \"t\") UID ALL 1:5\r\n"},
	    {"2:4", false, SEARCH_MIN | SEARCH_MAX | SEARCH_COUNT | SEARCH_ALL,
	        0, "* ESEARCH (TAG \"t\") MIN 2 MAX 4 ALL 2:4 COUNT 3\r\n"},
	    {"", false, SEARCH_MIN | SEARCH_ALL | SEARCH_COUNT, 0,
	        "* ESEARCH (TAG \"t\") COUNT 0\r\n"},
	    {"1:5", false, SEARCH_ALL | SEARCH_COUNT, 6,
	        "* ESEARCH (TAG \"t\") ALL 1:5 COUNT 5 MODSEQ 6\r\n"},
	};
	struct set set;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].want);
		set_init(&set);
		buf_init(&out, 1000);
		if (rows[i].set[0] != '\0')
			set_parse(&set, str_c(rows[i].set), 0, NULL);
		if (rows[i].returns == 0)
			search_render(&out, &set, rows[i].modseq);
		else
			esearch_render(&out, STR("t"), rows[i].uid,
			    rows[i].returns, &set, rows[i].modseq);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
		set_clear(&set);
	}
}

static void
t_read(void)
{
	static const struct {
		const char *in;
		int rc;
		const char *set;
		const char *tag;
		bool uid;
		uint64_t modseq;
	} rows[] = {
	    {"* SEARCH\r\n", 1, "", "", false, 0},
	    {"* SEARCH \r\n", 1, "", "", false, 0},
	    {"* search 5 3 4\r\n", 1, "3:5", "", false, 0},
	    {"* SEARCH 7 (MODSEQ 99)\r\n", 1, "7", "", false, 99},
	    {"* SEARCH 0\r\n", -1, "", "", false, 0},
	    {"* SEARCH x\r\n", -1, "", "", false, 0},
	    {"* SEARCH 1 (FOO 1)\r\n", -1, "", "", false, 0},
	    {"* SEARCH 4294967296\r\n", -1, "", "", false, 0},
	    {"* ESEARCH\r\n", 1, "", "", false, 0},
	    {"* ESEARCH (TAG \"A\") UID ALL 9,1:3 MODSEQ 5\r\n", 1, "1:3,9",
	        "A", true, 5},
	    {"* ESEARCH (TAG A) COUNT 0\r\n", 1, "", "A", false, 0},
	    {"* ESEARCH UID MIN 3 MAX 7 X (a b)\r\n", 1, "", "", true, 0},
	    {"* ESEARCH ALL 1:*\r\n", -1, "", "", false, 0},
	    {"* ESEARCH ALL\r\n", -1, "", "", false, 0},
	    {"* ESEARCH(TAG A)\r\n", -1, "", "", false, 0},
	    {"* 3 EXISTS\r\n", 0, "", "", false, 0},
	    {"t1 OK SEARCH\r\n", 0, "", "", false, 0},
	};
	struct search_answer a;
	struct arena arena;
	struct buf out;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1000);
		buf_init(&out, 1000);
		rc = search_read(str_c(rows[i].in), &arena, &a);
		CHECK_INT(rc, rows[i].rc);
		if (rc == 1) {
			set_print(&a.set, &out);
			CHECK_BUF(&out, rows[i].set);
			CHECK_STR(a.tag, rows[i].tag);
			CHECK(a.uid == rows[i].uid);
			CHECK_UINT(a.modseq, rows[i].modseq);
			set_clear(&a.set);
		}
		buf_clear(&out);
		arena_clear(&arena);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"parse", t_parse},
	    {"days", t_days},
	    {"head", t_head},
	    {"depth", t_depth},
	    {"divide", t_divide},
	    {"literals", t_literals},
	    {"long", t_long},
	    {"eval", t_eval},
	    {"render", t_render},
	    {"read", t_read},
	    {NULL, NULL},
	};

	return (unit_main("search", tests));
}
