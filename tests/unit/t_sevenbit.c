#include "config.h"

#include "mail/sevenbit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "mail/part.h"
#include "unit.h"

static void
t_is(void)
{
	static const struct {
		const char *name;
		struct str in;
		bool want;
	} t[] = {
	    {"empty", {"", 0}, true},
	    {"text", {"a\r\nb\r\n", 6}, true},
	    {"8 bit", {"a\xc3\xa4", 3}, false},
	    {"nul", {"a\0b", 3}, false},
	    {"cr only", {"a\rb", 3}, true},
	};
	char line[1002];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		CHECK(sevenbit_is(t[i].in) == t[i].want);
	}
	memset(line, 'x', sizeof(line));
	memcpy(line + 998, "\r\n", 2);
	unit_row("998 characters");
	CHECK(sevenbit_is(str_of(line, 1000)));
	unit_row("999 characters");
	line[998] = 'x';
	CHECK(!sevenbit_is(str_of(line, 999)));
}

#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define BIN  "Content-Type: application/octet-stream\r\n"
#define CTE  "Content-Transfer-Encoding: "
#define MIX  "Content-Type: multipart/mixed; boundary=b\r\n"

static void
t_encode(void)
{
	static const struct {
		const char *name, *in, *want;
	} t[] = {
	    {"nothing to do", TEXT "\r\nplain\r\n", TEXT "\r\nplain\r\n"},
	    {"text", TEXT CTE "8bit\r\n\r\nh\xc3\xa4\r\n",
	        TEXT CTE "quoted-printable\r\n\r\nh=C3=A4\r\n"},
	    {"text without an encoding", TEXT "\r\nh\xc3\xa4\r\n",
	        TEXT CTE "quoted-printable\r\n\r\nh=C3=A4\r\n"},
	    {"binary", BIN CTE "binary\r\n\r\n\xff\xfe\xfd",
	        BIN CTE "base64\r\n\r\n//79"},
	    {"stray byte in base64",
	        BIN CTE "base64\r\n\r\nYW\xff"
	                "Jj\r\n",
	        BIN CTE "base64\r\n\r\nYWJj"},
	    {"stray byte in quoted-printable",
	        TEXT CTE "quoted-printable\r\n\r\na=3Db\xff\r\n",
	        TEXT CTE "quoted-printable\r\n\r\na=3Db=FF\r\n"},
	    {"unknown encoding", TEXT CTE "x-odd\r\n\r\n\xff\r\n",
	        TEXT CTE "x-odd\r\n\r\n\xff\r\n"},
	    {"only the 8-bit part of several",
	        MIX CTE "8bit\r\n\r\npre\r\n--b\r\n" TEXT "\r\nplain\r\n"
	                "--b\r\n" TEXT CTE "8bit\r\n\r\n\xc3\xa4\r\n"
	                "--b--\r\nend\r\n",
	        MIX "\r\npre\r\n--b\r\n" TEXT "\r\nplain\r\n"
	            "--b\r\n" TEXT CTE "quoted-printable\r\n\r\n=C3=A4\r\n"
	            "--b--\r\nend\r\n"},
	    {"what is signed already stays",
	        "Content-Type: multipart/signed; boundary=b\r\n\r\n"
	        "--b\r\n" TEXT "\r\n\xc3\xa4\r\n--b\r\n\r\nx\r\n--b--\r\n",
	        "Content-Type: multipart/signed; boundary=b\r\n\r\n"
	        "--b\r\n" TEXT "\r\n\xc3\xa4\r\n--b\r\n\r\nx\r\n--b--\r\n"},
	    {"message in a message",
	        "Content-Type: message/rfc822\r\n" CTE "8bit\r\n\r\n"
	        "Subject: x\r\nMIME-Version: 1.0\r\n" TEXT CTE "8bit\r\n\r\n"
	        "\xc3\xa4\r\n",
	        "Content-Type: message/rfc822\r\n\r\n"
	        "Subject: x\r\nMIME-Version: 1.0\r\n" TEXT CTE
	        "quoted-printable\r\n\r\n=C3=A4\r\n"},
	    {"partial message stays",
	        "Content-Type: message/partial; number=1\r\n\r\n\xff\r\n",
	        "Content-Type: message/partial; number=1\r\n\r\n\xff\r\n"},
	};
	struct err err;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		buf_init(&out, 10000);
		CHECK(sevenbit_encode(str_c(t[i].in), &out, &err) == 0);
		CHECK_BUF(&out, t[i].want);
		buf_clear(&out);
	}
	unit_row("no room");
	buf_init(&out, 10);
	CHECK(sevenbit_encode(STR(TEXT "\r\n\xff"), &out, &err) == -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&out);
}

/* How many parts has it? */
static size_t
parts_of(struct str text)
{
	struct part *root;
	const struct part *p;
	struct arena arena;
	size_t n = 0;

	arena_init(&arena, LIMIT_PARSE);
	root = part_parse(text, &arena, &part_limits, NULL);
	for (p = root; p != NULL; p = part_after(root, p))
		n++;
	arena_clear(&arena);
	return (n);
}

/* Of whatever shape a mail is: it keeps its parts, and what was encoded once
 * stays as it is. */
static void
t_shapes(void)
{
	static const char *const names[] = {"cpython-msg-01.eml",
	    "mail-parser-legacy-009.eml", "mail-parser-legacy-013.eml",
	    "mime4j-testmsgs-obsolete.eml", "mimekit-mbox-unmunged.eml",
	    "own-8bit-headers.eml",
	    "ruby-mail-attachment-emails-attachment-pdf.eml",
	    "ruby-mail-multi-charset-japanese-shift-jis.eml"};
	struct buf in, once, twice;
	struct err err;
	char path[100];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unit_row(names[i]);
		(void)snprintf(path, sizeof(path), "messages/%s", names[i]);
		buf_init(&in, LIMIT_MESSAGE);
		buf_init(&once, LIMIT_MESSAGE);
		buf_init(&twice, LIMIT_MESSAGE);
		unit_data(path, &in);
		CHECK(sevenbit_encode(buf_text(&in), &once, &err) == 0);
		CHECK(sevenbit_encode(buf_text(&once), &twice, &err) == 0);
		CHECK_BUF_EQ(&twice, buf_text(&once));
		CHECK_UINT(parts_of(buf_text(&once)), parts_of(buf_text(&in)));
		buf_clear(&in);
		buf_clear(&once);
		buf_clear(&twice);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"is", t_is},
	    {"encode", t_encode},
	    {"shapes", t_shapes},
	    {NULL, NULL},
	};

	return (unit_main("sevenbit", tests));
}
