#include "config.h"

#include "parent/parent.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parent/child.h"
#include "parent/control.h"
#include "parent/install.h"
#include "parent/judge.h"
#include "parent/openers.h"
#include "parent/ports.h"
#include "proto/op.h"
#include "proto/start.h"
#include "sys/proc.h"
#include "sys/sandbox.h"

/* Who is not gone so long after it was told is killed: longer than a role
 * takes at most (ROLE_STOP_MS), shorter than systemd waits. */
#define STOP_S 6

/* Which roles are linked; openers of the pool are by OP_OPENER. */
static const enum role joined[][2] = {
    {ROLE_PROXY, ROLE_AGENT},
    {ROLE_PROXY, ROLE_SEALER},
    {ROLE_AGENT, ROLE_OPENER},
    {ROLE_AGENT, ROLE_SEALER},
};

/* Who is there from the start, in this order. */
static const enum role fixed[] = {ROLE_SEALER, ROLE_OPENER, ROLE_AGENT,
    ROLE_PROXY};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a reload cannot change. */
static const char *const lasting[] = {"user", "state_dir", "master_key",
    "control"};

struct child *
parent_child(struct parent *p, enum role role)
{
	struct child *c;

	TAILQ_FOREACH (c, &p->children, next)
		if (c->role == role && !child_pooled(c))
			return (c);
	return (NULL);
}

struct child *
parent_opener(struct parent *p, struct str account)
{
	struct child *c;

	TAILQ_FOREACH (c, &p->children, next)
		if (child_pooled(c) && str_eq(str_c(c->account), account))
			return (c);
	return (NULL);
}

/* Tell whoever started us in the background how it went. */
static void
report(struct parent *p, int status)
{
	char byte = (char)status;

	if (p->background == -1)
		return;
	(void)!write(p->background, &byte, 1);
	close(p->background);
	p->background = -1;
}

static void
check_ready(struct parent *p)
{
	struct child *c;
	size_t i;

	if (p->ready || p->stopping || p->listens > 0)
		return;
	for (i = 0; i < COUNT(fixed); i++) {
		c = parent_child(p, fixed[i]);
		if (c == NULL || c->state != CHILD_UP)
			return;
	}
	p->ready = true;
	log_info("ready");
	control_start(p);
	ports_notify("READY=1");
	report(p, 0);
}

static void
on_listening(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct parent *p = arg;
	struct err why = {0};
	struct rec r;

	p->listens--;
	if (msg == NULL)
		return; /* it died, and comes again */
	(void)err;
	rec_init(&r, msg->body);
	rec_get_err(&r, &why);
	if (why.code != ERR_OK)
		log_error("listen reason=%s", log_str(str_c(why.text)));
	check_ready(p);
}

/* The proxy accepts on all our sockets. */
static void
give_ports(struct parent *p, struct child *proxy)
{
	struct listen_req q;
	struct port *port;
	struct buf body;

	TAILQ_FOREACH (port, &p->ports, next) {
		q.kind = (uint8_t)port->kind;
		q.name = str_c(port->name);
		buf_init(&body, LIMIT_RECORD);
		listen_req_put(&body, &q);
		if (ipc_ask_fds(proxy->link, OP_LISTEN, buf_text(&body),
		        &port->fd, 1, 0, on_listening, p) != 0)
			p->listens++;
		buf_clear(&body);
	}
}

void
parent_child_up(struct child *c)
{
	struct parent *p = c->parent;
	struct child *a, *b;
	size_t i;

	if (child_pooled(c)) {
		openers_up(c);
		return;
	}
	for (i = 0; i < COUNT(joined); i++) {
		a = parent_child(p, joined[i][0]);
		b = parent_child(p, joined[i][1]);
		if ((a == c || b == c) && a != NULL && b != NULL &&
		    a->state == CHILD_UP && b->state == CHILD_UP)
			child_join(a, b);
	}
	if (c->role == ROLE_PROXY)
		give_ports(p, c);
	check_ready(p);
}

void
parent_child_refused(struct child *c, uint16_t op, const struct err *why)
{
	struct parent *p = c->parent;

	log_error("child-refused role=%s op=%s reason=%s", child_name(c),
	    op_name(op), log_str(str_c(why->text)));
	if (c->state != CHILD_STARTING)
		return; /* a reload: it goes on with what it had */
	if (p->ready)
		child_kill(c);
	else
		parent_stop(p, op == OP_CONF ? EXIT_CONF : 1);
}

/* Tell all but the proxy, which goes first. */
static void
stop_rest(struct parent *p)
{
	struct child *c;

	TAILQ_FOREACH (c, &p->children, next)
		if (c->role != ROLE_PROXY)
			child_stop(c);
}

