/*
 * smtp_tx.h - one mail on an SMTP session, from MAIL to the reply to the
 * final dot; RSET frees it.
 *
 * It goes through three files in this order:
 *	smtp_tx.c	the envelope; each recipient is looked up and tried
 *			upstream at once; then the text is stored
 *	smtp_seal.c	the text is read, policy makes groups or refusals, the
 *			sealer makes one text per group
 *	smtp_send.c	the groups go out, sealed ones first
 * Nothing is sent before all that is needed for sending all of it is there.
 */
#ifndef WAXWING_PROXY_SMTP_TX_H
#define WAXWING_PROXY_SMTP_TX_H

#include "base/arena.h"
#include "base/blob.h"
#include "policy/policy.h"
#include "proto/lookup.h"
#include "proxy/held.h"
#include "proxy/recorder.h"
#include "proxy/smtp_session.h"
#include "smtp/dot.h"
#include "smtp/verb.h"
#include "sys/memfd.h"

enum tx_state {
	TX_MAIL,     /* waits for the answer to MAIL, and a connection first */
	TX_RCPT,     /* recipients come */
	TX_TEXT,     /* the text comes */
	TX_SENDER,   /* the sealer is asked for the sender's keys */
	TX_SEAL,     /* the sealer makes the groups' texts */
	TX_CONNECT,  /* waits for a new connection upstream */
	TX_ENVELOPE, /* MAIL and RCPT of a group */
	TX_GO,       /* DATA is asked */
	TX_DOT,      /* the text of a group is sent */
	TX_OVER,     /* the client has its answer; the session frees it */
};

/* What became of a recipient when the groups were sent. */
enum rcpt_fate { FATE_OPEN, FATE_DELIVERED, FATE_LATER, FATE_NEVER };

struct tx_rcpt {
	struct smtp_tx *tx;
	struct buf path;    /* owned: as the client wrote it */
	struct buf address; /* owned: canonical */
	struct buf answer; /* owned: what the upstream said, ready to pass on */
	uint32_t look_up;  /* id of the question to the agent, or 0 */
	bool trying;       /* the upstream has not answered yet */
	struct tx_rcpt *same; /* borrowed: the same address came before */
	unsigned code;        /* the upstream's */

	enum policy_cert cert;
	bool recent;
	bool gcm;
	uint8_t fingerprint[FINGERPRINT];

	bool visible;  /* named in the header */
	bool accepted; /* by both of us: gets the mail */
	bool there;    /* is in the transaction that is open upstream */
	enum rcpt_fate fate;
};

/*
 * A text that the sealer encrypted: nothing else makes one, and what is in
 * one may be sent without a permit.
 */
struct sealed;

struct tx_group {
	const struct policy_group *is; /* in the arena */
	struct blob *text;             /* owned: in clear, perhaps signed */
	struct sealed *sealed;         /* owned: encrypted; one of the two */
};

struct smtp_tx {
	struct smtp_session *session;
	enum tx_state state;
	struct policy *policy; /* owned: the rules when the mail began */
	struct buf from;       /* owned: the path of MAIL */
	enum verb_body body;
	uint64_t declared; /* SIZE= */
	uint64_t size_max; /* of the client's text */

	struct tx_rcpt **rcpts; /* owned: all RCPT commands in order */
	size_t nrcpts;
	size_t answered; /* so many of them */
	bool tainted;    /* the upstream took one that we refused */

	struct memfd *spool; /* owned, while the text comes */
	struct dotdec dots;
	unsigned overflow;  /* code of the answer to what does not fit, or 0 */
	struct share share; /* of spool, raw, text and the groups' texts */
	struct blob *raw;   /* owned: the text as it came */
	struct blob *text;  /* owned: as it shall be read */

	struct arena arena;
	struct tx_rcpt **to; /* in the arena: the accepted ones */
	size_t nto;
	bool from_known;        /* there is one From address */
	struct str key_address; /* in the arena: whose keys are used */
	struct policy_sender sender;
	struct policy_plan plan;
	struct tx_group groups[LIMIT_GROUPS];
	size_t now; /* the group being sealed, then sent */

	uint32_t ask;        /* id of the question to the sealer, or 0 */
	unsigned tries;      /* waits for a sealer that is away */
	bool retried;        /* the question was asked twice */
	uint64_t sealed;     /* proxy's, when the sealer was asked */
	struct event *timer; /* owned */

	unsigned expected;   /* replies to a group's envelope */
	bool reconnected;    /* the one time that is allowed */
	bool recorded;       /* id is valid */
	struct record_id id; /* for the recorder */
	bool mail_refused;   /* in that envelope */
	struct reply worst;  /* reply of it */
	struct reply last;   /* what the client will be told */
};

/* RCPT TO:<...> upstream; done gets r.  -1: memory is out. */
int smtp_tx_ask_rcpt(struct tx_rcpt *r, smtp_up_fn *done);

/* MAIL: begins a mail.  NULL: memory is out.  Answers the client in time. */
struct smtp_tx *smtp_tx_new(struct smtp_session *, const struct verb_line *);
void smtp_tx_free(struct smtp_tx *); /* accepts NULL */

void smtp_tx_state(struct smtp_tx *, enum tx_state);

/* RCPT. */
void smtp_tx_rcpt(struct smtp_tx *, const struct verb_line *);

/* Are answers to RCPT owed? */
bool smtp_tx_owes(const struct smtp_tx *);

/* Another one would be refused at once, so it must wait its turn. */
bool smtp_tx_full(const struct smtp_tx *);

/* DATA: answers 354 or a refusal. */
void smtp_tx_data(struct smtp_tx *);

/* Bytes after DATA; returns how many were taken.  At the final dot the mail
 * goes on by itself. */
size_t smtp_tx_text(struct smtp_tx *, struct str);

/* The mail is over with this reply. */
void smtp_tx_answer(struct smtp_tx *, unsigned code, const char *text);
void smtp_tx_relay(struct smtp_tx *, const struct reply *);

/* The text is there: seal it.  (smtp_seal.c) */
void smtp_seal_start(struct smtp_tx *);
void sealed_free(struct sealed *);               /* accepts NULL */
struct blob *sealed_text(const struct sealed *); /* borrowed */

/* So many bytes more are made of it; false: they would be too many to hold,
 * and the client was told. */
bool smtp_tx_hold(struct smtp_tx *, uint64_t bytes);

/* All groups have their texts: send them.  (smtp_send.c) */
void smtp_send_start(struct smtp_tx *);

#endif
