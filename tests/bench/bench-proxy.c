/*
 * bench-proxy - what standing in between costs: the same operations directly,
 * through Waxwing and through nginx's mail proxy, in turn, as ratios of one
 * run.  Called by tests/bench/run with the ports; median of five rounds.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "figure.h"
#include "imapload.h"

enum { DIRECT, WAXWING, NGINX, NTARGETS };

static const struct operation operations[] = {
    {"login+logout", NULL, NULL, 4, 25},
    {"FLAGS of 100", "Bench4K", "FETCH 1:100 (FLAGS)", 2, 200},
    {"4 KiB body", "Bench4K", "FETCH 7 (BODY.PEEK[])", 2, 500},
    {"1 MiB body", "Bench1M", "FETCH 3 (BODY.PEEK[])", 2, 50},
    {"25 MiB body", "Bench25M", "FETCH 1 (BODY.PEEK[])", 1, 4},
};

static int
one_operation(const struct target *targets, const struct login *l,
    const struct operation *op)
{
	double rate[NTARGETS], ours[FIGURE_ROUNDS], theirs[FIGURE_ROUNDS];
	char name[64];
	size_t round;
	int t;

	for (round = 0; round < FIGURE_ROUNDS; round++) {
		for (t = 0; t < NTARGETS; t++)
			if ((rate[t] = imapload_run(&targets[t], l, op)) < 0)
				return (-1);
		ours[round] = rate[WAXWING] / rate[DIRECT];
		theirs[round] = rate[NGINX] / rate[DIRECT];
	}
	snprintf(name, sizeof(name), "%s, waxwing/direct", op->name);
	figure_print(name, figure_median(ours), figure_median(theirs),
	    "nginx/direct");
	return (0);
}

int
main(int argc, char **argv)
{
	struct target targets[NTARGETS] = {{"direct", 0}, {"waxwing", 0},
	    {"nginx", 0}};
	struct login login;
	size_t i;
	int rc = 0, t;

	if (argc != 6) {
		fprintf(stderr, "usage: bench-proxy DIRECT WAXWING NGINX "
		                "USER PASSWORD\n");
		return (2);
	}
	for (t = 0; t < NTARGETS; t++)
		targets[t].port = atoi(argv[t + 1]);
	login = (struct login){argv[4], argv[5]};
	if (imapload_fill(&targets[DIRECT], &login, "Bench4K", 100, 4096) ||
	    imapload_fill(&targets[DIRECT], &login, "Bench1M", 5, 1 << 20) ||
	    imapload_fill(&targets[DIRECT], &login, "Bench25M", 1, 25 << 20)) {
		fprintf(stderr, "bench: cannot fill the mailboxes\n");
		return (1);
	}
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (one_operation(targets, &login, &operations[i]) == -1)
			rc = 1;
	return (rc);
}
