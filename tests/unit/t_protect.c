#include "config.h"

#include "mail/protect.h"
#include "unit.h"

static void
t_kind(void)
{
	static const struct {
		const char *header;
		enum protect want;
	} rows[] = {
	    {"Content-Type: text/plain; hp=\"clear\"\r\n\r\n", PROTECT_CLEAR},
	    {"content-type: text/plain; HP=clear\r\n\r\n", PROTECT_CLEAR},
	    {"A: b\r\nContent-Type: text/plain;\r\n hp=\"cipher\"\r\n\r\n",
	        PROTECT_CIPHER},
	    {"Content-Type: text/plain; hp=\"other\"\r\n\r\n", PROTECT_NONE},
	    {"Content-Type: text/plain; xhp=clear\r\n\r\n", PROTECT_NONE},
	    {"Content-Type: text/plain\r\n\r\n", PROTECT_NONE},
	    {"Content-Type: text/plain; hp=clear\r\n"
	     "Content-Type: text/plain\r\n\r\n",
	        PROTECT_NONE},
	    {"A: b\r\n\r\nContent-Type: text/plain; hp=clear\r\n",
	        PROTECT_NONE},
	    {"", PROTECT_NONE},
	};
	struct arena arena;
	size_t i;

	arena_init(&arena, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].header);
		CHECK_INT(protect_kind(str_c(rows[i].header), &arena),
		    rows[i].want);
	}
	arena_clear(&arena);
}

static void
t_find(void)
{
	const struct str payload =
	    STR("From: a@b\r\nTo: c\r\nTo: d\r\n"
	        "Content-Type: text/plain; hp=clear\r\n\r\nSubject: x\r\n");
	struct arena arena;
	struct field f;

	arena_init(&arena, 100000);
	CHECK(protect_find(payload, "from", &arena, &f));
	CHECK_STR(f.value, "a@b");
	CHECK(!protect_find(payload, "To", &arena, &f));
	CHECK(!protect_find(payload, "Subject", &arena, &f));
	CHECK(
	    !protect_find(STR("From: a@b\r\nContent-Type: text/plain\r\n\r\n"),
	        "From", &arena, &f));
	arena_clear(&arena);
}

static void
t_clear(void)
{
	static const struct {
		const char *name, *mail, *outer, *payload; /* NULL: refused */
	} rows[] = {
	    {"usual",
	        "From: a\r\nTo: b,\r\n c\r\nMIME-Version: 1.0\r\n"
	        "Content-Type: text/plain; charset=utf-8\r\n\r\nbody\r\n",
	        "From: a\r\nTo: b,\r\n c\r\n",
	        "From: a\r\nTo: b,\r\n c\r\nMIME-Version: 1.0\r\n"
	        "Content-Type: text/plain; charset=utf-8;\r\n hp=\"clear\"\r\n"
	        "\r\nbody\r\n"},
	    {"folded, semicolon at the end",
	        "Content-Type: multipart/mixed;\r\n boundary=x; \r\n\r\n", "",
	        "Content-Type: multipart/mixed;\r\n boundary=x;\r\n"
	        " hp=\"clear\"\r\n\r\n"},
	    {"no type", "From: a\r\n\r\nb", "From: a\r\n",
	        "From: a\r\nContent-Type: text/plain; charset=us-ascii;\r\n"
	        " hp=\"clear\"\r\n\r\nb"},
	    {"HP-Outer", "HP-Outer: From: b\r\nFrom: a\r\n\r\n", "From: a\r\n",
	        "From: a\r\nContent-Type: text/plain; charset=us-ascii;\r\n"
	        " hp=\"clear\"\r\n\r\n"},
	    {"header only", "From: a", "From: a\r\n",
	        "From: a\r\nContent-Type: text/plain; charset=us-ascii;\r\n"
	        " hp=\"clear\"\r\n\r\n"},
	    {"protected already", "Content-Type: text/plain; hp=cipher\r\n\r\n",
	        NULL, NULL},
	    {"two types",
	        "Content-Type: text/plain\r\nContent-Type: a/b\r\n\r\n", NULL,
	        NULL},
	};
	struct buf outer, payload;
	struct arena arena;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		arena_init(&arena, 100000);
		buf_init(&outer, 10000);
		buf_init(&payload, 10000);
		rc = protect_clear(str_c(rows[i].mail), &outer, &payload);
		CHECK_INT(rc, rows[i].outer != NULL ? 0 : -1);
		if (rc == 0) {
			CHECK_BUF(&outer, rows[i].outer);
			CHECK_BUF(&payload, rows[i].payload);
			CHECK_INT(protect_kind(buf_text(&payload), &arena),
			    PROTECT_CLEAR);
		}
		buf_clear(&outer);
		buf_clear(&payload);
		arena_clear(&arena);
	}
	unit_row("full");
	buf_init(&outer, 3);
	buf_init(&payload, 10000);
	CHECK_INT(protect_clear(STR("From: a\r\n\r\n"), &outer, &payload), -1);
	buf_clear(&outer);
	buf_clear(&payload);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"kind", t_kind},
	    {"find", t_find},
	    {"clear", t_clear},
	    {NULL, NULL},
	};

	return (unit_main("t_protect", tests));
}
