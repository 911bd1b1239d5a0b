/*
 * enrol.h - enrolment: what proxy, agent, sealer, verifier and parent tell
 * each other about it.
 *
 * proxy  > agent     OP_ACCOUNT_SEEN (told)  a login succeeded
 * agent  > proxy     OP_CHALLENGE_FIND, OP_REPLY_SUBMIT, OP_CHALLENGE_REMOVE
 * agent  > verifier  OP_CHALLENGE_CHECK
 * agent  > sealer    OP_JWS, OP_DIGEST, OP_CERT_TAKE, OP_BUNDLE_TAKE
 * parent > agent     OP_ENROL, OP_RENEW, OP_REVOKE, OP_RELEASE_LOG
 * parent > sealer    OP_KEY_EXPORT
 *
 * Every answer begins with an err.  Blobs are named with each record.
 */
#ifndef WAXWING_PROTO_ENROL_H
#define WAXWING_PROTO_ENROL_H

#include "proto/lookup.h"
#include "proto/rec.h"

/* OP_ACCOUNT_SEEN: the canonical login; its credential is held now. */
struct account_seen {
	struct str account;
	bool loopback; /* Waxwing listens on this machine alone */
};
void account_seen_put(struct buf *, const struct account_seen *);
int account_seen_get(struct str, struct account_seen *, struct err *);

/*
 * OP_CHALLENGE_FIND: look once for a mail from that address in the account's
 * INBOX that may be the challenge (SEARCH first, then one message).  What was
 * looked at before is skipped: the UIDs from low to high, if the mailbox's
 * UIDVALIDITY is still that.  It is the newest one; after that those that came
 * since, in their order, then the older ones: so what was looked at is always
 * one stretch.  ERR_NOTFOUND: none (any more); ERR_UNAVAILABLE: no credential
 * held.  Blob 0 is the message.
 */
struct challenge_find_req {
	struct str account;
	struct str from; /* of the challenge object */
	struct str to;   /* the mailbox's address */
	uint32_t uidvalidity;
	uint32_t low, high; /* 0, 0: none was looked at */
};
struct challenge_find_ans {
	struct err err;
	uint32_t uidvalidity;
	uint32_t uid;
};
void challenge_find_req_put(struct buf *, const struct challenge_find_req *);
int challenge_find_req_get(struct str, struct challenge_find_req *,
    struct err *);
void challenge_find_ans_put(struct buf *, const struct challenge_find_ans *);
int challenge_find_ans_get(struct str, struct challenge_find_ans *,
    struct err *);

/*
 * OP_CHALLENGE_CHECK: blob 0 is the message, whole.  What holds is returned.
 * ERR_UNAVAILABLE with a key: it is signed by DKIM, and the TXT record of that
 * name is missing; ask again with it.
 */
struct challenge_check_req {
	struct str from;
	struct str to;
	int64_t time;
	/* Strings in pairs: the name of a TXT record, and its text ("": there
	 * is no such record). */
	struct str keys;
};
struct challenge_check_ans {
	struct err err;
	struct str token1;
	struct str message_id;
	struct str reply_to; /* address to answer to */
	struct str key;      /* the name of the record that is missing */
};
void challenge_check_req_put(struct buf *, const struct challenge_check_req *);
int challenge_check_req_get(struct str, struct challenge_check_req *,
    struct err *);
void challenge_check_ans_put(struct buf *, const struct challenge_check_ans *);
int challenge_check_ans_get(struct str, struct challenge_check_ans *,
    struct err *);

/*
 * OP_REPLY_SUBMIT: blob 0 is the reply, which goes out unsealed (the permit for
 * challenge answers) through the account's submission server.  The answer is
 * an err: ERR_DENIED when the server refused it for good.
 */
struct reply_submit_req {
	struct str account;
	struct str from;
	struct str to;
};
void reply_submit_req_put(struct buf *, const struct reply_submit_req *);
int reply_submit_req_get(struct str, struct reply_submit_req *, struct err *);

/* OP_CHALLENGE_REMOVE: by UID EXPUNGE or MOVE to trash; answered by an err. */
struct challenge_remove_req {
	struct str account;
	uint32_t uidvalidity;
	uint32_t uid;
};
void challenge_remove_req_put(struct buf *,
    const struct challenge_remove_req *);
int challenge_remove_req_get(struct str, struct challenge_remove_req *,
    struct err *);

