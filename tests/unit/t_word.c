#include "config.h"

#include "mail/word.h"

#include "mail/casemap.h"
#include "mail/charset.h"
#include "mail/cte.h"
#include "unit.h"

/* The answers are Dovecot's. */
static void
t_words(void)
{
	static const struct {
		const char *in;
		const char *want;
		const char *folded;
	} rows[] = {
	    {"", "", ""},
	    {"plain text", "plain text", "PLAIN TEXT"},
	    {"=?utf-8?q?a=C3=A4?= =?iso-8859-1?b?5A==?= x",
	        "a\xc3\xa4\xc3\xa4 x",
	        "AA\xcc\x88"
	        "A\xcc\x88 X"},
	    {"a =?utf-8?q?b_c?= d", "a b c d", "A B C D"},
	    {"a=?utf-8?q?b?=c", "abc", "ABC"},
	    {"=?utf-8?q?b?==?utf-8?q?c?=", "bc", "BC"},
	    {"  =?utf-8?q?x?=  =?utf-8?q?y?=  ", "xy  ", "XY  "},
	    {"=?utf-8?q?b?x=?utf-8?q?c?=", "=?utf-8?q?b?xc", "=?UTF-8?Q?B?XC"},
	    {"=?=?utf-8?q?c?=", "=?c", "=?C"},
	    {"=?utf-8?b?YW Jj?=", "abc", "ABC"},
	    {"=?utf-8?b?YWJ?=", "ab", "AB"},
	    {"=?utf-8?b?YW*Jj?=", "a", "A"},
	    {"=?utf-8?b?YQ==YQ==?=", "a", "A"},
	    {"=?utf-8?q?a=b?=", "a=b", "A=B"},
	    {"=?utf-8?q?a=zz4?=", "a=zz4", "A=ZZ4"},
	    {"=?utf-8?q?a=_?=", "a=_", "A=_"},
	    {"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "\xef\xbf\xbd", "\xef\xbf\xbd"},
	    {"=?gb2312?b?xOM=?= =?gb2312?b?xA==?=", "\xe4\xbd\xa0",
	        "\xe4\xbd\xa0"},
	    {"=?iso-2022-jp?b?GyRCJCI=?=", "\xe3\x81\x82", "\xe3\x81\x82"},
	    /* unknown charsets are not folded */
	    {"=?foo?q?\xe4"
	     "bc?= d",
	        "\xef\xbf\xbd"
	        "bc d",
	        "\xef\xbf\xbd"
	        "bc D"},
	    {"=?utf-8*en?q?abc?=", "abc", "abc"},
	    {"=?us-ascii?q?=E4x?=", "\xef\xbf\xbdx", "\xef\xbf\xbdX"},
	    {"=?utf-8??x?=", "=?utf-8??x?=", "=?UTF-8??X?="},
	    {"=?utf-8?Q?a?b?=", "=?utf-8?Q?a?b?=", "=?UTF-8?Q?A?B?="},
	    {"=?utf-8?q?b?", "=?utf-8?q?b?", "=?UTF-8?Q?B?"},
	    {"=?utf-8?q?b", "=?utf-8?q?b", "=?UTF-8?Q?B"},
	    {"=?", "=?", "=?"},
	    {"\xe4 x", "\xef\xbf\xbd x", "\xef\xbf\xbd X"},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 1000);
		word_decode(str_c(rows[i].in), false, &out);
		CHECK_BUF(&out, rows[i].want);
		buf_reset(&out);
		word_decode(str_c(rows[i].in), true, &out);
		CHECK_BUF(&out, rows[i].folded);
		buf_clear(&out);
	}
}

