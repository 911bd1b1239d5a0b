/*
 * figure.h - one line of the bench: MEASURED, TARGET, MET or MISSED.
 */
#ifndef WAXWING_TESTS_FIGURE_H
#define WAXWING_TESTS_FIGURE_H

#define FIGURE_ROUNDS 5

/* The median of FIGURE_ROUNDS values (which are left in order). */
double figure_median(double *);

/* Seconds of a clock that only goes forward. */
double figure_now(void);

/* One figure; it is met when measured >= target. */
void figure_print(const char *name, double measured, double target,
    const char *what);

#endif
