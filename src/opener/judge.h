/*
 * judge.h - does a signature count?
 *
 * It counts only if it verifies, its certificate's chain holds at the time
 * the message was first seen (never at the signingTime, which the sender
 * claims), the certificate is for signing mail, and the address in it equals
 * From.
 */
#ifndef WAXWING_OPENER_JUDGE_H
#define WAXWING_OPENER_JUDGE_H

#include "opener/peel.h"
#include "smime/chain.h"

/* Did a person say that this very certificate is to be trusted for an
 * address? */
typedef bool judge_pinned_fn(const unsigned char sha256[32], struct str address,
    void *arg);

struct judge_ask {
	const struct anchors *anchors;
	judge_pinned_fn *pinned; /* may be NULL */
	void *pinned_arg;
	int64_t at;
	struct str from;
};

struct verdict {
	enum open_sign sign;
	char signer[256]; /* an address in the certificate, or "" */
	char why[128];    /* for SIGN_BAD and SIGN_UNTRUSTED */
	/* SIGN_GOOD: whose it is; borrowed from the peeled. */
	const struct cms_signer *by;
	const struct cms_signed *sig;
};

/* Judge all signatures inside the innermost encryption; tell the best one. */
void judge(const struct peeled *, const struct judge_ask *, struct verdict *);

#endif