static bool
all_gone(const struct parent *p)
{
	const struct child *c;

	TAILQ_FOREACH (c, &p->children, next)
		if (c->pid != 0)
			return (false);
	return (true);
}

void
parent_child_gone(struct child *c)
{
	struct parent *p = c->parent;

	if (c->role == ROLE_PROXY)
		openers_forget_waiters(p);
	if (p->stopping) {
		if (c->role == ROLE_PROXY)
			stop_rest(p);
		if (all_gone(p))
			event_base_loopbreak(p->base);
	} else if (child_pooled(c))
		openers_gone(c);
	else
		child_start_later(c);
}

static void
kill_all(struct parent *p)
{
	struct child *c;

	TAILQ_FOREACH (c, &p->children, next) {
		if (c->pid != 0)
			log_warn("child-killed role=%s", child_name(c));
		child_kill(c);
	}
}

void
parent_stop(struct parent *p, int status)
{
	struct timeval tv = {.tv_sec = STOP_S};
	struct child *proxy;

	if (p->stopping) {
		kill_all(p); /* told twice */
		return;
	}
	p->stopping = true;
	p->status = status;
	log_info("stopping");
	ports_notify("STOPPING=1");
	control_close(p);
	ports_close(p);
	event_add(p->timer, &tv);
	proxy = parent_child(p, ROLE_PROXY);
	if (proxy != NULL && proxy->pid != 0)
		child_stop(proxy);
	else
		stop_rest(p);
	if (all_gone(p))
		event_base_loopbreak(p->base);
}

static void
on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	kill_all(arg);
}

static void
on_term(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	parent_stop(arg, 0);
}

static void
on_chld(evutil_socket_t sig, short what, void *arg)
{
	struct parent *p = arg;
	struct child *c;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		TAILQ_FOREACH (c, &p->children, next)
			if (c->pid == pid)
				break;
		if (c != NULL)
			child_exited(c, status);
	}
}

static void
adopt_log(const struct conf *conf)
{
	const char *word = conf_str(conf, "daemon", "log");
	enum log_level level;

	if (word != NULL && log_level_parse(word, &level) == 0)
		log_set_level(level);
	log_addresses(conf_bool(conf, "daemon", "log_addresses"));
}

/* Name what was changed but stays as it is until a restart. */
static void
warn_lasting(const struct conf *old, const struct conf *new)
{
	const char *was, *is;
	size_t i;

	for (i = 0; i < COUNT(lasting); i++) {
		was = conf_str(old, "daemon", lasting[i]);
		is = conf_str(new, "daemon", lasting[i]);
		if (strcmp(was != NULL ? was : "", is != NULL ? is : "") != 0)
			log_warn("reload %s=\"needs restart\"", lasting[i]);
	}
	if (ports_differ(old, new))
		log_warn("reload listen=\"needs restart\"");
}

static void
warn_users(const struct conf *conf)
{
	struct err err;
	size_t pos = 0;

	while (judge_users(conf, &pos, &err))
		log_warn("conf reason=%s", log_str(str_c(err.text)));
}

static void
on_hup(evutil_socket_t sig, short what, void *arg)
{
	struct parent *p = arg;
	struct conf *conf;
	struct child *c;
	struct err err;

	(void)sig;
	(void)what;
	if (p->stopping)
		return;
	if ((conf = conf_load(p->conf_path, &err)) == NULL ||
	    judge_conf(conf, &err) == -1 || conf_read_files(conf, &err) == -1 ||
	    install_tls(p, conf, &err) == -1) {
		log_error("reload reason=%s", log_str(str_c(err.text)));
		conf_free(conf);
		return;
	}
	warn_lasting(p->conf, conf);
	warn_users(conf);
	conf_free(p->conf);
	p->conf = conf;
	adopt_log(conf);
	log_info("reload");
	control_reload(p);
	TAILQ_FOREACH (c, &p->children, next)
		if (c->state == CHILD_UP || c->state == CHILD_STARTING)
			child_conf(c);
	openers_trim(p);
}

static int
watch(struct parent *p)
{
	static const struct {
		int sig;
		event_callback_fn fn;
	} watched[] = {
	    {SIGTERM, on_term},
	    {SIGINT, on_term},
	    {SIGHUP, on_hup},
	    {SIGCHLD, on_chld},
	};
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN);
	if ((p->base = event_base_new()) == NULL ||
	    (p->timer = evtimer_new(p->base, on_stop_timer, p)) == NULL)
		return (-1);
	for (i = 0; i < COUNT(watched); i++) {
		p->signals[i] =
		    evsignal_new(p->base, watched[i].sig, watched[i].fn, p);
		if (p->signals[i] == NULL ||
		    event_add(p->signals[i], NULL) == -1)
			return (-1);
	}
	return (0);
}

