#include "config.h"

#include "agenthouse.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "proto/keys.h"

#define WAIT_MS 40000

/* token-part1 of a challenge that is not ours */
#define STRANGER "CCCCCCCCCCCCCCCCCCCCCCCC-9"

struct play play;
struct fakecloud cloud;
struct house h;
struct tenant agent;
char nameserver[40];

static struct ipc *sealer, *proxy, *verifier;
static char clock_file[200];
static int dns_fd = -1;
static struct event *dns_event;

void
set_clock(long offset)
{
	FILE *f = fopen(clock_file, "we");

	if (f == NULL || fprintf(f, "%ld\n", offset) < 0 || fclose(f) != 0)
		abort();
}

/* --- the played roles --- */

static void
put_err(struct buf *body, enum err_code code)
{
	struct err err = {.code = ERR_OK};

	if (code != ERR_OK)
		err_set(&err, code, "as it was told");
	buf_init(body, LIMIT_RECORD);
	rec_put_err(body, &err);
}

/* A list of one certificate, whose fingerprint is made of the text. */
static struct blob *
cert_list(struct str text, uint8_t usage, const char *address,
    enum err_code code)
{
	struct cert_rec c = {.der = STR("der"), .subject = STR("s")};
	struct blob *blob;
	struct buf out;

	if (code != ERR_OK)
		err_set(&c.verdict, code, "as it was told");
	c.addresses = str_c(address);
	(void)crypt_sha256(text, c.fingerprint);
	c.fingerprint[0] = usage;
	c.usage = usage;
	c.not_before = clock_now().wall;
	c.not_after = c.not_before + play.life;
	buf_init(&out, LIMIT_RECORD);
	cert_rec_put(&out, &c);
	blob = blob_copy(out.data, out.len);
	buf_clear(&out);
	return (blob);
}

static void
answer_jws(struct ipc *l, struct ipc_msg *msg)
{
	struct jws_ans ans = {.err = {.code = ERR_OK}};
	struct jws_req q;
	struct buf body;
	json_t *o;
	char *text;

	if (jws_req_get(msg->body, &q, &ans.err) == -1)
		abort();
	play.rotates += q.rotate;
	play.from = q.from;
	o = json_pack("{s:i, s:s%, s:s%, s:s%, s:s%, s:s%, s:b, s:b}", "kind",
	    q.kind, "account", q.account.p, q.account.len, "url", q.url.p,
	    q.url.len, "nonce", q.nonce.p, q.nonce.len, "kid", q.kid.p,
	    q.kid.len, "address", q.address.p, q.address.len, "create",
	    q.create, "rotate", q.rotate);
	text = json_dumps(o, 0);
	ans.jws = str_c(text);
	buf_init(&body, LIMIT_RECORD);
	jws_ans_put(&body, &ans);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
	free(text);
	json_decref(o);
}

static void
answer_digest(struct ipc *l, struct ipc_msg *msg)
{
	struct jws_ans ans = {.err = {.code = ERR_OK}};
	struct digest_req q;
	char text[300];
	struct buf body;

	if (digest_req_get(msg->body, &q, &ans.err) == -1)
		abort();
	(void)snprintf(text, sizeof(text), "digest-%.*s-%.*s",
	    (int)q.token1.len, q.token1.p, (int)q.token2.len, q.token2.p);
	ans.jws = str_c(text);
	buf_init(&body, LIMIT_RECORD);
	jws_ans_put(&body, &ans);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}

/* A page of 7000 entries. */
static struct blob *
long_page(void)
{
	static char text[14001];
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = i % 2 == 0 ? ',' : '0';
	text[0] = '[';
	text[sizeof(text) - 1] = ']';
	return (blob_copy(text, sizeof(text)));
}

static struct blob *
log_page(void)
{
	const char *news = play.news;
	char text[100];

	if (play.pages > 2)
		return (long_page());
	play.news = NULL;
	(void)snprintf(text, sizeof(text), "[{\"n\":1,\"what\":\"%s\"}]",
	    news != NULL ? news : "release");
	return (blob_copy(text, strlen(text)));
}

