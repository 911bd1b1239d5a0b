/*
 * t_agent - the agent enrols a mailbox at a cloud that is down, slow or lying,
 * with a sealer, a proxy and a verifier that are played here, and dies at
 * every step of it.
 */
#include "config.h"

#include <sys/wait.h>

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "fakecloud.h"
#include "house.h"
#include "proto/enrol.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "sys/fault.h"

#define DAY     86400
#define ANNA    "anna@x.test"
#define WAIT_MS 40000

static struct fakecloud cloud;
static struct house h;
static struct tenant agent;
static struct ipc *sealer, *proxy, *verifier;
static char clock_file[200];

/* What the played roles shall do, and what they did. */
static struct {
	bool logged_out;
	enum err_code submit, check, verify, cert_take, bundle_take;
	const char *verify_address;
	unsigned submits, removes, certs, bundles, rotates;
	/* forged mails in the mailbox: before the challenge came, and since */
	uint32_t older, newer;
	uint32_t deadly; /* the verifier does not answer to this one */
	unsigned finds, checks;
	unsigned pages; /* of the release log, but for the first */
	uint64_t from;  /* where the last question for one began */
	int64_t life;   /* of a new certificate, in seconds */
} play;

static void
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
		out[1] =
		    play.pages > 2 ? long_page() : blob_copy("[{\"n\":1}]", 9);
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

/* The UIDs of challenges, and of forged ones from there on. */
#define GENUINE 1000
#define OLDER   500
#define NEWER   2000

/* Of two UIDs the one that OP_CHALLENGE_FIND promises first. */
static void
offer(const struct challenge_find_req *q, uint32_t uid, uint32_t *best)
{
	if (uid >= q->low && uid <= q->high)
		return;
	if (*best == 0 || (q->high == 0 && uid > *best) ||
	    (uid > q->high && (*best < q->low || uid < *best)) ||
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
	if (token != NULL)
		offer(&q, genuine, &ans.uid);
	if (play.logged_out)
		err_set(&ans.err, ERR_UNAVAILABLE, "nobody is logged in");
	else if (ans.uid == 0)
		err_set(&ans.err, ERR_NOTFOUND, "not there");
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
	} else {
		put_err(&body, ERR_OK);
		CHECK(challenge_remove_req_get(msg->body, &rm, NULL) == 0);
		CHECK(rm.uid > GENUINE && rm.uid < NEWER);
		play.removes++;
		fakecloud_write(&cloud, "mail", "");
	}
	ipc_answer(l, msg->op, msg->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}

static void
on_verifier(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct challenge_check_ans ans = {.err = {.code = ERR_OK}};
	struct blob *in = ipc_msg_blob(msg, 0, LIMIT_RECORD, NULL);
	struct verify_ans judged = {.err = {.code = ERR_OK}, .crl = {"", 0}};
	struct blob *list = NULL;
	struct buf body;

	(void)arg;
	buf_init(&body, LIMIT_RECORD);
	if (msg->op == OP_VERIFY) {
		verify_ans_put(&body, &judged);
		list = cert_list(blob_str(in), USAGE_SIGN,
		    play.verify_address != NULL ? play.verify_address : ANNA,
		    play.verify);
	} else {
		play.checks++;
		if (str_eq(blob_str(in), STR("deadly")))
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

/* --- the agent --- */

static void
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

static int
stop_agent(void)
{
	int status = tenant_stop(&agent);

	ipc_free(sealer);
	ipc_free(proxy);
	ipc_free(verifier);
	return (status);
}

static void
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
	start_agent();
}

static void
move_out(void)
{
	CHECK_INT(stop_agent(), 0);
	house_close(&h);
}

static void
log_in(const char *account, bool loopback)
{
	struct account_seen q = {str_c(account), loopback};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	account_seen_put(&body, &q);
	(void)ipc_tell(proxy, OP_ACCOUNT_SEEN, buf_text(&body));
	buf_clear(&body);
}

static enum err_code
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

/* The status of the only enrolment: a new reference, or NULL. */
static json_t *
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

static bool
has(const char *name, const char *value)
{
	json_t *o = status();
	const char *is = json_string_value(json_object_get(o, name));
	bool yes = is != NULL && strstr(is, value) != NULL;

	json_decref(o);
	return (yes);
}

static void
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
static bool
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

/* Somebody asks for it now, and then it is done. */
static bool
goes_on(void)
{
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_OK);
	return (wait_for("step", "done"));
}

/* --- tests --- */

static void
t_enrol(void)
{
	json_t *o;

	move_in("");
	unit_row("by a login");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-account MADE"),
	    1);
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	CHECK_UINT(play.submits, 1);
	CHECK_UINT(play.removes, 1);
	CHECK_UINT(play.certs, 1);
	CHECK_UINT(play.bundles, 1);
	CHECK_UINT(play.rotates, 0);
	o = status();
	CHECK(json_object_get(o, "sign") != NULL);
	CHECK(json_object_get(o, "encrypt") != NULL);
	CHECK(json_object_get(o, "error") == NULL);
	CHECK_UINT(json_array_size(json_object_get(o, "releases")), 1);
	json_decref(o);
	unit_row("another login changes nothing");
	log_in(ANNA, true);
	pause_ms(300);
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	unit_row("nor does a restart");
	CHECK_INT(stop_agent(), 0);
	start_agent();
	pause_ms(300);
	CHECK(has("step", "done"));
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	move_out();
}

