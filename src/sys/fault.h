/*
 * fault.h - named fault points, with --enable-test-hooks only.
 *
 * The environment variable WAXWING_FAULTS names a file; each of its lines is
 * "point action [count]": exit, abort, kill, hang, error, delay-ms=N.  With a
 * count the action is taken that many times by each process, and each time
 * "fault point action" is written to stderr.  A point that is not named there
 * does nothing.  The file is read again at every point, so a
 * test can change its mind.  Without test hooks FAULT() is false and gone.
 */
#ifndef WAXWING_SYS_FAULT_H
#define WAXWING_SYS_FAULT_H

#include "config.h" /* whoever forgets it would have no fault points */

#include <stdbool.h>

#ifdef WAXWING_TEST_HOOKS
/* True if the caller shall behave as if this step failed. */
bool fault(const char *point);
#define FAULT(point) fault(point)
#else
#define FAULT(point) (false)
#endif

#endif
