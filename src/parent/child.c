#include "config.h"

#include "parent/child.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "parent/openers.h"
#include "proto/op.h"
#include "proto/start.h"
#include "sys/fault.h"
#include "sys/memfd.h"
#include "sys/proc.h"

/* A process that lost its link may take so long to end by itself. */
#define LINGER_MS 2000

static const char *const state_names[] = {
    [CHILD_DOWN] = "down",
    [CHILD_STARTING] = "starting",
    [CHILD_UP] = "up",
    [CHILD_ENDING] = "ending",
};

bool
child_pooled(const struct child *c)
{
	return (c->role == ROLE_OPENER && c->account[0] != '\0');
}

const char *
child_word(const struct child *c)
{
	if (c->role == ROLE_OPENER && !child_pooled(c))
		return ("verifier");
	return (role_name(c->role));
}

const char *
child_state_name(enum child_state state)
{
	return (state_names[state]);
}

const char *
child_name(const struct child *c)
{
	static char names[2][320]; /* a log line may name two */
	static unsigned turn;
	char *name = names[turn++ % 2];

	if (!child_pooled(c))
		return (child_word(c));
	(void)snprintf(name, sizeof(names[0]), "opener account=%s",
	    log_addr(str_c(c->account)));
	return (name);
}

static void
enter(struct child *c, enum child_state state)
{
	log_debug("child role=%s pid=%d state=%s", child_name(c), (int)c->pid,
	    state_names[state]);
	c->state = state;
}

static void
set_timer(struct child *c, unsigned ms)
{
	struct timeval tv = {
	    .tv_sec = ms / 1000,
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000,
	};

	event_add(c->timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CHILD_DOWN)
		child_start(c);
	else
		child_kill(c);
}

struct child *
child_new(struct parent *p, enum role role, const char *account)
{
	struct child *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->parent = p;
	c->role = role;
	c->account = strdup(account);
	c->timer = evtimer_new(p->base, on_timer, c);
	STAILQ_INIT(&c->waiters);
	TAILQ_INSERT_TAIL(&p->children, c, next);
	if (c->account == NULL || c->timer == NULL) {
		child_free(c);
		return (NULL);
	}
	return (c);
}

void
child_free(struct child *c)
{
	struct ipc *link = c->link;
	struct waiter *w;

	TAILQ_REMOVE(&c->parent->children, c, next);
	while ((w = STAILQ_FIRST(&c->waiters)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->waiters, next);
		free(w);
	}
	c->link = NULL;
	ipc_free(link);
	if (c->timer != NULL)
		event_free(c->timer);
	free(c->account);
	free(c);
}

void
child_kill(struct child *c)
{
	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
}

void
child_stop(struct child *c)
{
	event_del(c->timer);
	if (c->pid == 0)
		return;
	if (c->state != CHILD_ENDING)
		enter(c, CHILD_ENDING);
	(void)kill(c->pid, SIGTERM);
}

static void
on_link_dead(struct ipc *l, const struct err *err, void *arg)
{
	struct child *c = arg;

	log_at(err->code == ERR_PEER ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG,
	    "child-link role=%s reason=%s", child_name(c),
	    log_str(str_c(err->text)));
	c->link = NULL;
	ipc_free(l);
	if (c->state != CHILD_ENDING)
		enter(c, CHILD_ENDING);
	if (err->code == ERR_PEER)
		child_kill(c);
	else
		set_timer(c, LINGER_MS);
}

/* Is this an answer that says no?  (No answer at all: the link died, and
 * on_link_dead() sees to it.) */
static bool
says_no(struct ipc_msg *msg, struct err *why)
{
	struct rec r;

	if (msg == NULL)
		return (false);
	rec_init(&r, msg->body);
	rec_get_err(&r, why);
	return (rec_end(&r, why) == -1 || why->code != ERR_OK);
}

static void
on_started(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct err why;

	(void)err;
	if (says_no(msg, &why))
		parent_child_refused(arg, OP_START, &why);
}

static void
on_conf(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct child *c = arg;
	struct err why;

	(void)err;
	if (says_no(msg, &why)) {
		parent_child_refused(c, OP_CONF, &why);
		return;
	}
	if (msg == NULL || c->state != CHILD_STARTING)
		return;
	event_del(c->timer);
	enter(c, CHILD_UP);
	parent_child_up(c);
}

/* The keys a role gets, in the order that proto/start.h gives. */
static int
derive_keys(const struct child *c, struct crypt_key out[2], size_t *n)
{
	const struct crypt_key *master = &c->parent->master;
	struct crypt_key keys;
	int rc = 0;

	*n = 0;
	switch (c->role) {
	case ROLE_PROXY:
		*n = 2;
		if (crypt_derive(master, SUBKEY_SEEN, STR(""), &out[0]) == -1 ||
		    crypt_derive(master, SUBKEY_TOKENS, STR(""), &out[1]) == -1)
			return (-1);
		return (0);
	case ROLE_SEALER:
		*n = 1;
		return (crypt_derive(master, SUBKEY_KEYS, STR(""), &out[0]));
	case ROLE_AGENT:
		*n = 1;
		return (crypt_derive(master, SUBKEY_PUB, STR(""), &out[0]));
	case ROLE_OPENER:
		if (!child_pooled(c))
			return (0);
		*n = 1;
		if (crypt_derive(master, SUBKEY_KEYS, STR(""), &keys) == -1 ||
		    crypt_derive(&keys, KEYLABEL_OPEN, str_c(c->account),
		        &out[0]) == -1)
			rc = -1;
		crypt_key_wipe(&keys);
		return (rc);
	case ROLE_PARENT:
		break;
	}
	return (-1);
}

