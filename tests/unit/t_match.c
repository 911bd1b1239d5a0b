#include "config.h"

#include "mail/match.h"
#include "mail/match_build.h"
#include "mail/match_priv.h"

#include <string.h>

#include "base/limits.h"
#include "unit.h"

static const char message[] =
    "From: \"Doe, John\" <john@example.org>\r\n"
    "To: a@b,\tgroup: c@d;\r\n"
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "\t=?iso-8859-1?q?_aus=20K=F6ln?=  twice\r\n"
    "X-Plain :  two  blanks\r\n"
    "X-Same: one\r\n"
    "X-Same: other\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n"
    "\r\n"
    "preamble\r\n"
    "--b\r\n"
    "Content-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "Schr=F6dinger=20is=\r\n"
    "soft\r\n"
    "--b\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "\r\n"
    "PGI+Ym9sZDwvYj4mYW1wOw==\r\n"
    "--b\r\n"
    "Content-Type: application/octet-stream; name=secret.bin\r\n"
    "\r\n"
    "attached\r\n"
    "--b\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: inner\r\n"
    "\r\n"
    "letter\r\n"
    "plain\r\n"
    "--b\r\n"
    "Content-Transfer-Encoding: x-unknown\r\n"
    "\r\n"
    "unreadable\r\n"
    "--b--\r\n"
    "epilogue\r\n";

static void
build(const char *text, size_t max, struct buf *out)
{
	struct blob *blob = blob_copy(text, strlen(text));
	struct view *v = view_new(blob, NULL);

	buf_init(out, max + MATCH_EXTRA);
	CHECK(v != NULL && match_build(v, max, out, NULL) == 0);
	view_free(v);
	blob_unref(blob);
}

static void
t_find(void)
{
	static const struct {
		const char *what; /* TEXT, BODY, a field, or ~ and a field */
		const char *key;
		bool found;
	} rows[] = {
	    {"TEXT", "", true},
	    {"BODY", "", true},
	    {"TEXT", "gr\xc3\xbc\xc3\x9f", true},
	    {"TEXT", "gru", true}, /* the marks come behind the letter */
	    {"TEXT", "gr\xc3\xbcss", false},
	    {"TEXT", "aus k\xc3\xb6ln", true},
	    {"TEXT", "=?utf-8", false},
	    {"TEXT", "SUBJECT: gr", true},
	    {"TEXT", "x-plain :  TWO", true},
	    {"TEXT", "blanks\r\nx-same", true},
	    {"TEXT", "inner", true},
	    {"BODY", "inner", false},
	    {"BODY", "letter\nPLAIN", true},
	    {"TEXT",
	        "SCHR\xc3\x96"
	        "DINGER issoft",
	        true},
	    {"TEXT",
	        "SCHR\xc3\x96"
	        "DINGER is",
	        true},
	    {"BODY", "<b>bold</b>&amp;", true},
	    {"BODY", "secret.bin", false},
	    {"TEXT", "secret.bin", true},
	    {"TEXT", "attached", false},
	    {"TEXT", "unreadable", false},
	    {"TEXT", "x-unknown", true},
	    {"TEXT", "preamble", false},
	    {"TEXT", "epilogue", false},
	    {"TEXT", "--b", false},
	    {"TEXT", "john@example.org", true},
	    {"X-Plain", "", true},
	    {"x-plain", "two  blanks", true},
	    {"X-Plain", ":", false},
	    {"X-Foo", "", false},
	    {"X-Same", "OTHER", true},
	    {"Subject", "k\xc3\xb6ln  twice", true},
	    {"~Subject", "k\xc3\xb6ln  twice", false},
	    {"~Subject", "k\xc3\xb6ln twice", true},
	    {"~From", "\"Doe, John\" <john@", true},
	    {"~To", "<a@b>, group: <c@d>;", true},
	    {"To", "<a@b>", false},
	    {"~Cc", "a", false},
	    {"Content-Type", "b", true},
	};
	struct buf text, key;
	enum match m;
	const char *what;
	size_t i;

	build(message, MATCH_TEXT, &text);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		what = rows[i].what;
		unit_row(rows[i].key);
		buf_init(&key, 1000);
		CHECK(
		    match_needle(STR(""), str_c(rows[i].key), &key, NULL) == 0);
		if (strcmp(what, "TEXT") == 0)
			m = match_text(buf_text(&text), buf_text(&key));
		else if (strcmp(what, "BODY") == 0)
			m = match_body(buf_text(&text), buf_text(&key));
		else
			m = match_field(buf_text(&text), what[0] == '~',
			    str_c(what + (what[0] == '~')), buf_text(&key));
		CHECK_INT(m, rows[i].found ? MATCH_YES : MATCH_NO);
		buf_clear(&key);
	}
	buf_clear(&text);
}

