#include "config.h"

#include "smtp_rig.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/op.h"
#include "proto/seal.h"
#include "proxy/listener.h"
#include "proxy/smtp_tx.h"
#include "unit.h"

/* How long something that must happen may take, and must not happen. */
#define WAIT_MS  4000
#define QUIET_MS 30

#define USUAL "PIPELINING\nSIZE 1000000\n8BITMIME\nAUTH PLAIN LOGIN\n"

/* One end of a connection that the script plays. */
struct end {
	int fd;
	struct buf in;
	bool eof;
};

static struct {
	struct proxy proxy;
	struct account account;
	struct upstream upstream;
	struct ipc *agent;
	struct ipc *sealer;
	const char *const *rules;
	const char *caps;
	struct end client;
	struct end up;
	int arriving; /* the upstream's end of a new connection, or -1 */
	bool refuse;
	bool sealer_fails;
	bool sealer_clear;
	bool sealer_dies;
	bool bytewise;
	struct buf text; /* the last that the upstream saw */
	struct event *go;
	void (*go_fn)(void *);
	void *go_arg;
} rig;

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
	out->up = &rig.upstream;
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
	(void)p;
	(void)login;
	(void)err;
	buf_reset(&rig.account.password);
	buf_str(&rig.account.password, password);
	rig.account.sessions++;
	return (&rig.account);
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
	rig.go_fn(rig.go_arg);
}

struct attempt *
throttle_begin(struct throttle *t, const char *peer, const char *login,
    void (*fn)(void *), void *arg)
{
	static const struct timeval now = {0, 0};

	(void)t;
	(void)peer;
	(void)login;
	rig.go_fn = fn;
	rig.go_arg = arg;
	evtimer_add(rig.go, &now);
	return ((struct attempt *)(void *)&rig);
}

void
throttle_end(struct attempt *a, bool success)
{
	(void)success;
	if (a != NULL)
		evtimer_del(rig.go);
}

