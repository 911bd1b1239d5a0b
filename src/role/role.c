#include "config.h"

#include "role/role.h"

#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif
#include <sys/prctl.h>
#include <sys/queue.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/op.h"
#include "proto/start.h"
#include "sys/log.h"
#include "sys/memfd.h"

/* So long after the last work a role rests.  The heap keeps what the largest
 * mail has needed, which is soon needed again where many are read, and else
 * lies there in every account's opener. */
#define REST_S 5

struct link {
	LIST_ENTRY(link) next;
	struct ring *ring;
	const struct role_peer *peer;
	struct ipc *ipc; /* owned */
	bool accused;    /* by role_check(): once is enough */
};

/* self and what is nobody's business but this file's. */
struct ring {
	struct self self;
	uint64_t last_request; /* monotonic ms, of any peer */
	LIST_HEAD(, link) links;
	struct event *term;     /* owned */
	struct event *too_late; /* owned */
	struct event *rest;     /* owned */
};

static struct ring *
ring_of(struct self *self)
{
	/* self is its first member */
	return ((struct ring *)(void *)self);
}

void
role_answer_err(struct ipc *l, const struct ipc_msg *msg, const struct err *err)
{
	role_answer_json(l, msg->op, msg->id, err, NULL);
}

void
role_answer_json(struct ipc *l, uint16_t op, uint32_t id, const struct err *err,
    json_t *json)
{
	static const struct err ok;
	struct blob *blob = NULL;
	struct buf body;
	struct err bad;
	char *text;

	if (json != NULL) {
		text = json_dumps(json, JSON_COMPACT);
		if (text != NULL)
			blob = memfd_copy(text, strlen(text), NULL);
		free(text);
		json_decref(json);
		if (blob == NULL) {
			err_set(&bad, ERR_MEMORY, "out of memory");
			err = &bad;
		}
	}
	buf_init(&body, LIMIT_RECORD);
	rec_put_err(&body, err != NULL ? err : &ok);
	ipc_answer(l, op, id, buf_text(&body), &blob, blob != NULL ? 1 : 0);
	buf_clear(&body);
	blob_unref(blob);
}

void
role_end(struct self *self)
{
	event_base_loopbreak(self->base);
}

static void
stop(struct ring *r)
{
	struct timeval tv = {.tv_sec = ROLE_STOP_MS / 1000,
	    .tv_usec = ROLE_STOP_MS % 1000 * 1000};
	struct self *self = &r->self;

	if (self->stopping)
		return;
	self->stopping = true;
	if (self->ops->stop == NULL || self->ops->stop(self)) {
		role_end(self);
		return;
	}
	event_add(r->too_late, &tv);
}

static void
on_term(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	log_debug("stop");
	stop(arg);
}

static void
on_too_late(evutil_socket_t fd, short what, void *arg)
{
	struct ring *r = arg;

	(void)fd;
	(void)what;
	log_warn("stop-too-slow");
	role_end(&r->self);
}

static void
on_parent_dead(struct ipc *l, const struct err *err, void *arg)
{
	(void)l;
	if (err->code == ERR_PEER)
		log_error("parent-link reason=%s", log_str(str_c(err->text)));
	stop(arg);
}