static void
answer_take(struct ipc *l, struct ipc_msg *msg)
{
	bool is_cert = msg->op == OP_CERT_TAKE;
	enum err_code code = is_cert ? play.cert_take : play.bundle_take;
	struct blob *in = ipc_msg_blob(msg, 0, LIMIT_RECORD, NULL);
	struct blob *out[2] = {NULL, NULL};
	struct buf body;
	char key[20];

	put_err(&body, code);
	if (code == ERR_OK && is_cert) {
		play.certs++;
		out[0] = cert_list(blob_str(in), USAGE_SIGN, ANNA, ERR_OK);
	} else if (code == ERR_OK) {
		play.bundles++;
		(void)snprintf(key, sizeof(key), "key %u", play.rotates);
		out[0] = cert_list(str_c(key), USAGE_ENCRYPT, ANNA, ERR_OK);
		out[1] = log_page();
		rec_put_u64(&body, play.pages > 0 ? play.pages-- : 0);
	}
	ipc_answer(l, msg->op, msg->id, buf_text(&body), out,
	    out[1] != NULL   ? 2
	    : out[0] != NULL ? 1
	                     : 0);
	blob_unref(in);
	blob_unref(out[0]);
	blob_unref(out[1]);
	buf_clear(&body);
}

static void
on_sealer(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	(void)arg;
	if (msg->op == OP_JWS)
		answer_jws(l, msg);
	else if (msg->op == OP_DIGEST)
		answer_digest(l, msg);
	else
		answer_take(l, msg);
}

/* Of two UIDs the one that OP_CHALLENGE_FIND promises first. */
static void
offer(const struct challenge_find_req *q, uint32_t uid, uint32_t *best)
{
	if (uid >= q->low && uid <= q->high)
		return;
	if (*best == 0 || (q->high == 0 && uid > *best) ||
	    (q->high != 0 && uid > q->high &&
	        (*best < q->low || uid < *best)) ||
	    (uid < q->low && *best < q->low && uid > *best))
		*best = uid;
}

static void
answer_find(struct ipc *l, struct ipc_msg *msg)
{
	struct challenge_find_ans ans = {.err = {.code = ERR_OK},
	    .uidvalidity = 7};
	uint32_t i, genuine = 0;
	struct challenge_find_req q;
	struct blob *mail = NULL;
	struct buf body, text;
	const char *token;

	play.finds++;
	if (challenge_find_req_get(msg->body, &q, &ans.err) == -1)
		abort();
	CHECK(q.high == 0 || q.uidvalidity == 7);
	fakecloud_read(&cloud, "mail", &text);
	if ((token = strchr(text.data, ' ')) != NULL)
		genuine = GENUINE + (uint32_t)atoi(text.data);
	for (i = 0; i < play.older; i++)
		offer(&q, OLDER + i, &ans.uid);
	for (i = 0; i < play.newer; i++)
		offer(&q, NEWER + i, &ans.uid);
	if (play.stranger != 0)
		offer(&q, play.stranger, &ans.uid);
	if (token != NULL)
		offer(&q, genuine, &ans.uid);
	if (play.logged_out)
		err_set(&ans.err, ERR_UNAVAILABLE, "nobody is logged in");
	else if (ans.uid == 0)
		err_set(&ans.err, ERR_NOTFOUND, "not there");
	else if (ans.uid == play.stranger)
		mail = blob_copy(STRANGER, strlen(STRANGER));
	else if (ans.uid == play.deadly)
		mail = blob_copy("deadly", 6);
	else if (ans.uid != genuine)
		mail = blob_copy("forged", 6);
	else
		mail = blob_copy(token + 1, strlen(token + 1));
	buf_init(&body, LIMIT_RECORD);
	challenge_find_ans_put(&body, &ans);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), &mail, mail != NULL);
	buf_clear(&body);
	buf_clear(&text);
	blob_unref(mail);
}

