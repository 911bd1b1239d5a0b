#include "config.h"

#include "sealer/sealer.h"

#include "proto/op.h"
#include "sealer/pins.h"
#include "sealer/state.h"
#include "sys/db.h"
#include "sys/fault.h"
#include "sys/log.h"

static void
sealer_end(struct self *self)
{
	struct sealer *s = self->arg;

	imports_abandon(s);
	keyring_free(s->ring);
	keystore_close(s->store);
	db_close(s->pub);
	pins_free(s->pins);
	cert_cache_free(s->certs);
}

static int
sealer_start(struct self *self, struct err *err)
{
	struct sealer *s = self->arg;
	size_t i;

	s->self = self;
	if (self->nkeys < 1) {
		err_set(err, ERR_PEER, "the sealer was given no key");
		return (-1);
	}
	s->certs = cert_cache_new(SEALER_CERTS);
	s->store = keystore_open(self->state_dir, &self->keys[0], err);
	for (i = 0; i < self->nkeys; i++)
		crypt_key_wipe(&self->keys[i]);
	if (s->store == NULL)
		return (-1);
	s->ring = keyring_new(s->store, s->certs);
	if (s->certs == NULL || s->ring == NULL) {
		err_set(err, ERR_MEMORY, "no memory to start");
		return (-1);
	}
	if (FAULT("sealer.start")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.start");
		return (-1);
	}
	return (0);
}

static int
sealer_conf(struct self *self, const struct conf *old, struct err *err)
{
	struct sealer *s = self->arg;
	struct pins *pins;

	(void)old;
	if ((pins = pins_new(self->conf, s->certs, err)) == NULL)
		return (-1);
	pins_free(s->pins);
	s->pins = pins;
	return (0);
}

/* What may be asked of the sealer, besides what every role answers. */
static const struct {
	uint16_t op;
	void (*handler)(struct sealer *, struct ipc *, struct ipc_msg *);
} ops[] = {
    {OP_KEY_IMPORT, op_key_import},
    {OP_KEY_EXPORT, op_key_export},
    {OP_KEY_LIST, op_key_list},
    {OP_JWS, op_jws},
    {OP_DIGEST, op_digest},
    {OP_CERT_TAKE, op_cert_take},
    {OP_BUNDLE_TAKE, op_bundle_take},
    {OP_SENDER, op_sender},
    {OP_SEAL, op_seal},
    {OP_SEAL_SELF, op_seal_self},
};

static void
on_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct self *self = arg;
	struct sealer *s = self->arg;
	struct err err;
	size_t i;

	log_debug("request op=%s from=%s", op_name(msg->op), ipc_name(l));
	if (self->conf == NULL || s->ring == NULL) {
		err_set(&err, ERR_UNAVAILABLE, "the sealer is not ready");
		role_answer_err(l, msg, &err);
		return;
	}
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (ops[i].op == msg->op) {
			ops[i].handler(s, l, msg);
			return;
		}
	}
	err_set(&err, ERR_UNSUPPORTED, "the sealer does not do that");
	role_answer_err(l, msg, &err);
}

static int
count_account(struct str account, void *arg)
{
	json_int_t *n = arg;

	(void)account;
	(*n)++;
	return (0);
}

static void
sealer_status(struct self *self, json_t *o)
{
	struct sealer *s = self->arg;
	json_int_t accounts = 0;

	if (s->store == NULL)
		return;
	(void)keystore_accounts(s->store, count_account, &accounts, NULL);
	json_object_set_new(o, "accounts_with_keys", json_integer(accounts));
	json_object_set_new(o, "sealed", json_integer((json_int_t)s->sealed));
	json_object_set_new(o, "failed", json_integer((json_int_t)s->failed));
	json_object_set_new(o, "imports",
	    json_integer((json_int_t)s->nimports));
}

static const struct role_peer peers[] = {
    {ROLE_PROXY, op_proxy_to_sealer, on_request, NULL, NULL},
    {ROLE_AGENT, op_agent_to_sealer, on_request, NULL, NULL},
    {.allow = NULL},
};

static const struct role_ops sealer = {
    .role = ROLE_SEALER,
    .from_parent = op_parent_to_sealer,
    .start = sealer_start,
    .conf = sealer_conf,
    .request = on_request,
    .status = sealer_status,
    .end = sealer_end,
    .peers = peers,
};

int
sealer_main(int parent_fd)
{
	struct sealer s = {.self = NULL};

	LIST_INIT(&s.imports);
	return (role_run(&sealer, parent_fd, &s));
}
