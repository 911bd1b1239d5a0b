/*
 * dnstxt.h - a question for a TXT record and its answer (RFC 1035 4), as
 * bytes.  Pure.
 *
 * Names have to be ASCII letters, digits, "-" and "_".  A CNAME is followed as
 * far as the same answer tells.
 */
#ifndef WAXWING_SYS_DNSTXT_H
#define WAXWING_SYS_DNSTXT_H

#include "base/buf.h"
#include "base/err.h"

/* What is taken as one datagram (RFC 6891 6.2.5). */
#define DNSTXT_MAX 1232

/* Append the question.  -1 if that is no name. */
int dnstxt_ask(uint16_t id, struct str name, struct buf *out);

/*
 * The record's text, its pieces joined (RFC 6376 3.6.2.2), is appended to out;
 * of several records it is the first.  -1: ERR_SYNTAX or ERR_PEER, it is no
 * answer to that question; ERR_NOTFOUND, there is no such record;
 * ERR_UNAVAILABLE, the server has none to give; ERR_LIMIT, the answer was cut
 * short or out is full.
 */
int dnstxt_answer(struct str packet, uint16_t id, struct str name,
    struct buf *out, struct err *);

#endif
