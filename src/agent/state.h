/*
 * state.h - what the agent's operations share.
 */
#ifndef WAXWING_AGENT_STATE_H
#define WAXWING_AGENT_STATE_H

#include <stdint.h>
#include <sys/queue.h>

#include "agent/http.h"
#include "agent/store.h"
#include "role/role.h"

/* Imports under way at once: each waits for the verifier. */
#define AGENT_IMPORTS 16

struct cert_import;
struct asking;
struct asked;

struct agent {
	struct self *self;   /* not owned */
	struct store *store; /* owned */
	LIST_HEAD(, cert_import) imports;
	size_t nimports;
	struct http *http; /* owned; the cloud, NULL without one */
	LIST_HEAD(, asking) askings;
	size_t naskings;
	uint64_t silent;          /* monotonic ms: until then it is not asked */
	LIST_HEAD(, asked) asked; /* look-ups that wait */
	uint64_t lookups, found;  /* for the status */
};

void op_lookup(struct agent *, struct ipc *, struct ipc_msg *);
void op_cert_import(struct agent *, struct ipc *, struct ipc_msg *);
void op_cert_list(struct agent *, struct ipc *, struct ipc_msg *);

/* Nobody waits at this link any more (NULL: at none). */
void op_lookup_forget(struct agent *, const struct ipc *);

/* Give up what waits for the verifier; nobody is answered. */
void cert_imports_abandon(struct agent *);

#endif
