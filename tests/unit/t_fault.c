#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/fault.h"
#include "unit.h"

#ifdef WAXWING_TEST_HOOKS

#define FILE_NAME "t_fault.tmp"

/* Make the file say this. */
static void
say(const char *text)
{
	FILE *f = fopen(FILE_NAME, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	(void)setenv("WAXWING_FAULTS", FILE_NAME, 1);
}

static void
test_points(void)
{
	static const struct {
		const char *name;
		const char *text;
		bool want;
	} rows[] = {
	    {"named", "other error\npoint error\n", true},
	    {"not named", "points error\npoin error\n", false},
	    {"empty", "", false},
	    {"unknown action", "point dance\n", false},
	    {"bad count", "point error x\n", false},
	    {"no line end", "point error", true},
	};
	size_t i;

	(void)unsetenv("WAXWING_FAULTS");
	CHECK(!FAULT("point"));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		say(rows[i].text);
		CHECK_INT(FAULT("point"), rows[i].want);
	}
	(void)unlink(FILE_NAME);
	CHECK(!FAULT("point"));
}

static void
test_count(void)
{
	say("twice error 2\n");
	CHECK(FAULT("twice"));
	CHECK(FAULT("twice"));
	CHECK(!FAULT("twice"));
	(void)unlink(FILE_NAME);
}

static void
test_actions(void)
{
	uint64_t begin;
	int status = 0;
	pid_t pid;

	say("slow delay-ms=50\n");
	begin = clock_now().mono;
	CHECK(!FAULT("slow"));
	CHECK(clock_now().mono - begin >= 50);

	say("end exit\n");
	if ((pid = fork()) == 0) {
		(void)FAULT("end");
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	(void)unlink(FILE_NAME);
}

#else

static void
test_absent(void)
{
	CHECK(!FAULT("point"));
}

#endif

int
main(void)
{
	static const struct unit_test tests[] = {
#ifdef WAXWING_TEST_HOOKS
	    {"points", test_points},
	    {"count", test_count},
	    {"actions", test_actions},
#else
	    {"absent", test_absent},
#endif
	    {NULL, NULL},
	};

	return (unit_main("t_fault", tests));
}
