#include "config.h"

#include "unit.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* CUnit's handlers take no argument, hence these. */
static char row[128];          /* "" before the first row of a test */
static unsigned checks_before; /* when the current case started */
static unsigned failures_before;
static unsigned cases; /* of the current test */
static unsigned passed, failed;

static void
case_start(const char *name)
{
	err_escape(row, sizeof(row), str_c(name));
	checks_before = CU_get_number_of_asserts();
	failures_before = CU_get_number_of_failures();
}

/* Before the first row nothing need be checked: that is preparation. */
static void
case_end(void)
{
	bool idle = CU_get_number_of_asserts() == checks_before;

	if (idle && row[0] == '\0')
		return;
	cases++;
	if (idle)
		(void)printf("[%s] checks nothing\n", row);
	if (idle || CU_get_number_of_failures() > failures_before)
		failed++;
	else
		passed++;
}

void
unit_row(const char *name)
{
	case_end();
	case_start(name[0] != '\0' ? name : "(empty)");
}

void
unit_data(const char *name, struct buf *out)
{
	const char *dir = getenv("srcdir");
	char path[512], part[4096];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/tests/data/%s",
	    dir != NULL ? dir : ".", name);
	if ((f = fopen(path, "re")) == NULL) {
		perror(path);
		exit(1);
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(out, part, n);
	if (ferror(f) || out->failed) {
		(void)fprintf(stderr, "%s: cannot read\n", path);
		exit(1);
	}
	(void)fclose(f);
}

/* Hand the verdict to CUnit, which copies the text of a failure. */
static bool
verdict(bool ok, const char *text, const char *file, int line)
{
	char full[2048];

	if (!ok && row[0] != '\0')
		(void)snprintf(full, sizeof(full), "[%s] %s", row, text);
	else
		(void)snprintf(full, sizeof(full), "%s", text);
	(void)CU_assertImplementation(ok ? CU_TRUE : CU_FALSE, (unsigned)line,
	    full, file, "", CU_FALSE);
	return (ok);
}

bool
unit_check(bool ok, const char *what, const char *file, int line)
{
	return (verdict(ok, what, file, line));
}

bool
unit_check_int(int64_t got, int64_t want, const char *what, const char *file,
    int line)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "%s is %" PRId64 ", not %" PRId64,
	    what, got, want);
	return (verdict(got == want, text, file, line));
}

bool
unit_check_uint(uint64_t got, uint64_t want, const char *what, const char *file,
    int line)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "%s is %" PRIu64 ", not %" PRIu64,
	    what, got, want);
	return (verdict(got == want, text, file, line));
}

/* Both texts from shortly before the place where they part. */
static void
show_difference(char *text, size_t size, const char *what, struct str got,
    struct str want)
{
	char a[600], b[600];
	size_t at = 0, from;

	while (at < got.len && at < want.len && got.p[at] == want.p[at])
		at++;
	from = at > 60 ? at - 60 : 0;
	err_escape(a, sizeof(a), str_of(got.p + from, got.len - from));
	err_escape(b, sizeof(b), str_of(want.p + from, want.len - from));
	(void)snprintf(text, size,
	    "%s differs at byte %zu (lengths %zu, %zu), from byte %zu on:\n"
	    "\tgot  \"%s\"\n\twant \"%s\"",
	    what, at, got.len, want.len, from, a, b);
}

bool
unit_check_str(struct str got, struct str want, const char *what,
    const char *file, int line)
{
	char text[1800];

	if (got.p == NULL)
		got = str_of("", 0);
	if (str_eq(got, want))
		return (verdict(true, what, file, line));
	show_difference(text, sizeof(text), what, got, want);
	return (verdict(false, text, file, line));
}

bool
unit_check_buf(const struct buf *got, struct str want, const char *what,
    const char *file, int line)
{
	if (got->failed)
		return (verdict(false, "the buffer has failed", file, line));
	return (unit_check_str(buf_text(got), want, what, file, line));
}

static void
test_start(const CU_pTest test, const CU_pSuite suite)
{
	(void)suite;
	cases = 0;
	case_start("");
	/* at once, so that the log tells which test crashed */
	(void)printf("test %s\n", test->pName);
	(void)fflush(stdout);
}

static void
test_complete(const CU_pTest test, const CU_pSuite suite,
    const CU_pFailureRecord failure)
{
	const struct CU_FailureRecord *f;

	(void)suite;
	for (f = failure; f != NULL; f = f->pNext)
		(void)printf("%s:%u: %s: %s\n", f->strFileName, f->uiLineNumber,
		    test->pName, f->strCondition);
	case_end();
	if (cases == 0) {
		(void)printf("%s: checks nothing\n", test->pName);
		failed++;
	}
}

int
unit_main(const char *suite, const struct unit_test *tests)
{
	const char *only = getenv("UNIT_TEST");
	CU_pSuite s;

	if (CU_initialize_registry() != CUE_SUCCESS ||
	    (s = CU_add_suite(suite, NULL, NULL)) == NULL)
		return (1);
	for (; tests->name != NULL; tests++)
		if ((only == NULL || strcmp(only, tests->name) == 0) &&
		    CU_add_test(s, tests->name, tests->fn) == NULL)
			return (1);
	CU_set_test_start_handler(test_start);
	CU_set_test_complete_handler(test_complete);
	if (CU_run_all_tests() != CUE_SUCCESS)
		return (1);
	(void)printf("%s: %u passed, %u failed\n", suite, passed, failed);
	CU_cleanup_registry();
	return (passed == 0 || failed > 0 ? 1 : 0);
}