static void
t_permitted(void)
{
	static const struct {
		const char *name, *conf, *account;
		bool loopback, want;
	} rows[] = {
	    {"loopback only", "", ANNA, true, true},
	    {"a shared host", "", ANNA, false, false},
	    {"in the list", "[enrol]\naccounts = b@y.test, " ANNA "\n", ANNA,
	        false, true},
	    {"of the domain", "[enrol]\naccounts = *@x.test\n", ANNA, false,
	        true},
	    {"all", "[enrol]\naccounts = *\n", ANNA, false, true},
	    {"not in the list", "[enrol]\naccounts = b@y.test\n", ANNA, true,
	        false},
	    {"another domain", "[enrol]\naccounts = *@test\n", ANNA, true,
	        false},
	    {"nobody", "[enrol]\naccounts =\n", ANNA, true, false},
	    {"no address", "", "anna", true, false},
	};
	json_t *o;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		move_in(rows[i].conf);
		log_in(rows[i].account, rows[i].loopback);
		pause_ms(100);
		o = status();
		CHECK((o != NULL) == rows[i].want);
		json_decref(o);
		move_out();
	}
}

/* A cloud that lies: nothing is taken, the status says why, and when it stops
 * lying all is well. */
static void
t_lying(void)
{
	static const struct {
		const char *name, *plan, *error;
	} rows[] = {
	    {"wrong nonce", "/acme/ stale-nonce\n", "badNonce"},
	    {"wrong identifier", "/acme/new-order identifier eve@x.test\n",
	        "another address"},
	    {"wrong identifier later", "/acme/authz identifier eve@x.test\n",
	        "another address"},
	    {"URL of another origin", "/acme/directory origin\n",
	        "another origin"},
	    {"order of another origin", "/acme/new-order origin\n",
	        "another origin"},
	    {"redirect", "/acme/ redirect https://127.0.0.1:1/\n", "redirect"},
	    {"truncated body", "/acme/new-order truncate\n", "cloud"},
	    {"endless body", "/acme/directory endless\n", "larger"},
	    {"10 MB of JSON", "/acme/new-order huge\n", "cloud"},
	    {"deep JSON", "/acme/new-order deep\n", "deeper"},
	    {"no JSON", "/acme/new-order text rubbish\n", "JSON"},
	    {"unknown status", "/acme/authz authz-status odd\n", "status"},
	    {"authorization invalid", "/acme/authz authz-status invalid\n",
	        "invalid"},
	    {"order invalid", "/acme/order order-status invalid\n", "invalid"},
	    {"server error", "/acme/new-account status 503\n", "503"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		move_in("");
		fakecloud_plan(&cloud, rows[i].plan);
		log_in(ANNA, true);
		CHECK(wait_for("error", rows[i].error));
		CHECK_UINT(play.certs, 0);
		fakecloud_plan(&cloud, "");
		CHECK(goes_on());
		CHECK_UINT(
		    fakecloud_requests(&cloud, "POST /acme/new-account MADE"),
		    1);
		CHECK_UINT(play.certs, 1);
		move_out();
	}
}

/* What the verifier or the sealer refuse. */
static void
t_refused(void)
{
	unit_row("challenge mail forged");
	move_in("");
	play.check = ERR_UNTRUSTED;
	log_in(ANNA, true);
	CHECK(wait_for("error", "forged"));
	CHECK_UINT(play.submits, 0);
	play.check = ERR_OK;
	CHECK(goes_on());
	CHECK_UINT(play.submits, 1);
	move_out();

	unit_row("certificate for another address");
	move_in("");
	play.verify_address = "eve@x.test";
	log_in(ANNA, true);
	CHECK(wait_for("error", "another address"));
	CHECK_UINT(play.certs, 0);
	play.verify_address = NULL;
	CHECK(goes_on());
	CHECK_UINT(play.certs, 1);
	move_out();

	unit_row("certificate that does not hold");
	move_in("");
	play.verify = ERR_UNTRUSTED;
	log_in(ANNA, true);
	CHECK(wait_for("error", "as it was told"));
	CHECK_UINT(play.certs, 0);
	play.verify = ERR_OK;
	CHECK(goes_on());
	move_out();

	unit_row("certificate for another key");
	move_in("");
	play.cert_take = ERR_UNTRUSTED;
	log_in(ANNA, true);
	CHECK(wait_for("error", "as it was told"));
	play.cert_take = ERR_OK;
	CHECK(goes_on());
	move_out();

	unit_row("bundle refused");
	move_in("");
	play.bundle_take = ERR_UNTRUSTED;
	log_in(ANNA, true);
	CHECK(wait_for("error", "keys"));
	CHECK_UINT(play.bundles, 0);
	play.bundle_take = ERR_OK;
	CHECK(goes_on());
	CHECK_UINT(play.certs, 1);
	move_out();

	unit_row("reply refused by the mail server");
	move_in("");
	play.submit = ERR_DENIED;
	log_in(ANNA, true);
	CHECK(wait_for("error", "refused"));
	CHECK_UINT(play.submits, 1);
	play.submit = ERR_OK;
	set_clock(200);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.submits, 2);
	move_out();
}

