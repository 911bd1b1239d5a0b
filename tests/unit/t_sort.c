#include "config.h"

#include "imap/sort.h"

#include <string.h>
#include <time.h>

#include "unit.h"

static void
t_parse(void)
{
	static const struct {
		const char *in;
		const char *why; /* NULL: good */
		size_t n;
		bool header, arrival, size;
	} rows[] = {
	    {"(DATE) UTF-8 ALL", NULL, 1, true, true, false},
	    {"(arrival) us-ascii seen", NULL, 1, false, true, false},
	    {"(REVERSE SIZE SUBJECT) \"UTF-8\" 1:5", NULL, 2, true, false,
	        true},
	    {"RETURN (MIN COUNT) (DISPLAYFROM DISPLAYTO) UTF-8 ALL", NULL, 2,
	        true, false, false},
	    {"(TO TO) UTF-8 ALL", NULL, 1, true, false, false},
	    {"() UTF-8 ALL", "bad list of sort criteria", 0, false, false,
	        false},
	    {"(REVERSE) UTF-8 ALL", "bad list of sort criteria", 0, false,
	        false, false},
	    {"(FOO) UTF-8 ALL", "unknown sort criterion", 0, false, false,
	        false},
	    {"(TO)", "a charset and SEARCH keys are missing", 0, false, false,
	        false},
	    {"(TO) UTF-8", "a charset and SEARCH keys are missing", 0, false,
	        false, false},
	    {"(TO) UTF-8 FOO", "unknown SEARCH key", 0, false, false, false},
	    {"RETURN (SAVE) (TO) UTF-8 ALL", "unknown RETURN option", 0, false,
	        false, false},
	    {"TO UTF-8 ALL", "bad list of sort criteria", 0, false, false,
	        false},
	};
	struct arena arena;
	struct sort s;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1 << 16);
		if (sort_parse(str_c(rows[i].in), &arena, &s, &why)) {
			CHECK(rows[i].why == NULL);
			CHECK_UINT(s.n, rows[i].n);
			CHECK(s.header == rows[i].header);
			CHECK(s.arrival == rows[i].arrival);
			CHECK(s.size == rows[i].size);
		} else if (CHECK(rows[i].why != NULL))
			CHECK_CSTR(why, rows[i].why);
		arena_clear(&arena);
	}
}

/* The answers are Dovecot's. */
static void
t_subject(void)
{
	static const struct {
		const char *in;
		const char *want;
		bool reply;
	} rows[] = {
	    {"hello", "HELLO", false},
	    {"Re: hello", "HELLO", true},
	    {"RE : hello", "HELLO", true},
	    {"re[2]: hello", "HELLO", true},
	    {"Re: [list] Fwd: hello (fwd) ", "HELLO", true},
	    {"[list] hello", "HELLO", false},
	    {"[list]", "[LIST]", false},
	    {"[a] [b] hello", "HELLO", false},
	    {"[a][b]re: hello", "HELLO", true},
	    {"[fwd: hello]", "HELLO", true},
	    {"[fwd: re: hello (fwd)]", "HELLO", true},
	    {"hello (fwd)(fwd)", "HELLO", true},
	    {"fw:", "", true},
	    {"Re: ", "", true},
	    {"", "", false},
	    {"Reply: hello", "REPLY: HELLO", false},
	    {"  a \t b\r\n c", "A B C", false},
	    {"=?utf-8?q?Re=3A_x?= y", "X Y", true},
	    {"[a [b] c", "[A [B] C", false},
	    {"Re [a b: c", "RE [A B: C", false},
	    {"\xc3\xa4", "A\xcc\x88", false},
	};
	struct buf out;
	bool reply;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 1000);
		sort_base_subject(str_c(rows[i].in), &out, &reply);
		CHECK_BUF(&out, rows[i].want);
		CHECK(reply == rows[i].reply);
		buf_clear(&out);
	}
}

/* A subject that is all blobs is cut in one go. */
static void
t_blobs(void)
{
	static char text[16001];
	struct buf out;
	clock_t since = clock();
	bool reply;
	int i;

	for (i = 0; i < 16000; i++)
		text[i] = "[]"[i % 2];
	for (i = 0; i < 50; i++) {
		buf_init(&out, 1 << 15);
		sort_base_subject(str_of(text, 16000), &out, &reply);
		CHECK_BUF(&out, "[]");
		CHECK(!reply);
		buf_clear(&out);
	}
	CHECK((clock() - since) / CLOCKS_PER_SEC < 2);
}

static const char *const headers[] = {
    "Subject: Re: two\r\nFrom: \"Zed\" <ann@x>\r\nTo: c@d\r\n"
    "Date: 2 Jan 2024 10:00:00 +0000\r\n\r\n",
    "Subject: one\r\nFrom: Bob@x\r\nTo: grp: x@y;\r\nDate: bad\r\n\r\n",
    "Subject: TWO\r\nFrom: =?utf-8?q?=C3=84?= <carl@x>\r\n"
    "Cc: z@x\r\nDate: 1 Jan 2024 10:00:00 +0000\r\n\r\n",
    "From: <ann@x>\r\nTo: B <c@d>\r\nDate: 1 Jan 2024 09:00:00 -0200\r\n"
    "\r\n",
};

