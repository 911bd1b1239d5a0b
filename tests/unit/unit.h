/*
 * unit.h - the frame of the unit tests, on CUnit.
 *
 * One program a module, t_MODULE.c: a table of tests and a main() that hands
 * it to unit_main().  A test goes through a table of rows and calls
 * unit_row() for each, so that a failure says which row it was.  What is
 * counted are the cases: the rows, or the whole test where it has none.  A
 * case that checks nothing has failed.
 */
#ifndef WAXWING_TESTS_UNIT_UNIT_H
#define WAXWING_TESTS_UNIT_UNIT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct unit_test {
	const char *name; /* NULL ends the table */
	void (*fn)(void);
};

/*
 * Run all of a table, or those named by the UNIT_TEST environment variable.
 * Prints each test, each failure with file and line, and a last line "suite:
 * N passed, N failed".  Returns what main() returns: 1 on any failure.
 */
int unit_main(const char *suite, const struct unit_test *);

/* Start the next row: the checks from here on belong to it, until the next
 * one or the end of the test.  The name is copied. */
void unit_row(const char *name);

/* Read the file tests/data/NAME whole; ends the program if it cannot. */
void unit_data(const char *name, struct buf *);

/* Each returns whether it held, so that a test can stop early. */
#define CHECK(cond) unit_check((cond), #cond, __FILE__, __LINE__)
#define CHECK_INT(got, want) \
	unit_check_int((got), (want), #got, __FILE__, __LINE__)
#define CHECK_UINT(got, want) \
	unit_check_uint((got), (want), #got, __FILE__, __LINE__)
/* got is a struct str, want a NUL-terminated string */
#define CHECK_STR(got, want) \
	unit_check_str((got), str_c(want), #got, __FILE__, __LINE__)
/* both are struct str */
#define CHECK_STR_EQ(got, want) \
	unit_check_str((got), (want), #got, __FILE__, __LINE__)
/* got is a struct buf *, which must not have failed */
#define CHECK_BUF(got, want) \
	unit_check_buf((got), str_c(want), #got, __FILE__, __LINE__)
#define CHECK_BUF_EQ(got, want) \
	unit_check_buf((got), (want), #got, __FILE__, __LINE__)
/* both are NUL-terminated */
#define CHECK_CSTR(got, want) \
	unit_check_str(str_c(got), str_c(want), #got, __FILE__, __LINE__)

bool unit_check(bool, const char *what, const char *file, int line);
bool unit_check_int(int64_t got, int64_t want, const char *what,
    const char *file, int line);
bool unit_check_uint(uint64_t got, uint64_t want, const char *what,
    const char *file, int line);
bool unit_check_str(struct str got, struct str want, const char *what,
    const char *file, int line);
bool unit_check_buf(const struct buf *got, struct str want, const char *what,
    const char *file, int line);

#endif