/* Anybody can send mails that look like a challenge: they delay nothing, and
 * stay where they are. */
static void
t_forged(void)
{
	uint64_t begin;

	unit_row("newer ones");
	move_in("");
	play.newer = 5;
	begin = clock_now().mono;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK(clock_now().mono - begin < 5000);
	CHECK_UINT(play.submits, 1);
	CHECK_UINT(play.removes, 1);
	move_out();

	unit_row("and more come");
	move_in("");
	fakecloud_plan(&cloud, "/acme/new-order silent\n");
	play.older = 3;
	log_in(ANNA, true);
	CHECK(wait_for("error", "forged"));
	pause_ms(500);
	CHECK_UINT(play.checks, 3);
	play.newer = 25;
	fakecloud_write(&cloud, "mail", "1 AAAAAAAAAAAAAAAAAAAAAAAA-1");
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.submits, 1);
	move_out();

	unit_row("each is looked at once");
	move_in("");
	fakecloud_plan(&cloud, "/acme/new-order silent\n");
	play.older = 25;
	log_in(ANNA, true);
	CHECK(wait_for("error", "forged"));
	pause_ms(5000);
	CHECK(play.finds >= 26);
	CHECK_UINT(play.checks, 25);
	move_out();

	unit_row("one that the verifier dies of");
	move_in("");
	play.newer = 1;
	play.deadly = NEWER;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.submits, 1);
	move_out();
}

/* A challenge is answered with an order pending, once. */
static void
t_once(void)
{
	move_in("");
	unit_row("no order pending");
	fakecloud_write(&cloud, "mail", "9 AAAAAAAAAAAAAAAAAAAAAAAA-9");
	pause_ms(500);
	CHECK_UINT(play.submits, 0);
	fakecloud_write(&cloud, "mail", "");
	unit_row("two logins at once");
	log_in(ANNA, true);
	log_in(ANNA, true);
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_OK);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	CHECK_UINT(play.submits, 1);
	unit_row("replayed afterwards");
	fakecloud_write(&cloud, "mail", "1 AAAAAAAAAAAAAAAAAAAAAAAA-1");
	log_in(ANNA, true);
	pause_ms(500);
	CHECK_UINT(play.submits, 1);
	move_out();
}