/*
 * OP_JWS: the sealer builds the JWS from a typed request with the account's
 * device keys, which are made when they are not there.  It refuses a url or
 * kid of another origin than [cloud] url.  Answer: err, the JWS, and for
 * JWS_KMS_KEYS and JWS_KMS_LOG the sealer remembers the nonce it put in.
 */
enum jws_kind {
	JWS_NEW_ACCOUNT,
	JWS_NEW_ORDER, /* address */
	JWS_GET,       /* POST-as-GET */
	JWS_CHALLENGE, /* {} */
	JWS_FINALIZE,  /* address: with the CSR of the pending signing key */
	JWS_REVOKE,    /* fingerprint of a certificate of this account */
	JWS_KMS_KEYS,  /* address, create, rotate */
	JWS_KMS_LOG,   /* address, from: how many entries were read */
	JWS_DEACTIVATE,
	JWS_KIND_MAX = JWS_DEACTIVATE
};
/* As "from": what is new since the log was seen last.  0 begins a reading of
 * all of it, which goes on with what OP_BUNDLE_TAKE said. */
#define JWS_LOG_NEWS UINT64_MAX
struct jws_req {
	struct str account;
	uint8_t kind;
	struct str url;
	struct str nonce; /* the server's Replay-Nonce */
	struct str kid;   /* the account URL; empty for JWS_NEW_ACCOUNT */
	struct str address;
	bool create;
	bool rotate;
	uint64_t from;
	uint8_t fingerprint[FINGERPRINT];
};
struct jws_ans {
	struct err err;
	struct str jws;
};
void jws_req_put(struct buf *, const struct jws_req *);
int jws_req_get(struct str, struct jws_req *, struct err *);
void jws_ans_put(struct buf *, const struct jws_ans *);
int jws_ans_get(struct str, struct jws_ans *, struct err *);

/* OP_DIGEST: RFC 8823's digest with the account key's thumbprint.  Answer:
 * jws_ans, whose jws is the digest. */
struct digest_req {
	struct str account;
	struct str token1;
	struct str token2;
};
void digest_req_put(struct buf *, const struct digest_req *);
int digest_req_get(struct str, struct digest_req *, struct err *);

/*
 * OP_CERT_TAKE: blob 0 is the PEM chain that the order gave.  The sealer checks
 * that it is for the pending signing key and the address and leads to an
 * authority of the conf, and makes it the account's signing key.
 * OP_BUNDLE_TAKE: blob 0 is the key service's answer, with keys or (to
 * JWS_KMS_LOG) without; the sealer checks signature, mailbox, transport key,
 * nonce and log head, and keeps the keys.
 * Both answer err + blob 0, a cert_list of what the answer brought;
 * OP_BUNDLE_TAKE also blob 1, its log entries as a JSON array of objects, and
 * behind the err the number of entries up to the page's end, or 0 if the log
 * ends there.  A page counts for little before the last one came: only then
 * it is certain that the log is the one that was seen before.  The same may be
 * taken again and gets the same answer, until a newer one was taken.
 */
struct take_req {
	struct str account;
	struct str address;
};
void take_req_put(struct buf *, const struct take_req *);
int take_req_get(struct str, struct take_req *, struct err *);

/*
 * OP_ENROL, OP_RENEW (address): start now; the answer comes at once, when the
 * state is "running" already.  OP_REVOKE: fingerprint as hex in text, and the
 * account in the place of the address.
 * OP_RELEASE_LOG: the answer's blob 0 is JSON.  But for
 * OP_REVOKE text is the account.
 * OP_KEY_EXPORT: blob 0 is the passphrase; the answer's blob 0 a PKCS#12 file
 * with the encryption keys of the address, or without one of the account.
 *
 * How far enrolments are is told by the agent's OP_STATUS: the member "enrol"
 * is an array of {"account", "address", "step"} and perhaps "next" (a time: it
 * sleeps until then), "error" (why the last try failed), "since", "tries",
 * "sign" and "encrypt" ({"fingerprint", "not_before", "not_after"}) and
 * "releases" (the last entries of the release log).  A step is "done" when
 * there is nothing left to do until "next".
 */
struct enrol_req {
	struct str address;
	struct str text;
};
void enrol_req_put(struct buf *, const struct enrol_req *);
int enrol_req_get(struct str, struct enrol_req *, struct err *);

#endif
