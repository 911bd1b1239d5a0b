#include "config.h"

#include "proxy/proxy.h"

#include <inttypes.h>
#ifdef HAVE_MALLOPT
#include <malloc.h>
#endif
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "proto/resync.h"
#include "proto/start.h"
#include "proxy/account.h"
#include "proxy/boxname.h"
#include "proxy/challenge.h"
#include "proxy/facts.h"
#include "proxy/late.h"
#include "proxy/listener.h"
#include "proxy/reading.h"
#include "proxy/recorder.h"
#include "proxy/resync.h"
#include "proxy/seen.h"
#include "proxy/sentlog.h"
#include "proxy/throttle.h"
#include "proxy/upstream.h"
#include "proxy/viewcache.h"
#include "proxy/viewdisk.h"
#include "proxy/warm.h"
#include "role/role.h"
#include "sys/log.h"
#include "sys/tls.h"

/* Free memory that is kept: bodies in flight come and go all the time, and
 * giving their pages back to be asked for again costs more than moving them. */
#define KEEP_FREE (16 * 1024 * 1024)

/* How often sessions look at their timeouts. */
#define TICK_S 2

/* How often it is looked whether the last words are said. */
#define LAST_MS 10

void
proxy_session_add(struct proxy *p, struct session *s, const char *kind,
    void (*stop)(struct session *))
{
	(void)snprintf(s->id, sizeof(s->id), "%08" PRIx64,
	    ++p->next_session & 0xffffffffU);
	s->kind = kind;
	s->stop = stop;
	s->tick = NULL;
	TAILQ_INSERT_TAIL(&p->sessions, s, link);
}

/* The sessions are gone, but what they said last may not be. */
static void
on_last(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = {0, LAST_MS * 1000L};
	struct proxy *p = arg;

	(void)fd;
	(void)what;
	if (streams_finished())
		role_end(p->self);
	else
		evtimer_add(p->last, &soon);
}

void
proxy_session_del(struct proxy *p, struct session *s)
{
	TAILQ_REMOVE(&p->sessions, s, link);
	if (p->stopping && TAILQ_EMPTY(&p->sessions))
		event_active(p->last, EV_TIMEOUT, 0);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct proxy *p = arg;
	struct session *s, *next;

	(void)fd;
	(void)what;
	p->mono = clock_now().mono;
	accounts_save(p);
	reading_tick(p);
	if (p->worked != p->opened + p->probed) {
		p->worked = p->opened + p->probed;
		role_worked(p->self);
	}
	if (p->sealer_stuck) {
		p->sealer_stuck = false;
		log_error("peer-slow peer=sealer");
		role_accuse(p->self, ROLE_SEALER);
	}
	if (p->agent_late) {
		/* it gives up in time itself, so it cannot be the cloud */
		p->agent_late = false;
		role_check(p->self, ROLE_AGENT, LIMIT_LOOKUP_MS);
	}
	for (s = TAILQ_FIRST(&p->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->tick != NULL)
			s->tick(s, p->mono);
	}
}