static void
deliver_reply(struct ipc_msg *msg)
{
	struct blob *mail = ipc_msg_blob(msg, 0, LIMIT_RECORD, NULL);
	char text[4000] = "", *begin, *end;

	memcpy(text, blob_data(mail), blob_len(mail));
	begin = strstr(text, "digest-");
	end = begin != NULL ? strstr(begin, "\r\n") : NULL;
	if (CHECK(end != NULL)) {
		*end = '\0';
		fakecloud_write(&cloud, "reply", begin);
	}
	CHECK(strstr(text, "Subject: Re: ACME: ") != NULL);
	CHECK(strstr(text, "In-Reply-To: <m@cloud.test>") != NULL);
	CHECK(strstr(text, "From: " ANNA) != NULL);
	blob_unref(mail);
}

static void
on_proxy(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct challenge_remove_req rm;
	struct buf body;

	(void)arg;
	if (msg->op == OP_CHALLENGE_FIND) {
		answer_find(l, msg);
		return;
	}
	if (msg->op == OP_REPLY_SUBMIT) {
		put_err(&body, play.submit);
		play.submits++;
		if (play.submit == ERR_OK)
			deliver_reply(msg);
		play.logged_out = play.logged_out || play.log_out_after;
	} else if (play.logged_out) {
		put_err(&body, ERR_UNAVAILABLE);
	} else {
		put_err(&body, ERR_OK);
		CHECK(challenge_remove_req_get(msg->body, &rm, NULL) == 0);
		CHECK(rm.uid > GENUINE && rm.uid < NEWER);
		play.removes++;
		if (rm.uid == play.stranger)
			play.stranger = 0;
		else
			fakecloud_write(&cloud, "mail", "");
	}
	ipc_answer(l, msg->op, msg->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}

static void
on_verifier(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct challenge_check_ans ans = {.err = {.code = ERR_OK}};
	struct challenge_check_req q;
	struct blob *in = ipc_msg_blob(msg, 0, LIMIT_RECORD, NULL);
	struct verify_req asked = {.usage = USAGE_SIGN};
	struct verify_ans judged = {.err = {.code = ERR_OK}, .crl = {"", 0}};
	struct blob *list = NULL;
	struct buf body;

	(void)arg;
	buf_init(&body, LIMIT_RECORD);
	if (msg->op == OP_VERIFY) {
		CHECK(verify_req_get(msg->body, &asked, NULL) == 0);
		verify_ans_put(&body, &judged);
		list = cert_list(blob_str(in), asked.usage,
		    play.verify_address != NULL ? play.verify_address : ANNA,
		    play.verify);
	} else {
		play.checks++;
		CHECK(challenge_check_req_get(msg->body, &q, NULL) == 0);
		if (play.dkim && q.keys.len == 0) {
			err_set(&ans.err, ERR_UNAVAILABLE, "a key is missing");
			ans.key = STR(DKIM_RECORD);
		} else if (play.dkim &&
		           memmem(q.keys.p, q.keys.len, "v=DKIM1", 7) == NULL)
			err_set(&ans.err, ERR_UNTRUSTED, "no key, forged");
		else if (str_eq(blob_str(in), STR("deadly")))
			err_set(&ans.err, ERR_UNAVAILABLE, "it died");
		else if (str_eq(blob_str(in), STR("forged")))
			err_set(&ans.err, ERR_DENIED, "it is forged");
		else if (play.check != ERR_OK)
			err_set(&ans.err, play.check, "it is forged");
		ans.token1 = blob_str(in);
		ans.message_id = STR("<m@cloud.test>");
		ans.reply_to = STR("ca@cloud.test");
		challenge_check_ans_put(&body, &ans);
	}
	ipc_answer(l, msg->op, msg->id, buf_text(&body), &list, list != NULL);
	buf_clear(&body);
	blob_unref(list);
	blob_unref(in);
}

/* --- a name server --- */

/* The question itself, with what makes it an answer, and a record. */
static void
make_answer(const char *question, size_t len, struct buf *out)
{
	size_t end = 12;

	while (end < len && question[end] != '\0')
		end += (unsigned char)question[end] + 1U;
	end += 5;
	if (!CHECK(end <= len))
		return;
	buf_put(out, question, 2);
	buf_putc(out, (char)0x81);
	buf_putc(out, (char)(0x80 | play.rcode));
	buf_put(out, "\0\1\0\1\0\0\0\0", 8);
	if (play.rcode != 0 || play.record == NULL)
		out->data[7] = 0;
	buf_put(out, question + 12, end - 12);
	if (play.rcode != 0 || play.record == NULL)
		return;
	buf_put(out, "\xc0\x0c\0\20\0\1\0\0\0\1\0", 11);
	buf_putc(out, (char)(strlen(play.record) + 1));
	buf_putc(out, (char)strlen(play.record));
	buf_puts(out, play.record);
}

static void
on_question(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char question[600];
	struct buf answer;
	ssize_t n;

	(void)what;
	(void)arg;
	n = recvfrom(fd, question, sizeof(question), 0,
	    (struct sockaddr *)&from, &len);
	if (n < 0)
		return;
	play.questions++;
	buf_init(&answer, LIMIT_RECORD);
	make_answer(question, (size_t)n, &answer);
	if (play.spoofed) {
		/* as good as it gets without having seen the id */
		answer.data[0] ^= 1;
		(void)sendto(fd, answer.data, answer.len, 0,
		    (struct sockaddr *)&from, len);
		answer.data[0] ^= 1;
		(void)sendto(fd, "x", 1, 0, (struct sockaddr *)&from, len);
	}
	if (play.rcode < 16)
		(void)sendto(fd, answer.data, answer.len, 0,
		    (struct sockaddr *)&from, len);
	buf_clear(&answer);
}

static void
bind_nameserver(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	socklen_t len = sizeof(to);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	dns_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dns_fd == -1 ||
	    bind(dns_fd, (struct sockaddr *)&to, sizeof(to)) == -1 ||
	    getsockname(dns_fd, (struct sockaddr *)&to, &len) == -1)
		abort();
	(void)snprintf(nameserver, sizeof(nameserver), "127.0.0.1:%u",
	    ntohs(to.sin_port));
}