static void
t_login(void)
{
	move_in("");
	unit_row("nobody is logged in");
	play.logged_out = true;
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_OK);
	CHECK(wait_for("error", "nobody is logged in"));
	CHECK(has("step", "find"));
	unit_row("somebody is");
	play.logged_out = false;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	unit_row("no such account");
	CHECK_INT(ask(OP_ENROL, "nobody", ""), ERR_NOTFOUND);
	CHECK_INT(ask(OP_RELEASE_LOG, "eve@x.test", ""), ERR_NOTFOUND);
	CHECK_INT(ask(OP_REVOKE, "", "zz"), ERR_SYNTAX);
	unit_row("release log");
	CHECK_INT(ask(OP_RELEASE_LOG, ANNA, ""), ERR_OK);
	CHECK_UINT(play.from, 0);
	unit_row("release log of three pages");
	play.pages = 2;
	play.bundles = 0;
	CHECK_INT(ask(OP_RELEASE_LOG, ANNA, ""), ERR_OK);
	CHECK_UINT(play.bundles, 3);
	CHECK_UINT(play.from, 1);
	unit_row("release log without an end");
	play.pages = 1000;
	CHECK_INT(ask(OP_RELEASE_LOG, ANNA, ""), ERR_LIMIT);
	play.pages = 0;
	move_out();
	unit_row("no cloud");
	house_open(&h, "");
	start_agent();
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_UNSUPPORTED);
	move_out();
}

/* The fingerprint of a certificate in use, in a static place. */
static const char *
in_use(const char *use)
{
	static char hex[2 * FINGERPRINT + 1];
	json_t *o = status();

	(void)snprintf(hex, sizeof(hex), "%s",
	    json_string_value(
	        json_object_get(json_object_get(o, use), "fingerprint")));
	json_decref(o);
	return (hex);
}

/* Revoke, and wait until all that follows is done. */
static void
revoked(const char *who, const char *hex, unsigned certs, unsigned bundles)
{
	play.certs = play.bundles = play.rotates = 0;
	CHECK_INT(ask(OP_REVOKE, who, hex), ERR_OK);
	pause_ms(200);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.certs, certs);
	CHECK_UINT(play.bundles, bundles);
	CHECK_UINT(play.rotates, 0);
}

/* What is revoked is replaced, and nothing else (RFC 8555 7.6). */
static void
t_revoke(void)
{
	char old[2 * FINGERPRINT + 1];

	move_in("");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	(void)snprintf(old, sizeof(old), "%s", in_use("sign"));
	unit_row("the signing certificate");
	revoked("", old, 1, 1);
	CHECK(strcmp(in_use("sign"), old) != 0);
	unit_row("one that was used before");
	CHECK_INT(ask(OP_REVOKE, "", old), ERR_NOTFOUND);
	revoked(ANNA, old, 0, 0);
	unit_row("the encryption certificate");
	revoked("", in_use("encrypt"), 0, 1);
	move_out();
}

static void
t_down(void)
{
	move_in("");
	unit_row("slow");
	fakecloud_plan(&cloud, "/acme/ slow 0.2\n");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	move_out();
	/* and for good */
	unit_row("down");
	move_in("");
	fakecloud_stop(&cloud);
	log_in(ANNA, true);
	CHECK(wait_for("error", "connect"));
	move_out();
}

#ifdef WAXWING_TEST_HOOKS

/* How many certificates the cloud has issued. */
static unsigned
issued(void)
{
	unsigned n = 0;
	struct buf text;
	const char *p;

	fakecloud_read(&cloud, "requests", &text);
	for (p = text.data; (p = strstr(p, " ISSUED")) != NULL; p++)
		n++;
	buf_clear(&text);
	return (n);
}

/* It asks for patience. */
static void
t_retry_after(void)
{
	json_t *o;

	move_in("");
	fakecloud_plan(&cloud,
	    "/acme/new-order retry 500\n/acme/new-order status 503\n");
	log_in(ANNA, true);
	CHECK(wait_for("error", "503"));
	o = status();
	CHECK(json_integer_value(json_object_get(o, "next")) >
	      clock_now().wall + 400);
	json_decref(o);
	fakecloud_plan(&cloud, "");
	set_clock(600);
	CHECK(wait_for("step", "done"));
	move_out();
}