static int
send_start(struct child *c)
{
	struct start_req q = {
	    .account = str_c(c->account),
	    .install_id = str_c(c->parent->install_id),
	    .state_dir = str_c(c->parent->state_dir),
	};
	struct crypt_key keys[2];
	struct blob *blob = NULL;
	struct buf body;
	uint32_t id = 0;
	size_t n;

	if (derive_keys(c, keys, &n) == 0)
		blob = memfd_copy(keys, n * sizeof(keys[0]), NULL);
	crypt_key_wipe(&keys[0]);
	crypt_key_wipe(&keys[1]);
	buf_init(&body, LIMIT_RECORD);
	start_req_put(&body, &q);
	if (blob != NULL && !body.failed)
		id = ipc_ask(c->link, OP_START, buf_text(&body), &blob, 1, 0,
		    on_started, c);
	buf_clear(&body);
	blob_unref(blob);
	return (id != 0 ? 0 : -1);
}

void
child_conf(struct child *c)
{
	struct blob *blob;
	struct buf text;

	if (c->link == NULL)
		return;
	buf_init(&text, LIMIT_CONF);
	conf_put(c->parent->conf, c->role, &text);
	blob = text.failed ? NULL : memfd_copy(text.data, text.len, NULL);
	buf_wipe(&text); /* the key of our TLS certificate may be in it */
	if (blob == NULL ||
	    ipc_ask(c->link, OP_CONF, STR(""), &blob, 1, 0, on_conf, c) == 0) {
		log_error("child role=%s reason=\"cannot send the conf\"",
		    child_name(c));
		child_kill(c);
	}
	blob_unref(blob);
}

/* Another role says that this one's peer broke the rules of their link. */
static void
link_lost(struct child *c, struct ipc_msg *msg)
{
	struct peer_req q;
	struct child *other;

	if (peer_req_get(msg->body, &q, NULL) == -1)
		return;
	if (q.role == ROLE_OPENER && q.account.len > 0)
		other = parent_opener(c->parent, q.account);
	else
		other = parent_child(c->parent, (enum role)q.role);
	if (other == NULL || other == c)
		return;
	log_error("link-lost role=%s peer=%s", child_name(c),
	    child_name(other));
	child_kill(other);
}

static void
on_request(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	if (msg->op == OP_LINK_LOST)
		link_lost(arg, msg);
	else
		openers_request(l, msg, arg);
}

void
child_start(struct child *c)
{
	bool proxy = c->role == ROLE_PROXY;
	struct err err;
	int fd;

	if (c->state != CHILD_DOWN || c->parent->stopping)
		return;
	if ((c->pid = proc_start(c->role, &fd, &err)) == -1) {
		c->pid = 0;
		log_error("child role=%s reason=%s", child_name(c),
		    log_str(str_c(err.text)));
		child_start_later(c);
		return;
	}
	c->started = clock_now().mono;
	enter(c, CHILD_STARTING);
	set_timer(c, CHILD_START_MS);
	c->link = ipc_new(c->parent->base, fd, child_word(c),
	    proxy ? op_proxy_to_parent : op_others_to_parent, on_request,
	    on_link_dead, c);
	if (c->link == NULL || send_start(c) == -1)
		child_kill(c);
	else
		child_conf(c);
}

void
child_start_later(struct child *c)
{
	if (c->state != CHILD_DOWN || c->parent->stopping ||
	    evtimer_pending(c->timer, NULL))
		return;
	if (clock_now().mono - c->started > CHILD_STABLE_MS ||
	    c->backoff_ms == 0 || FAULT("parent.patience"))
		c->backoff_ms = CHILD_BACKOFF_MIN_MS;
	set_timer(c, c->backoff_ms);
	c->backoff_ms *= 2;
	if (c->backoff_ms > CHILD_BACKOFF_MAX_MS)
		c->backoff_ms = CHILD_BACKOFF_MAX_MS;
}

void
child_exited(struct child *c, int status)
{
	struct ipc *link = c->link;
	bool told = c->state == CHILD_ENDING && WIFEXITED(status) &&
	            WEXITSTATUS(status) == 0;

	if (WIFSIGNALED(status))
		log_warn("child-gone role=%s pid=%d signal=%d", child_name(c),
		    (int)c->pid, WTERMSIG(status));
	else
		log_at(told ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
		    "child-gone role=%s pid=%d status=%d", child_name(c),
		    (int)c->pid, WEXITSTATUS(status));
	event_del(c->timer);
	c->crashed = !told;
	c->polled = false;
	c->pid = 0;
	c->link = NULL;
	enter(c, CHILD_DOWN);
	ipc_free(link);
	parent_child_gone(c);
}

void
child_joined(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct child *c = arg;
	struct err why;

	(void)err;
	if (says_no(msg, &why))
		log_error("join role=%s reason=%s", child_name(c),
		    log_str(str_c(why.text)));
}

/* Hand c an end of a link to a role. */
static void
give_peer(struct child *c, enum role other, const char *account, int fd)
{
	struct peer_req q = {
	    .role = (uint8_t)other,
	    .account = str_c(account),
	};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	peer_req_put(&body, &q);
	(void)ipc_ask_fds(c->link, OP_PEER, buf_text(&body), &fd, 1, 0,
	    child_joined, c);
	buf_clear(&body);
}

void
child_join(struct child *a, struct child *b)
{
	struct err err;
	int fds[2];

	if (proc_pair(fds, &err) == -1) {
		log_error("join reason=%s", log_str(str_c(err.text)));
		return;
	}
	give_peer(a, b->role, b->account, fds[0]);
	give_peer(b, a->role, a->account, fds[1]);
	close(fds[0]);
	close(fds[1]);
}
