#include "config.h"

#include "sealer/take.h"

#include <stdlib.h>
#include <string.h>

#include "proto/enrol.h"
#include "proto/op.h"
#include "sys/log.h"

static void
take_clear(struct take *t)
{
	size_t i;

	for (i = 0; i < t->nkeys; i++)
		key_free(t->keys[i]);
	free(t->keys);
	free(t->fresh);
	blob_unref(t->text);
	blob_unref(t->list);
	blob_unref(t->log);
}

int
take_room(struct take *t, size_t n, struct err *err)
{
	t->keys = calloc(n + 1, sizeof(t->keys[0]));
	t->fresh = calloc(n + 1, sizeof(t->fresh[0]));
	if (t->keys != NULL && t->fresh != NULL)
		return (0);
	err_set(err, ERR_MEMORY, "no memory for keys");
	return (-1);
}

static int
take_start(struct take *t, struct ipc_msg *msg, size_t max, struct err *err)
{
	struct take_req q;

	if (take_req_get(msg->body, &q, err) == -1)
		return (-1);
	if (q.address.len == 0) {
		err_set(err, ERR_PEER, "an answer without its address");
		return (-1);
	}
	if (whose_find(t->sealer, q.account, q.address, &t->whose, err) == -1)
		return (-1);
	t->text = ipc_msg_blob(msg, 0, max, err);
	return (t->text != NULL ? 0 : -1);
}

const struct key *
take_held(const struct keydb *keys, const uint8_t fp[FINGERPRINT], unsigned use)
{
	const struct key *k;
	size_t i;

	for (i = 0; i < keydb_count(keys); i++) {
		k = keydb_at(keys, i);
		if ((k->use & use) == use &&
		    memcmp(cert_facts(k->cert)->sha256, fp, FINGERPRINT) == 0)
			return (k);
	}
	return (NULL);
}

const struct keydb *
take_known(struct take *t, struct err *err)
{
	size_t bad;

	return (keyring_get(t->sealer->ring, t->whose.of.account, &bad, err));
}

int
take_check_name(const struct take *t, const struct cert *c, struct err *err)
{
	const struct cert_facts *f = cert_facts(c);
	char has[100];
	size_t i;

	for (i = 0; i < f->naddresses; i++) {
		if (str_ieq(str_c(f->addresses[i]), t->whose.of.address))
			continue;
		err_set(err, ERR_UNTRUSTED, "the certificate is %s's, not %s's",
		    err_escape(has, sizeof(has), str_c(f->addresses[i])),
		    t->whose.address);
		return (-1);
	}
	if (f->naddresses > 0)
		return (0);
	err_set(err, ERR_UNTRUSTED, "the certificate names no address");
	return (-1);
}

static void
answer(struct take *t, struct ipc *l, struct ipc_msg *msg,
    const struct err *err)
{
	struct blob *blobs[2] = {t->list, t->log};
	size_t n = t->log != NULL ? 2 : 1;
	struct buf body;

	if (err->code != ERR_OK) {
		log_warn("%s account=%s code=%s reason=%s", op_name(msg->op),
		    log_addr(t->whose.of.account), err_word(err->code),
		    log_str(str_c(err->text)));
		n = 0;
	} else
		log_info("%s account=%s keys=%zu new=%zu", op_name(msg->op),
		    log_addr(t->whose.of.account), t->nkeys, t->nfresh);
	buf_init(&body, LIMIT_RECORD);
	rec_put_err(&body, err);
	rec_put_u64(&body, t->page);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), blobs, n);
	buf_clear(&body);
}

void
take_run(struct sealer *s, struct ipc *l, struct ipc_msg *msg, size_t max,
    int (*fn)(struct take *, struct err *))
{
	struct take t = {.sealer = s};
	struct err err = {.code = ERR_OK};

	t.whose.of.account = STR("");
	if (take_start(&t, msg, max, &err) == 0 && fn(&t, &err) == 0)
		err.code = ERR_OK;
	answer(&t, l, msg, &err);
	take_clear(&t);
}
