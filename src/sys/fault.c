#include "config.h"

#include "sys/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/span.h"

#ifdef WAXWING_TEST_HOOKS

/* How often a point was reached, for actions with a count. */
struct seen {
	char point[48];
	uint64_t n;
};

static struct seen seen[64];

/* Count this visit to a point; returns how many there were, itself included. */
static uint64_t
visit(const char *point)
{
	size_t i;

	for (i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		if (seen[i].point[0] == '\0')
			(void)snprintf(seen[i].point, sizeof(seen[i].point),
			    "%s", point);
		if (strcmp(seen[i].point, point) == 0)
			return (++seen[i].n);
	}
	return (0);
}

/* Find the line for a point: its action into action, its count (0: always). */
static bool
look_up(const char *point, char action[64], uint64_t *count)
{
	char line[256], name[64], number[24];
	const char *path;
	bool found = false;
	FILE *f;
	int n;

	if ((path = getenv("WAXWING_FAULTS")) == NULL ||
	    (f = fopen(path, "re")) == NULL)
		return (false);
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		n = sscanf(line, "%63s %63s %23s", name, action, number);
		if (n < 2 || strcmp(name, point) != 0)
			continue;
		*count = 0;
		if (n == 3 && !num_parse(str_c(number), UINT32_MAX, count))
			continue;
		found = true;
	}
	fclose(f);
	return (found);
}

static void
sleep_ms(uint64_t ms)
{
	struct timespec ts = {
	    .tv_sec = (time_t)(ms / 1000),
	    .tv_nsec = (long)(ms % 1000 * 1000000),
	};

	(void)nanosleep(&ts, NULL);
}

bool
fault(const char *point)
{
	char action[64];
	uint64_t count, n, ms;

	if (!look_up(point, action, &count))
		return (false);
	n = visit(point);
	if (count != 0 && n > count)
		return (false);
	/* beside the log, for a test that waits for it */
	dprintf(STDERR_FILENO, "fault %s %s\n", point, action);
	if (strcmp(action, "kill") == 0)
		(void)raise(SIGKILL);
	if (strcmp(action, "exit") == 0)
		_exit(1);
	if (strcmp(action, "abort") == 0)
		abort();
	if (strcmp(action, "hang") == 0)
		for (;;)
			pause();
	if (strncmp(action, "delay-ms=", 9) == 0 &&
	    num_parse(str_c(action + 9), 600000, &ms)) {
		sleep_ms(ms);
		return (false);
	}
	return (strcmp(action, "error") == 0);
}

#endif
