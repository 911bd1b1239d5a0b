/*
 * seal.h - OP_SENDER, OP_SEAL and OP_SEAL_SELF: proxy asks the sealer.
 */
#ifndef WAXWING_PROTO_SEAL_H
#define WAXWING_PROTO_SEAL_H

#include "proto/lookup.h"
#include "proto/rec.h"

struct sender_req {
	struct str account;
	struct str address; /* From */
};

struct sender_ans {
	struct err err;
	bool owned;   /* the address is the account's */
	bool sign;    /* has a valid signing key */
	bool encrypt; /* has a valid encryption certificate */
	bool lapsed;  /* it has none now, but had or will have lately */
	bool gcm;     /* our own openers read these: always true here, */
	bool oaep;    /* but another device's hosted key may say no */
};

void sender_req_put(struct buf *, const struct sender_req *);
int sender_req_get(struct str, struct sender_req *, struct err *);
void sender_ans_put(struct buf *, const struct sender_ans *);
int sender_ans_get(struct str, struct sender_ans *, struct err *);

enum seal_cipher { SEAL_CBC, SEAL_GCM };

/*
 * Blob 0 is the message as it shall be read: header and body, CRLF, without
 * Bcc.  The answer's blob 0 is the whole message as it shall be sent.  The
 * sender's own encryption certificate is added to the recipients.
 */
struct seal_req {
	struct str account;
	struct str address; /* whose keys: From's */
	bool sign;
	bool encrypt;
	uint8_t cipher; /* enum seal_cipher */
	bool oaep;
	int64_t time;                             /* signingTime, seconds */
	const uint8_t (*recipients)[FINGERPRINT]; /* borrowed */
	size_t nrecipients;
};

struct seal_ans {
	struct err err;
};

void seal_req_put(struct buf *, const struct seal_req *);
int seal_req_get(struct str, struct seal_req *, struct err *);
void seal_ans_put(struct buf *, const struct seal_ans *);
int seal_ans_get(struct str, struct seal_ans *, struct err *);

/*
 * Blob 0 is a message that the account keeps for itself, exactly as it shall
 * be read again; the answer's blob 0 is what may be stored of it.  The answer
 * is a seal_ans; ERR_NOKEY in it says that the account has no encryption key
 * at all, and nothing else does.
 */
struct self_req {
	struct str account;
	uint8_t cipher; /* enum seal_cipher */
};

void self_req_put(struct buf *, const struct self_req *);
int self_req_get(struct str, struct self_req *, struct err *);

#endif