static int
pair(int fds[2])
{
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	assert(fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
	return (fds[0]);
}

struct stream *
upstream_connect(struct proxy *p, const struct upstream *up,
    enum upstream_proto proto, const struct stream_ops *ops, void *arg,
    struct err *err)
{
	int fds[2];

	(void)up;
	(void)proto;
	if (rig.refuse) {
		err_set(err, ERR_UNAVAILABLE, "refused");
		return (NULL);
	}
	(void)pair(fds);
	if (rig.arriving != -1)
		(void)close(rig.arriving);
	rig.arriving = fds[1];
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
	return (100000);
}

const char *
conf_next(const struct conf *c, const char *kind, size_t *pos)
{
	static char pattern[80];

	(void)c;
	(void)kind;
	if (rig.rules == NULL || rig.rules[*pos] == NULL)
		return (NULL);
	(void)sscanf(rig.rules[(*pos)++], "%79s", pattern);
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
	for (i = 0; rig.rules[i] != NULL; i++)
		if (sscanf(rig.rules[i], "%79s %79s %79s", pattern, word,
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
	if (rig.sealer_fails)
		err_set(&ans.err, ERR_CRYPTO, "no");
	if (rig.sealer_clear || !req.encrypt)
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
	if (rig.sealer_dies) {
		rig.sealer_dies = false;
		rig.sealer = NULL;
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
	*theirs = ipc_new(rig.proxy.base, fds[0], "role", allow, fn, link_dead,
	    theirs);
	*ours = ipc_new(rig.proxy.base, fds[1], "proxy", op_nothing, NULL,
	    link_dead, ours);
	assert(*theirs != NULL && *ours != NULL);
}

/* The script. */

static void
end_close(struct end *e)
{
	if (e->fd != -1)
		(void)close(e->fd);
	e->fd = -1;
	e->eof = false;
	buf_reset(&e->in);
}

static void
end_read(struct end *e)
{
	char text[4096];
	ssize_t n;

	if (e->fd == -1 || e->eof)
		return;
	while ((n = read(e->fd, text, sizeof(text))) > 0)
		buf_put(&e->in, text, (size_t)n);
	e->eof = n == 0 || (n == -1 && errno != EAGAIN);
}

/* Let the loop turn for a moment, then read both ends. */
static void
turn(void)
{
	static const struct timeval pause = {0, 2000};

	(void)event_base_loopexit(rig.proxy.base, &pause);
	(void)event_base_dispatch(rig.proxy.base);
	end_read(&rig.client);
	end_read(&rig.up);
}

/* Wait for the next line; true if there is one, without its CRLF. */
static bool
next_line(struct end *e, char *out, size_t size)
{
	size_t n;
	int i;

	for (i = 0; i < WAIT_MS / 2; i++) {
		n = str_find(buf_text(&e->in), '\n');
		if (n < e->in.len) {
			(void)snprintf(out, size, "%.*s",
			    (int)(n > 0 && e->in.data[n - 1] == '\r' ? n - 1
			                                             : n),
			    e->in.data);
			buf_drop(&e->in, n + 1);
			return (true);
		}
		if (e->eof)
			return (false);
		turn();
	}
	return (false);
}

static bool
quiet(struct end *e)
{
	int i;

	for (i = 0; i < QUIET_MS / 2; i++)
		turn();
	return (e->in.len == 0 && !e->eof);
}

static bool
closed(struct end *e)
{
	int i;

	for (i = 0; i < WAIT_MS / 2 && !e->eof; i++)
		turn();
	return (e->eof && e->in.len == 0);
}

static void
say(struct end *e, const char *line)
{
	char text[4096];
	int n, i = 0;

	n = snprintf(text, sizeof(text), "%s\r\n", line);
	for (i = 0; rig.bytewise && i < n - 1; i++) {
		CHECK(write(e->fd, text + i, 1) == 1);
		turn();
	}
	CHECK(write(e->fd, text + i, (size_t)(n - i)) == n - i);
}

/* The other end reads as the loop turns. */
static void
write_all(int fd, const char *p, size_t n)
{
	ssize_t done;
	int i;

	for (i = 0; i < WAIT_MS && n > 0; i++) {
		done = write(fd, p, n);
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else {
			turn();
		}
	}
	CHECK(n == 0);
}

static void
get(struct end *e, const char *want, bool whole)
{
	char line[4096] = "(nothing)";

	(void)next_line(e, line, sizeof(line));
	if (!whole)
		line[strlen(want) < sizeof(line) ? strlen(want) : 0] = '\0';
	CHECK_CSTR(line, want);
}

/* A whole reply with this code. */
static void
get_reply(const char *code)
{
	char line[4096];

	do {
		(void)snprintf(line, sizeof(line), "(nothing)");
		(void)next_line(&rig.client, line, sizeof(line));
		CHECK(strncmp(line, code, 3) == 0);
	} while (line[3] == '-');
}

static bool
contains(const struct buf *b, const char *text)
{
	return (
	    b->len > 0 && memmem(b->data, b->len, text, strlen(text)) != NULL);
}

static void
get_text(const char *want)
{
	char line[4096];

	buf_reset(&rig.text);
	while (
	    next_line(&rig.up, line, sizeof(line)) && strcmp(line, ".") != 0) {
		buf_puts(&rig.text, line);
		buf_puts(&rig.text, "\r\n");
	}
	if (!CHECK(contains(&rig.text, want)))
		(void)printf("text is:\n%.*s", (int)rig.text.len,
		    rig.text.data);
}

/* A connection comes to the upstream and logs in. */
static void
up_login(void)
{
	char line[600];
	const char *cap;
	int i;

	for (i = 0; i < WAIT_MS / 2 && rig.arriving == -1; i++)
		turn();
	if (!CHECK(rig.arriving != -1))
		return;
	end_close(&rig.up);
	rig.up.fd = rig.arriving;
	rig.arriving = -1;
	say(&rig.up, "220 upstream");
	get(&rig.up, "EHLO client", true);
	say(&rig.up, "250-upstream");
	for (cap = rig.caps; *cap != '\0'; cap = strchr(cap, '\n') + 1) {
		(void)snprintf(line, sizeof(line), "250-%.*s",
		    (int)strcspn(cap, "\n"), cap);
		say(&rig.up, line);
	}
	say(&rig.up, "250 HELP");
	get(&rig.up, "AUTH PLAIN AG1lQGhlcmUudGVzdABzZWNyZXQ=", true);
	say(&rig.up, "235 2.7.0 in");
}

/* 50 KB of text, in lines. */
static void
fill(void)
{
	static const char line[] =
	    "0123456789012345678901234567890123456789\r\n";
	int i;

	for (i = 0; i < 1200; i++)
		write_all(rig.client.fd, line, sizeof(line) - 1);
}

static void
happen(const char *what)
{
	if (strcmp(what, "client-gone") == 0) {
		end_close(&rig.client);
	} else if (strcmp(what, "upstream-gone") == 0) {
		end_close(&rig.up);
	} else if (strcmp(what, "refuse") == 0) {
		rig.refuse = true;
	} else if (strcmp(what, "bytewise") == 0) {
		rig.bytewise = true;
	} else if (strcmp(what, "fill") == 0) {
		fill();
	} else if (strcmp(what, "agent-dead") == 0) {
		ipc_free(rig.agent);
		rig.agent = NULL;
		turn();
	} else if (strcmp(what, "agent-back") == 0) {
		link_roles(op_proxy_to_agent, agent_asked, &rig.agent,
		    &rig.proxy.agent);
	} else if (strcmp(what, "sealer-dead") == 0) {
		ipc_free(rig.sealer);
		rig.sealer = NULL;
		turn();
	} else if (strcmp(what, "sealer-back") == 0) {
		link_roles(op_proxy_to_sealer, sealer_asked, &rig.sealer,
		    &rig.proxy.sealer);
	} else if (strcmp(what, "sealer-fails") == 0) {
		rig.sealer_fails = true;
	} else if (strcmp(what, "sealer-clear") == 0) {
		rig.sealer_clear = true;
	} else if (strcmp(what, "sealer-dies") == 0) {
		rig.sealer_dies = true;
	} else {
		CHECK(false);
	}
}

static void
step(const char *s)
{
	if (s[0] == '!')
		happen(s + 1);
	else if (strncmp(s, "> ", 2) == 0)
		say(&rig.client, s + 2);
	else if (strncmp(s, "< ", 2) == 0)
		get(&rig.client, s + 2, false);
	else if (strncmp(s, "<= ", 3) == 0)
		get_reply(s + 3);
	else if (strcmp(s, "<-") == 0)
		CHECK(quiet(&rig.client));
	else if (strcmp(s, "<|") == 0)
		CHECK(closed(&rig.client));
	else if (strncmp(s, "u ", 2) == 0)
		get(&rig.up, s + 2, true);
	else if (strcmp(s, "u-") == 0)
		CHECK(quiet(&rig.up));
	else if (strcmp(s, "u|") == 0)
		CHECK(closed(&rig.up));
	else if (strcmp(s, "u+") == 0)
		up_login();
	else if (strncmp(s, "u. ", 3) == 0)
		get_text(s + 3);
	else if (strncmp(s, "u! ", 3) == 0)
		CHECK(!contains(&rig.text, s + 3));
	else if (strncmp(s, "U ", 2) == 0)
		say(&rig.up, s + 2);
	else
		CHECK(false);
}

static void
play(const char *name, const char *const *steps)
{
	char row[400];

	for (; *steps != NULL; steps++) {
		(void)snprintf(row, sizeof(row), "%s: %s", name, *steps);
		/* what happens and what is said checks nothing by itself */
		if ((*steps)[0] != '!')
			unit_row(row);
		step(*steps);
	}
}

static void
start(void)
{
	static const struct crypt_key key = {{1}};
	int fds[2];

	(void)pair(fds);
	end_close(&rig.client);
	end_close(&rig.up);
	rig.client.fd = fds[1];
	recorder_free(rig.proxy.recorder);
	rig.proxy.recorder = recorder_new(&key);
	rig.refuse = rig.sealer_fails = rig.sealer_clear = false;
	rig.sealer_dies = rig.bytewise = false;
	smtp_session_start(&rig.proxy, fds[0], false);
	get(&rig.client, "220 ", false);
}

/* The session must go with its client. */
static void
stop(void)
{
	int i;

	end_close(&rig.client);
	for (i = 0; i < WAIT_MS / 2 && !TAILQ_EMPTY(&rig.proxy.sessions); i++)
		turn();
	CHECK(TAILQ_EMPTY(&rig.proxy.sessions));
	CHECK_UINT(rig.account.sessions, 0);
	/* what is left of the connection upstream goes with its end */
	end_close(&rig.up);
	if (rig.arriving != -1)
		(void)close(rig.arriving);
	rig.arriving = -1;
	for (i = 0; i < 5; i++)
		turn();
}

void
smtp_rig_play(const char *name, const char *const *steps)
{
	start();
	play(name, steps);
	unit_row(name);
	stop();
}

void
smtp_rig_mail(const char *name, const char *const *steps)
{
	static const char *const login[] = {"> EHLO client", "<= 250",
	    "> AUTH PLAIN AG1lQGhlcmUudGVzdABzZWNyZXQ=", "u+", "< 235 2.7.0",
	    NULL};

	start();
	play(name, login);
	play(name, steps);
	unit_row(name);
	stop();
}

void
smtp_rig_rules(const char *const *rules)
{
	rig.rules = rules;
}

void
smtp_rig_caps(const char *caps)
{
	rig.caps = caps != NULL ? caps : USUAL;
}

void
smtp_rig_init(void)
{
	static char login[] = "me@here.test", domain[] = "here.test";

	(void)signal(SIGPIPE, SIG_IGN);
	rig.caps = USUAL;
	rig.client.fd = rig.up.fd = rig.arriving = -1;
	buf_init(&rig.client.in, 1000000);
	buf_init(&rig.up.in, 1000000);
	buf_init(&rig.text, 1000000);
	buf_init(&rig.account.password, 100);
	rig.account.login = login;
	rig.account.up = &rig.upstream;
	rig.upstream.domain = domain;
	rig.proxy.base = event_base_new();
	rig.go = evtimer_new(rig.proxy.base, go, NULL);
	TAILQ_INIT(&rig.proxy.sessions);
	link_roles(op_proxy_to_agent, agent_asked, &rig.agent,
	    &rig.proxy.agent);
	link_roles(op_proxy_to_sealer, sealer_asked, &rig.sealer,
	    &rig.proxy.sealer);
}

void
smtp_rig_free(void)
{
	end_close(&rig.client);
	end_close(&rig.up);
	if (rig.arriving != -1)
		(void)close(rig.arriving);
	ipc_free(rig.agent);
	ipc_free(rig.proxy.agent);
	ipc_free(rig.sealer);
	ipc_free(rig.proxy.sealer);
	recorder_free(rig.proxy.recorder);
	buf_clear(&rig.client.in);
	buf_clear(&rig.up.in);
	buf_clear(&rig.text);
	buf_clear(&rig.account.password);
	event_free(rig.go);
	event_base_free(rig.proxy.base);
}
