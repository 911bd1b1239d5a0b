#include "config.h"

#include "house.h"

#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "proto/op.h"
#include "proto/start.h"
#include "sys/conf.h"
#include "sys/memfd.h"

#define ANSWER_MS 20000

void
house_write(struct house *h, const char *name, struct str text)
{
	char path[200];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	if ((f = fopen(path, "we")) == NULL ||
	    fwrite(text.p, 1, text.len, f) != text.len || fclose(f) != 0)
		abort();
}

void
house_read(struct house *h, const char *name, struct buf *out)
{
	char path[200], part[4096];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	buf_init(out, LIMIT_MESSAGE);
	if ((f = fopen(path, "re")) == NULL)
		return;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(out, part, n);
	(void)fclose(f);
}

int
house_run(struct house *h, const char *fmt, ...)
{
	char words[800], line[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	(void)snprintf(line, sizeof(line), "cd %s && { %s; } >>log 2>&1",
	    h->dir, words);
	return (system(line));
}

void
house_faults(struct house *h, const char *lines)
{
	house_write(h, "faults", str_c(lines));
}

void
house_open(struct house *h, const char *conf)
{
	char path[200];

	memset(h, 0, sizeof(*h));
	(void)snprintf(h->dir, sizeof(h->dir), "house.XXXXXX");
	if (mkdtemp(h->dir) == NULL || crypt_random(&h->root, CRYPT_KEY) == -1)
		abort();
	house_write(h, "conf", str_c(conf));
	house_faults(h, "");
	(void)snprintf(path, sizeof(path), "%s/faults", h->dir);
	(void)setenv("WAXWING_FAULTS", path, 1);
	h->base = event_base_new();
}

void
house_close(struct house *h)
{
	char line[100];

	event_base_free(h->base);
	(void)snprintf(line, sizeof(line), "rm -rf %s", h->dir);
	CHECK_INT(system(line), 0);
}

/* --- asking --- */

static void
on_answer(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct reply *r = arg;
	struct rec in;

	r->done = true;
	if (msg == NULL) {
		r->err = *err;
		return;
	}
	buf_str(&r->body, msg->body);
	rec_init(&in, msg->body);
	rec_get_err(&in, &r->err);
	if (msg->nfds > 0)
		r->blob = ipc_msg_blob(msg, 0, 2 * LIMIT_MESSAGE, &r->err);
	if (msg->nfds > 1)
		r->more = ipc_msg_blob(msg, 1, 2 * LIMIT_MESSAGE, &r->err);
}

void
reply_ask(struct reply *r, struct ipc *l, uint16_t op, struct str body,
    const int *fds, size_t nfds)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->body, LIMIT_RECORD);
	if (l != NULL &&
	    ipc_ask_fds(l, op, body, fds, nfds, ANSWER_MS, on_answer, r) != 0)
		return;
	r->done = true;
	err_set(&r->err, ERR_UNAVAILABLE, "cannot ask");
}

void
reply_wait(struct house *h, struct reply *r)
{
	while (!r->done)
		event_base_loop(h->base, EVLOOP_ONCE);
}

void
reply_clear(struct reply *r)
{
	buf_clear(&r->body);
	blob_unref(r->blob);
	blob_unref(r->more);
	r->blob = r->more = NULL;
}

struct lookup_ans
house_look_up(struct house *h, struct ipc *agent, const char *address)
{
	struct lookup_req q = {str_c(address)};
	struct lookup_ans a = {.state = LOOKUP_ERROR};
	struct err err;
	struct buf body;
	struct reply r;

	buf_init(&body, LIMIT_RECORD);
	lookup_req_put(&body, &q);
	reply_ask(&r, agent, OP_LOOKUP, buf_text(&body), NULL, 0);
	reply_wait(h, &r);
	if (r.body.len == 0 ||
	    lookup_ans_get(buf_text(&r.body), &a, &err) == -1)
		a.state = LOOKUP_ERROR;
	reply_clear(&r);
	buf_clear(&body);
	return (a);
}

/* --- roles --- */

static void
on_told(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct tenant *t = arg;

	(void)l;
	if (msg->op == OP_KEY_ARRIVED)
		t->told++;
}

/* A role says that another is of no use any more. */
static void
on_accused(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct tenant *t = arg;
	struct peer_req q;

	(void)l;
	if (CHECK(
	        peer_req_get(msg->body, &q, NULL) == 0 && q.role <= ROLE_AGENT))
		t->accused[q.role]++;
}

/* The links are freed by tenant_stop(). */
static void
on_dead(struct ipc *l, const struct err *err, void *arg)
{
	(void)l;
	(void)err;
	(void)arg;
}

static int
say(struct house *h, struct tenant *t, uint16_t op, const struct buf *body,
    const struct buf *secret)
{
	struct blob *blob;
	struct reply r;
	int fd, rc;

	blob = memfd_copy(secret->data, secret->len, NULL);
	fd = blob_fd(blob);
	reply_ask(&r, t->parent, op, buf_text(body), &fd, 1);
	reply_wait(h, &r);
	rc = r.err.code == ERR_OK ? 0 : -1;
	if (rc == -1)
		(void)fprintf(stderr, "%s: %s\n", op_name(op), r.err.text);
	reply_clear(&r);
	blob_unref(blob);
	return (rc);
}

