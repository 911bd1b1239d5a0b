/*
 * OP_SEAL: sign a mail, seal it, or both.
 *
 * The fields of the mail stay outside; its MIME entity goes inside (RFC 8551
 * section 3.1).  All or nothing: whatever goes wrong, no mail comes back.
 */
#include "config.h"

#include "base/clock.h"
#include "base/limits.h"
#include "mail/sevenbit.h"
#include "mail/splice.h"
#include "proto/seal.h"
#include "sealer/owner.h"
#include "sealer/recipients.h"
#include "sealer/state.h"
#include "smime/entity.h"
#include "sys/db.h"
#include "sys/fault.h"
#include "sys/log.h"
#include "sys/memfd.h"

#include <openssl/obj_mac.h>
#include <stdio.h>

/* Base64 twice at most (of a signature in an envelope, 1.37 each), and the
 * certificates. */
#define SEALED_MAX (2 * LIMIT_MESSAGE)

/* pub/ of an agent that knows the world; only addresses are reserved. */
#define PUB_MAP_BYTES ((size_t)4 * 1024 * 1024 * 1024)

/* One request under way. */
struct sealing {
	struct seal_req q;
	const struct keydb *keys;
	struct cms_sign sign;
	struct cms_seal seal;
	struct recipients to;
	struct buf outer;  /* fields that stay outside */
	struct buf entity; /* plain text: wiped */
	struct buf out;
};

static int
open_pub(struct sealer *s, struct err *err)
{
	char dir[4096];

	if (s->pub != NULL)
		return (0);
	if ((size_t)snprintf(dir, sizeof(dir), "%s/pub", s->self->state_dir) >=
	    sizeof(dir)) {
		err_set(err, ERR_LIMIT, "state_dir is too long");
		return (-1);
	}
	s->pub = db_open(dir, DB_READ, PUB_MAP_BYTES, err);
	return (s->pub != NULL ? 0 : -1);
}

/* Find the keys of the sender. */
static int
choose_keys(struct sealer *s, struct sealing *g, int64_t now,
    const struct key **self, struct err *err)
{
	enum owner who;
	size_t bad;

	if (owner_of(s->self->conf, s->store, g->q.account, g->q.address, &who,
	        err) == -1 ||
	    (g->keys = keyring_get(s->ring, g->q.account, &bad, err)) == NULL)
		return (-1);
	if (bad > 0)
		log_error("keys-unreadable account=%s n=%zu",
		    log_addr(g->q.account), bad);
	*self = self_key(g->keys, g->q.account, g->q.address, now);
	if (!g->q.sign)
		return (0);
	if (who != OWNER_US) {
		err_set(err, ERR_DENIED,
		    "the sender's address is not the account's");
		return (-1);
	}
	g->sign.key = keydb_find(g->keys, g->q.address, CERT_SIGN, now);
	if (g->sign.key == NULL) {
		err_set(err, ERR_NOKEY, "the sender has no signing key");
		return (-1);
	}
	g->sign.time = g->q.time;
	g->sign.encrypt = *self != NULL ? (*self)->cert : NULL;
	return (0);
}

/* Whom it is sealed to: ourselves first, then those who were asked for. */
static int
choose_recipients(struct sealer *s, struct sealing *g, const struct key *self,
    int64_t now, struct err *err)
{
	if (g->q.nrecipients > LIMIT_RCPTS) {
		err_set(err, ERR_LIMIT, "too many recipients");
		return (-1);
	}
	if (self == NULL) {
		err_set(err, ERR_NOKEY,
		    "the sender has no encryption certificate");
		return (-1);
	}
	if (recipients_init(&g->to, g->q.nrecipients + 1, g->q.oaep, now,
	        err) == -1)
		return (-1);
	if (recipients_add(&g->to, self->cert, err) == -1) {
		err_prefix(err, "the sender's own");
		return (-1);
	}
	if (g->q.nrecipients > 0 &&
	    (open_pub(s, err) == -1 ||
	        recipients_read(&g->to, s->pub, s->certs, g->q.recipients,
	            g->q.nrecipients, err) == -1))
		return (-1);
	g->seal.to = g->to.list;
	g->seal.nto = g->to.n;
	g->seal.cipher = algo_cipher_nid(
	    g->q.cipher == SEAL_GCM ? NID_aes_256_gcm : NID_aes_256_cbc);
	return (0);
}

