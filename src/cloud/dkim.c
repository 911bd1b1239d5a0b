#include "config.h"

#include "cloud/dkim.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <dkim.h>

#include "base/buf.h"
#include "mail/header.h"

/* Keys of 1024 bits are still common; less can be broken. */
#define KEY_BITS 1024

/* Signatures of other domains are ignored, but each costs reading. */
#define SIGNATURES_MAX 20

#define TXT_LEN 4096

/*
 * RFC 8823 3.2 point 9.  It wants all of them in "h=", there or not; few
 * signers name a field that is not there.  So: those that are there have to be
 * signed, which keeps anybody from changing one, and what is added later in
 * front of From, To, Subject or In-Reply-To makes two of them, which is
 * refused.
 */
static const char *const must[] = {"From", "Sender", "Reply-To", "To", "Cc",
    "Subject", "Date", "In-Reply-To", "References", "Message-ID",
    "Content-Type", "Content-Transfer-Encoding"};

/* Whose mail it is; libopendkim hands it to the callbacks. */
struct question {
	struct str domain;
	const char *keys;
};

static unsigned char *
bytes(const char *s)
{
	/* libopendkim takes what it only reads without const */
	return ((unsigned char *)(uintptr_t)s);
}

/* Look only at signatures of the domain: others cost look-ups. */
static DKIM_CBSTAT
on_prescreen(DKIM *dkim, DKIM_SIGINFO **sigs, int n)
{
	const struct question *q = dkim_get_user_context(dkim);
	const char *d;
	int i;

	for (i = 0; i < n; i++) {
		d = (const char *)dkim_sig_getdomain(sigs[i]);
		if (i >= SIGNATURES_MAX || d == NULL ||
		    !str_ieq(str_c(d), q->domain))
			dkim_sig_ignore(sigs[i]);
	}
	return (DKIM_CBSTAT_CONTINUE);
}

/* The DNS's stand-in. */
static DKIM_CBSTAT
on_lookup(DKIM *dkim, DKIM_SIGINFO *sig, u_char *out, size_t size)
{
	const struct question *q = dkim_get_user_context(dkim);
	DKIM_CBSTAT rc = DKIM_CBSTAT_NOTFOUND;
	char name[512], line[TXT_LEN], *text;
	FILE *f;

	(void)snprintf(name, sizeof(name), "%s._domainkey.%s",
	    (const char *)dkim_sig_getselector(sig),
	    (const char *)dkim_sig_getdomain(sig));
	if ((f = fopen(q->keys, "re")) == NULL)
		return (DKIM_CBSTAT_TRYAGAIN);
	while (rc == DKIM_CBSTAT_NOTFOUND &&
	       fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		text = line + strcspn(line, " \t");
		if (*text == '\0')
			continue;
		*text++ = '\0';
		if (!str_ieq(str_c(line), str_c(name)))
			continue;
		if (snprintf((char *)out, size, "%s", text) < (int)size)
			rc = DKIM_CBSTAT_CONTINUE;
		else
			rc = DKIM_CBSTAT_ERROR;
	}
	(void)fclose(f);
	return (rc);
}

/* Does this one say all that it has to? */
static bool
covers(DKIM *dkim, DKIM_SIGINFO *sig, struct str mail)
{
	ssize_t len = 0, canon = 0, limit = -1;
	dkim_alg_t alg = DKIM_SIGN_RSASHA1;
	size_t i;

	if ((dkim_sig_getflags(sig) & DKIM_SIGFLAG_PASSED) == 0 ||
	    (dkim_sig_getflags(sig) & DKIM_SIGFLAG_IGNORE) != 0 ||
	    (dkim_sig_getflags(sig) & DKIM_SIGFLAG_TESTKEY) != 0 ||
	    dkim_sig_getbh(sig) != DKIM_SIGBH_MATCH)
		return (false);
	/* RFC 8301 3.1: SHA-1 proves nothing any more */
	if (dkim_sig_getsignalg(sig, &alg) != DKIM_STAT_OK ||
	    alg == DKIM_SIGN_RSASHA1)
		return (false);
	/* l= would let anybody add a block of his own */
	if (dkim_sig_getcanonlen(dkim, sig, &len, &canon, &limit) !=
	        DKIM_STAT_OK ||
	    limit >= 0)
		return (false);
	for (i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		if (header_count(mail, must[i]) > 0 &&
		    !dkim_sig_hdrsigned(sig, bytes(must[i])))
			return (false);
	return (true);
}

/* Give libopendkim the mail. */
static DKIM_STAT
feed(DKIM *dkim, struct str mail)
{
	struct header h;
	struct field f;
	struct str all;
	DKIM_STAT stat;
	size_t len = header_len(mail);

	header_init(&h, mail);
	while (header_next(&h, &f)) {
		all = f.all;
		while (all.len > 0 && (all.p[all.len - 1] == '\n' ||
		                          all.p[all.len - 1] == '\r'))
			all.len--;
		stat = dkim_header(dkim, bytes(all.p), all.len);
		if (stat != DKIM_STAT_OK)
			return (stat);
	}
	if ((stat = dkim_eoh(dkim)) != DKIM_STAT_OK)
		return (stat);
	if (len < mail.len && (stat = dkim_body(dkim, bytes(mail.p + len),
	                           mail.len - len)) != DKIM_STAT_OK)
		return (stat);
	return (dkim_eom(dkim, NULL));
}

static int
judge(DKIM *dkim, struct str mail, DKIM_STAT stat, struct err *err)
{
	DKIM_SIGINFO **sigs;
	int i, n = 0;

	if (stat == DKIM_STAT_KEYFAIL || stat == DKIM_STAT_CBTRYAGAIN) {
		err_set(err, ERR_UNAVAILABLE,
		    "the DKIM key cannot be looked up now");
		return (-1);
	}
	if (stat == DKIM_STAT_OK &&
	    dkim_getsiglist(dkim, &sigs, &n) == DKIM_STAT_OK)
		for (i = 0; i < n; i++)
			if (covers(dkim, sigs[i], mail))
				return (0);
	err_set(err, ERR_UNTRUSTED,
	    "no DKIM signature of the sender's domain holds (RFC 8823 3.2)");
	return (-1);
}

static DKIM_LIB *
make_lib(const char *keys)
{
	unsigned int flags = DKIM_LIBFLAGS_NONE, bits = KEY_BITS;
	DKIM_LIB *lib;

	if ((lib = dkim_init(NULL, NULL)) == NULL)
		return (NULL);
	(void)dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags,
	    sizeof(flags));
	(void)dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits,
	    sizeof(bits));
	(void)dkim_set_prescreen(lib, on_prescreen);
	if (keys != NULL)
		(void)dkim_set_key_lookup(lib, on_lookup);
	return (lib);
}

int
dkim_check(struct str mail, struct str domain, const char *keys,
    struct err *err)
{
	struct question q = {domain, keys};
	DKIM *dkim = NULL;
	DKIM_STAT stat;
	DKIM_LIB *lib;
	int rc = -1;

	err_set(err, ERR_UNAVAILABLE, "no memory to verify DKIM");
	if ((lib = make_lib(keys)) == NULL)
		return (-1);
	if ((dkim = dkim_verify(lib, bytes("reply"), NULL, &stat)) != NULL &&
	    dkim_set_user_context(dkim, &q) == DKIM_STAT_OK) {
		stat = feed(dkim, mail);
		rc = judge(dkim, mail, stat, err);
	}
	if (dkim != NULL)
		(void)dkim_free(dkim);
	dkim_close(lib);
	return (rc);
}