static void
t_needle(void)
{
	struct buf key;
	struct err err;

	buf_init(&key, 1000);
	CHECK(match_needle(STR("iso-8859-1"), STR("gr\xfc"), &key, &err) == 0);
	CHECK_BUF(&key, "GRU\xcc\x88");
	buf_reset(&key);
	CHECK(match_needle(STR("foo"), STR("x"), &key, &err) == -1);
	CHECK_INT(err.code, ERR_NOTFOUND);
	CHECK(match_needle(STR("utf-8"), STR("gr\xfc"), &key, &err) == -1);
	CHECK_INT(err.code, ERR_SYNTAX);
	buf_clear(&key);
	buf_init(&key, 4);
	CHECK(match_needle(STR(""), STR("too long"), &key, &err) == -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&key);
}

/* What was cut off is not said to be missing. */
static void
t_cut(void)
{
	struct buf text;

	build("A: 1\r\n\r\nfirst second\r\n", 16, &text);
	CHECK_INT(match_text(buf_text(&text), STR("FIRST")), MATCH_YES);
	CHECK_INT(match_text(buf_text(&text), STR("SECOND")), MATCH_UNSURE);
	CHECK(match_is_cut(buf_text(&text)));
	CHECK_INT(match_body(buf_text(&text), STR("1")), MATCH_UNSURE);
	CHECK_INT(match_field(buf_text(&text), false, STR("A"), STR("2")),
	    MATCH_NO);
	buf_clear(&text);
	build("A: 1\r\nB: 2\r\n\r\nfirst second\r\n", 8, &text);
	CHECK_INT(match_field(buf_text(&text), false, STR("A"), STR("1")),
	    MATCH_YES);
	CHECK_INT(match_field(buf_text(&text), false, STR("B"), STR("2")),
	    MATCH_UNSURE);
	CHECK_INT(match_text(buf_text(&text), STR("X")), MATCH_UNSURE);
	buf_clear(&text);
}

/* A header of many fields, and a text that is no search text. */
static void
t_limits(void)
{
	struct buf in, text;
	int i;

	buf_init(&in, 1 << 20);
	for (i = 0; i < MATCH_FIELDS + 1; i++)
		buf_printf(&in, "X%d: y\r\n", i);
	buf_puts(&in, "\r\n");
	buf_putc(&in, '\0');
	build(in.data, MATCH_TEXT, &text);
	CHECK_INT(match_field(buf_text(&text), false, STR("x9"), STR("Y")),
	    MATCH_YES);
	CHECK_INT(match_field(buf_text(&text), false, STR("x4000"), STR("Y")),
	    MATCH_UNSURE);
	CHECK(match_is_cut(buf_text(&text)));
	CHECK_INT(match_text(buf_text(&text), STR("X4000: Y")), MATCH_YES);
	CHECK_INT(match_text(STR(""), STR("X")), MATCH_UNSURE);
	CHECK_INT(match_field(STR("sut1garbage"), true, STR("a"), STR("X")),
	    MATCH_UNSURE);
	buf_clear(&text);
	/* at full length there is one more */
	build(in.data, MATCH_WHOLE, &text);
	CHECK(!match_is_cut(buf_text(&text)));
	CHECK_INT(match_field(buf_text(&text), false, STR("x4000"), STR("Y")),
	    MATCH_YES);
	buf_clear(&text);
	buf_clear(&in);
}

