/*
 * Questions for TXT records, and what servers answer.
 */
#include "config.h"

#include <string.h>

#include "base/limits.h"
#include "sys/dnstxt.h"
#include "unit.h"

#define NAME "s1._domainkey.x.test"
#define ID   0x1234

/* The name in the packet, and what follows it in a question. */
#define NAME_BYTES "\2s1\12_domainkey\1x\4test\0"
#define ASKED      NAME_BYTES "\0\20\0\1"

/* A header: id, flags, one question, so many answers. */
#define HEAD(flags, n) "\x12\x34" flags "\0\1\0" n "\0\0\0\0"
#define GOOD           "\x81\x80"

/* A record of type TXT for the name in the question, and one elsewhere. */
#define TXT(len, data) "\xc0\x0c\0\20\0\1\0\0\0\1\0" len data

struct row {
	const char *name;
	const char *packet;
	size_t len;
	enum err_code want;
	const char *text;
};

#define ROW(name, packet, want, text)                        \
	{                                                    \
		name, packet, sizeof(packet) - 1, want, text \
	}

static const struct row rows[] = {
    ROW("one piece", HEAD(GOOD, "\1") ASKED TXT("\6", "\5v=DK1"), ERR_OK,
        "v=DK1"),
    ROW("two pieces", HEAD(GOOD, "\1") ASKED TXT("\7", "\2v=\3DK1"), ERR_OK,
        "v=DK1"),
    ROW("an empty one", HEAD(GOOD, "\1") ASKED TXT("\1", "\0"), ERR_OK, ""),
    ROW("two records", HEAD(GOOD, "\2") ASKED TXT("\2", "\1a") TXT("\2", "\1b"),
        ERR_OK, "a"),
    ROW("behind an alias",
        HEAD(GOOD, "\2") ASKED "\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1k\xc0\x1a"
                               "\1k\1x\4test\0\0\20\0\1\0\0\0\1\0\2\1a",
        ERR_OK, "a"),
    ROW("behind an alias that comes later",
        HEAD(GOOD, "\2") ASKED "\1k\1x\4TEST\0\0\20\0\1\0\0\0\1\0\2\1a"
                               "\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1k\xc0\x1a",
        ERR_OK, "a"),
    ROW("an alias of itself",
        HEAD(GOOD, "\1") ASKED "\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xc0\x0c",
        ERR_NOTFOUND, ""),
    ROW("of another name",
        HEAD(GOOD, "\1") ASKED "\1k\1x\4test\0\0\20\0\1\0\0\0\1\0\2\1a",
        ERR_NOTFOUND, ""),
    ROW("of another class",
        HEAD(GOOD, "\1") ASKED "\xc0\x0c\0\20\0\3\0\0\0\1\0\2\1a", ERR_NOTFOUND,
        ""),
    ROW("none", HEAD(GOOD, "\0") ASKED, ERR_NOTFOUND, ""),
    ROW("no such name", HEAD("\x81\x83", "\0") ASKED, ERR_NOTFOUND, ""),
    ROW("a server that fails", HEAD("\x81\x82", "\0") ASKED, ERR_UNAVAILABLE,
        ""),
    ROW("refused without the question", "\x12\x34\x81\x85\0\0\0\0\0\0\0\0",
        ERR_UNAVAILABLE, ""),
    ROW("cut", HEAD("\x83\x80", "\1") ASKED TXT("\2", "\1a"), ERR_LIMIT, ""),
    ROW("another id", "\x12\x35\x81\x80\0\1\0\1\0\0\0\0" ASKED TXT("\2", "\1a"),
        ERR_PEER, ""),
    ROW("a question", HEAD("\1\0", "\1") ASKED TXT("\2", "\1a"), ERR_PEER, ""),
    ROW("another question",
        HEAD(GOOD, "\1") "\2s2\12_domainkey\1x\4test\0\0\20\0\1" TXT("\2",
            "\1a"),
        ERR_PEER, ""),
    ROW("another type asked",
        HEAD(GOOD, "\1") NAME_BYTES "\0\1\0\1" TXT("\2", "\1a"), ERR_PEER, ""),
    ROW("a piece longer than its record",
        HEAD(GOOD, "\1") ASKED TXT("\2", "\5v=DK1"), ERR_NOTFOUND, ""),
    ROW("a record longer than the answer",
        HEAD(GOOD, "\1") ASKED TXT("\7", "\1a"), ERR_NOTFOUND, ""),
    ROW("a pointer forward",
        HEAD(GOOD, "\1") ASKED "\xc0\xff\0\20\0\1\0\0\0\1\0\2\1a", ERR_NOTFOUND,
        ""),
    ROW("a pointer to itself",
        HEAD(GOOD, "\1") ASKED "\xc0\x26\0\20\0\1\0\0\0\1\0\2\1a", ERR_NOTFOUND,
        ""),
    ROW("a dot in a label",
        HEAD(GOOD, "\1") "\2s1\12_domainkey\6x.test\0\0\20\0\1" TXT("\2",
            "\1a"),
        ERR_PEER, ""),
    ROW("nothing", "", ERR_PEER, ""),
};

static void
t_answer(void)
{
	struct buf out;
	struct err err;
	size_t i, n;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		err.code = ERR_OK;
		buf_init(&out, LIMIT_RECORD);
		rc = dnstxt_answer(str_of(rows[i].packet, rows[i].len), ID,
		    STR(NAME), &out, &err);
		CHECK_INT(rc, rows[i].want == ERR_OK ? 0 : -1);
		CHECK_INT(err.code, rows[i].want);
		if (rc == 0)
			CHECK_BUF(&out, rows[i].text);
		buf_clear(&out);
	}
	unit_row("cut off anywhere");
	for (n = 0; n < rows[4].len; n++) {
		buf_init(&out, LIMIT_RECORD);
		CHECK_INT(dnstxt_answer(str_of(rows[4].packet, n), ID,
		              STR(NAME), &out, &err),
		    -1);
		buf_clear(&out);
	}
	unit_row("no room");
	buf_init(&out, 3);
	CHECK_INT(dnstxt_answer(str_of(rows[0].packet, rows[0].len), ID,
	              STR(NAME), &out, &err),
	    -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&out);
}

static void
t_ask(void)
{
	static const char want[] =
	    "\x12\x34\1\0\0\1\0\0\0\0\0\1" ASKED "\0\0\x29\4\xd0\0\0\0\0\0\0";
	static const char *const bad[] = {"", ".", "a..b", "a.", ".a", "a b",
	    "\xc3\xa4.test", "a.b\\",
	    "0123456789012345678901234567890123456789"
	    "012345678901234567890123.test"};
	struct buf out;
	size_t i;

	unit_row("a name");
	buf_init(&out, LIMIT_RECORD);
	CHECK_INT(dnstxt_ask(ID, STR(NAME), &out), 0);
	CHECK_BUF_EQ(&out, str_of(want, sizeof(want) - 1));
	buf_clear(&out);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unit_row(bad[i]);
		buf_init(&out, LIMIT_RECORD);
		CHECK_INT(dnstxt_ask(ID, str_c(bad[i]), &out), -1);
		buf_clear(&out);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"answer", t_answer},
	    {"ask", t_ask},
	    {NULL, NULL},
	};

	return (unit_main("dnstxt", tests));
}
