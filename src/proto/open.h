/*
 * open.h - OP_OPEN: proxy asks an opener bound to the account.
 *
 * Blob 0 of the request is the wire text.  Blob 0 of the answer is the view:
 * always there when err is ERR_OK, also when the message could not be opened
 * (then it is the wire text with status fields above it).  Blob 1, where it
 * was wanted and could be made: the view's search text; but not if it was
 * opened and its view is longer than OPEN_TEXT_LATER.
 *
 * OP_TEXT: the search text of a view, which is blob 0.  The answer is an err,
 * with blob 0 where the text could be made.
 *
 * OP_AHEAD: of a large message that is still being written, so much is there.
 * Its memfd, not sealed yet, comes with the first such record about it.  The
 * opener may decode it already; all the same OP_OPEN says when it is whole, and
 * a message can be opened that was never told of.
 */
#ifndef WAXWING_PROTO_OPEN_H
#define WAXWING_PROTO_OPEN_H

#include "proto/harvest.h"

/* The rules by which a view is made; part of what fixes its bytes. */
#define VIEW_VERSION 1

#define OPEN_TEXT_LATER (256UL * 1024)

/* 200 characters. */
#define OPEN_PREVIEW_MAX 1024

struct open_req {
	struct str account;
	int64_t first_seen; /* signatures are judged at this time */
	struct str
	    status;      /* the status fields fixed earlier; empty: make them */
	bool other_from; /* this ciphertext was seen under another From */
	bool text;       /* the search text is wanted */
	bool harvest;    /* only the signer's certificates are, no view: of a
	                  * message that is plain, too */
	bool closed;     /* openers died of it: it stays unopened */
};

struct text_req {
	bool whole; /* at full length; else what is worth keeping */
};

enum open_result {
	OPEN_OPENED,   /* decrypted and/or its opaque signature unwrapped */
	OPEN_NOT_OURS, /* not encrypted to any key held: view is as it is */
	OPEN_BROKEN,   /* could not be opened: view is as it is */
	OPEN_PLAIN, /* not sealed after all (foreign status fields dropped) */
	OPEN_KEY_LATER, /* our key, but not here yet: no view */
};

/* Was it shown as it is?  A key that comes may change that. */
static inline bool
open_unopened(uint8_t result)
{
	return (result == OPEN_NOT_OURS || result == OPEN_BROKEN);
}

enum open_cipher { OPEN_NO_CIPHER, OPEN_CBC, OPEN_AEAD };

enum open_sign {
	SIGN_NONE,
	SIGN_GOOD,      /* counts: chain, usage, time and From agree */
	SIGN_BAD,       /* does not verify */
	SIGN_UNTRUSTED, /* verifies, but does not count */
};

struct open_ans {
	struct err err;
	uint8_t result;      /* enum open_result */
	uint8_t cipher;      /* enum open_cipher */
	uint8_t sign;        /* enum open_sign */
	bool own;            /* the account sealed it to itself: the view is
	                      * that message and has no status fields */
	struct str signer;   /* address in the signer's certificate, or "" */
	struct str problem;  /* a sentence, or "" */
	struct str from;     /* the outer From address */
	struct str status;   /* the status fields at the top of the view */
	uint8_t content[32]; /* by what the outermost CMS is known again, zeros:
	                      * none */
	uint8_t view[32];    /* SHA-256 of the view */
	/* The first words of the view (mail/preview.h); p NULL: unknown. */
	struct str preview;
	/* With SIGN_GOOD that was judged now: what the signature brought. */
	struct harvest harvest;
};

struct open_ahead {
	uint32_t number; /* tells one message from the next */
	uint64_t total;
	uint64_t here;
};

void open_ahead_put(struct buf *, const struct open_ahead *);
int open_ahead_get(struct str, struct open_ahead *, struct err *);
void open_req_put(struct buf *, const struct open_req *);
int open_req_get(struct str, struct open_req *, struct err *);
void open_ans_put(struct buf *, const struct open_ans *);
int open_ans_get(struct str, struct open_ans *, struct err *);
void text_req_put(struct buf *, const struct text_req *);
int text_req_get(struct str, struct text_req *, struct err *);

#endif
