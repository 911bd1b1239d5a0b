#include "config.h"

#include <string.h>

#include "base/err.h"
#include "unit.h"

static void
test_set(void)
{
	struct err e = {ERR_OK, ""};
	char longer[400];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	err_set(&e, ERR_SYNTAX, "line %d", 5);
	CHECK(e.code == ERR_SYNTAX);
	CHECK_CSTR(e.text, "line 5");
	err_prefix(&e, "%s", "a.conf");
	CHECK(e.code == ERR_SYNTAX);
	CHECK_CSTR(e.text, "a.conf: line 5");
	err_prefix(&e, "%s", longer);
	CHECK_UINT(strlen(e.text), sizeof(e.text) - 1);
	err_set(&e, ERR_IO, "%s", longer);
	CHECK_UINT(strlen(e.text), sizeof(e.text) - 1);
	err_prefix(&e, "y");
	CHECK_STR(str_of(e.text, 5), "y: xx");
	err_set(NULL, ERR_IO, "x");
	err_prefix(NULL, "x");
}

/* Every code has a word of its own. */
static void
test_words(void)
{
	int i, j;

	for (i = ERR_OK; i <= ERR_UNAVAILABLE; i++) {
		CHECK(strcmp(err_word((enum err_code)i), "unknown") != 0);
		for (j = ERR_OK; j < i; j++)
			CHECK(strcmp(err_word((enum err_code)i),
			          err_word((enum err_code)j)) != 0);
	}
	CHECK_CSTR(err_word(ERR_NOKEY), "no-key");
}

static void
test_escape(void)
{
	static const struct {
		const char *in;
		size_t len, size;
		const char *want;
	} rows[] = {
	    {"plain text~", 11, 50, "plain text~"},
	    {"a\r\nb", 4, 50, "a\\x0d\\x0ab"},
	    {"a\\b", 3, 50, "a\\x5cb"},
	    {"\0\x7f\xff", 3, 50, "\\x00\\x7f\\xff"},
	    {"", 0, 1, ""},
	    {"abc", 3, 1, ""},
	    {"abc", 3, 2, "."},
	    {"abc", 3, 4, "abc"},
	    {"abcd", 4, 4, "..."},
	    {"abcdefgh", 8, 9, "abcdefgh"},
	    {"abcdefghi", 9, 9, "abcde..."},
	    {"\n\n", 2, 9, "\\x0a\\x0a"},
	    {"\n\n\n", 3, 9, "\\x0a..."},
	};
	char out[64];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].want);
		memset(out, '#', sizeof(out));
		CHECK_CSTR(err_escape(out, rows[i].size,
		               str_of(rows[i].in, rows[i].len)),
		    rows[i].want);
		CHECK(out[rows[i].size] == '#');
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"set", test_set},
	    {"words", test_words},
	    {"escape", test_escape},
	    {NULL, NULL},
	};

	return (unit_main("t_err", tests));
}
