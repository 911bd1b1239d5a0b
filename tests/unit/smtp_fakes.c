#include "config.h"

#include "smtp_fakes.h"

#include <sys/socket.h>

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/op.h"
#include "proto/seal.h"
#include "proxy/sentlog.h"
#include "unit.h"

struct smtp_fakes fakes;

/* What the session needs of the rest of the proxy. */

void
proxy_session_add(struct proxy *p, struct session *s, const char *kind,
    void (*stop)(struct session *))
{
	(void)snprintf(s->id, sizeof(s->id), "s%u",
	    (unsigned)p->next_session++);
	s->kind = kind;
	s->stop = stop;
	TAILQ_INSERT_TAIL(&p->sessions, s, link);
}

void
proxy_session_del(struct proxy *p, struct session *s)
{
	TAILQ_REMOVE(&p->sessions, s, link);
}

int
login_parse(struct proxy *p, struct str user, struct login *out,
    struct err *err)
{
	(void)p;
	if (!str_eq(user, STR("me@here.test"))) {
		err_set(err, ERR_NOTFOUND, "no upstream");
		return (-1);
	}
	(void)snprintf(out->name, sizeof(out->name), "me@here.test");
	out->up = &fakes.upstream;
	return (0);
}

void
login_clear(struct login *login)
{
	login->up = NULL;
}

struct account *
account_enter(struct proxy *p, const struct login *login, struct str password,
    struct err *err)
{
	(void)login;
	(void)err;
	fakes.account.proxy = p;
	buf_reset(&fakes.account.password);
	buf_str(&fakes.account.password, password);
	fakes.account.sessions++;
	return (&fakes.account);
}

void
account_leave(struct account *a)
{
	if (a != NULL)
		a->sessions--;
}

static void
go(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fakes.go_fn(fakes.go_arg);
}

struct attempt *
throttle_begin(struct throttle *t, const char *peer, const char *login,
    void (*fn)(void *), void *arg)
{
	static const struct timeval now = {0, 0};

	(void)t;
	(void)peer;
	(void)login;
	fakes.go_fn = fn;
	fakes.go_arg = arg;
	evtimer_add(fakes.go, &now);
	return ((struct attempt *)(void *)&fakes);
}

void
throttle_end(struct attempt *a, bool success)
{
	(void)success;
	if (a != NULL)
		evtimer_del(fakes.go);
}

void
throttle_drop(struct attempt *a)
{
	throttle_end(a, false);
}

