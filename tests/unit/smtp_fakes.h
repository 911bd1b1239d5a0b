/*
 * smtp_fakes.h - what stands around an SMTP session in smtp_rig.h: the parts
 * of the proxy that it calls, an agent and a sealer.
 */
#ifndef WAXWING_TESTS_UNIT_SMTP_FAKES_H
#define WAXWING_TESTS_UNIT_SMTP_FAKES_H

#include "proxy/smtp_tx.h"

struct smtp_fakes {
	struct proxy proxy;
	struct account account;
	struct upstream upstream;
	struct ipc *agent; /* their ends */
	struct ipc *sealer;
	const char *const *rules;
	int arriving; /* the upstream's end of a new connection, or -1 */
	bool refuse;  /* connections to the upstream */
	bool sealer_fails;
	bool sealer_clear;
	bool sealer_dies;
	struct event *go; /* a login's turn has come */
	void (*go_fn)(void *);
	void *go_arg;
};

extern struct smtp_fakes fakes;

void smtp_fakes_init(void);
void smtp_fakes_free(void);

/* A socket pair; the second end does not block. */
void smtp_fakes_pair(int fds[2]);

/* Start a role anew, the proxy's link included. */
void smtp_fakes_agent(void);
void smtp_fakes_sealer(void);

#endif