/* Piece by piece: whatever the pieces' size, also what lies across two. */
static void
t_pieces(void)
{
	static const struct {
		const char *key;
		enum match want;
	} rows[] = {
	    {"", MATCH_YES},
	    {"AUS KO\xcc\x88LN", MATCH_YES},
	    {"LETTER", MATCH_YES},
	    {"EPILOGUE", MATCH_NO},
	    {"LETTER\nPLAIN", MATCH_YES},
	    {"NOWHERE", MATCH_NO},
	};
	struct match_at at;
	enum match found;
	struct buf text;
	size_t i, bytes, turns;

	build(message, MATCH_TEXT, &text);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].key);
		CHECK_INT(match_text(buf_text(&text), str_c(rows[i].key)),
		    rows[i].want);
		for (bytes = 1; bytes < 100; bytes++) {
			at = (struct match_at){0, 0};
			turns = 0;
			while (!match_some(buf_text(&text), str_c(rows[i].key),
			           false, bytes, &at, &found) &&
			       turns < text.len)
				turns++;
			CHECK_INT(found, rows[i].want);
			CHECK(turns <= text.len / bytes + 1);
		}
	}
	buf_clear(&text);
}

/* A text that somebody else made: rows that name the same bytes again and
 * again would take for ever. */
static void
t_hostile(void)
{
	struct buf text;
	int i;

	buf_init(&text, 1 << 20);
	match_put32(&text, MATCH_MAGIC);
	match_put32(&text, 0);
	match_put32(&text, 2);
	match_put32(&text, 2);
	for (i = 0; i < 2; i++) {
		match_put32(&text, 0);
		match_put32(&text, 1);
		match_put32(&text, 0);
		match_put32(&text, 6);
		match_put32(&text, 0);
		match_put32(&text, NO_LEN);
	}
	for (i = 0; i < 2; i++) {
		match_put32(&text, 0);
		match_put32(&text, 6);
		match_put32(&text, 0);
	}
	buf_puts(&text, "ABCDEFGH");
	CHECK_INT(match_text(buf_text(&text), STR("DEF")), MATCH_YES);
	CHECK_INT(match_text(buf_text(&text), STR("X")), MATCH_UNSURE);
	CHECK_INT(match_field(buf_text(&text), false, STR("a"), STR("DEF")),
	    MATCH_YES);
	CHECK_INT(match_field(buf_text(&text), false, STR("a"), STR("X")),
	    MATCH_UNSURE);
	buf_clear(&text);
}

/* So many rows of nothing that a look at each takes long. */
static void
t_many_rows(void)
{
	static const struct {
		const char *why;
		size_t fields, parts;
		enum match found;
	} rows[] = {
	    {"as many as there may be", MATCH_ROWS, MATCH_PARTS, MATCH_NO},
	    {"fields", MATCH_ROWS + 1, 1, MATCH_UNSURE},
	    {"parts", 0, MATCH_PARTS + 1, MATCH_UNSURE},
	};
	struct buf text;
	size_t i, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].why);
		buf_init(&text, 16UL << 20);
		match_put32(&text, MATCH_MAGIC);
		match_put32(&text, 0);
		match_put32(&text, rows[i].fields);
		match_put32(&text, rows[i].parts);
		n = rows[i].fields * MATCH_FIELD + rows[i].parts * MATCH_PART;
		while (n-- > 0)
			buf_putc(&text, '\0');
		CHECK(!text.failed);
		CHECK_INT(match_text(buf_text(&text), STR("X")), rows[i].found);
		buf_clear(&text);
	}
}

/* Characters that are taken apart become much longer, and an address that is
 * none too: nothing of it is lost. */
