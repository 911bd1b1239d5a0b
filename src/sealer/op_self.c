/*
 * OP_SEAL_SELF: seal what an account keeps for itself, a draft or the copy of
 * what it sent.
 *
 * All of the message goes inside; outside stand only the fields by which a
 * server sorts and threads.  It is not signed: a draft is nobody's word yet.
 * What vouches for it is the marker of smime/ownmail.h.
 */
#include "config.h"

#include <openssl/obj_mac.h>

#include "base/clock.h"
#include "base/limits.h"
#include "mail/header.h"
#include "proto/seal.h"
#include "sealer/state.h"
#include "smime/ownmail.h"
#include "sys/fault.h"
#include "sys/log.h"
#include "sys/memfd.h"

/* Base64 once, and a head. */
#define SELF_MAX (LIMIT_MESSAGE / 2 * 3)

/*
 * The key to seal to.  Mail of our own outlives each certificate, so one that
 * has run out is as good as any if there is no other: better than clear text.
 */
static const struct key *
choose_key(const struct keydb *keys, struct str account)
{
	const struct key *k, *best;
	size_t i;

	if ((best = self_key(keys, account, account, clock_now().wall)) != NULL)
		return (best);
	for (i = 0; i < keydb_count(keys); i++) {
		k = keydb_at(keys, i);
		if ((k->use & CERT_ENCRYPT) != 0 &&
		    (best == NULL || cert_facts(k->cert)->until >
		                         cert_facts(best->cert)->until))
			best = k;
	}
	return (best);
}

static const struct key *
key_of(struct sealer *s, struct str account, struct err *err)
{
	const struct keydb *keys;
	const struct key *key;
	size_t bad;

	if ((keys = keyring_get(s->ring, account, &bad, err)) == NULL)
		return (NULL);
	if (bad > 0)
		log_error("keys-unreadable account=%s n=%zu", log_addr(account),
		    bad);
	if ((key = choose_key(keys, account)) != NULL)
		return (key);
	/* None at all and none that can be read are two things: only after
	 * the first may it go on in clear. */
	if (keyring_lacks(s->ring, account))
		err_set(err, ERR_UNAVAILABLE, "the keys cannot be read");
	else
		err_set(err, ERR_NOKEY, "the account has no encryption key");
	return (NULL);
}

static struct blob *
seal_self(struct sealer *s, const struct self_req *q, struct str message,
    struct err *err)
{
	const struct key *key;
	struct blob *sealed;
	struct buf out;

	if (header_len(message) > LIMIT_HEADER) {
		err_set(err, ERR_LIMIT, "the header is too large");
		return (NULL);
	}
	if (FAULT("sealer.self")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.self");
		return (NULL);
	}
	if ((key = key_of(s, q->account, err)) == NULL)
		return (NULL);
	buf_init(&out, SELF_MAX);
	if (ownmail_seal(key, message,
	        algo_cipher_nid(
	            q->cipher == SEAL_GCM ? NID_aes_256_gcm : NID_aes_256_cbc),
	        &out, err) == -1) {
		buf_clear(&out);
		/* no key is one thing, a key that does not do another */
		if (err->code == ERR_NOKEY)
			err->code = ERR_CRYPTO;
		return (NULL);
	}
	if (FAULT("sealer.self.answer")) {
		buf_clear(&out);
		err_set(err, ERR_UNAVAILABLE, "fault sealer.self.answer");
		return (NULL);
	}
	if ((sealed = blob_take(&out)) == NULL) {
		buf_clear(&out);
		err_set(err, ERR_MEMORY, "no memory for the sealed mail");
		return (NULL);
	}
	return (memfd_ensure(sealed, err));
}

void
op_seal_self(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	struct blob *message = NULL, *sealed = NULL;
	struct seal_ans a = {0};
	struct self_req q;
	struct buf body;

	if (self_req_get(msg->body, &q, &a.err) == 0 &&
	    (message = ipc_msg_blob(msg, 0, LIMIT_MESSAGE, &a.err)) != NULL)
		sealed = seal_self(s, &q, blob_str(message), &a.err);
	if (sealed != NULL) {
		a.err.code = ERR_OK;
		s->sealed++;
	} else {
		s->failed++;
		log_warn("seal-self code=%s reason=%s", err_word(a.err.code),
		    log_str(str_c(a.err.text)));
	}
	buf_init(&body, LIMIT_RECORD);
	seal_ans_put(&body, &a);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), &sealed,
	    sealed != NULL ? 1 : 0);
	buf_clear(&body);
	blob_unref(sealed);
	blob_unref(message);
}