/* Divide the mail; the entity in one piece. */
static int
take_apart(struct sealing *g, struct str mail, struct err *err)
{
	struct buf head;
	struct str body;
	int rc = -1;

	buf_init(&head, LIMIT_HEADER + 1024);
	if (splice_divide(mail, &g->outer, &head, &body) == -1) {
		err_set(err, ERR_LIMIT, "the header is too large");
		goto out;
	}
	/* no growing: it would leave plain text behind */
	if (buf_room(&g->entity, head.len + body.len) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the mail");
		goto out;
	}
	buf_str(&g->entity, buf_text(&head));
	buf_str(&g->entity, body);
	rc = 0;
out:
	buf_clear(&head);
	return (rc);
}

/*
 * What is only signed may meet a server that takes 7-bit mail alone and
 * changes the rest on the way, which would break the signature (RFC 8551
 * 3.1.3).  Under encryption nobody touches it.
 */
static int
make_sevenbit(struct sealing *g, struct err *err)
{
	struct buf safe;

	buf_init(&safe, SEALED_MAX);
	if (sevenbit_encode(buf_text(&g->entity), &safe, err) == -1) {
		buf_wipe(&safe);
		return (-1);
	}
	buf_wipe(&g->entity);
	g->entity = safe;
	return (0);
}

static int
write_out(struct sealing *g, struct err *err)
{
	const struct cms_sign *sign = g->q.sign ? &g->sign : NULL;

	buf_str(&g->out, buf_text(&g->outer));
	buf_puts(&g->out, "MIME-Version: 1.0\r\n");
	if (g->q.encrypt)
		return (entity_sign_seal(buf_text(&g->entity), sign, &g->seal,
		    &g->out, err));
	if (make_sevenbit(g, err) == -1)
		return (-1);
	return (entity_sign(buf_text(&g->entity), sign, &g->out, err));
}

static struct blob *
seal(struct sealer *s, struct sealing *g, struct str mail, struct err *err)
{
	int64_t now = clock_now().wall;
	const struct key *self;
	struct blob *sealed;

	if (!g->q.sign && !g->q.encrypt) {
		err_set(err, ERR_DENIED, "neither to sign nor to encrypt");
		return (NULL);
	}
	if (FAULT("sealer.seal")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.seal");
		return (NULL);
	}
	if (choose_keys(s, g, now, &self, err) == -1 ||
	    (g->q.encrypt && choose_recipients(s, g, self, now, err) == -1) ||
	    take_apart(g, mail, err) == -1 || write_out(g, err) == -1)
		return (NULL);
	if (g->out.failed) {
		err_set(err, ERR_LIMIT, "the sealed mail is too large");
		return (NULL);
	}
	if (FAULT("sealer.seal.answer")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.seal.answer");
		return (NULL);
	}
	if ((sealed = blob_take(&g->out)) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the sealed mail");
		return (NULL);
	}
	return (memfd_ensure(sealed, err));
}

static struct blob *
seal_request(struct sealer *s, struct ipc_msg *msg, struct err *err)
{
	struct sealing g = {0};
	struct blob *mail, *sealed = NULL;

	if (seal_req_get(msg->body, &g.q, err) == -1 ||
	    (mail = ipc_msg_blob(msg, 0, LIMIT_MESSAGE, err)) == NULL)
		return (NULL);
	buf_init(&g.outer, LIMIT_HEADER + 1024);
	buf_init(&g.entity, LIMIT_MESSAGE + LIMIT_HEADER + 1024);
	buf_init(&g.out, SEALED_MAX);
	sealed = seal(s, &g, blob_str(mail), err);
	buf_clear(&g.outer);
	buf_wipe(&g.entity);
	buf_clear(&g.out);
	recipients_clear(&g.to);
	blob_unref(mail);
	return (sealed);
}

void
op_seal(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	struct seal_ans a = {0};
	struct blob *sealed;
	struct buf body;

	sealed = seal_request(s, msg, &a.err);
	if (sealed != NULL) {
		a.err.code = ERR_OK;
		s->sealed++;
	} else {
		s->failed++;
		log_warn("seal code=%s reason=%s", err_word(a.err.code),
		    log_str(str_c(a.err.text)));
	}
	buf_init(&body, LIMIT_RECORD);
	seal_ans_put(&body, &a);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), &sealed,
	    sealed != NULL ? 1 : 0);
	buf_clear(&body);
	blob_unref(sealed);
}