/* --- the agent --- */

void
start_agent(void)
{
	CHECK(tenant_start(&h, &agent, ROLE_AGENT, agent_main, "") == 0);
	sealer = house_play(&h, &agent, ROLE_SEALER, op_agent_to_sealer,
	    on_sealer, NULL);
	proxy = house_play(&h, &agent, ROLE_PROXY, op_agent_to_proxy, on_proxy,
	    NULL);
	verifier = house_play(&h, &agent, ROLE_OPENER, op_agent_to_verifier,
	    on_verifier, NULL);
}

int
stop_agent(void)
{
	int status = tenant_stop(&agent);

	ipc_free(sealer);
	ipc_free(proxy);
	ipc_free(verifier);
	return (status);
}

void
move_in(const char *more)
{
	char conf[800];

	memset(&play, 0, sizeof(play));
	play.life = 90 * DAY;
	fakecloud_say(&cloud, "reset");
	fakecloud_plan(&cloud, "");
	fakecloud_forget(&cloud);
	set_clock(0);
	(void)snprintf(conf, sizeof(conf),
	    "[cloud]\nurl = %s\nca_file = %s/ca.crt\n%s", cloud.url, cloud.dir,
	    more);
	house_open(&h, conf);
	dns_event =
	    event_new(h.base, dns_fd, EV_READ | EV_PERSIST, on_question, NULL);
	if (dns_event == NULL || event_add(dns_event, NULL) == -1)
		abort();
	start_agent();
}