/* Fork; the first process waits until the second is ready, or failed. */
static int
go_background(struct parent *p)
{
	char status = 1;
	int fds[2], null;

	if (pipe(fds) == -1)
		return (-1);
	switch (fork()) {
	case -1:
		return (-1);
	case 0:
		break;
	default:
		close(fds[1]);
		if (read(fds[0], &status, 1) != 1)
			status = 1;
		_exit(status);
	}
	close(fds[0]);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	p->background = fds[1];
	(void)setsid();
	if (chdir("/") == -1 || (null = open("/dev/null", O_RDWR)) == -1)
		return (-1);
	(void)dup2(null, 0);
	(void)dup2(null, 1);
	if (null > 2)
		close(null);
	return (0);
}

/* All that may need root, then what the user's files tell. */
static int
prepare(struct parent *p, struct err *err)
{
	const char *user = conf_str(p->conf, "daemon", "user");

	if (geteuid() != 0)
		user = NULL;
	if (judge_conf(p->conf, err) == -1 || proc_init(err) == -1 ||
	    conf_read_files(p->conf, err) == -1 ||
	    install_open(p, user, err) == -1 || ports_open(p, err) == -1 ||
	    control_open(p, user, err) == -1 ||
	    sandbox_enter(ROLE_PARENT, user, err) == -1)
		return (-1);
	return (install_load(p, err));
}

static int
start_all(struct parent *p)
{
	struct child *c;
	size_t i;

	for (i = 0; i < COUNT(fixed); i++) {
		if ((c = child_new(p, fixed[i], "")) == NULL)
			return (-1);
		child_start(c);
	}
	return (0);
}

static void
clear(struct parent *p)
{
	struct child *c;
	size_t i;

	control_close(p);
	ports_close(p);
	while ((c = TAILQ_FIRST(&p->children)) != NULL)
		child_free(c);
	for (i = 0; i < COUNT(p->signals); i++)
		if (p->signals[i] != NULL)
			event_free(p->signals[i]);
	if (p->timer != NULL)
		event_free(p->timer);
	if (p->poll != NULL)
		event_free(p->poll);
	if (p->base != NULL)
		event_base_free(p->base);
	install_close(p);
	conf_free(p->conf);
}

static int
run(struct parent *p)
{
	struct err err;

	if (watch(p) == -1) {
		log_error("start reason=\"cannot make the event loop\"");
		return (1);
	}
	if (prepare(p, &err) == -1) {
		log_error("start reason=%s", log_str(str_c(err.text)));
		return (err.code == ERR_SYNTAX ? EXIT_CONF : 1);
	}
	warn_users(p->conf);
	if (start_all(p) == -1) {
		log_error("start reason=\"out of memory\"");
		return (1);
	}
	event_base_dispatch(p->base);
	log_info("stopped");
	return (p->status);
}

int
parent_run(const char *conf_path, bool foreground)
{
	struct parent p = {.conf_path = conf_path,
	    .lock = -1,
	    .background = -1};
	char path[PATH_MAX];
	struct err err;
	int status;

	TAILQ_INIT(&p.ports);
	TAILQ_INIT(&p.children);
	log_init("parent", LOG_LEVEL_INFO);
	/* a reload must find it from anywhere */
	if (realpath(conf_path, path) != NULL)
		p.conf_path = path;
	if ((p.conf = conf_load(p.conf_path, &err)) == NULL) {
		log_error("conf reason=%s", log_str(str_c(err.text)));
		return (EXIT_CONF);
	}
	adopt_log(p.conf);
	if (!foreground && go_background(&p) == -1) {
		log_error("start reason=%s", log_str(str_c(strerror(errno))));
		clear(&p);
		return (1);
	}
	status = run(&p);
	clear(&p);
	report(&p, status);
	return (status);
}

int
parent_check(const char *conf_path)
{
	struct conf *conf;
	struct err err;
	int status = 0;
	size_t pos = 0;

	if ((conf = conf_load(conf_path, &err)) == NULL ||
	    judge_conf(conf, &err) == -1 || conf_read_files(conf, &err) == -1 ||
	    judge_files(conf, &err) == -1) {
		(void)fprintf(stderr, "waxwingd: %s\n", err.text);
		status = EXIT_CONF;
	}
	while (status == 0 && judge_users(conf, &pos, &err))
		(void)fprintf(stderr, "waxwingd: warning: %s\n", err.text);
	conf_free(conf);
	return (status);
}
