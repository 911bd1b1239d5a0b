/*
 * policy.h - who gets a mail how.
 *
 * (sender, recipients, what is known of their certificates, rules) becomes
 * groups, each of which is one DATA upstream, or refusals, and then nothing
 * is sent.  Pure: no look-ups, no clock, no S/MIME.
 *
 * The promises kept here:
 *  - what a rule demands and cannot be had is refused by a sentence that
 *    names the recipient;
 *  - nothing goes out in clear because something failed: a look-up that
 *    failed, and a recipient who could be sealed to in the last 180 days, or a
 *    sender who could, are 451 under every rule but "encrypt = off";
 *  - a sealed group never names a hidden recipient to others (RFC 5652 6.2
 *    puts every recipient's issuer and serial into the message);
 *  - DATA that is not sealed takes a permit, and only this module makes one.
 */
#ifndef WAXWING_POLICY_POLICY_H
#define WAXWING_POLICY_POLICY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* 0 is "not said": the next less specific pattern decides. */
enum policy_encrypt {
	ENCRYPT_UNSAID,
	ENCRYPT_OFF,
	ENCRYPT_OPPORTUNISTIC,
	ENCRYPT_REQUIRED
};
enum policy_sign { SIGN_UNSAID, SIGN_ENCRYPTED, SIGN_ALWAYS, SIGN_NEVER };
enum policy_mixed { MIXED_UNSAID, MIXED_SPLIT, MIXED_REFUSE };
enum policy_cipher { CIPHER_UNSAID, CIPHER_AUTO, CIPHER_CBC, CIPHER_GCM };

struct policy_rule {
	enum policy_encrypt encrypt;
	enum policy_sign sign;
	enum policy_mixed mixed;
	enum policy_cipher cipher;
};

/* Rules by recipient pattern. */
struct policy;

/* Without rules: opportunistic, encrypted, split, auto.  NULL: no memory. */
struct policy *policy_new(void);
void policy_free(struct policy *); /* accepts NULL */

/*
 * Add a rule.  pattern is "joe@example.org", "*@example.org",
 * "*@*.example.org" (every subdomain, not example.org itself) or "*".
 * Returns -1 if it is none of these, is there already, or memory is out.
 */
int policy_add(struct policy *, struct str pattern, struct policy_rule,
    struct err *);

/* Words of the conf; -1 if there is no such word. */
int policy_encrypt_word(struct str, enum policy_encrypt *);
int policy_sign_word(struct str, enum policy_sign *);
int policy_mixed_word(struct str, enum policy_mixed *);
int policy_cipher_word(struct str, enum policy_cipher *);

/*
 * The rule for an address (in the form of verb_canonical()).  Key by key the
 * most specific pattern that says something wins: the address itself, its
 * domain, the longest parent domain, "*".  Case is ignored everywhere, in the
 * local part too: a rule must not be escaped by spelling.
 */
struct policy_rule policy_lookup(const struct policy *, struct str address);

/* What is known of a recipient's certificate. */
enum policy_cert {
	CERT_USABLE,
	CERT_NONE,  /* the sources were asked and have none that is good */
	CERT_FAILED /* could not be found out */
};

struct policy_rcpt {
	struct str address; /* canonical */
	bool visible;       /* named in To, Cc, Resent-To or Resent-Cc */
	enum policy_cert cert;
	bool recent; /* had a usable one in the last 180 days */
	bool gcm;    /* known to read AES-256-GCM and RSAES-OAEP */
};

struct policy_sender {
	bool owns_from;   /* From is an address of the account */
	bool can_sign;    /* it has a signing key */
	bool can_encrypt; /* it has an encryption certificate */
	bool lapsed;      /* not now, but lately; or the clock is wrong */
	bool gcm;         /* which reads AES-256-GCM and RSAES-OAEP */
	bool enrolling;   /* it will have one soon, without anybody's doing */
};

/* May be sent unsealed, to the recipients of one group. */
struct permit;

struct policy_group {
	const size_t *rcpts; /* indexes, ascending */
	size_t n;
	bool sign;
	bool encrypt;
	enum policy_cipher cipher;   /* CBC or GCM (with OAEP) */
	const struct permit *permit; /* NULL if encrypt */
};

/* Code and text of the reply; the text begins with the enhanced code. */
struct policy_refusal {
	size_t rcpt; /* POLICY_ALL: the whole mail */
	unsigned code;
	const char *text;
};
#define POLICY_ALL SIZE_MAX

struct policy_plan {
	const struct policy_group *groups; /* sealed ones first */
	size_t ngroups;
	const struct policy_refusal *refusals; /* if any, there are no groups */
	size_t nrefusals;
};

/*
 * Make the plan for a mail with n recipients, in the arena, which must stay
 * as long as a group or permit is used.  Returns -1 if memory is out.
 */
int policy_plan(const struct policy *, const struct policy_sender *,
    const struct policy_rcpt *, size_t n, struct arena *,
    struct policy_plan *out);

/*
 * Is this recipient to be refused at RCPT already?  Only what no override of
 * the sender's could permit is: a rule that says "required" and a certificate
 * that is not there.  (From is not known yet, so the sender's own keys are
 * judged by policy_plan().)  Returns the refusal (rcpt 0) in the arena, or
 * NULL.
 */
const struct policy_refusal *policy_refuse_rcpt(const struct policy *,
    const struct policy_rcpt *, struct arena *);

/*
 * The permit for the answer to an ACME challenge (RFC 8823 3.2), which its CA
 * has to be able to read: it goes in clear under any rule, to recipient 0.
 */
const struct permit *policy_permit_challenge(void);

/* Does the permit cover recipient number rcpt?  NULL covers nobody. */
bool permit_covers(const struct permit *, size_t rcpt);

#endif
