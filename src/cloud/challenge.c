#include "config.h"

#include "cloud/challenge.h"

#include <string.h>

#include "acme/b64url.h"
#include "base/limits.h"
#include "cloud/mailer.h"
#include "mail/addr.h"
#include "sys/crypt.h"
#include "sys/fault.h"

/* 128 bits and more (RFC 8823 3 points 3 and 4). */
#define TOKEN_BYTES 18

int
challenge_token(struct buf *out)
{
	uint8_t raw[TOKEN_BYTES];

	if (crypt_random(raw, sizeof(raw)) != 0)
		return (-1);
	b64url_encode(str_of((const char *)raw, sizeof(raw)), out);
	return (out->failed ? -1 : 0);
}

uint64_t
challenge_share(uint64_t mails)
{
	return (mails < 4 ? 1 : mails / 4);
}

/* An account or a network, and the mailbox it wants a mail for. */
static struct str
share_key(struct acme_call *call, struct str who, struct str mailbox)
{
	char key[LIMIT_ADDRESS + RATE_PEER + 2];

	(void)snprintf(key, sizeof(key), "%.*s/%.*s", (int)who.len, who.p,
	    (int)mailbox.len, mailbox.p);
	return (arena_str(call->arena, str_c(key)));
}

/*
 * How long this account has to wait for one more mail to the mailbox; 0: it
 * was counted.
 *
 * Anybody can have an account, and order for anybody's mailbox.  So there are
 * two harms: a mailbox full of challenges, and an owner who gets none because
 * strangers used them up.  Against the first, all who never proved control of
 * the mailbox have one limit together.  Against the second, one account has a
 * share of it only, as has one network, since accounts cost nothing; and who
 * proved control before, that is each device of the owner that renews, depends
 * on nobody.  What is left: strangers in four networks can, while they keep at
 * it, put off a first device.  They gain nothing by that but the hour, the
 * owner's mail flows on, and to let more mails through would be worse.
 */
static unsigned
take_turn(struct acme_call *call, struct str mailbox, bool proved)
{
	struct cloud *c = call->cloud;
	uint64_t now = call->now.mono;
	char peer[RATE_PEER];
	struct str account, network;
	unsigned wait;

	account = share_key(call, call->account_id, mailbox);
	if (proved)
		return (rate_take(c->rate_shares, account, now));
	network = share_key(call, rate_peer(call->req->peer, peer), mailbox);
	/* what is refused costs nothing */
	if ((wait = rate_wait(c->rate_shares, account, now)) != 0 ||
	    (wait = rate_wait(c->rate_shares, network, now)) != 0 ||
	    (wait = rate_take(c->rate_mails, mailbox, now)) != 0)
		return (wait);
	(void)rate_take(c->rate_shares, account, now);
	(void)rate_take(c->rate_shares, network, now);
	return (0);
}

/* Both tokens are there now: remember which mail stands for what. */
static int
queue_mail(struct acme_call *call, json_t *authz, struct err *err)
{
	struct store *s = call->cloud->store;
	struct str from = acme_member(authz, "from"), domain;
	struct buf token;
	int rc = -1;

	domain = addr_domain(from);
	buf_init(&token, CHALLENGE_TOKEN);
	err_set(err, ERR_MEMORY, "no memory for a challenge");
	if (challenge_token(&token) != 0 ||
	    json_object_set_new(authz, "token1",
	        json_stringn(token.data, token.len)) != 0 ||
	    json_object_set_new(authz, "message_id",
	        json_sprintf("<%.*s@%.*s>", (int)call->id.len, call->id.p,
	            (int)domain.len, domain.p)) != 0)
		goto out;
	if (store_begin(s, err) == 0 &&
	    store_put_json(s, "authz", call->id, authz, err) == 0 &&
	    store_put(s, "message", buf_text(&token), call->id, err) == 0 &&
	    mailer_queue(call->cloud, call->id, call->now.wall, err) == 0)
		rc = store_commit(s, err);
out:
	buf_clear(&token);
	return (rc);
}

int
challenge_send(struct acme_call *call, json_t *authz)
{
	struct str mailbox = acme_member(authz, "mailbox");
	struct err err;
	unsigned wait;
	int64_t at;
	int proved;

	proved = acme_validated_at(call->cloud, call->account_id, mailbox, &at,
	    &err);
	if (proved >= 0 &&
	    (wait = take_turn(call, mailbox, proved == 1)) != 0) {
		acme_limit(call->res, wait, "challenges for this mailbox");
		return (-1);
	}
	(void)FAULT("cloud.mail.queue");
	if (proved < 0 || queue_mail(call, authz, &err) != 0) {
		acme_fail(call, &err);
		return (-1);
	}
	(void)FAULT("cloud.mail.queued");
	mailer_kick(call->cloud->mailer);
	return (0);
}
