/*
 * reply.h - SMTP replies (RFC 5321 4.2, enhanced codes of RFC 2034 and 3463).
 */
#ifndef WAXWING_SMTP_REPLY_H
#define WAXWING_SMTP_REPLY_H

#include "base/buf.h"
#include "base/span.h"

/*
 * A reply, whole or in the making.  text has the lines without their codes,
 * joined with "\n"; the enhanced code is taken off the text.
 */
struct reply {
	unsigned code;        /* 200..599 */
	unsigned enhanced[3]; /* all 0 if the reply has none */
	struct buf text;      /* owned */
	struct buf line;      /* owned: the line being read */
	bool begun;           /* code is that of the lines seen so far */
};

void reply_init(struct reply *);
void reply_clear(struct reply *);

/*
 * Feed bytes of a server.  Returns 1 when the reply is complete and *used
 * bytes belonged to it, 0 when all bytes were used and more are needed, -1
 * if this is no reply (RFC 5321 4.2.1) or one beyond LIMIT_REPLY.  After 1,
 * reply_reset() makes it ready for the next.
 */
int reply_feed(struct reply *, const char *, size_t len, size_t *used);
void reply_reset(struct reply *);

/* Make to, which was initialised, the same as a complete reply. */
void reply_copy(struct reply *to, const struct reply *);

/* 2 for 2yz and so on. */
static inline unsigned
reply_class(const struct reply *r)
{
	return (r->code / 100);
}

/*
 * Write a reply for a client.  text may have several lines ("\n"); other
 * control and 8-bit characters in it become "?", since some of it comes from
 * strangers.  enhanced may be "" (greeting, EHLO, 3yz: RFC 2034 3).
 */
void reply_print(struct buf *out, unsigned code, const char *enhanced,
    struct str text);

/*
 * Write a server's reply for our client, which was promised enhanced codes:
 * a missing one, or one whose class is not the reply's, becomes X.0.0.
 */
void reply_relay(struct buf *out, const struct reply *);

#endif
