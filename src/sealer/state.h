/*
 * state.h - what the sealer's operations share.
 *
 * Each op_*() has the form of ipc_request_fn's work: it answers the message,
 * now or (import) later.
 */
#ifndef WAXWING_SEALER_STATE_H
#define WAXWING_SEALER_STATE_H

#include <stdint.h>
#include <sys/queue.h>

#include "role/role.h"
#include "sealer/keyring.h"
#include "sealer/keystore.h"
#include "smime/cert.h"

/* Certificates kept parsed: every account's own and its usual recipients. */
#define SEALER_CERTS 2000

/* Imports under way at once: they wait for the control client's pipes. */
#define SEALER_IMPORTS 8

struct import;
struct pins;

struct sealer {
	struct self *self;        /* not owned */
	struct cert_cache *certs; /* owned */
	struct keystore *store;   /* owned */
	struct keyring *ring;     /* owned; the keys in memory */
	struct db *pub;           /* owned; NULL until it was needed */
	struct pins *pins;        /* owned; what is believed of the cloud */
	LIST_HEAD(, import) imports;
	size_t nimports;
	uint64_t sealed, failed; /* for the status */
};

void op_key_export(struct sealer *, struct ipc *, struct ipc_msg *);
void op_key_import(struct sealer *, struct ipc *, struct ipc_msg *);
void op_key_list(struct sealer *, struct ipc *, struct ipc_msg *);
void op_bundle_take(struct sealer *, struct ipc *, struct ipc_msg *);
void op_cert_take(struct sealer *, struct ipc *, struct ipc_msg *);
void op_digest(struct sealer *, struct ipc *, struct ipc_msg *);
void op_jws(struct sealer *, struct ipc *, struct ipc_msg *);
void op_sender(struct sealer *, struct ipc *, struct ipc_msg *);
void op_seal(struct sealer *, struct ipc *, struct ipc_msg *);
void op_seal_self(struct sealer *, struct ipc *, struct ipc_msg *);

/* Give up what waits for a pipe; nobody is answered. */
void imports_abandon(struct sealer *);

/*
 * The encryption key that mail of an account is sealed to besides the
 * recipients: the one of address, else the login's, else any; valid now.
 * NULL if there is none.
 */
const struct key *self_key(const struct keydb *, struct str account,
    struct str address, int64_t at);

#endif
