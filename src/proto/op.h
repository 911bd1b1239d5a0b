/*
 * op.h - the words the roles share: every operation, who may ask it of whom,
 * and its records.
 *
 * The request of an operation is a struct x_req with x_req_put/x_req_get, its
 * answer x_ans likewise.  Every answer begins with an err (ERR_OK: it went
 * well).  Strings of a decoded record are borrowed from the message.
 */
#ifndef WAXWING_PROTO_OP_H
#define WAXWING_PROTO_OP_H

#include <stdint.h>

enum op {
	OP_NONE,
	/* parent > all */
	OP_START,  /* once, first: account, subkeys; see start.h */
	OP_CONF,   /* the conf, at start and at reload */
	OP_PEER,   /* a link to another role */
	OP_STATUS, /* what the role has to tell, as JSON */
	OP_LOG_LEVEL,
	/* parent > proxy */
	OP_LISTEN,     /* a listening socket */
	OP_ACCOUNTS,   /* no body; the answer is err + blob 0, a JSON array */
	OP_CACHE_DROP, /* no body; the answer is an err */
	OP_RESYNC,     /* see resync.h */
	/* proxy > parent */
	OP_OPENER, /* an account needs an opener */
	/* all > parent (told) */
	OP_LINK_LOST, /* a peer broke the rules: peer_req */
	/* proxy > agent, parent > agent */
	OP_LOOKUP, /* certificate of a recipient */
	/* proxy > agent (told) */
	OP_HARVEST, /* a signature that counts: see harvest.h */
	/* proxy > opener */
	OP_OPEN,
	OP_TEXT, /* the search text of a view: see open.h */
	/* proxy > opener (told) */
	OP_AHEAD, /* a large message is on its way: see open.h */
	/* proxy > sealer */
	OP_SENDER, /* which keys a sender has */
	OP_SEAL,
	OP_SEAL_SELF, /* what the account keeps for itself */
	/* sealer > proxy (told) */
	OP_KEY_ARRIVED,
	/* agent > verifier (an opener without account) */
	OP_VERIFY,
	/* parent > sealer */
	OP_KEY_IMPORT,
	OP_KEY_LIST,
	/* parent > agent */
	OP_CERT_IMPORT,
	OP_CERT_LIST,
	OP_CERT_APPROVE,
	/* enrolment: see enrol.h */
	OP_ACCOUNT_SEEN,
	OP_CHALLENGE_FIND,
	OP_CHALLENGE_CHECK,
	OP_REPLY_SUBMIT,
	OP_CHALLENGE_REMOVE,
	OP_JWS,
	OP_DIGEST,
	OP_CERT_TAKE,
	OP_BUNDLE_TAKE,
	OP_ENROL,
	OP_RENEW,
	OP_REVOKE,
	OP_RELEASE_LOG,
	OP_KEY_EXPORT,
	OP_MAX
};

/* What the first may ask of the second; each ends with OP_NONE. */
extern const uint16_t op_parent_to_proxy[];
extern const uint16_t op_parent_to_opener[];
extern const uint16_t op_parent_to_sealer[];
extern const uint16_t op_parent_to_agent[];
extern const uint16_t op_proxy_to_parent[];
extern const uint16_t op_others_to_parent[];
extern const uint16_t op_proxy_to_agent[];
extern const uint16_t op_proxy_to_opener[];
extern const uint16_t op_proxy_to_sealer[];
extern const uint16_t op_sealer_to_proxy[];
extern const uint16_t op_agent_to_verifier[];
extern const uint16_t op_agent_to_proxy[];
extern const uint16_t op_agent_to_sealer[];
extern const uint16_t op_nothing[];

const char *op_name(uint16_t);

#endif
