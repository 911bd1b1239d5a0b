#include "config.h"

#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "unit.h"

/* What one call writes, without the time. */
static struct str
captured(void (*call)(void))
{
	static char text[4096];
	int fds[2], saved;
	ssize_t n;
	char *blank;

	if (pipe(fds) != 0)
		return (str_of("", 0));
	saved = dup(STDERR_FILENO);
	(void)dup2(fds[1], STDERR_FILENO);
	(void)close(fds[1]);
	call();
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	n = read(fds[0], text, sizeof(text) - 1);
	(void)close(fds[0]);
	if (n <= 0)
		return (str_of("", 0));
	text[n] = '\0';
	blank = strchr(text, ' ');
	CHECK(blank != NULL && blank - text == 24);
	return (str_c(blank != NULL ? blank + 1 : text));
}

static void
say(void)
{
	log_info("login user=%s n=%d", log_str(STR("a b\r\nx")), 3);
}

static void
say_raw(void)
{
	log_error("event forged=%s", "x\n2026 proxy info all=well");
}

static void
say_debug(void)
{
	log_debug("hidden");
}

static void
say_long(void)
{
	static char big[5000];

	memset(big, 'x', sizeof(big) - 1);
	log_warn("big v=%s", big);
}

static void
test_lines(void)
{
	struct str s;

	log_init("proxy", LOG_LEVEL_INFO);
	CHECK_STR(captured(say),
	    "proxy info login user=\"a b\\x0d\\x0ax\" n=3\n");
	CHECK_STR(captured(say_raw),
	    "proxy error event forged=x?2026 proxy info all=well\n");
	CHECK_STR(captured(say_debug), "");
	log_set_level(LOG_LEVEL_DEBUG);
	CHECK_STR(captured(say_debug), "proxy debug hidden\n");
	s = captured(say_long);
	CHECK(s.len > 1900 && s.len < 2048 && s.p[s.len - 1] == '\n');
}

static void
test_values(void)
{
	char long_one[500];

	log_init("proxy", LOG_LEVEL_INFO);
	CHECK_CSTR(log_str(STR("word")), "word");
	CHECK_CSTR(log_str(STR("")), "\"\"");
	CHECK_CSTR(log_str(STR("a\"b c")), "\"a'b c\"");
	memset(long_one, 'x', sizeof(long_one));
	CHECK_UINT(strlen(log_str(str_of(long_one, sizeof(long_one)))),
	    ERR_TEXT - 1);
}

static void
test_addr(void)
{
	log_init("proxy", LOG_LEVEL_INFO);
	CHECK_CSTR(log_addr(STR("alice@example.org")), "5@example.org");
	CHECK_CSTR(log_addr(STR("\"a@b\"@example.org")), "5@example.org");
	CHECK_CSTR(log_addr(STR("alice")), "5");
	log_addresses(true);
	CHECK_CSTR(log_addr(STR("alice@example.org")), "alice@example.org");
	log_addresses(false);
	log_set_level(LOG_LEVEL_DEBUG);
	CHECK_CSTR(log_addr(STR("alice@example.org")), "alice@example.org");
}

static void
test_levels(void)
{
	enum log_level l = LOG_LEVEL_ERROR;

	CHECK(log_level_parse("debug", &l) == 0 && l == LOG_LEVEL_DEBUG);
	CHECK(log_level_parse("loud", &l) == -1 && l == LOG_LEVEL_DEBUG);
	log_set_level(LOG_LEVEL_TRACE);
	CHECK_INT(log_get_level(), LOG_LEVEL_TRACE);
}

static const struct unit_test tests[] = {
    {"lines", test_lines},
    {"values", test_values},
    {"addr", test_addr},
    {"levels", test_levels},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("log", tests));
}