/* Copy the start record and the subkeys.  Once only. */
static int
take_start(struct self *self, struct ipc_msg *msg, struct err *err)
{
	struct start_req q;
	struct blob *keys;
	size_t n;

	if (self->install_id != NULL) {
		err_set(err, ERR_PEER, "started already");
		return (-1);
	}
	if (start_req_get(msg->body, &q, err) == -1)
		return (-1);
	if ((keys = ipc_msg_blob(msg, 0, sizeof(self->keys), err)) == NULL)
		return (-1);
	n = blob_len(keys);
	memcpy(self->keys, blob_data(keys), n);
	self->nkeys = n / CRYPT_KEY;
	blob_unref(keys);
	self->account = strndup(q.account.p, q.account.len);
	self->install_id = strndup(q.install_id.p, q.install_id.len);
	self->state_dir = strndup(q.state_dir.p, q.state_dir.len);
	if (self->account == NULL || self->install_id == NULL ||
	    self->state_dir == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	return (0);
}

static void
do_start(struct self *self, struct ipc_msg *msg)
{
	struct err err = {0};

	if (take_start(self, msg, &err) == 0 && self->ops->start != NULL &&
	    self->ops->start(self, &err) == -1)
		log_error("start reason=%s", log_str(str_c(err.text)));
	role_answer_err(self->parent, msg, &err);
}

static void
adopt_log(const struct conf *conf)
{
	enum log_level level;
	const char *word;

	if ((word = conf_str(conf, "daemon", "log")) != NULL &&
	    log_level_parse(word, &level) == 0)
		log_set_level(level);
	log_addresses(conf_bool(conf, "daemon", "log_addresses"));
}

static int
take_conf(struct self *self, struct ipc_msg *msg, struct err *err)
{
	struct conf *old = self->conf, *new;
	struct blob *text;
	int rc = 0;

	if (self->install_id == NULL) {
		err_set(err, ERR_PEER, "not started yet");
		return (-1);
	}
	text = ipc_msg_blob(msg, 0, LIMIT_CONF, err);
	if (text == NULL)
		return (-1);
	new = conf_get(blob_str(text), err);
	blob_unref(text);
	if (new == NULL)
		return (-1);
	self->conf = new;
	if (self->ops->conf != NULL)
		rc = self->ops->conf(self, old, err);
	if (rc == -1) {
		self->conf = old;
		conf_free(new);
		return (-1);
	}
	adopt_log(new);
	conf_free(old);
	return (0);
}

static void
do_conf(struct self *self, struct ipc_msg *msg)
{
	struct err err = {0};

	if (take_conf(self, msg, &err) == -1)
		log_error("conf reason=%s", log_str(str_c(err.text)));
	role_answer_err(self->parent, msg, &err);
}

static void
drop_link(struct link *k)
{
	struct self *self = &k->ring->self;

	LIST_REMOVE(k, next);
	if (k->peer->down != NULL)
		k->peer->down(self, k->ipc);
	ipc_free(k->ipc);
	free(k);
}

void
role_accuse(struct self *self, enum role role)
{
	struct peer_req q = {
	    .role = (uint8_t)role,
	    .account = STR(""),
	};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	peer_req_put(&body, &q);
	(void)ipc_tell(self->parent, OP_LINK_LOST, buf_text(&body));
	buf_clear(&body);
}

static void
on_peer_dead(struct ipc *l, const struct err *err, void *arg)
{
	struct link *k = arg;
	bool broken = err->code == ERR_PEER;

	log_at(broken ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG,
	    "peer-gone peer=%s reason=%s", ipc_name(l),
	    log_str(str_c(err->text)));
	/* Both may live on without a link: whoever broke the rules must start
	 * again, which makes a new one. */
	if (broken)
		role_accuse(&k->ring->self, k->peer->role);
	drop_link(k);
}

static void
on_rest(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
#ifdef HAVE_MALLOC_TRIM
	(void)malloc_trim(0);
#endif
}

void
role_worked(struct self *self)
{
	static const struct timeval later = {REST_S, 0};

	(void)evtimer_add(ring_of(self)->rest, &later);
}

static void
on_peer_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct link *k = arg;

	role_worked(&k->ring->self);
	k->ring->last_request = clock_now().mono;
	k->peer->request(l, msg, &k->ring->self);
}

/* What this role has to say to another, or NULL. */
static const struct role_peer *
peer_of(const struct role_ops *ops, enum role role)
{
	const struct role_peer *p;

	for (p = ops->peers; p != NULL && p->allow != NULL; p++)
		if (p->role == role)
			return (p);
	return (NULL);
}

static int
add_link(struct ring *r, const struct role_peer *p, int fd, struct str account)
{
	struct link *k, *old;

	LIST_FOREACH (old, &r->links, next)
		if (old->peer == p)
			break;
	if (old != NULL)
		drop_link(old);
	if ((k = calloc(1, sizeof(*k))) == NULL) {
		close(fd);
		return (-1);
	}
	k->ring = r;
	k->peer = p;
	k->ipc = ipc_new(r->self.base, fd, role_name(p->role), p->allow,
	    on_peer_request, on_peer_dead, k);
	if (k->ipc == NULL) {
		free(k);
		return (-1);
	}
	LIST_INSERT_HEAD(&r->links, k, next);
	if (p->up != NULL)
		p->up(&r->self, k->ipc, account);
	return (0);
}

static void
do_peer(struct self *self, struct ipc_msg *msg)
{
	const struct role_peer *p;
	struct err err = {0};
	struct peer_req q;
	int fd;

	if (peer_req_get(msg->body, &q, &err) == 0) {
		p = peer_of(self->ops, (enum role)q.role);
		fd = ipc_msg_fd(msg, 0);
		if (p == NULL || fd == -1) {
			err_set(&err, ERR_PEER, "no such link here");
			if (fd != -1)
				close(fd);
		} else if (add_link(ring_of(self), p, fd, q.account) == -1)
			err_set(&err, ERR_MEMORY, "out of memory");
	}
	if (err.code != ERR_OK)
		log_error("peer reason=%s", log_str(str_c(err.text)));
	role_answer_err(self->parent, msg, &err);
}

