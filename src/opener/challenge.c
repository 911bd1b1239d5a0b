#include "config.h"

#include "opener/challenge.h"

#include <stdio.h>
#include <string.h>

#include "acme/email.h"
#include "base/limits.h"
#include "dkim/dkim.h"
#include "mail/addr.h"
#include "mail/header.h"
#include "mail/protect.h"
#include "opener/heads.h"
#include "smime/entity.h"

/* What anybody could have written, but a challenge has right, too. */
static int
check_outside(struct str mail, struct str from, struct arena *arena,
    struct err *err)
{
	struct str sender = heads_from(mail, arena);

	if (heads_clear(mail) && sender.len > 0 && addr_same(sender, from))
		return (0);
	err_set(err, ERR_DENIED,
	    "the mail is not from the sender of the challenge alone");
	return (-1);
}

/* Has one of the signers a certificate of the cloud for that address? */
static int
check_signers(const struct cms_signed *sig, const struct challenge_check_req *q,
    const struct anchors *cloud, struct err *err)
{
	struct chain_ask ask = {cloud, sig->certs, sig->ncerts, q->time,
	    CERT_SIGN, q->from, false, {"", 0}};
	size_t i;

	err_set(err, ERR_CRYPTO, "the mail's signature does not match");
	for (i = 0; i < sig->nsigners; i++)
		if (sig->signers[i].state == SIGNER_OK &&
		    chain_verify(sig->signers[i].cert, &ask, err) == 0) {
			err->code = ERR_OK;
			return (0);
		}
	return (-1);
}

/* What a header says that nobody could have changed. */
static int
read_header(struct str header, const struct challenge_check_req *q,
    struct arena *arena, struct challenge_check_ans *ans, struct err *err)
{
	struct acme_challenge c;

	if (acme_challenge_get(header, q->from, q->to, arena, &c, err) == -1)
		return (-1);
	/* the text goes before the answer does */
	ans->token1 = arena_str(arena, c.token1);
	ans->message_id = arena_str(arena, c.message_id);
	ans->reply_to = arena_str(arena, c.reply_to);
	if (ans->token1.p != NULL && ans->message_id.p != NULL &&
	    ans->reply_to.p != NULL)
		return (0);
	err_set(err, ERR_MEMORY, "no memory for a challenge");
	return (-1);
}

static int
check_inside(struct str payload, const struct challenge_check_req *q,
    struct arena *arena, struct challenge_check_ans *ans, struct err *err)
{
	if (!heads_clear(payload) ||
	    protect_kind(payload, arena) != PROTECT_CLEAR) {
		err_set(err, ERR_DENIED,
		    "the signature does not protect the mail's header");
		return (-1);
	}
	return (read_header(str_of(payload.p, header_len(payload)), q, arena,
	    ans, err));
}

/* --- S/MIME --- */

static int
check_smime(struct str mail, const struct challenge_check_req *q,
    const struct challenge_trust *t, struct arena *arena,
    struct challenge_check_ans *ans, struct err *err)
{
	struct cms_signed sig;
	struct entity e;
	struct buf der;
	struct str payload;
	int rc = -1;

	if (entity_read(mail, &e, err) == -1)
		return (-1);
	if (e.kind == ENTITY_PLAIN) {
		err_set(err, ERR_DENIED, "the mail is not signed");
		return (-1);
	}
	buf_init(&der, LIMIT_MESSAGE);
	if (entity_verify(mail, &e, t->cache, &der, &sig, err) == -1) {
		buf_clear(&der);
		return (-1);
	}
	payload =
	    e.kind == ENTITY_SIGNED ? span_str(mail.p, e.content) : sig.inside;
	if (check_signers(&sig, q, t->cloud, err) == 0)
		rc = check_inside(payload, q, arena, ans, err);
	cms_signed_clear(&sig);
	buf_clear(&der);
	return (rc);
}

/* --- DKIM --- */

/* The records that were told, and the first one that was not. */
struct told {
	struct str keys;
	char missing[DKIM_NAME_MAX + 1];
};

static enum dkim_key
told_key(const char *name, char *out, size_t size, void *arg)
{
	struct told *t = arg;
	struct str known, text;
	struct rec in;

	rec_init(&in, t->keys);
	while (!in.bad && in.pos < in.in.len) {
		known = rec_get_str(&in);
		text = rec_get_str(&in);
		if (in.bad || !str_ieq(known, str_c(name)))
			continue;
		if (text.len == 0 || text.len >= size ||
		    memchr(text.p, '\0', text.len) != NULL)
			return (DKIM_KEY_NONE);
		memcpy(out, text.p, text.len);
		out[text.len] = '\0';
		return (DKIM_KEY_IS);
	}
	if (t->missing[0] == '\0')
		(void)snprintf(t->missing, sizeof(t->missing), "%s", name);
	return (DKIM_KEY_LATER);
}

/* The whole mail is what is signed; its own header says what it is. */
static int
check_dkim(struct str mail, const struct challenge_check_req *q,
    struct arena *arena, struct challenge_check_ans *ans, struct err *err)
{
	/* RFC 8823 3.1 point 6 */
	static const char *const must[] = {"From", "Sender", "Reply-To", "To",
	    "Cc", "Subject", "Date", "In-Reply-To", "References", "Message-ID",
	    "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
	    NULL};
	struct told told = {.keys = q->keys};
	struct dkim_ask ask = {.domain = addr_domain(q->from),
	    .must = must,
	    .key = told_key,
	    .arg = &told};

	/* before anything is looked up for it */
	if (read_header(str_of(mail.p, header_len(mail)), q, arena, ans, err) ==
	    -1)
		return (-1);
	if (dkim_check(mail, &ask, err) == 0) {
		err->code = ERR_OK;
		return (0);
	}
	if (err->code == ERR_UNAVAILABLE)
		ans->key = arena_str(arena, str_c(told.missing));
	return (-1);
}

int
challenge_check(struct str mail, const struct challenge_check_req *q,
    const struct challenge_trust *t, struct arena *arena,
    struct challenge_check_ans *ans, struct err *err)
{
	ans->key = STR("");
	if (check_outside(mail, q->from, arena, err) == -1)
		return (-1);
	if (check_smime(mail, q, t, arena, ans, err) == 0)
		return (0);
	if (!t->dkim)
		return (-1);
	err->code = ERR_OK;
	return (check_dkim(mail, q, arena, ans, err));
}
