#include "config.h"

#include "unit.h"

#include "imap/nstring.h"

/* The answers are Dovecot's. */
static const struct {
	const char *in; /* NULL: no string */
	const char *plain;
	const char *unfolded;
	const char *text;
} strings[] = {
    {NULL, "NIL", "NIL", NULL},
    {"", "\"\"", "\"\"", "\"\""},
    {"abc", "\"abc\"", "\"abc\"", "\"abc\""},
    {"a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\"", "{5}\r\na\"b\\c"},
    {"\"\"\"\"", "\"\\\"\\\"\\\"\\\"\"", "\"\\\"\\\"\\\"\\\"\"",
        "{4}\r\n\"\"\"\""},
    {"\"\"\"\"\"", "{5}\r\n\"\"\"\"\"", "{5}\r\n\"\"\"\"\"",
        "{5}\r\n\"\"\"\"\""},
    {"a\r\n b", "{5}\r\na\r\n b", "\"a b\"", "{3}\r\na b"},
    {"a\r\nb", "{4}\r\na\r\nb", "\"a b\"", "{3}\r\na b"},
    {"a\r\n", "{3}\r\na\r\n", "\"a\"", "{1}\r\na"},
    {"\xc3\xa4", "{2}\r\n\xc3\xa4", "{2}\r\n\xc3\xa4", "{2}\r\n\xc3\xa4"},
    {"a  b", "\"a  b\"", "\"a  b\"", "{3}\r\na b"},
    {"a\tb", "\"a\tb\"", "\"a\tb\"", "{3}\r\na b"},
    {" a ", "\" a \"", "\" a \"", "{1}\r\na"},
    {"  ", "\"  \"", "\"  \"", "\"\""},
};

static void
t_put(void)
{
	struct buf out;
	struct str in;
	size_t i;

	buf_init(&out, 4096);
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		unit_row(strings[i].plain);
		in = str_of(NULL, 0);
		if (strings[i].in != NULL)
			in = str_c(strings[i].in);
		buf_reset(&out);
		nstring_put(&out, in);
		CHECK_BUF(&out, strings[i].plain);
		buf_reset(&out);
		nstring_put_unfolded(&out, in);
		CHECK_BUF(&out, strings[i].unfolded);
		if (strings[i].text == NULL)
			continue;
		buf_reset(&out);
		nstring_put_text(&out, in);
		CHECK_BUF(&out, strings[i].text);
	}
	buf_clear(&out);
}

static void
t_quoted(void)
{
	struct buf out;

	buf_init(&out, 4096);
	nstring_put_quoted(&out, STR("a\r\n\"\\\xe9z"));
	CHECK_BUF(&out, "\"a\\\"\\\\z\"");
	buf_clear(&out);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"put", t_put},
	    {"quoted", t_quoted},
	    {NULL, NULL},
	};

	return (unit_main("nstring", tests));
}