static int
proxy_start(struct self *self, struct err *err)
{
	struct proxy *p = self->arg;
	struct timeval tv = {.tv_sec = TICK_S};
	struct err why;

	p->self = self;
	p->base = self->base;
	p->parent = self->parent;
	p->state_dir = self->state_dir;
	(void)snprintf(p->install_id, sizeof(p->install_id), "%s",
	    self->install_id);
	if (self->nkeys < 2) {
		err_set(err, ERR_PEER, "subkeys are missing");
		return (-1);
	}
	p->seen_key = self->keys[0];
	p->tokens_key = self->keys[1];
	crypt_key_wipe(&self->keys[0]);
	crypt_key_wipe(&self->keys[1]);
	if ((p->resolv = resolv_new(p->base, err)) == NULL)
		return (-1);
	p->accounts = accounts_new();
	p->throttle = throttle_new(p->base);
	p->views = viewcache_new();
	p->readings = readings_new();
	p->lates = lates_new();
	p->boxnames = boxnames_new(p);
	p->recorder = recorder_new(&p->tokens_key);
	p->sent = sentlog_new(&p->tokens_key);
	p->tick = event_new(p->base, -1, EV_PERSIST, on_tick, p);
	p->last = evtimer_new(p->base, on_last, p);
	if (p->accounts == NULL || p->throttle == NULL || p->views == NULL ||
	    p->readings == NULL || p->lates == NULL || p->boxnames == NULL ||
	    p->recorder == NULL || p->sent == NULL || p->tick == NULL ||
	    p->last == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	p->mono = clock_now().mono;
	event_add(p->tick, &tv);
	if ((p->seen = seen_open(p->state_dir, &p->seen_key, err)) == NULL)
		return (-1);
	/* A cache: it goes on without. */
	p->facts = facts_open(p->state_dir, &p->seen_key, &why);
	if (p->facts == NULL)
		log_error("facts reason=%s", log_str(str_c(why.text)));
	return (0);
}

/* The context for one kind of client; *ctx is left alone when there is no
 * certificate. */
static int
load_tls(const struct conf *conf, const char *section, SSL_CTX **ctx,
    struct err *err)
{
	struct str cert = conf_file(conf, section, "cert");
	struct str key = conf_file(conf, section, "key");

	*ctx = NULL;
	if (cert.len == 0 || key.len == 0)
		return (0);
	if ((*ctx = tls_server(cert, key, err)) == NULL) {
		return (conf_blame_for(conf, section, "cert", err));
	}
	return (0);
}

/* Views on disk, or no longer. */
static void
conf_views(struct proxy *p)
{
	const char *where = conf_str(p->conf, "cache", "views");
	struct err err;

	if (where == NULL || strcmp(where, "disk") != 0) {
		viewdisk_close(p->viewdisk);
		p->viewdisk = NULL;
		viewdisk_remove(p->state_dir);
		return;
	}
	if (p->viewdisk == NULL)
		p->viewdisk =
		    viewdisk_open(p->base, p->state_dir, &p->seen_key, &err);
	if (p->viewdisk == NULL)
		log_error("views reason=%s", log_str(str_c(err.text)));
	viewdisk_limit(p->viewdisk, conf_num(p->conf, "cache", "disk_bytes"));
}

static int
proxy_conf(struct self *self, const struct conf *old, struct err *err)
{
	struct proxy *p = self->arg;
	struct upstream *ups;
	SSL_CTX *imap, *smtp;

	(void)old;
	if ((ups = upstream_load(self->conf, err)) == NULL)
		return (-1);
	if (load_tls(self->conf, "imap", &imap, err) == -1) {
		upstream_list_free(ups);
		return (-1);
	}
	if (load_tls(self->conf, "smtp", &smtp, err) == -1) {
		SSL_CTX_free(imap);
		upstream_list_free(ups);
		return (-1);
	}
	p->conf = self->conf;
	p->upstreams = upstream_adopt(ups, p->upstreams);
	SSL_CTX_free(p->imap_tls);
	SSL_CTX_free(p->smtp_tls);
	p->imap_tls = imap;
	p->smtp_tls = smtp;
	viewcache_limit(p->views,
	    (size_t)conf_num(self->conf, "cache", "view_bytes"));
	conf_views(p);
	facts_limit(p->facts, conf_num(self->conf, "cache", "facts_bytes"));
	return (0);
}

static void
do_listen(struct proxy *p, struct ipc *l, struct ipc_msg *msg)
{
	struct err err = {0};
	struct listen_req q;
	int fd;

	if (listen_req_get(msg->body, &q, &err) == 0) {
		if ((fd = ipc_msg_fd(msg, 0)) == -1)
			err_set(&err, ERR_PEER, "no socket");
		else
			(void)listener_add(p, (enum listen_kind)q.kind, q.name,
			    fd, &err);
	}
	role_answer_err(l, msg, &err);
}

static void
do_resync(struct proxy *p, struct ipc *l, struct ipc_msg *msg)
{
	struct account *a = NULL;
	struct err err = {0};
	struct resync_req q;
	struct login login;

	if (resync_req_get(msg->body, &q, &err) == 0 &&
	    (a = account_find(p, q.account)) == NULL &&
	    login_parse(p, q.account, &login, &err) == 0) {
		err_set(&err, ERR_UNAVAILABLE,
		    "nobody is logged in as %s: log in first", login.name);
		login_clear(&login);
	}
	if (a != NULL && q.begin)
		(void)resync_begin(a, q.mailbox, &err);
	else if (a != NULL && a->resync == NULL)
		err_set(&err, ERR_UNAVAILABLE, "interrupted, begin again");
	if (err.code == ERR_OK)
		role_answer_json(l, msg->op, msg->id, NULL,
		    resync_json(a->resync));
	else
		role_answer_err(l, msg, &err);
}

static void
on_parent_asks(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct self *self = arg;
	struct proxy *p = self->arg;
	struct buf b;
	json_t *list;

	switch (msg->op) {
	case OP_LISTEN:
		do_listen(p, l, msg);
		return;
	case OP_ACCOUNTS:
		buf_init(&b, (size_t)16 << 20);
		accounts_json(p, &b);
		list = json_loadb(buf_text(&b).p, b.len, 0, NULL);
		buf_clear(&b);
		role_answer_json(l, msg->op, msg->id, NULL, list);
		return;
	case OP_RESYNC:
		do_resync(p, l, msg);
		return;
	case OP_CACHE_DROP:
		log_info("cache-drop bytes=%zu", viewcache_bytes(p->views));
		viewcache_drop(p->views, STR(""));
		viewdisk_drop_all(p->viewdisk);
		facts_drop_all(p->facts);
		role_worked(p->self);
		role_answer_err(l, msg, NULL);
		return;
	default:
		role_answer_err(l, msg,
		    &(struct err){ERR_UNSUPPORTED, "not an operation here"});
	}
}

/* Told by the sealer: mail sealed to a new key can be opened from now on. */
static void
on_sealer_tells(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct self *self = arg;
	struct proxy *p = self->arg;
	struct account *a;
	struct key_arrived k;
	struct err err;

	(void)l;
	if (msg->op != OP_KEY_ARRIVED ||
	    key_arrived_get(msg->body, &k, &err) == -1)
		return;
	log_info("key-arrived login=%s", log_addr(k.account));
	if ((a = account_find(p, k.account)) == NULL) {
		reading_key_came_away(p, k.account);
		return;
	}
	reading_key_came(a);
	warm_key_came(a);
}

static void
proxy_status(struct self *self, json_t *o)
{
	struct proxy *p = self->arg;
	const struct session *s;
	int imap = 0, smtp = 0;

	TAILQ_FOREACH (s, &p->sessions, link)
		*(s->kind[0] == 'i' ? &imap : &smtp) += 1;
	json_object_set_new(o, "imap_sessions", json_integer(imap));
	json_object_set_new(o, "smtp_sessions", json_integer(smtp));
	json_object_set_new(o, "views",
	    json_integer((json_int_t)viewcache_count(p->views)));
	json_object_set_new(o, "view_bytes",
	    json_integer((json_int_t)viewcache_bytes(p->views)));
	json_object_set_new(o, "disk_views",
	    json_integer((json_int_t)viewdisk_count(p->viewdisk)));
	json_object_set_new(o, "disk_bytes",
	    json_integer((json_int_t)viewdisk_bytes(p->viewdisk)));
	json_object_set_new(o, "opened", json_integer((json_int_t)p->opened));
	json_object_set_new(o, "probed", json_integer((json_int_t)p->probed));
	accounts_save(p);
	json_object_set_new(o, "facts_waiting",
	    json_boolean(facts_waiting(p->facts)));
	json_object_set_new(o, "facts",
	    json_integer((json_int_t)facts_count(p->facts)));
	json_object_set_new(o, "facts_bytes",
	    json_integer((json_int_t)facts_bytes(p->facts)));
}

static bool
proxy_stop(struct self *self)
{
	struct proxy *p = self->arg;
	struct session *s, *next;

	p->stopping = true;
	listener_close_all(p);
	challenge_abandon(p);
	if (p->last == NULL)
		return (true);
	if (TAILQ_EMPTY(&p->sessions))
		event_active(p->last, EV_TIMEOUT, 0);
	for (s = TAILQ_FIRST(&p->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		s->stop(s);
	}
	return (false);
}

static void
proxy_end(struct self *self)
{
	struct proxy *p = self->arg;

	listener_close_all(p);
	streams_abandon();
	accounts_free(p->accounts);
	throttle_free(p->throttle);
	readings_free(p->readings);
	lates_free(p->lates);
	boxnames_free(p->boxnames);
	reading_tick(p); /* the last one: views may have to make room */
	viewdisk_close(p->viewdisk);
	viewcache_free(p->views);
	recorder_free(p->recorder);
	sentlog_free(p->sent);
	facts_close(p->facts);
	seen_close(p->seen);
	upstream_list_free(p->upstreams);
	SSL_CTX_free(p->imap_tls);
	SSL_CTX_free(p->smtp_tls);
	resolv_free(p->resolv);
	if (p->tick != NULL)
		event_free(p->tick);
	if (p->last != NULL)
		event_free(p->last);
	crypt_key_wipe(&p->seen_key);
	crypt_key_wipe(&p->tokens_key);
}

static void
on_agent_asks(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct self *self = arg;

	challenge_asked(self->arg, l, msg);
}

static void
on_agent_up(struct self *self, struct ipc *l, struct str account)
{
	struct proxy *p = self->arg;

	(void)account;
	p->agent = l;
	accounts_tell(p);
}

static void
on_agent_down(struct self *self, struct ipc *l)
{
	struct proxy *p = self->arg;

	(void)l;
	p->agent = NULL;
	challenge_abandon(p);
}

static void
on_sealer_up(struct self *self, struct ipc *l, struct str account)
{
	struct proxy *p = self->arg;

	(void)account;
	p->sealer = l;
	p->sealer_stuck = false;
}

static void
on_sealer_down(struct self *self, struct ipc *l)
{
	struct proxy *p = self->arg;

	(void)l;
	p->sealer = NULL;
}

int
proxy_main(int parent_fd)
{
	static const struct role_peer peers[] = {
	    {ROLE_AGENT, op_agent_to_proxy, on_agent_asks, on_agent_up,
	        on_agent_down},
	    {ROLE_SEALER, op_sealer_to_proxy, on_sealer_tells, on_sealer_up,
	        on_sealer_down},
	    {.allow = NULL},
	};
	static const struct role_ops ops = {
	    .role = ROLE_PROXY,
	    .from_parent = op_parent_to_proxy,
	    .start = proxy_start,
	    .conf = proxy_conf,
	    .request = on_parent_asks,
	    .status = proxy_status,
	    .stop = proxy_stop,
	    .end = proxy_end,
	    .peers = peers,
	};
	struct proxy p = {0};

#ifdef HAVE_MALLOPT
	(void)mallopt(M_TRIM_THRESHOLD, KEEP_FREE);
#endif
	TAILQ_INIT(&p.sessions);
	LIST_INIT(&p.listeners);
	LIST_INIT(&p.errands);
	return (role_run(&ops, parent_fd, &p));
}
