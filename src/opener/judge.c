#include "config.h"

#include "opener/judge.h"

#include <stdio.h>
#include <string.h>

static void
set_signer(struct verdict *v, const struct cert *cert, struct str from)
{
	const struct cert_facts *f = cert_facts(cert);
	struct str address = {"", 0};

	if (cert_has_address(cert, from))
		address = from;
	else if (f->naddresses > 0)
		address = str_c(f->addresses[0]);
	err_escape(v->signer, sizeof(v->signer), address);
}

/* The signature verifies; does it count? */
static void
judge_cert(struct cert *cert, const struct cms_signed *sig,
    const struct judge_ask *ask, struct verdict *v)
{
	struct chain_ask chain = {ask->anchors, sig->certs, sig->ncerts,
	    ask->at, CERT_SIGN, {"", 0}, false, {"", 0}};
	struct err err = {.code = ERR_OK};

	set_signer(v, cert, ask->from);
	v->sign = SIGN_UNTRUSTED;
	if (ask->from.len == 0 || !cert_has_address(cert, ask->from)) {
		snprintf(v->why, sizeof(v->why), "signed by another address");
		return;
	}
	if (ask->pinned != NULL && cert_valid_at(cert, ask->at) &&
	    (cert_facts(cert)->use & CERT_SIGN) != 0 &&
	    ask->pinned(cert_facts(cert)->sha256, ask->from, ask->pinned_arg)) {
		v->sign = SIGN_GOOD;
		return;
	}
	if (chain_verify(cert, &chain, &err) == -1) {
		snprintf(v->why, sizeof(v->why), "%.*s",
		    (int)sizeof(v->why) - 1, err.text);
		return;
	}
	v->sign = SIGN_GOOD;
}

static void
judge_signer(const struct cms_signer *s, const struct cms_signed *sig,
    const struct judge_ask *ask, struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->sign = SIGN_BAD;

	switch (s->state) {
	case SIGNER_OK:
		judge_cert(s->cert, sig, ask, v);
		return;
	case SIGNER_BAD:
		snprintf(v->why, sizeof(v->why), "signature does not match");
		break;
	case SIGNER_NO_CERT:
		snprintf(v->why, sizeof(v->why),
		    "no certificate of the signer");
		break;
	case SIGNER_UNKNOWN:
		snprintf(v->why, sizeof(v->why), "unknown signature algorithm");
		break;
	case SIGNER_WEAK:
		snprintf(v->why, sizeof(v->why), "weak signature algorithm");
		break;
	}
	if (s->cert != NULL)
		set_signer(v, s->cert, ask->from);
}

/* Good before untrusted before bad before none. */
static int
rank(enum open_sign s)
{
	switch (s) {
	case SIGN_GOOD:
		return (3);
	case SIGN_UNTRUSTED:
		return (2);
	case SIGN_BAD:
		return (1);
	case SIGN_NONE:
		break;
	}
	return (0);
}

void
judge(const struct peeled *p, const struct judge_ask *ask, struct verdict *best)
{
	const struct cms_signed *sig;
	struct verdict v;
	size_t i, s;

	memset(best, 0, sizeof(*best));
	best->sign = SIGN_NONE;
	for (i = p->first_sig; i < p->nlayers; i++) {
		if (!p->layers[i].is_signed)
			continue;
		sig = &p->layers[i].sig;
		for (s = 0; s < sig->nsigners; s++) {
			judge_signer(&sig->signers[s], sig, ask, &v);
			v.by = &sig->signers[s];
			v.sig = sig;
			if (rank(v.sign) > rank(best->sign))
				*best = v;
		}
	}
}