static void
t_casemap(void)
{
	static const struct {
		const char *in;
		const char *want;
		bool clean;
	} rows[] = {
	    {"", "", true},
	    {"The quick brown fox, 123.", "THE QUICK BROWN FOX, 123.", true},
	    {"\xc3\xa4", "A\xcc\x88", true},
	    {"\xc3\x84", "A\xcc\x88", true},
	    {"\xc3\x9f", "\xc3\x9f", true}, /* sharp s stays */
	    {"\xef\xac\x81", "fi", true},   /* ligature: not titled again */
	    {"\xc7\x86", "\xc7\x85", true}, /* dz with caron: titlecase */
	    {"\xe2\x85\xb7", "VIII", true}, /* small roman eight */
	    {"\xc5\xbf", "S", true},        /* long s */
	    {"\xd0\xb9", "\xd0\x98\xcc\x86", true},
	    {"\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1", true},
	    {"\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", true},
	    {"\xe1\xba\xbf", "\xc3\x8a\xcc\x81", true}, /* taken apart once */
	    {"a\xff\xff"
	     "b",
	        "A\xef\xbf\xbd"
	        "B",
	        false},
	    {"\xc3", "\xef\xbf\xbd", false},
	    {"\xed\xa0\x80", "\xef\xbf\xbd", false}, /* a surrogate */
	    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", true},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 1000);
		CHECK(casemap_put(&out, str_c(rows[i].in)) == rows[i].clean);
		CHECK_BUF(&out, rows[i].want);
		buf_reset(&out);
		CHECK(casemap_copy(&out, str_c(rows[i].in)) == rows[i].clean);
		if (rows[i].clean)
			CHECK_BUF(&out, rows[i].in);
		buf_clear(&out);
	}
}

static void
t_charset(void)
{
	static const struct {
		const char *charset;
		const char *in;
		enum charset_result result;
		const char *want;
	} rows[] = {
	    {"UTF-8", "a\xc3\xa4", CHARSET_OK, "a\xc3\xa4"},
	    {"us-ascii", "a\xc3\xa4", CHARSET_OK, "a\xc3\xa4"},
	    {"utf8", "a\xc3", CHARSET_INVALID, "a"},
	    {"utf-8",
	        "\xe4"
	        "b",
	        CHARSET_INVALID, ""},
	    {"utf-8",
	        "\xe4"
	        "bcd",
	        CHARSET_INVALID,
	        "\xef\xbf\xbd"
	        "bcd"},
	    {"iso-8859-1", "a\xe4", CHARSET_OK, "a\xc3\xa4"},
	    {"WINDOWS-1252", "\x80", CHARSET_OK, "\xe2\x82\xac"},
	    {"koi8-r", "\xc1", CHARSET_OK, "\xd0\xb0"},
	    {"gb2312",
	        "a\x80\x80"
	        "b",
	        CHARSET_INVALID,
	        "a\xef\xbf\xbd"
	        "b"},
	    {"shift_jis", "a\x82", CHARSET_INVALID, "a"},
	    {"euc-kr", "\xb0\xa1", CHARSET_OK, "\xea\xb0\x80"},
	    {"no-such-charset", "a", CHARSET_UNKNOWN, ""},
	    {"a-name-that-is-much-longer-than-any-charset-ever-registered-was-",
	        "a", CHARSET_UNKNOWN, ""},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 1000);
		CHECK_INT(charset_put(str_c(rows[i].charset), str_c(rows[i].in),
		              false, &out),
		    rows[i].result);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
	}
}

/* More than one page of iconv's output, and a buffer that is too small. */
static void
t_long(void)
{
	struct buf in, out;
	int i;

	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 20);
	for (i = 0; i < 20000; i++)
		buf_putc(&in, (char)0xe4);
	CHECK(charset_put(STR("iso-8859-1"), buf_text(&in), false, &out) ==
	      CHARSET_OK);
	CHECK_UINT(out.len, 40000);
	buf_clear(&out);
	buf_init(&out, 10000);
	charset_put(STR("iso-8859-1"), buf_text(&in), false, &out);
	CHECK(out.failed);
	buf_clear(&out);
	buf_clear(&in);
}

static void
t_cte(void)
{
	static const struct {
		const char *token;
		const char *in;
		const char *want;
	} rows[] = {
	    {"7bit", "a=3D", "a=3D"},
	    {"BINARY", "a\r\n", "a\r\n"},
	    {"Quoted-Printable", "a=3Db=\r\nc \r\nd", "a=bc\r\nd"},
	    {"quoted-printable", "a=zz =", "a=zz "},
	    {"base64", "YWJj\r\nZGVm", "abcdef"},
	    {"base64", "YWJj!ZGVm", "abc"},
	    {"base64", "YQ==ZGVm", "a"},
	    {"x-uuencode", "abc", ""},
	    {"", "abc", ""},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 1000);
		cte_decode(cte_of(str_c(rows[i].token)), str_c(rows[i].in),
		    &out);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"words", t_words},
	    {"casemap", t_casemap},
	    {"charset", t_charset},
	    {"long", t_long},
	    {"cte", t_cte},
	    {NULL, NULL},
	};

	return (unit_main("word", tests));
}
