/*
 * err.h - why something failed.
 *
 * The code is for the machine, the text for a person.  A library fills it and
 * returns -1 or NULL; it never logs.  The role logs once, where the error
 * ends.  Text that came from outside is escaped when it is put in.
 */
#ifndef WAXWING_BASE_ERR_H
#define WAXWING_BASE_ERR_H

#include "base/span.h"

enum err_code {
	ERR_OK,
	ERR_MEMORY,      /* could not allocate */
	ERR_LIMIT,       /* a limit of limits.h was met */
	ERR_SYNTAX,      /* the input breaks its grammar */
	ERR_UNSUPPORTED, /* well-formed, but not something we do */
	ERR_NOKEY,       /* not encrypted to any key held here */
	ERR_CRYPTO,      /* decryption, signature or key operation failed */
	ERR_UNTRUSTED,   /* a certificate that does not hold */
	ERR_NOTFOUND,    /* no such thing */
	ERR_DENIED,      /* policy or permission */
	ERR_IO,          /* the system said no */
	ERR_PEER,        /* the other side broke the protocol */
	ERR_TIMEOUT,
	ERR_UNAVAILABLE, /* a role or server is not there; try again */
};

/* A sentence that names two paths; fits a log line and a reply. */
#define ERR_TEXT 400

struct err {
	enum err_code code;
	char text[ERR_TEXT];
};

/* Fill; err may be NULL.  The text is printf's, cut to fit. */
void err_set(struct err *, enum err_code, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/* Put words before the text: "what: text". */
void err_prefix(struct err *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* A short word for the code ("syntax", "no-key"), for logs. */
const char *err_word(enum err_code);

/*
 * Copy s to out (size > 0) so that it is safe to log or send: every byte
 * outside 0x20..0x7e, and the backslash, becomes \xHH; cut with "..." to fit.
 * Returns out.
 */
const char *err_escape(char *out, size_t size, struct str s);

#endif