static void
do_status(struct self *self, struct ipc_msg *msg)
{
	uint64_t idle = clock_now().mono - ring_of(self)->last_request;
	json_t *o;

	o = json_pack("{s:s, s:i, s:I}", "role", role_name(self->ops->role),
	    "pid", (int)getpid(), "idle_ms", (json_int_t)idle);
	if (o != NULL && self->account != NULL && self->account[0] != '\0')
		json_object_set_new(o, "account", json_string(self->account));
	if (o != NULL && self->ops->status != NULL)
		self->ops->status(self, o);
	role_answer_json(self->parent, msg->op, msg->id, NULL, o);
}

static void
do_log_level(struct self *self, struct ipc_msg *msg)
{
	struct err err = {0};
	struct rec r;
	uint8_t level;

	rec_init(&r, msg->body);
	level = rec_get_enum(&r, LOG_LEVEL_TRACE);
	if (rec_end(&r, &err) == 0)
		log_set_level((enum log_level)level);
	role_answer_err(self->parent, msg, &err);
}

/* The operations that every role answers. */
static const struct {
	uint16_t op;
	void (*handler)(struct self *, struct ipc_msg *);
} common[] = {
    {OP_START, do_start},
    {OP_CONF, do_conf},
    {OP_PEER, do_peer},
    {OP_STATUS, do_status},
    {OP_LOG_LEVEL, do_log_level},
};

static void
on_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct self *self = arg;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
		if (common[i].op == msg->op) {
			common[i].handler(self, msg);
			return;
		}
	}
	if (self->ops->request != NULL && self->conf != NULL) {
		self->ops->request(l, msg, self);
		return;
	}
	err_set(&err, ERR_UNSUPPORTED, "not done here");
	role_answer_err(l, msg, &err);
}

struct ipc *
role_link(struct self *self, enum role role)
{
	struct link *k;

	LIST_FOREACH (k, &ring_of(self)->links, next)
		if (k->peer->role == role)
			return (k->ipc);
	return (NULL);
}

void
role_check(struct self *self, enum role role, uint64_t ms)
{
	struct link *k;

	LIST_FOREACH (k, &ring_of(self)->links, next)
		if (k->peer->role == role)
			break;
	if (k == NULL || k->accused || self->stopping ||
	    ipc_silence(k->ipc) < ms)
		return;
	log_error("peer-slow peer=%s", role_name(role));
	k->accused = true;
	role_accuse(self, role);
}

/* Signals: the parent passes on what concerns us as SIGTERM. */
static int
watch_signals(struct ring *r)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGUSR1,
	    SIGUSR2};
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	r->term = evsignal_new(r->self.base, SIGTERM, on_term, r);
	r->too_late = evtimer_new(r->self.base, on_too_late, r);
	r->rest = evtimer_new(r->self.base, on_rest, r);
	if (r->term == NULL || r->too_late == NULL || r->rest == NULL)
		return (-1);
	return (event_add(r->term, NULL));
}

static int
open_loop(struct ring *r, int parent_fd)
{
	struct self *self = &r->self;

	if ((self->base = event_base_new()) == NULL || watch_signals(r) == -1) {
		close(parent_fd);
		return (-1);
	}
	self->parent = ipc_new(self->base, parent_fd, "parent",
	    self->ops->from_parent, on_request, on_parent_dead, r);
	return (self->parent != NULL ? 0 : -1);
}

static void
clear(struct ring *r)
{
	struct self *self = &r->self;
	struct link *k;
	size_t i;

	while ((k = LIST_FIRST(&r->links)) != NULL)
		drop_link(k);
	ipc_free(self->parent);
	if (r->term != NULL)
		event_free(r->term);
	if (r->too_late != NULL)
		event_free(r->too_late);
	if (r->rest != NULL)
		event_free(r->rest);
	if (self->base != NULL)
		event_base_free(self->base);
	conf_free(self->conf);
	free(self->account);
	free(self->install_id);
	free(self->state_dir);
	for (i = 0; i < ROLE_KEYS; i++)
		crypt_key_wipe(&self->keys[i]);
}

/* What "ps" shows: all roles run the same program. */
static void
show_name(enum role role)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "waxwing-%s", role_name(role));
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

int
role_run(const struct role_ops *ops, int parent_fd, void *arg)
{
	struct ring r = {0};
	struct err err = {0};

	LIST_INIT(&r.links);
	r.self.ops = ops;
	r.self.arg = arg;
	r.last_request = clock_now().mono;
	log_init(role_name(ops->role), LOG_LEVEL_INFO);
	show_name(ops->role);
	if (sandbox_enter(ops->role, NULL, &err) == -1) {
		log_error("sandbox reason=%s", log_str(str_c(err.text)));
		return (1);
	}
	if (open_loop(&r, parent_fd) == -1) {
		log_error("cannot make the event loop");
		clear(&r);
		return (1);
	}
	event_base_dispatch(r.self.base);
	if (ops->end != NULL)
		ops->end(&r.self);
	clear(&r);
	return (0);
}
