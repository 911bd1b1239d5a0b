/*
 * judge.h - is a mail the reply to a challenge (RFC 8823 3.2)?
 *
 * In two steps, since DKIM may have to wait for the DNS: first what the mail
 * says of itself, then, once it is known to be authentic, what it answers.
 */
#ifndef WAXWING_CLOUD_JUDGE_H
#define WAXWING_CLOUD_JUDGE_H

#include "base/limits.h"
#include "cloud/cloud.h"

/* A reply is a few lines, but clients quote and providers add. */
#define REPLY_MAIL_MAX (256UL * 1024)

struct judged {
	char from[LIMIT_ADDRESS + 1];
	char domain[LIMIT_ADDRESS + 1]; /* of from */
	char token1[64];
	bool authentic; /* our own mail server says so */
};

/* Something waits for it, and the fields are as they have to be.  -1:
 * ERR_UNAVAILABLE, try again; otherwise it is to be refused. */
int judge_fields(struct cloud *, struct str mail, struct judged *,
    struct err *);

/* It is authentic: take what it answers. */
int judge_answer(struct cloud *, struct str mail, const struct judged *,
    struct err *);

#endif
