#include "config.h"

#include "imap/thread.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static void
t_ids(void)
{
	static const struct {
		const char *in;
		const char *want; /* with blanks between */
	} rows[] = {
	    {"", ""},
	    {"<a@b>", "a@b "},
	    {"<a@b> (x) <c@d>,<e@f>", "a@b c@d e@f "},
	    {"<a @\r\n b>", "a@b "},
	    {"<\"q q\"@b>", "q q@b "},
	    {"<a(c)@b>", "a@b "},
	    {"<a> <b@c>", "b@c "},
	    {"<a@b", ""},
	    {"a@b", ""},
	    {"<a@[1.2.3.4]>", "a@[1.2.3.4] "},
	};
	struct str value;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 1000);
		value = str_c(rows[i].in);
		while (thread_next_id(&value, &out))
			buf_putc(&out, ' ');
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
	}
}

/* What looks like identifiers with comments that never end costs no more than
 * a walk or two each, of a few: it would be minutes. */
static void
t_bad_ids(void)
{
	enum { N = 1 << 20 };
	static char text[N + 1];
	struct thread_ids *ids = thread_ids_new(1 << 20);
	struct thread_key k = {.number = 1}, same;
	struct str value = str_of(text, N);
	struct arena arena;
	struct buf header;
	size_t i;

	for (i = 0; i < N; i++)
		text[i] = "<("[i % 2];
	buf_init(&header, N + 1000);
	CHECK(!thread_next_id(&value, &header));
	CHECK_UINT(value.len, 0);
	buf_reset(&header);
	header.failed = false;
	buf_puts(&header, "Message-ID: <(x) y@z>\r\nReferences: <a@b> ");
	buf_puts(&header, text);
	buf_puts(&header, "\r\n\r\n");
	arena_init(&arena, 1 << 20);
	CHECK(thread_key(THREAD_REFERENCES, buf_text(&header), &arena, ids,
	          &k) == 0);
	CHECK(thread_key(THREAD_REFERENCES,
	          STR("Message-ID: <y@z>\r\nReferences: <a@b>\r\n\r\n"), &arena,
	          ids, &same) == 0);
	CHECK(k.id != 0 && k.id == same.id);
	CHECK_UINT(k.nrefs, 1);
	CHECK_UINT(k.refs[0], same.refs[0]);
	unit_row("too many");
	thread_ids_free(ids);
	ids = thread_ids_new(100);
	CHECK(thread_key(THREAD_REFERENCES, buf_text(&header), &arena, ids,
	          &k) == -1);
	thread_ids_free(ids);
	arena_clear(&arena);
	buf_clear(&header);
}

static void
t_parse(void)
{
	static const struct {
		const char *in;
		const char *why;
		enum thread_how how;
	} rows[] = {
	    {"REFERENCES UTF-8 ALL", NULL, THREAD_REFERENCES},
	    {"orderedsubject utf-8 5:7", NULL, THREAD_ORDEREDSUBJECT},
	    {"REFS \"us-ascii\" TEXT x", NULL, THREAD_REFS_NEWEST},
	    {"FOO UTF-8 ALL", "unknown threading algorithm", THREAD_REFERENCES},
	    {"REFS", "a charset and SEARCH keys are missing",
	        THREAD_REFERENCES},
	    {"REFS UTF-8 ", "a SEARCH key is missing", THREAD_REFERENCES},
	};
	struct arena arena;
	struct thread t;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		arena_init(&arena, 1 << 16);
		if (thread_parse(str_c(rows[i].in), &arena, &t, &why)) {
			CHECK(rows[i].why == NULL);
			CHECK_INT(t.how, rows[i].how);
		} else if (CHECK(rows[i].why != NULL))
			CHECK_CSTR(why, rows[i].why);
		arena_clear(&arena);
	}
}

struct mail {
	const char *id, *refs, *reply_to, *subject;
	int day;
};

static void
put_header(struct buf *b, const struct mail *m)
{
	if (m->id != NULL)
		buf_printf(b, "Message-ID: <%s@x>\r\n", m->id);
	if (m->refs != NULL)
		buf_printf(b, "References: %s\r\n", m->refs);
	if (m->reply_to != NULL)
		buf_printf(b, "In-Reply-To: <%s@x>\r\n", m->reply_to);
	if (m->subject != NULL)
		buf_printf(b, "Subject: %s\r\n", m->subject);
	if (m->day != 0)
		buf_printf(b, "Date: %d Jan 2024 10:00:00 +0000\r\n", m->day);
	buf_puts(b, "\r\n");
}

static void
render(const struct mail *m, size_t n, enum thread_how how, struct buf *out)
{
	struct thread_ids *ids = thread_ids_new(1 << 20);
	struct thread_key k[8];
	struct arena arena;
	struct buf header;
	size_t i;

	if (!CHECK(n <= 8))
		return;
	memset(k, 0, sizeof(k));
	arena_init(&arena, 1 << 22);
	buf_init(&header, 1 << 16);
	for (i = 0; i < n; i++) {
		put_header(&header, &m[i]);
		k[i].number = (uint32_t)i + 1;
		k[i].arrival = 1800000000 + (int64_t)i;
		CHECK(thread_key(how, buf_text(&header), &arena, ids, &k[i]) ==
		      0);
		buf_reset(&header);
	}
	CHECK(thread_render(how, k, n, out, NULL) == 0);
	buf_clear(&header);
	arena_clear(&arena);
	thread_ids_free(ids);
}

