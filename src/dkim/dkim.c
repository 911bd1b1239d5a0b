#include "config.h"

#include "dkim/dkim.h"

#include <stdio.h>
#include <sys/types.h>

#include <dkim.h>

#include "base/buf.h"
#include "mail/header.h"

/* Keys of 1024 bits are still common; less can be broken. */
#define KEY_BITS 1024

/* Signatures of other domains are ignored, but each costs reading. */
#define SIGNATURES_MAX 20

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
	const struct dkim_ask *q = dkim_get_user_context(dkim);
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

static DKIM_CBSTAT
on_lookup(DKIM *dkim, DKIM_SIGINFO *sig, u_char *out, size_t size)
{
	const struct dkim_ask *q = dkim_get_user_context(dkim);
	char name[DKIM_NAME_MAX + 1];

	if ((size_t)snprintf(name, sizeof(name), "%s._domainkey.%s",
	        (const char *)dkim_sig_getselector(sig),
	        (const char *)dkim_sig_getdomain(sig)) >= sizeof(name))
		return (DKIM_CBSTAT_NOTFOUND);
	switch (q->key(name, (char *)out, size, q->arg)) {
	case DKIM_KEY_IS:
		return (DKIM_CBSTAT_CONTINUE);
	case DKIM_KEY_NONE:
		return (DKIM_CBSTAT_NOTFOUND);
	case DKIM_KEY_LATER:
		break;
	}
	return (DKIM_CBSTAT_TRYAGAIN);
}

/* Does this one say all that it has to? */
static bool
covers(DKIM *dkim, DKIM_SIGINFO *sig, struct str mail, const struct dkim_ask *q)
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
	/*
	 * RFC 8823 wants all of them in "h=", there or not; few signers name a
	 * field that is not there.  So: those that are there have to be signed,
	 * which keeps anybody from changing one, and what is added later in
	 * front of one makes two of them, which the caller refuses.
	 */
	for (i = 0; q->must[i] != NULL; i++)
		if (header_count(mail, q->must[i]) > 0 &&
		    !dkim_sig_hdrsigned(sig, bytes(q->must[i])))
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
judge(DKIM *dkim, struct str mail, const struct dkim_ask *q, DKIM_STAT stat,
    struct err *err)
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
			if (covers(dkim, sigs[i], mail, q))
				return (0);
	err_set(err, ERR_UNTRUSTED,
	    "no DKIM signature of the sender's domain holds");
	return (-1);
}

static DKIM_LIB *
make_lib(bool asks)
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
	if (asks)
		(void)dkim_set_key_lookup(lib, on_lookup);
	return (lib);
}

int
dkim_check(struct str mail, const struct dkim_ask *q, struct err *err)
{
	DKIM *dkim = NULL;
	DKIM_STAT stat;
	DKIM_LIB *lib;
	int rc = -1;

	err_set(err, ERR_UNAVAILABLE, "no memory to verify DKIM");
	if ((lib = make_lib(q->key != NULL)) == NULL)
		return (-1);
	if ((dkim = dkim_verify(lib, bytes("mail"), NULL, &stat)) != NULL &&
	    dkim_set_user_context(dkim, bytes((const char *)q)) ==
	        DKIM_STAT_OK) {
		stat = feed(dkim, mail);
		rc = judge(dkim, mail, q, stat, err);
	}
	if (dkim != NULL)
		(void)dkim_free(dkim);
	dkim_close(lib);
	return (rc);
}