static void
t_order(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"(ARRIVAL) UTF-8 ALL", "* SORT 4 3 2 1\r\n"},
	    {"(REVERSE ARRIVAL) UTF-8 ALL", "* SORT 1 2 3 4\r\n"},
	    {"(DATE) UTF-8 ALL", "* SORT 2 3 4 1\r\n"},
	    {"(SIZE) UTF-8 ALL", "* SORT 1 4 3 2\r\n"},
	    {"(SUBJECT) UTF-8 ALL", "* SORT 4 2 1 3\r\n"},
	    {"(SUBJECT DATE) UTF-8 ALL", "* SORT 4 2 3 1\r\n"},
	    {"(SUBJECT REVERSE DATE) UTF-8 ALL", "* SORT 4 2 1 3\r\n"},
	    {"(FROM) UTF-8 ALL", "* SORT 1 4 2 3\r\n"},
	    {"(DISPLAYFROM) UTF-8 ALL", "* SORT 4 3 2 1\r\n"},
	    {"(TO) UTF-8 ALL", "* SORT 3 1 4 2\r\n"},
	    {"(DISPLAYTO) UTF-8 ALL", "* SORT 3 4 1 2\r\n"},
	    {"(CC REVERSE SIZE) UTF-8 ALL", "* SORT 2 4 1 3\r\n"},
	    {"RETURN (MIN MAX ALL COUNT) (SUBJECT) UTF-8 ALL",
	        "* ESEARCH (TAG \"t\") UID MIN 4 MAX 3 ALL 4,2,1,3 "
	        "COUNT 4\r\n"},
	    {"RETURN () (REVERSE ARRIVAL) UTF-8 ALL",
	        "* ESEARCH (TAG \"t\") UID ALL 1:4\r\n"},
	};
	struct arena arena;
	struct sort_key k[4];
	struct sort s;
	struct buf out;
	const char *why;
	uint32_t n;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1 << 16);
		buf_init(&out, 1000);
		CHECK(sort_parse(str_c(rows[i].in), &arena, &s, &why));
		for (n = 0; n < 4; n++) {
			k[n].number = n + 1;
			k[n].arrival = 1000 - n;
			k[n].size = n * 7 % 5 * 10 % 25;
			CHECK(sort_key(&s, str_c(headers[n]), &arena, &k[n]) ==
			      0);
		}
		CHECK(sort_keys(&s, k, 4) == 0);
		sort_render(&out, &s, STR("t"), true, k, 4, 0);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
		arena_clear(&arena);
	}
}

/* A word in a charset that nobody knows is made comparable, too. */
static void
t_display(void)
{
	struct arena arena;
	struct sort_key k;
	struct sort s;
	const char *why;

	arena_init(&arena, 1 << 16);
	CHECK(sort_parse(STR("(DISPLAYFROM) UTF-8 ALL"), &arena, &s, &why));
	CHECK(sort_key(&s, STR("From: =?x?q?y?= z <a@b.test>\r\n\r\n"), &arena,
	          &k) == 0);
	CHECK_STR(k.displayfrom, "Y Z");
	arena_clear(&arena);
}

/* Of a long list one address is kept. */
static void
t_list(void)
{
	struct sort s = {.by = {SORT_TO}, .n = 1};
	struct sort_key k = {.number = 1};
	struct arena arena;
	struct buf header;
	int i;

	buf_init(&header, 1 << 20);
	buf_puts(&header, "To: one@x");
	for (i = 0; i < 10000; i++)
		buf_printf(&header, ", %d@x", i);
	buf_puts(&header, "\r\n\r\n");
	arena_init(&arena, 1 << 16);
	CHECK(sort_key(&s, buf_text(&header), &arena, &k) == 0);
	CHECK_STR(k.to, "ONE");
	arena_clear(&arena);
	buf_clear(&header);
}

static void
t_empty(void)
{
	struct arena arena;
	struct sort s;
	struct buf out;
	const char *why;

	arena_init(&arena, 1 << 16);
	buf_init(&out, 1000);
	CHECK(sort_parse(STR("(DATE) UTF-8 ALL"), &arena, &s, &why));
	CHECK(sort_keys(&s, NULL, 0) == 0);
	sort_render(&out, &s, STR("t"), false, NULL, 0, 0);
	s.search.esearch = true;
	s.search.returns = SEARCH_ALL | SEARCH_COUNT | SEARCH_MIN;
	sort_render(&out, &s, STR("t"), false, NULL, 0, 7);
	CHECK_BUF(&out, "* SORT\r\n* ESEARCH (TAG \"t\") COUNT 0 MODSEQ 7\r\n");
	buf_clear(&out);
	arena_clear(&arena);
}

/* Many keys are in order, and none is lost. */
static void
t_many(void)
{
	enum { N = 40007 };
	static struct sort_key k[N];
	struct sort s = {.by = {SORT_SIZE}, .n = 1};
	struct sort_work w = {.tmp = NULL};
	uint64_t sum = 0;
	uint32_t i;
	bool ok = true;
	int rc, steps = 0;

	for (i = 0; i < N; i++) {
		k[i].number = i + 1;
		k[i].size = (uint64_t)i * 7919 % 1000;
	}
	while ((rc = sort_step(&s, k, N, &w)) == 1)
		steps++;
	sort_work_clear(&w);
	CHECK_INT(rc, 0);
	unit_row("no step takes long: three merges of all, and one copy");
	CHECK(steps >= 4 * N / SORT_STEP);
	for (i = 0; i < N; i++) {
		sum += k[i].number;
		if (i > 0 && (k[i - 1].size > k[i].size ||
		                 (k[i - 1].size == k[i].size &&
		                     k[i - 1].number >= k[i].number)))
			ok = false;
	}
	CHECK(ok);
	CHECK_UINT(sum, (uint64_t)N * (N + 1) / 2);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"parse", t_parse},
	    {"subject", t_subject},
	    {"blobs", t_blobs},
	    {"order", t_order},
	    {"display", t_display},
	    {"list", t_list},
	    {"empty", t_empty},
	    {"many", t_many},
	    {NULL, NULL},
	};

	return (unit_main("sort", tests));
}