static void
t_grows(void)
{
	struct buf in, text;
	int i;

	buf_init(&in, 1 << 20);
	buf_puts(&in, "To: ");
	for (i = 0; i < 2000; i++)
		buf_puts(&in, "@,");
	buf_puts(&in, "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
	for (i = 0; i < 2000; i++)
		buf_puts(&in, "\xef\xb7\xba");
	buf_puts(&in, "end\r\n");
	buf_putc(&in, '\0');
	build(in.data, MATCH_TEXT, &text);
	CHECK(!match_is_cut(buf_text(&text)));
	CHECK_INT(match_text(buf_text(&text), STR("NOWHERE")), MATCH_NO);
	CHECK_INT(match_body(buf_text(&text), STR("END")), MATCH_YES);
	buf_clear(&text);
	buf_clear(&in);
}

/* A line without a colon is text of the header, but no field; and the last
 * Content-Type says what is text, though the first is a multipart. */
static void
t_odd(void)
{
	struct buf text;

	build("To\r\nSubject\r\n  folded: word\r\nTo=?utf-8?q?_x?= <y>\r\n"
	      "Content-Type: multipart/mixed\r\nContent-Type: text/plain\r\n"
	      "\r\nbody\r\n",
	    MATCH_TEXT, &text);
	CHECK_INT(match_field(buf_text(&text), true, STR("To"), STR("")),
	    MATCH_NO);
	CHECK_INT(
	    match_field(buf_text(&text), true, STR("Subject"), STR("WORD")),
	    MATCH_NO);
	CHECK_INT(match_text(buf_text(&text), STR("WORD")), MATCH_YES);
	CHECK_INT(match_text(buf_text(&text), STR("SUBJECT")), MATCH_YES);
	CHECK_INT(match_text(buf_text(&text), STR("TO X <Y>")), MATCH_YES);
	CHECK_INT(match_body(buf_text(&text), STR("BODY")), MATCH_YES);
	buf_clear(&text);
}

/* Encodings with something behind their names. */
static void
t_encoding(void)
{
	static const struct {
		const char *value;
		const char *finds;
	} rows[] = {
	    {"quoted-printable", "HELLO AB"},
	    {"quoted-printable;\r\n x", "HELLO AB"},
	    {"(y) quoted-printable (x) ; y", "HELLO AB"},
	    {"quoted-printable (x", "HELLO AB"},
	    {"quoted-printable x", NULL},
	    {"quoted-printable\r\n <x>", NULL},
	    {"quoted-printable (x) y", NULL},
	    {"quoted-printable=x", NULL},
	    {"8bit; x", "HELLO =41B"},
	    {"7bit x", NULL},
	    {"", NULL},
	};
	struct buf in, text;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].value);
		buf_init(&in, 1000);
		buf_printf(&in,
		    "Content-Transfer-Encoding: %s\r\n\r\nhello =41B\r\n",
		    rows[i].value);
		buf_putc(&in, '\0');
		build(in.data, MATCH_TEXT, &text);
		if (rows[i].finds != NULL)
			CHECK_INT(
			    match_body(buf_text(&text), str_c(rows[i].finds)),
			    MATCH_YES);
		else
			CHECK_INT(match_body(buf_text(&text), STR("B")),
			    MATCH_NO);
		buf_clear(&text);
		buf_clear(&in);
	}
}

/* Parts in more parts than are looked at are one text. */
static void
t_nested(void)
{
	struct buf in, text;
	int i;

	buf_init(&in, 1 << 20);
	buf_puts(&in, "MIME-Version: 1.0\r\n");
	for (i = 0; i < 1000; i++)
		buf_printf(&in,
		    "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n"
		    "--b%d\r\n",
		    i, i);
	buf_puts(&in, "\r\ndeep inside\r\n");
	buf_putc(&in, '\0');
	build(in.data, MATCH_TEXT, &text);
	CHECK(!match_is_cut(buf_text(&text)));
	CHECK_INT(match_body(buf_text(&text), STR("DEEP INSIDE")), MATCH_YES);
	CHECK_INT(match_body(buf_text(&text), STR("NOWHERE")), MATCH_NO);
	buf_clear(&text);
	buf_clear(&in);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"find", t_find},
	    {"needle", t_needle},
	    {"cut", t_cut},
	    {"limits", t_limits},
	    {"pieces", t_pieces},
	    {"hostile", t_hostile},
	    {"many rows", t_many_rows},
	    {"grows", t_grows},
	    {"odd", t_odd},
	    {"encoding", t_encoding},
	    {"nested", t_nested},
	    {NULL, NULL},
	};

	return (unit_main("match", tests));
}
