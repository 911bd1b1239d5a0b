#include "config.h"

#include "base/clock.h"
#include "base/limits.h"
#include "proto/seal.h"
#include "sealer/owner.h"
#include "sealer/state.h"
#include "sys/fault.h"
#include "sys/log.h"

const struct key *
self_key(const struct keydb *keys, struct str account, struct str address,
    int64_t at)
{
	const struct key *k, *best = NULL;
	size_t i;

	if ((k = keydb_find(keys, address, CERT_ENCRYPT, at)) != NULL ||
	    (k = keydb_find(keys, account, CERT_ENCRYPT, at)) != NULL)
		return (k);
	for (i = 0; i < keydb_count(keys); i++) {
		k = keydb_at(keys, i);
		if ((k->use & CERT_ENCRYPT) != 0 &&
		    cert_valid_at(k->cert, at) &&
		    (best == NULL || cert_facts(best->cert)->until <
		                         cert_facts(k->cert)->until))
			best = k;
	}
	return (best);
}

/* Is there an encryption key whose certificate expired not long ago, or is not
 * valid yet, which is how a wrong clock looks? */
static bool
has_lapsed(const struct keydb *keys, int64_t now)
{
	const struct cert_facts *f;
	const struct key *k;
	size_t i;

	for (i = 0; i < keydb_count(keys); i++) {
		k = keydb_at(keys, i);
		f = cert_facts(k->cert);
		if ((k->use & CERT_ENCRYPT) != 0 &&
		    (f->from > now || f->until > now - LIMIT_CERT_RECENT_S))
			return (true);
	}
	return (false);
}

/* Which keys has the account for mail from this address? */
static int
look(struct sealer *s, const struct sender_req *q, struct sender_ans *a,
    struct err *err)
{
	int64_t now = clock_now().wall;
	const struct keydb *keys;
	enum owner who;
	size_t bad;

	if (FAULT("sealer.sender")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.sender");
		return (-1);
	}
	if (owner_of(s->self->conf, s->store, q->account, q->address, &who,
	        err) == -1 ||
	    (keys = keyring_get(s->ring, q->account, &bad, err)) == NULL)
		return (-1);
	if (bad > 0)
		log_error("keys-unreadable account=%s n=%zu",
		    log_addr(q->account), bad);
	a->owned = who == OWNER_US;
	a->sign =
	    a->owned && keydb_find(keys, q->address, CERT_SIGN, now) != NULL;
	a->encrypt = self_key(keys, q->account, q->address, now) != NULL;
	a->lapsed = !a->encrypt && has_lapsed(keys, now);
	if (keyring_lacks(s->ring, q->account) &&
	    (!a->encrypt || (a->owned && !a->sign))) {
		err_set(err, ERR_UNAVAILABLE, "the keys cannot be read");
		return (-1);
	}
	/* whoever holds the key reads with this program */
	a->gcm = a->oaep = true;
	return (0);
}

void
op_sender(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	struct sender_ans a = {0};
	struct sender_req q;
	struct buf body;

	if (sender_req_get(msg->body, &q, &a.err) == 0 &&
	    look(s, &q, &a, &a.err) == 0)
		a.err.code = ERR_OK;
	if (a.err.code != ERR_OK)
		log_warn("sender reason=%s", log_str(str_c(a.err.text)));
	buf_init(&body, LIMIT_RECORD);
	sender_ans_put(&body, &a);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}