/* Years in seconds. */
static void
t_renew(void)
{
	unsigned i;

	move_in("");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	unit_row("not yet");
	set_clock(50 * DAY);
	pause_ms(1300);
	CHECK_UINT(play.certs, 1);
	unit_row("due, but nobody is there");
	set_clock(70 * DAY);
	CHECK(wait_for("error", "waits for a login"));
	CHECK_UINT(play.certs, 1);
	for (i = 1; i <= 3; i++) {
		unit_row("at a login");
		set_clock((long)i * 70 * DAY);
		pause_ms(1300);
		log_in(ANNA, true);
		pause_ms(1500);
		CHECK(wait_for("step", "done"));
		CHECK_UINT(play.certs, 1 + i);
		CHECK_UINT(play.rotates, i);
	}
	unit_row("without the user");
	fakecloud_plan(&cloud, "/acme/new-order reuse\n");
	play.life = 20 * DAY;
	CHECK_INT(ask(OP_RENEW, ANNA, ""), ERR_OK);
	pause_ms(500);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.certs, 5);
	play.logged_out = true;
	set_clock(226 * DAY);
	pause_ms(2500);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.certs, 6);
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-account MADE"),
	    1);
	move_out();
}

static void
t_full(void)
{
	move_in("");
	house_faults(&h, "agent.enrol.full error");
	log_in(ANNA, true);
	CHECK(wait_for("error", "full"));
	CHECK_UINT(fakecloud_requests(&cloud, "POST"), 0);
	house_faults(&h, "");
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.certs, 1);
	move_out();
}

/* It dies at every step, before and after its record is on disk. */
static void
t_dies(void)
{
	static const char *const points[] = {"order", "authorization", "find",
	    "answer", "respond", "validation", "tidy", "finalize",
	    "certificate", "keys", "done"};
	char name[80], fault[120];
	size_t i;
	int after;

	for (i = 0; i < 2 * sizeof(points) / sizeof(points[0]) + 1; i++) {
		after = (int)i % 2;
		(void)snprintf(name, sizeof(name), "agent.enrol.%s.%s",
		    points[i / 2 % 11], after ? "after" : "before");
		if (i == 22)
			(void)snprintf(name, sizeof(name),
			    "agent.enrol.submit");
		unit_row(name);
		move_in("");
		(void)snprintf(fault, sizeof(fault), "%s exit 1", name);
		house_faults(&h, fault);
		log_in(ANNA, true);
		CHECK(!wait_for("step", "done"));
		(void)stop_agent();
		house_faults(&h, "");
		start_agent();
		CHECK(goes_on());
		CHECK_UINT(
		    fakecloud_requests(&cloud, "POST /acme/new-account MADE"),
		    1);
		CHECK(play.submits <= 2);
		CHECK_UINT(play.rotates, 0);
		/* the same certificate may be taken again */
		CHECK_UINT(issued(), 1);
		move_out();
	}
	(void)printf("%zu fault points\n", i);
}
#endif

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"enrol", t_enrol},
	    {"permitted", t_permitted},
	    {"lying", t_lying},
	    {"refused", t_refused},
	    {"forged", t_forged},
	    {"once", t_once},
	    {"login", t_login},
	    {"revoke", t_revoke},
#ifdef WAXWING_TEST_HOOKS
	    {"retry after", t_retry_after},
	    {"renew", t_renew},
	    {"full", t_full},
	    {"dies", t_dies},
#endif
	    {"down", t_down}, /* the cloud is gone afterwards */
	    {NULL, NULL},
	};
	char here[150];
	int rc = 1;

	(void)signal(SIGPIPE, SIG_IGN);
	if (getcwd(here, sizeof(here)) == NULL)
		return (1);
	(void)snprintf(clock_file, sizeof(clock_file), "%s/t_agent.clock",
	    here);
	(void)setenv("WAXWING_CLOCK", clock_file, 1);
	if (fakecloud_start(&cloud, "t_agent.cloud") == 0)
		rc = unit_main("agent", tests);
	else
		(void)fprintf(stderr, "the cloud does not start\n");
	fakecloud_remove(&cloud);
	(void)unlink(clock_file);
	return (rc);
}