void
smtp_fakes_pair(int fds[2])
{
	int size = 400000;

	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	/* room for a whole text: a socket that never blocks is a case too */
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert(fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
}

struct stream *
upstream_connect(struct proxy *p, const struct upstream *up,
    enum upstream_proto proto, const struct stream_ops *ops, void *arg,
    struct err *err)
{
	int fds[2];

	(void)up;
	(void)proto;
	if (fakes.refuse) {
		err_set(err, ERR_UNAVAILABLE, "refused");
		return (NULL);
	}
	smtp_fakes_pair(fds);
	if (fakes.arriving != -1)
		(void)close(fakes.arriving);
	fakes.arriving = fds[1];
	return (stream_accept(p->base, fds[0], NULL, ops, arg, err));
}

int
upstream_starttls(struct stream *s, const struct upstream *up,
    enum upstream_proto proto, struct err *err)
{
	(void)s;
	(void)up;
	(void)proto;
	err_set(err, ERR_UNSUPPORTED, "not here");
	return (-1);
}

uint64_t
conf_num(const struct conf *c, const char *section, const char *key)
{
	(void)c;
	(void)section;
	(void)key;
	return (300000);
}

bool
conf_enrols(const struct conf *c, struct str login)
{
	(void)c;
	(void)login;
	return (false);
}

const char *
conf_next(const struct conf *c, const char *kind, size_t *pos)
{
	static char pattern[80];

	(void)c;
	(void)kind;
	if (fakes.rules == NULL || fakes.rules[*pos] == NULL)
		return (NULL);
	(void)sscanf(fakes.rules[(*pos)++], "%79s", pattern);
	return (pattern);
}

bool
conf_is_set(const struct conf *c, const char *section, const char *key)
{
	return (conf_str(c, section, key) != NULL);
}

const char *
conf_str(const struct conf *c, const char *section, const char *key)
{
	static char value[80];
	char pattern[80], word[80];
	size_t i;

	(void)c;
	if (strcmp(key, "extensions") == 0)
		return ("PIPELINING 8BITMIME ENHANCEDSTATUSCODES");
	if (strcmp(key, "sent") == 0)
		return (NULL);
	for (i = 0; fakes.rules[i] != NULL; i++)
		if (sscanf(fakes.rules[i], "%79s %79s %79s", pattern, word,
		        value) == 3 &&
		    strcmp(section + strlen("policy "), pattern) == 0 &&
		    strcmp(word, key) == 0)
			return (value);
	return (NULL);
}

bool
conf_word(const char *value, size_t *pos, struct str *word)
{
	*pos += strspn(value + *pos, " ");
	*word = str_of(value + *pos, strcspn(value + *pos, " "));
	*pos += word->len;
	return (word->len > 0);
}

/* The other roles. */

static void
agent_asked(struct ipc *ipc, struct ipc_msg *msg, void *arg)
{
	struct lookup_ans ans = {.state = LOOKUP_NONE};
	struct lookup_req req;
	struct buf body;

	(void)arg;
	CHECK(lookup_req_get(msg->body, &req, NULL) == 0);
	if (str_istarts(req.address, STR("usable")) ||
	    str_istarts(req.address, STR("gcm"))) {
		ans.state = LOOKUP_USABLE;
		ans.recent = true;
		ans.gcm = ans.oaep = req.address.p[0] == 'g';
	} else if (str_istarts(req.address, STR("recent"))) {
		ans.recent = true;
	} else if (!str_istarts(req.address, STR("none"))) {
		ans.state = LOOKUP_ERROR;
	}
	buf_init(&body, LIMIT_RECORD);
	lookup_ans_put(&body, &ans);
	ipc_answer(ipc, msg->op, msg->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}

static void
sender_asked(struct ipc *ipc, struct ipc_msg *msg)
{
	struct sender_ans ans = {.owned = false};
	struct sender_req req;
	struct buf body;

	CHECK(sender_req_get(msg->body, &req, NULL) == 0);
	CHECK_STR(req.account, "me@here.test");
	ans.owned = str_eq(req.address, STR("me@here.test"));
	ans.sign = ans.encrypt = ans.gcm = ans.oaep = ans.owned;
	buf_init(&body, LIMIT_RECORD);
	sender_ans_put(&body, &ans);
	ipc_answer(ipc, msg->op, msg->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}

static void
seal_asked(struct ipc *ipc, struct ipc_msg *msg)
{
	struct seal_ans ans = {.err = {.code = ERR_OK}};
	struct blob *in, *out = NULL;
	struct seal_req req;
	struct buf body, text;
	struct err err;

	CHECK(seal_req_get(msg->body, &req, &err) == 0);
	in = ipc_msg_blob(msg, 0, 1000000, &err);
	CHECK(in != NULL);
	buf_init(&body, LIMIT_RECORD);
	buf_init(&text, 1000000);
	if (fakes.sealer_fails)
		err_set(&ans.err, ERR_CRYPTO, "no");
	if (fakes.sealer_clear || !req.encrypt)
		buf_str(&text, blob_str(in));
	else
		buf_printf(&text,
		    "Content-Type: application/pkcs7-mime; "
		    "smime-type=enveloped-data\r\n\r\nsealed for %zu%s%s\r\n",
		    req.nrecipients, req.sign ? " signed" : "",
		    req.cipher == SEAL_GCM ? " gcm" : "");
	out = blob_take(&text);
	seal_ans_put(&body, &ans);
	ipc_answer(ipc, msg->op, msg->id, buf_text(&body), &out, 1);
	blob_unref(out);
	blob_unref(in);
	buf_clear(&body);
	buf_clear(&text);
}

static void
sealer_asked(struct ipc *ipc, struct ipc_msg *msg, void *arg)
{
	(void)arg;
	if (fakes.sealer_dies) {
		fakes.sealer_dies = false;
		fakes.sealer = NULL;
		ipc_free(ipc);
		return;
	}
	if (msg->op == OP_SENDER)
		sender_asked(ipc, msg);
	else
		seal_asked(ipc, msg);
}

static void
link_dead(struct ipc *ipc, const struct err *err, void *arg)
{
	struct ipc **mine = arg;

	(void)err;
	if (*mine == ipc)
		*mine = NULL;
	ipc_free(ipc);
}

static void
link_roles(const uint16_t *allow, ipc_request_fn *fn, struct ipc **theirs,
    struct ipc **ours)
{
	int fds[2];

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	*theirs = ipc_new(fakes.proxy.base, fds[0], "role", allow, fn,
	    link_dead, theirs);
	*ours = ipc_new(fakes.proxy.base, fds[1], "proxy", op_nothing, NULL,
	    link_dead, ours);
	assert(*theirs != NULL && *ours != NULL);
}

void
smtp_fakes_agent(void)
{
	link_roles(op_proxy_to_agent, agent_asked, &fakes.agent,
	    &fakes.proxy.agent);
}

void
smtp_fakes_sealer(void)
{
	link_roles(op_proxy_to_sealer, sealer_asked, &fakes.sealer,
	    &fakes.proxy.sealer);
}

void
smtp_fakes_init(void)
{
	static char login[] = "me@here.test", domain[] = "here.test";

	(void)signal(SIGPIPE, SIG_IGN);
	fakes.arriving = -1;
	buf_init(&fakes.account.password, 100);
	fakes.account.login = login;
	fakes.account.up = &fakes.upstream;
	fakes.upstream.domain = domain;
	fakes.proxy.base = event_base_new();
	fakes.go = evtimer_new(fakes.proxy.base, go, NULL);
	TAILQ_INIT(&fakes.proxy.sessions);
	smtp_fakes_agent();
	smtp_fakes_sealer();
}

void
smtp_fakes_free(void)
{
	ipc_free(fakes.agent);
	ipc_free(fakes.proxy.agent);
	ipc_free(fakes.sealer);
	ipc_free(fakes.proxy.sealer);
	recorder_free(fakes.proxy.recorder);
	sentlog_free(fakes.proxy.sent);
	buf_clear(&fakes.account.password);
	event_free(fakes.go);
	event_base_free(fakes.proxy.base);
}
