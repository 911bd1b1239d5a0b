#include "config.h"

#include "policy/policy.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"

struct permit {
	const size_t *rcpts;
	size_t n;
};

/* What is to become of one recipient. */
struct choice {
	bool encrypt;
	bool sign;
	bool gcm;
	bool alone; /* sealed and hidden: shares a message with nobody */
	enum policy_cipher wish;
};

/* What the groups are made from. */
struct draft {
	const struct policy_rcpt *rcpts;
	size_t n;
	struct choice *choices;          /* n */
	struct policy_refusal *refusals; /* room for n + 1 */
	size_t nrefusals;
	struct arena *arena;
};

/* A text in the arena; NULL if memory is out. */
static const char *say(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static const char *
say(struct arena *arena, const char *fmt, ...)
{
	char text[LIMIT_ADDRESS + 200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return (arena_strdup(arena, str_c(text)));
}

static int
refuse(struct draft *d, size_t rcpt, unsigned code, const char *enhanced,
    const char *why)
{
	struct policy_refusal *r = &d->refusals[d->nrefusals++];
	struct str a;

	r->rcpt = rcpt;
	r->code = code;
	if (rcpt == POLICY_ALL) {
		r->text = say(d->arena, "%s %s", enhanced, why);
	} else {
		a = d->rcpts[rcpt].address;
		r->text = say(d->arena, "%s <%.*s>: %s", enhanced, (int)a.len,
		    a.p, why);
	}
	return (r->text != NULL ? 0 : -1);
}

/*
 * The state of the recipient's own certificate, under a rule that wants
 * encryption.  Returns 1 if it is usable, 0 if clear text is all right, and
 * -1 with the refusal in code, enhanced and why.
 */
static int
judge_cert(const struct policy_rule *rule, const struct policy_rcpt *rcpt,
    unsigned *code, const char **enhanced, const char **why)
{
	bool required = rule->encrypt == ENCRYPT_REQUIRED;

	*code = 451;
	*enhanced = "4.7.5";
	*why = "the certificate could not be looked up, try again";
	switch (rcpt->cert) {
	case CERT_USABLE:
		return (1);
	case CERT_FAILED:
		return (-1);
	case CERT_NONE:
		if (required) {
			*code = 550;
			*enhanced = "5.7.10";
			*why = "no usable certificate, and encryption is "
			       "required";
			return (-1);
		}
		*why = "the certificate used before is gone, try again later";
		return (rcpt->recent ? -1 : 0);
	}
	return (-1);
}

/* Fill the choice for recipient i, or refuse it.  -1: memory is out. */
static int
choose(struct draft *d, size_t i, const struct policy_rule *rule,
    const struct policy_sender *sender)
{
	const struct policy_rcpt *rcpt = &d->rcpts[i];
	struct choice *c = &d->choices[i];
	const char *enhanced, *why;
	unsigned code;
	int usable = 0;

	if (rule->encrypt != ENCRYPT_OFF &&
	    (usable = judge_cert(rule, rcpt, &code, &enhanced, &why)) == -1)
		return (refuse(d, i, code, enhanced, why));
	/* The sender is a recipient too: the copy in Sent must be readable. */
	if (usable && !sender->can_encrypt) {
		if (sender->lapsed)
			return (refuse(d, i, 451, "4.7.5",
			    "the sender's certificate is not valid now: it has "
			    "expired, or the clock is wrong"));
		if (rule->encrypt == ENCRYPT_REQUIRED)
			return (refuse(d, i, 451, "4.7.5",
			    sender->enrolling
			        ? "encryption is required, and the sender's "
			          "enrolment is under way"
			        : "encryption is required, but the sender has "
			          "no encryption certificate yet"));
		usable = 0;
	}
	c->encrypt = usable;
	c->wish = rule->cipher;
	c->alone = usable && !rcpt->visible;
	/* Sealed mail is signed, but for a From that is not ours to sign. */
	c->sign = sender->owns_from && rule->sign != SIGN_NEVER &&
	          (usable || rule->sign == SIGN_ALWAYS);
	if (c->sign && !sender->can_sign)
		return (refuse(d, i, 451, "4.7.5",
		    "a signature is required, but the sender has no signing "
		    "key yet"));
	return (0);
}

/* GCM for whom every one can read it: those who share a message share it. */
static void
choose_cipher(struct draft *d, const struct policy_sender *sender)
{
	bool gcm[2] = {sender->gcm, sender->gcm}; /* unsigned, signed */
	struct choice *c;
	size_t i;

	for (i = 0; i < d->n; i++) {
		c = &d->choices[i];
		if (c->encrypt && !c->alone && c->wish != CIPHER_GCM &&
		    (c->wish == CIPHER_CBC || !d->rcpts[i].gcm))
			gcm[c->sign] = false;
	}
	for (i = 0; i < d->n; i++) {
		c = &d->choices[i];
		if (!c->encrypt)
			continue;
		if (c->wish == CIPHER_GCM)
			c->gcm = true;
		else if (c->alone)
			c->gcm = c->wish == CIPHER_AUTO && sender->gcm &&
			         d->rcpts[i].gcm;
		else
			c->gcm = gcm[c->sign];
	}
}

/* mixed = refuse: if some are sealed to, those in clear are refused. */
static int
refuse_mixed(struct draft *d, const struct policy *policy)
{
	bool sealed = false, refused = false;
	size_t i;

	for (i = 0; i < d->n; i++) {
		sealed |= d->choices[i].encrypt;
		refused |= policy_lookup(policy, d->rcpts[i].address).mixed ==
		           MIXED_REFUSE;
	}
	if (!sealed || !refused)
		return (0);
	for (i = 0; i < d->n; i++)
		if (!d->choices[i].encrypt &&
		    refuse(d, i, 550, "5.7.10",
		        "would get it in clear while others get it "
		        "encrypted") == -1)
			return (-1);
	return (0);
}

static bool
same_group(const struct choice *a, const struct choice *b)
{
	return (!a->alone && !b->alone && a->encrypt == b->encrypt &&
	        a->sign == b->sign && a->gcm == b->gcm);
}

/* Fill g with recipient first and all later ones that may share with it;
 * takes them off the draft.  Their indexes go to room. */
static int
make_group(struct draft *d, size_t first, bool *taken, size_t *room,
    struct policy_group *g)
{
	const struct choice *c = &d->choices[first];
	struct permit *permit;
	size_t i;

	*g = (struct policy_group){.rcpts = room,
	    .sign = c->sign,
	    .encrypt = c->encrypt,
	    .cipher = c->gcm ? CIPHER_GCM : CIPHER_CBC};
	for (i = first; i < d->n; i++)
		if (i == first ||
		    (!taken[i] && same_group(c, &d->choices[i]))) {
			taken[i] = true;
			room[g->n++] = i;
		}
	if (g->encrypt)
		return (0);
	if ((permit = arena_alloc(d->arena, sizeof(*permit))) == NULL)
		return (-1);
	*permit = (struct permit){.rcpts = room, .n = g->n};
	g->permit = permit;
	return (0);
}

/* Sealed groups first: what goes in clear may still be held back then. */
static int
make_groups(struct draft *d, struct policy_plan *out)
{
	struct policy_group *groups;
	bool *taken, encrypt = true;
	size_t *room, i, used = 0;

	groups = arena_array(d->arena, LIMIT_GROUPS, sizeof(*groups));
	taken = arena_array(d->arena, d->n, sizeof(*taken));
	room = arena_array(d->arena, d->n, sizeof(*room));
	if (groups == NULL || taken == NULL || room == NULL)
		return (-1);
	out->groups = groups;
	do {
		for (i = 0; i < d->n; i++) {
			if (taken[i] || d->choices[i].encrypt != encrypt)
				continue;
			if (out->ngroups == LIMIT_GROUPS) {
				out->ngroups = 0;
				return (refuse(d, POLICY_ALL, 554, "5.5.3",
				    "Too many hidden recipients: each gets a "
				    "message of their own"));
			}
			if (make_group(d, i, taken, room + used,
			        &groups[out->ngroups]) == -1)
				return (-1);
			used += groups[out->ngroups++].n;
		}
		encrypt = !encrypt;
	} while (!encrypt);
	return (0);
}

static int
draft_init(struct draft *d, const struct policy_rcpt *rcpts, size_t n,
    struct arena *arena)
{
	*d = (struct draft){.rcpts = rcpts, .n = n, .arena = arena};
	d->choices = arena_array(arena, n + 1, sizeof(*d->choices));
	d->refusals = arena_array(arena, n + 1, sizeof(*d->refusals));
	return (d->choices != NULL && d->refusals != NULL ? 0 : -1);
}

int
policy_plan(const struct policy *policy, const struct policy_sender *sender,
    const struct policy_rcpt *rcpts, size_t n, struct arena *arena,
    struct policy_plan *out)
{
	struct policy_rule rule;
	struct draft d;
	size_t i;

	*out = (struct policy_plan){.ngroups = 0};
	if (draft_init(&d, rcpts, n, arena) == -1)
		return (-1);
	for (i = 0; i < n; i++) {
		rule = policy_lookup(policy, rcpts[i].address);
		if (choose(&d, i, &rule, sender) == -1)
			return (-1);
	}
	if (d.nrefusals == 0 && refuse_mixed(&d, policy) == -1)
		return (-1);
	choose_cipher(&d, sender);
	if (d.nrefusals == 0 && make_groups(&d, out) == -1)
		return (-1);
	out->refusals = d.refusals;
	out->nrefusals = d.nrefusals;
	return (0);
}

const struct policy_refusal *
policy_refuse_rcpt(const struct policy *policy, const struct policy_rcpt *rcpt,
    struct arena *arena)
{
	/* Nothing better can be said when memory is out. */
	static const struct policy_refusal no_memory = {0, 451,
	    "4.3.0 Out of memory"};
	struct policy_rule rule = policy_lookup(policy, rcpt->address);
	const char *enhanced, *why;
	struct draft d;
	unsigned code;

	if (rule.encrypt != ENCRYPT_REQUIRED ||
	    judge_cert(&rule, rcpt, &code, &enhanced, &why) != -1)
		return (NULL);
	if (draft_init(&d, rcpt, 1, arena) == -1 ||
	    refuse(&d, 0, code, enhanced, why) == -1)
		return (&no_memory);
	return (d.refusals);
}

const struct permit *
policy_permit_challenge(void)
{
	static const size_t first[] = {0};
	static const struct permit permit = {.rcpts = first, .n = 1};

	return (&permit);
}

bool
permit_covers(const struct permit *permit, size_t rcpt)
{
	size_t i;

	if (permit == NULL)
		return (false);
	for (i = 0; i < permit->n; i++)
		if (permit->rcpts[i] == rcpt)
			return (true);
	return (false);
}