static int
tell_start(struct house *h, struct tenant *t, const char *account)
{
	struct start_req q = {.account = str_c(account)};
	struct crypt_key key = h->root;
	struct buf body, secret;
	char dir[200];
	int rc;

	(void)snprintf(dir, sizeof(dir), "%s/state", h->dir);
	q.install_id = STR("0123456789abcdef");
	q.state_dir = str_c(dir);
	buf_init(&body, LIMIT_RECORD);
	buf_init(&secret, LIMIT_RECORD);
	if (t->role == ROLE_OPENER)
		(void)crypt_derive(&h->root, KEYLABEL_OPEN, str_c(account),
		    &key);
	if (t->role == ROLE_SEALER || account[0] != '\0')
		buf_put(&secret, &key, sizeof(key));
	start_req_put(&body, &q);
	rc = say(h, t, OP_START, &body, &secret);
	buf_wipe(&secret);
	buf_clear(&body);
	return (rc);
}

static int
tell_conf(struct house *h, struct tenant *t)
{
	struct buf body, text;
	struct conf *conf;
	struct err err;
	char path[200];
	int rc = -1;

	(void)snprintf(path, sizeof(path), "%s/conf", h->dir);
	buf_init(&body, LIMIT_RECORD);
	buf_init(&text, LIMIT_CONF);
	if ((conf = conf_load(path, &err)) == NULL)
		(void)fprintf(stderr, "%s\n", err.text);
	else if (conf_read_files(conf, &err) == 0) {
		conf_put(conf, t->role, &text);
		rc = say(h, t, OP_CONF, &body, &text);
	}
	conf_free(conf);
	buf_clear(&text);
	return (rc);
}

int
tenant_start(struct house *h, struct tenant *t, enum role role, role_fn *fn,
    const char *account)
{
	char state[200];
	int fds[2];

	memset(t, 0, sizeof(*t));
	(void)snprintf(state, sizeof(state), "mkdir -p %s/state", h->dir);
	if (system(state) != 0 || proc_pair(fds, NULL) == -1)
		return (-1);
	t->role = role;
	(void)fflush(NULL);
	if ((t->pid = fork()) == 0) {
		close(fds[0]);
		exit(fn(fds[1])); /* not _exit(): leaks are looked for */
	}
	close(fds[1]);
	t->parent = ipc_new(h->base, fds[0], "role", op_others_to_parent,
	    on_accused, on_dead, t);
	if (tell_start(h, t, account) == -1)
		return (-1);
	return (tell_conf(h, t));
}

int
tenant_stop(struct tenant *t)
{
	int status = -1;

	/* first the signal: a role that saw its links go is ending already,
	 * and then the signal would kill it */
	if (t->pid > 0) {
		(void)kill(t->pid, SIGTERM);
		(void)waitpid(t->pid, &status, 0);
	}
	ipc_free(t->agent);
	ipc_free(t->proxy);
	ipc_free(t->parent);
	t->agent = t->proxy = t->parent = NULL;
	t->pid = 0;
	return (status);
}

static void
hand_over(struct house *h, struct tenant *t, enum role other, int fd)
{
	struct peer_req q = {.role = (uint8_t)other};
	struct buf body;
	struct reply r;

	q.account = str_of("", 0);
	buf_init(&body, LIMIT_RECORD);
	peer_req_put(&body, &q);
	reply_ask(&r, t->parent, OP_PEER, buf_text(&body), &fd, 1);
	reply_wait(h, &r);
	CHECK_INT(r.err.code, ERR_OK);
	reply_clear(&r);
	buf_clear(&body);
	close(fd);
}

void
house_link(struct house *h, struct tenant *a, struct tenant *b)
{
	int fds[2];

	if (proc_pair(fds, NULL) == -1)
		abort();
	hand_over(h, a, b->role, fds[0]);
	hand_over(h, b, a->role, fds[1]);
}

void
house_proxy(struct house *h, struct tenant *t)
{
	int fds[2];

	if (proc_pair(fds, NULL) == -1)
		abort();
	hand_over(h, t, ROLE_PROXY, fds[0]);
	t->proxy = ipc_new(h->base, fds[1], "role",
	    t->role == ROLE_SEALER ? op_sealer_to_proxy : op_nothing, on_told,
	    on_dead, t);
}

void
house_agent(struct house *h, struct tenant *t)
{
	int fds[2];

	if (proc_pair(fds, NULL) == -1)
		abort();
	hand_over(h, t, ROLE_AGENT, fds[0]);
	t->agent =
	    ipc_new(h->base, fds[1], "role", op_nothing, on_told, on_dead, t);
}

struct ipc *
house_play(struct house *h, struct tenant *t, enum role as,
    const uint16_t *allow, ipc_request_fn *fn, void *arg)
{
	int fds[2];

	if (proc_pair(fds, NULL) == -1)
		abort();
	hand_over(h, t, as, fds[0]);
	return (ipc_new(h->base, fds[1], "role", allow, fn, on_dead, arg));
}
