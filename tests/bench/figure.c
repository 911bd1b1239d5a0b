#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "figure.h"

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return ((x > y) - (x < y));
}

double
figure_median(double *v)
{
	qsort(v, FIGURE_ROUNDS, sizeof(*v), compare);
	return (v[FIGURE_ROUNDS / 2]);
}

double
figure_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

void
figure_print(const char *name, double measured, double target, const char *what)
{
	printf("%-36s measured %6.2f  target %6.2f (%s)  %s\n", name, measured,
	    target, what, measured >= target ? "MET" : "MISSED");
	fflush(stdout);
}
