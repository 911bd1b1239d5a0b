/*
 * open.h - from the wire text to the view: what an opener does.
 *
 * Pure: keys, anchors and rules are handed in, nothing is fetched.  The view
 * of a message is the same for ever, so what was decided at its first opening
 * (the status fields, the time) is handed in too when it is opened again.
 */
#ifndef WAXWING_OPENER_OPEN_H
#define WAXWING_OPENER_OPEN_H

#include "opener/harvest.h"

/* [reading] unauthenticated: what becomes of CBC content without a
 * signature inside (defang.h). */
enum unauthenticated {
	UNAUTH_TEXT,   /* only text/plain is shown as it is */
	UNAUTH_MARK,   /* all is shown; the status fields tell */
	UNAUTH_REFUSE, /* the message stays closed */
};

struct open_ctx {
	const struct keydb *keys;
	struct cert_cache *cache;
	const struct anchors *anchors;
	judge_pinned_fn *pinned;
	void *pinned_arg;
	struct str authserv;
	bool keep_signature;
	enum unauthenticated unauthenticated;
	/* Is this sender's unsigned CBC content believed?  May be NULL. */
	bool (*trusted)(struct str from, void *arg);
	void *trusted_arg;
	/* Is a key of the account's on its way that this names?  Or NULL. */
	bool (*awaited)(const struct rid *, void *arg);
	void *awaited_arg;
};

struct open_in {
	struct str wire;
	int64_t first_seen;
	struct str status; /* fixed earlier; empty at first */
	bool other_from;
	bool keys_come; /* the account has no key yet, but is being enrolled */
	bool harvest;   /* no view; look at a signature around all, too */
	bool closed;    /* show it as it is: openers died of it */
	struct peel_early *early; /* see peel.h; may be NULL */
};

struct open_out {
	enum open_result result;
	enum open_cipher cipher;
	enum open_sign sign;
	bool own; /* the account sealed it to itself; no status fields */
	char signer[256];
	char problem[160];
	char from[256]; /* the outer From address, escaped */
	struct buf status;
	struct buf view;
	struct str rest;      /* what follows it, in the wire text or ... */
	struct peeled peeled; /* owned; ... in here */
	uint8_t content[32];
	struct harvest harvest; /* its strings are in signer and certs */
	struct buf certs;
};

/* 0, or -1 with the reason: memory, or a view beyond the limits. */
int open_message(const struct open_ctx *, const struct open_in *,
    struct open_out *, struct err *);
void open_out_clear(struct open_out *);

#endif
