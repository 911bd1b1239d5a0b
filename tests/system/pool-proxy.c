/*
 * A proxy that only asks for openers: linked into a waxwingd of the tests in
 * the real one's place.  For each [account] of the conf, in order, it wants an
 * opener and says in its status which links it has; a link that dies is asked
 * for again while the account is in the conf.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "proto/op.h"
#include "proto/start.h"
#include "role/role.h"
#include "sys/proc.h"

#define MAX_ACCOUNTS 16

struct want {
	struct self *self;
	char name[100];
	struct ipc *link; /* owned */
	unsigned asked;
	unsigned refused;
};

static struct want wants[MAX_ACCOUNTS];
static size_t nwants;

role_fn proxy_main;
static void ask(struct want *);

static void
on_dead(struct ipc *l, const struct err *err, void *arg)
{
	struct want *w = arg;

	(void)err;
	ipc_free(l);
	w->link = NULL;
	if (strncmp(w->name, "once", 4) != 0)
		ask(w);
}

static void
on_opener(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct want *w = arg;
	struct err why;
	struct rec r;
	int fd;

	(void)err;
	if (msg == NULL)
		return;
	rec_init(&r, msg->body);
	rec_get_err(&r, &why);
	fd = ipc_msg_fd(msg, 0);
	if (why.code != ERR_OK || fd == -1) {
		w->refused++;
		return;
	}
	w->link =
	    ipc_new(w->self->base, fd, "opener", op_nothing, NULL, on_dead, w);
}

static void
ask(struct want *w)
{
	struct buf b;

	w->asked++;
	buf_init(&b, LIMIT_RECORD);
	opener_req_put(&b, str_c(w->name));
	(void)ipc_ask(w->self->parent, OP_OPENER, buf_text(&b), NULL, 0, 0,
	    on_opener, w);
	buf_clear(&b);
}

static int
pool_conf(struct self *self, const struct conf *old, struct err *err)
{
	const char *name;
	size_t pos = 0;
	struct want *w;

	(void)old;
	(void)err;
	while ((name = conf_next(self->conf, "account", &pos)) != NULL) {
		for (w = wants; w < wants + nwants; w++)
			if (strcmp(w->name, name) == 0)
				break;
		if (w < wants + nwants || nwants == MAX_ACCOUNTS)
			continue;
		w = &wants[nwants++];
		w->self = self;
		strncpy(w->name, name, sizeof(w->name) - 1);
		ask(w);
	}
	return (0);
}

static void
pool_status(struct self *self, json_t *o)
{
	json_t *list = json_array();
	size_t i;

	(void)self;
	for (i = 0; i < nwants; i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:b, s:i, s:i}", "account", wants[i].name,
		        "linked", wants[i].link != NULL, "asked",
		        (int)wants[i].asked, "refused", (int)wants[i].refused));
	json_object_set_new(o, "wants", list);
}

static void
on_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	(void)arg;
	role_answer_err(l, msg, NULL);
}

static void
pool_end(struct self *self)
{
	size_t i;

	(void)self;
	for (i = 0; i < nwants; i++)
		ipc_free(wants[i].link);
}

int
proxy_main(int parent_fd)
{
	static const struct role_peer peers[] = {
	    {.role = ROLE_AGENT, .allow = op_nothing},
	    {.role = ROLE_SEALER,
	        .allow = op_sealer_to_proxy,
	        .request = on_request},
	    {.allow = NULL},
	};
	static const struct role_ops ops = {
	    .role = ROLE_PROXY,
	    .from_parent = op_parent_to_proxy,
	    .conf = pool_conf,
	    .request = on_request,
	    .status = pool_status,
	    .end = pool_end,
	    .peers = peers,
	};

	return (role_run(&ops, parent_fd, NULL));
}
