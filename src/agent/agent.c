#include "config.h"

#include "agent/agent.h"

#include <string.h>

#include "agent/enrol.h"
#include "agent/post.h"
#include "agent/src_cloud.h"
#include "agent/state.h"
#include "proto/op.h"
#include "sys/fault.h"
#include "sys/log.h"

static void
agent_end(struct self *self)
{
	struct agent *a = self->arg;

	op_lookup_forget(a, NULL);
	src_cloud_abandon(a);
	cert_imports_abandon(a);
	harvests_abandon(a);
	errands_abandon(a);
	enrol_close(a);
	directory_clear(&a->directory);
	http_free(a->http);
	store_close(a->store);
}

static int
agent_start(struct self *self, struct err *err)
{
	struct agent *a = self->arg;
	size_t i;

	a->self = self;
	/* nothing here is wrapped yet */
	for (i = 0; i < self->nkeys; i++)
		crypt_key_wipe(&self->keys[i]);
	if (FAULT("agent.start")) {
		err_set(err, ERR_UNAVAILABLE, "fault agent.start");
		return (-1);
	}
	if ((a->store = store_open(self->state_dir, err)) == NULL)
		return (-1);
	return (enrol_open(a, err));
}

/* The cloud is another, or there is none any more. */
static int
agent_conf(struct self *self, const struct conf *old, struct err *err)
{
	struct agent *a = self->arg;
	const char *url = conf_str(self->conf, "cloud", "url");
	struct str ca = conf_file(self->conf, "cloud", "ca_file");
	struct http *http = NULL;

	if (old != NULL && a->http != NULL && url != NULL &&
	    strcmp(url, http_url(a->http)) == 0 &&
	    str_eq(ca, conf_file(old, "cloud", "ca_file")))
		return (0);
	if (url != NULL && (http = http_new(self->base, url, ca, err)) == NULL)
		return (conf_blame_for(self->conf, "cloud", "url", err));
	src_cloud_abandon(a);
	harvests_abandon(a);
	post_abandon(a);
	directory_clear(&a->directory);
	http_free(a->http);
	a->http = http;
	enrol_conf(a);
	return (0);
}

/* The proxy is gone, and with it those who asked. */
static void
on_proxy_down(struct self *self, struct ipc *l)
{
	op_lookup_forget(self->arg, l);
}

/* What may be asked of the agent, besides what every role answers. */
static const struct {
	uint16_t op;
	void (*handler)(struct agent *, struct ipc *, struct ipc_msg *);
} ops[] = {
    {OP_LOOKUP, op_lookup},
    {OP_HARVEST, op_harvest},
    {OP_CERT_IMPORT, op_cert_import},
    {OP_CERT_LIST, op_cert_list},
    {OP_CERT_APPROVE, op_cert_approve},
    {OP_ACCOUNT_SEEN, op_account_seen},
    {OP_ENROL, op_enrol},
    {OP_RENEW, op_renew},
    {OP_REVOKE, op_revoke},
    {OP_RELEASE_LOG, op_release_log},
};

static void
on_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct self *self = arg;
	struct agent *a = self->arg;
	struct err err;
	size_t i;

	log_debug("request op=%s from=%s", op_name(msg->op), ipc_name(l));
	if (a->store == NULL) {
		err_set(&err, ERR_UNAVAILABLE, "the agent is not ready");
		role_answer_err(l, msg, &err);
		return;
	}
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (ops[i].op == msg->op) {
			ops[i].handler(a, l, msg);
			return;
		}
	}
	err_set(&err, ERR_UNSUPPORTED, "the agent does not do that");
	role_answer_err(l, msg, &err);
}

static int
count_one(const struct cert_rec *c, void *arg)
{
	json_int_t *n = arg;

	(void)c;
	(*n)++;
	return (0);
}

static void
agent_status(struct self *self, json_t *o)
{
	struct agent *a = self->arg;
	json_int_t n = 0;

	if (a->store == NULL)
		return;
	(void)store_walk(a->store, count_one, &n, NULL);
	json_object_set_new(o, "certificates", json_integer(n));
	json_object_set_new(o, "lookups", json_integer((json_int_t)a->lookups));
	json_object_set_new(o, "found", json_integer((json_int_t)a->found));
	json_object_set_new(o, "imports",
	    json_integer((json_int_t)a->nimports));
	json_object_set_new(o, "cloud",
	    a->http != NULL ? json_string(http_url(a->http)) : json_null());
	json_object_set_new(o, "enrol", enrol_status(a));
	json_object_set_new(o, "verifier",
	    json_boolean(role_link(self, ROLE_OPENER) != NULL));
}

static const struct role_peer peers[] = {
    {ROLE_PROXY, op_proxy_to_agent, on_request, NULL, on_proxy_down},
    {ROLE_OPENER, op_nothing, NULL, NULL, NULL},
    {ROLE_SEALER, op_nothing, NULL, NULL, NULL},
    {.allow = NULL},
};

static const struct role_ops agent = {
    .role = ROLE_AGENT,
    .from_parent = op_parent_to_agent,
    .start = agent_start,
    .conf = agent_conf,
    .request = on_request,
    .status = agent_status,
    .end = agent_end,
    .peers = peers,
};

int
agent_main(int parent_fd)
{
	struct agent a = {.self = NULL};

	LIST_INIT(&a.imports);
	LIST_INIT(&a.askings);
	LIST_INIT(&a.asked);
	LIST_INIT(&a.posts);
	LIST_INIT(&a.enrols);
	LIST_INIT(&a.errands);
	directory_init(&a.directory);
	return (role_run(&agent, parent_fd, &a));
}
