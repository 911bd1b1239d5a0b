/*
 * start.h - what the parent tells a role when it starts and later.
 *
 * OP_START: body start_req; blob 0 holds the role's subkeys, each 32 bytes, in
 * the order of enum subkey for that role.  The role copies and unmaps it.
 * OP_CONF:  no body; blob 0 is conf_put()'s.  Answered with an err.
 * OP_PEER:  body peer_req; descriptor 0 is the link's end.
 * OP_LISTEN: body listen_req; descriptor 0 is the listening socket.
 * OP_LINK_LOST: body peer_req, whose other end broke the rules of the link or
 * answers nothing any more.
 * OP_LOG_LEVEL: one u8.  OP_STATUS: no body; the answer is err + blob 0 JSON.
 */
#ifndef WAXWING_PROTO_START_H
#define WAXWING_PROTO_START_H

#include "proto/rec.h"

/*
 * Subkeys: HKDF of the master key with these labels (sys/crypt crypt_derive).
 * "keys" is the sealer's root; the keys that wrap records at rest are derived
 * from it per account and purpose (start_key_label), so that an opener can be
 * given its own account's "open" key and nothing else.
 */
#define SUBKEY_KEYS   "keys"   /* sealer */
#define SUBKEY_SEEN   "seen"   /* proxy: seen/ */
#define SUBKEY_TOKENS "tokens" /* proxy: send recorder, throttle */
#define SUBKEY_PUB    "pub"    /* agent (reserved for caches) */

/* From the "keys" subkey: crypt_derive(keys, LABEL, account). */
#define KEYLABEL_OPEN   "open"
#define KEYLABEL_SIGN   "sign"
#define KEYLABEL_DEVICE "device"

struct start_req {
	struct str account; /* opener: whose; empty: the verifier, and others */
	struct str install_id; /* 16 hex digits, random per installation: the
	                        * authserv-id of status fields */
	struct str state_dir;
};

void start_req_put(struct buf *, const struct start_req *);
int start_req_get(struct str, struct start_req *, struct err *);

/* The last of enum role (sys/sandbox.h). */
#define PEER_ROLE_MAX 4

struct peer_req {
	uint8_t role;       /* enum role of the other end */
	struct str account; /* an opener's */
};

void peer_req_put(struct buf *, const struct peer_req *);
int peer_req_get(struct str, struct peer_req *, struct err *);

enum listen_kind { LISTEN_IMAP, LISTEN_IMAPS, LISTEN_SMTP, LISTEN_SMTPS };

struct listen_req {
	uint8_t kind;    /* enum listen_kind */
	struct str name; /* "127.0.0.1:1143", for logs */
};

void listen_req_put(struct buf *, const struct listen_req *);
int listen_req_get(struct str, struct listen_req *, struct err *);

/* OP_OPENER: request is the account; the answer err + descriptor 0 a link. */
void opener_req_put(struct buf *, struct str account);
int opener_req_get(struct str, struct str *account, struct err *);

#endif