/* As Dovecot 2.3.19 answered. */
static void
t_render(void)
{
	static const struct {
		const char *name;
		struct mail mails[6];
		size_t n;
		const char *ordered, *references, *refs;
	} rows[] = {
	    {"none", {{0}}, 0, "", "", ""},
	    {"a chain",
	        {{"a", NULL, NULL, "s", 1}, {"b", "<a@x>", NULL, "Re: s", 2},
	            {"c", "<a@x> <b@x>", NULL, "Re: s", 3}},
	        3, "(1 (2)(3))", "(1 2 3)", "(1 2 3)"},
	    {"brothers by date, and two of one subject",
	        {{"a", NULL, NULL, "s", 3}, {"b", "<a@x>", NULL, "x", 2},
	            {"c", NULL, "a", "x", 1}},
	        3, "(3 2)(1)", "(1 (3)(2))", "(1 (3)(2))"},
	    {"a parent that is missing",
	        {{"a", "<p@x>", NULL, "s", 1}, {"b", "<p@x>", NULL, "s", 2}}, 2,
	        "(1 2)", "((1)(2))", "((1)(2))"},
	    {"an only child makes its missing parent go",
	        {{"a", "<p@x> <q@x>", NULL, "s", 1}}, 1, "(1)", "(1)", "(1)"},
	    {"equal subjects",
	        {{"a", NULL, NULL, "s", 1}, {"b", NULL, NULL, "s", 2},
	            {"c", NULL, NULL, "Re: s", 3}},
	        3, "(1 (2)(3))", "((1)(2)(3))", "(1)(2)(3)"},
	    {"a reply without references",
	        {{"a", NULL, NULL, "s", 1}, {"b", NULL, NULL, "Re: s", 2}}, 2,
	        "(1 2)", "(1 2)", "(1)(2)"},
	    {"one Message-ID twice",
	        {{"a", NULL, NULL, "s", 1}, {"a", NULL, NULL, "t", 2},
	            {"b", "<a@x>", NULL, "u", 3}},
	        3, "(1)(2)(3)", "(1 3)(2)", "(2)(1 3)"},
	    {"a circle",
	        {{"a", "<b@x>", NULL, "s", 1}, {"b", "<a@x>", NULL, "t", 2}}, 2,
	        "(1)(2)", "(2 1)", "(2 1)"},
	    {"no ids, no dates",
	        {{NULL, NULL, NULL, NULL, 0}, {NULL, NULL, NULL, NULL, 0}}, 2,
	        "(1 2)", "(1)(2)", "(1)(2)"},
	};
	struct buf out, want;
	size_t i;

	buf_init(&out, 1 << 16);
	buf_init(&want, 1 << 16);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		render(rows[i].mails, rows[i].n, THREAD_ORDEREDSUBJECT, &out);
		render(rows[i].mails, rows[i].n, THREAD_REFERENCES, &out);
		render(rows[i].mails, rows[i].n, THREAD_REFS_NEWEST, &out);
		buf_printf(&want,
		    "* THREAD %s\r\n* THREAD %s\r\n* THREAD %s\r\n",
		    rows[i].ordered, rows[i].references, rows[i].refs);
		CHECK_BUF_EQ(&out, buf_text(&want));
		buf_reset(&out);
		buf_reset(&want);
	}
	buf_clear(&want);
	buf_clear(&out);
}

/* A very long chain, written without recursion; and one that would take too
 * long to follow. */
static void
t_deep(void)
{
	enum { N = 20000 };
	static struct thread_key k[N];
	static uint32_t ids[N + 1];
	struct thread_work *work;
	struct buf out;
	uint32_t i;
	int rc, steps = 0;

	buf_init(&out, 1 << 22);
	for (i = 0; i <= N; i++)
		ids[i] = i + 1;
	for (i = 0; i < N; i++) {
		k[i].number = i + 1;
		k[i].date = i;
		k[i].id = ids[i + 1];
		k[i].refs = &ids[i];
		k[i].nrefs = 1;
		k[i].subject = STR("");
	}
	work = thread_begin(THREAD_REFERENCES, k, N);
	while ((rc = thread_step(work, &out, NULL)) == 1)
		steps++;
	thread_end(work);
	CHECK_INT(rc, 0);
	/* Nobody waits for all of it to be linked, or written. */
	CHECK(steps >= 8);
	CHECK(str_istarts(buf_text(&out), STR("* THREAD (1 2 3 4 5 ")));
	buf_reset(&out);
	/* the other way round, each walks the chain that is there */
	for (i = 0; i < N; i++) {
		k[i].id = ids[i];
		k[i].refs = &ids[i + 1];
	}
	CHECK(thread_render(THREAD_REFS_NEWEST, k, N, &out, NULL) == 0);
	CHECK_UINT(out.len > N * 5, 1);
	buf_clear(&out);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"ids", t_ids},
	    {"bad ids", t_bad_ids},
	    {"parse", t_parse},
	    {"render", t_render},
	    {"deep", t_deep},
	    {NULL, NULL},
	};

	return (unit_main("thread", tests));
}
