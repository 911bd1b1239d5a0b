/*
 * dot.h - the text after DATA (RFC 5321 4.5.2) in both directions.
 *
 * Only CRLF.CRLF ends the text.  Line ends that are not CRLF are where one
 * server's end is another's middle ("SMTP smuggling", CVE-2023-51764), so
 * none leaves here: a bare LF counts as a line end and becomes CRLF, a bare
 * CR becomes a space.  That is what Postfix does (smtpd_forbid_bare_newline =
 * normalize with cleanup_replace_stray_cr_lf); RFC 5321 2.3.8 forbids clients
 * to send either, yet scripts and curl(1) do, and a signature needs CRLF
 * (RFC 8551 3.1.1).  RFC 6409 8 lets a submission server repair.
 */
#ifndef WAXWING_SMTP_DOT_H
#define WAXWING_SMTP_DOT_H

#include "base/buf.h"
#include "base/span.h"

struct dotdec {
	int state;
	bool strict; /* the line before ended with CRLF */
};

void dotdec_init(struct dotdec *);

/*
 * Decode the client's bytes and append the text to out: CRLF line ends only,
 * and the last line has one.  Returns 1 at the end of the text with *used
 * bytes taken (what follows is the next command), 0 if all were taken and
 * more are needed.  Cutting the input anywhere gives the same output.  out
 * may have failed (a full disk, a limit): the end is found all the same.
 */
int dotdec_feed(struct dotdec *, const char *, size_t len, struct buf *out,
    size_t *used);

struct dotenc {
	bool bol; /* at the beginning of a line */
	bool cr;  /* a CR is held back */
};

void dotenc_init(struct dotenc *);

/* Append the stuffed form of a piece of text; line ends as above. */
void dotenc_feed(struct dotenc *, const char *, size_t len, struct buf *out);

/* Finish the last line and append ".CRLF". */
void dotenc_end(struct dotenc *, struct buf *out);

#endif