void
move_out(void)
{
	CHECK_INT(stop_agent(), 0);
	if (dns_event != NULL)
		event_free(dns_event);
	dns_event = NULL;
	house_close(&h);
}

void
log_in(const char *account, bool loopback)
{
	struct account_seen q = {str_c(account), loopback};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	account_seen_put(&body, &q);
	(void)ipc_tell(proxy, OP_ACCOUNT_SEEN, buf_text(&body));
	buf_clear(&body);
}

enum err_code
ask(uint16_t op, const char *address, const char *text)
{
	struct enrol_req q = {str_c(address), str_c(text)};
	enum err_code code;
	struct buf body;
	struct reply r;

	buf_init(&body, LIMIT_RECORD);
	enrol_req_put(&body, &q);
	reply_ask(&r, agent.parent, op, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	code = r.err.code;
	reply_clear(&r);
	buf_clear(&body);
	return (code);
}

struct lookup_ans
look_up(const char *address)
{
	return (house_look_up(&h, proxy, address));
}

/* The status of the only enrolment: a new reference, or NULL. */
json_t *
status(void)
{
	json_t *j = NULL, *one = NULL;
	struct reply r;

	reply_ask(&r, agent.parent, OP_STATUS, STR(""), NULL, 0);
	reply_wait(&h, &r);
	if (r.blob != NULL)
		j = json_loadb(blob_data(r.blob), blob_len(r.blob), 0, NULL);
	reply_clear(&r);
	one = json_array_get(json_object_get(j, "enrol"), 0);
	json_incref(one);
	json_decref(j);
	return (one);
}

bool
has(const char *name, const char *value)
{
	json_t *o = status();
	const char *is = json_string_value(json_object_get(o, name));
	bool yes = is != NULL && strstr(is, value) != NULL;

	json_decref(o);
	return (yes);
}

void
pause_ms(int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	(void)event_base_loopexit(h.base, &tv);
	(void)event_base_dispatch(h.base);
}

/* Has it ended?  It is waited for by tenant_stop(). */
static bool
is_gone(void)
{
	siginfo_t info = {.si_pid = 0};

	return (waitid(P_PID, (id_t)agent.pid, &info,
	            WEXITED | WNOHANG | WNOWAIT) == 0 &&
	        info.si_pid == agent.pid);
}

/* Until a member of the status has a value, or the agent is gone. */
bool
wait_for(const char *name, const char *value)
{
	uint64_t until = clock_now().mono + WAIT_MS;

	while (clock_now().mono < until && !is_gone()) {
		if (has(name, value))
			return (true);
		pause_ms(50);
	}
	return (false);
}

bool
wait_count(const unsigned *what, unsigned n)
{
	uint64_t until = clock_now().mono + WAIT_MS;

	while (*what < n && clock_now().mono < until && !is_gone())
		pause_ms(50);
	return (*what >= n);
}

/* Somebody asks for it now, and then it is done. */
bool
goes_on(void)
{
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_OK);
	return (wait_for("step", "done"));
}

int
agenthouse_main(const char *name, const struct unit_test *tests)
{
	char here[150], dir[200];
	int rc = 1;

	(void)signal(SIGPIPE, SIG_IGN);
	if (getcwd(here, sizeof(here)) == NULL)
		return (1);
	(void)snprintf(clock_file, sizeof(clock_file), "%s/%s.clock", here,
	    name);
	(void)snprintf(dir, sizeof(dir), "%s.cloud", name);
	(void)setenv("WAXWING_CLOCK", clock_file, 1);
	bind_nameserver();
	if (fakecloud_start(&cloud, dir) == 0)
		rc = unit_main(name, tests);
	else
		(void)fprintf(stderr, "the cloud does not start\n");
	fakecloud_remove(&cloud);
	(void)close(dns_fd);
	(void)unlink(clock_file);
	return (rc);
}
