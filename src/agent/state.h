/*
 * state.h - what the agent's operations share.
 */
#ifndef WAXWING_AGENT_STATE_H
#define WAXWING_AGENT_STATE_H

#include <stdint.h>
#include <sys/queue.h>

#include "acme/object.h"
#include "agent/http.h"
#include "agent/store.h"
#include "role/role.h"
#include "sys/db.h"

/* Imports under way at once: each waits for the verifier. */
#define AGENT_IMPORTS 16

/* Certificates from signed mail, likewise; more are met again. */
#define AGENT_HARVESTS 16

struct cert_import;
struct enrol;
struct errand;
struct harvesting;
struct post;
struct asking;
struct asked;

/* What the cloud's directory said (RFC 8555 7.1.1), and a nonce. */
struct directory {
	struct acme_directory urls;
	struct arena arena;
	int64_t fresh; /* until then; 0: there is none */
	struct buf nonce;
};
void directory_init(struct directory *);
void directory_clear(struct directory *);

struct agent {
	struct self *self;   /* not owned */
	struct store *store; /* owned */
	LIST_HEAD(, cert_import) imports;
	size_t nimports;
	LIST_HEAD(, harvesting) harvests;
	size_t nharvests;
	struct http *http; /* owned; the cloud, NULL without one */
	LIST_HEAD(, asking) askings;
	size_t naskings;
	uint64_t silent;          /* monotonic ms: until then it is not asked */
	LIST_HEAD(, asked) asked; /* look-ups that wait */
	struct directory directory;
	LIST_HEAD(, post) posts;
	struct db *enrol_db; /* owned */
	LIST_HEAD(, enrol) enrols;
	LIST_HEAD(, errand) errands;
	uint64_t lookups, found; /* for the status */
};

void op_lookup(struct agent *, struct ipc *, struct ipc_msg *);
void op_cert_import(struct agent *, struct ipc *, struct ipc_msg *);
void op_harvest(struct agent *, struct ipc *, struct ipc_msg *);
void op_cert_list(struct agent *, struct ipc *, struct ipc_msg *);
void op_cert_approve(struct agent *, struct ipc *, struct ipc_msg *);
void op_account_seen(struct agent *, struct ipc *, struct ipc_msg *);
void op_enrol(struct agent *, struct ipc *, struct ipc_msg *);
void op_renew(struct agent *, struct ipc *, struct ipc_msg *);
void op_revoke(struct agent *, struct ipc *, struct ipc_msg *);
void op_release_log(struct agent *, struct ipc *, struct ipc_msg *);

/* Nobody waits at this link any more (NULL: at none). */
void op_lookup_forget(struct agent *, const struct ipc *);

/* Give up what waits for the cloud; nobody is answered. */
void errands_abandon(struct agent *);

/* Give up what waits for the verifier; nobody is answered. */
void cert_imports_abandon(struct agent *);
void harvests_abandon(struct agent *);

#endif
