/*
 * enrol_priv.h - what the steps of an enrolment share.
 */
#ifndef WAXWING_AGENT_ENROL_PRIV_H
#define WAXWING_AGENT_ENROL_PRIV_H

#include "agent/enrol.h"
#include "agent/post.h"
#include "agent/txt.h"
#include "agent/verify.h"

enum step {
	STEP_ACCOUNT,  /* have an account at the cloud */
	STEP_ORDER,    /* order a certificate */
	STEP_AUTHZ,    /* read what has to be proved */
	STEP_FIND,     /* find and check the challenge mail */
	STEP_ANSWER,   /* answer it, once */
	STEP_RESPOND,  /* say so */
	STEP_VALID,    /* wait until the answer was seen */
	STEP_TIDY,     /* remove the challenge mail */
	STEP_FINALIZE, /* send the request, wait for the certificate */
	STEP_CERT,     /* take the certificate */
	STEP_KEYS,     /* take the encryption keys */
	STEP_DONE,     /* until it is time to renew */
	STEP_MAX
};

/* Mails that may be the challenge: which were looked at (OP_CHALLENGE_FIND). */
struct look {
	uint32_t uidvalidity;
	uint32_t low, high; /* none of these is it */
	uint32_t uid;       /* the one that is looked at now */
	uint32_t stuck;     /* one that could not be judged */
	bool again;         /* that one, or others, were passed over */
	unsigned checks;    /* in a row */
};

/* One mailbox of an account. */
struct enrol {
	LIST_ENTRY(enrol) next;
	struct agent *agent;
	/* What is on disk: account, address, step, since, tries, next, error
	 * and what the steps put in. */
	json_t *rec; /* owned */
	enum step step;
	unsigned polls; /* of this step, since we run */
	struct look look;
	bool seen;           /* the account logged in since we run */
	bool near;           /* and nothing was tidied since */
	struct event *timer; /* owned */
	/* what is under way: one of them, or none */
	struct post *post;
	struct verify *verify;
	struct txt *txt;
	struct ipc *asked;
	uint32_t id;
	/* between two questions of one step */
	struct blob *held; /* owned */
	struct buf keys;   /* owned; of challenge_check_req */
	unsigned nkeys;
};

/* Members of the record; a missing one is empty, or 0. */
struct str enrol_str(const struct enrol *, const char *name);
int64_t enrol_num(const struct enrol *, const char *name);
void enrol_set_str(struct enrol *, const char *name, struct str);
void enrol_set_num(struct enrol *, const char *name, int64_t);
void enrol_unset(struct enrol *, const char *name);

/* The record's name of a step. */
const char *enrol_word(enum step);
/* Write the record.  -1 with err. */
int enrol_write(struct enrol *, struct err *);

/* Go on with the step when it is that time (wall clock). */
void enrol_sleep(struct enrol *, int64_t until);
void enrol_on_timer(evutil_socket_t, short, void *);
/* Is something under way?  Then drop that. */
bool enrol_busy(const struct enrol *);
void enrol_drop(struct enrol *);

/* The step is done: write the record, then begin the next. */
void enrol_next(struct enrol *, enum step);
/* It failed: again later.  after: seconds at least, or -1. */
void enrol_retry(struct enrol *, const struct err *, int64_t after);
/* There is nothing yet: look again soon, which is no failure. */
void enrol_poll(struct enrol *, int64_t after);
/* What was ordered is lost: order again, later. */
void enrol_restart(struct enrol *, const struct err *);
/* Write the record in the middle of a step.  -1: enrol_retry() was called. */
int enrol_save(struct enrol *);

/* Ask the cloud; on failure of the start enrol_retry() is called. */
void enrol_post(struct enrol *, enum post_to, enum jws_kind, struct str url,
    post_fn *);
void enrol_post_ask(struct enrol *, struct post_ask *, post_fn *);
/* Ask a role; the same. */
void enrol_ask(struct enrol *, enum role, uint16_t op, const struct buf *body,
    struct blob *const *, size_t nblobs, ipc_answer_fn *);

/* Remember the cloud's name of the account. */
int enrol_keep_kid(struct enrol *, struct str kid, struct err *);

/* Was the challenge with that token answered for this order? */
bool enrol_tried(const struct enrol *, struct str token1);

/* The order's challenge is not waited for any more, but may be in the mailbox
 * or still come; is there something to be tidied? */
void enrol_stray(struct enrol *);
bool enrol_untidy(const struct enrol *);

/* All is done: STEP_DONE, but if somebody is logged in now, tidy first what
 * could not be tidied before. */
void enrol_rest(struct enrol *);

/* Certificates of ours, as a cert_list, into pub/; the newest for each use
 * into the record, as NAME: {fingerprint, not_before, not_after}. */
int enrol_keep_certs(struct enrol *, struct str list, struct err *);

/* Entries of the release log into the record, of which the newest stay. */
void enrol_add_releases(struct enrol *, const json_t *log);

/* In STEP_DONE: see who else got our keys. */
void enrol_watch(struct enrol *);

void step_account(struct enrol *);
void step_order(struct enrol *);
void step_authz(struct enrol *);
void step_find(struct enrol *);
void step_answer(struct enrol *);
void step_respond(struct enrol *);
void step_valid(struct enrol *);
void step_tidy(struct enrol *);
void step_finalize(struct enrol *);
void step_cert(struct enrol *);
void step_keys(struct enrol *);
void step_done(struct enrol *);

#endif
