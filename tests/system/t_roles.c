/*
 * t_roles - sealer, agent and verifier as processes: keys and certificates
 * are imported, mail is sealed and opened by others' programs, and roles die
 * at inconvenient moments.
 */
#include "config.h"

#include <sys/wait.h>

#include <fcntl.h>
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
#include "house.h"
#include "opener/opener.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "proto/open.h"
#include "proto/seal.h"
#include "proto/start.h"
#include "sealer/sealer.h"
#include "sys/memfd.h"

#define CONF                                                            \
	"[account anna@x.test]\naddresses = anna@x.test, info@x.test\n" \
	"[account carl@x.test]\naddresses = carl@x.test\n"

#define MAIL                                              \
	"From: Anna <anna@x.test>\r\nTo: bert@x.test\r\n" \
	"Subject: h\xc3\xa4\r\nMIME-Version: 1.0\r\n"     \
	"Content-Type: text/plain; charset=utf-8\r\n"     \
	"Content-Transfer-Encoding: 8bit\r\n\r\n"         \
	"The marker is gr\xc3\xbc"                        \
	"n.\r\n"

static struct house h;
static struct tenant sealer, agent, verifier;
static char keys[300]; /* where roles-keys put them */

/* --- asking --- */

/* Import NAME.p12; returns the error's code, its text in *why. */
static enum err_code
import_fds(const char *account, const char *address, int file, int pass,
    struct err *why)
{
	struct key_import_req q = {str_c(account), str_c(address)};
	int fds[2] = {file, pass};
	enum err_code code;
	struct reply r;
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	key_import_req_put(&body, &q);
	reply_ask(&r, sealer.parent, OP_KEY_IMPORT, buf_text(&body), fds,
	    file == -1 ? 0 : 2);
	reply_wait(&h, &r);
	if ((code = r.err.code) == ERR_OK)
		CHECK(r.blob != NULL && blob_len(r.blob) > 500);
	if (why != NULL)
		*why = r.err;
	reply_clear(&r);
	buf_clear(&body);
	if (file != -1) {
		close(file);
		close(pass);
	}
	return (code);
}

static int
pipe_of(const char *text)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) == -1 ||
	    write(p[1], text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(p[1]);
	return (p[0]);
}

static int
key_file(const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", keys, name);
	return (open(path, O_RDONLY | O_CLOEXEC));
}

static enum err_code
import(const char *account, const char *address, const char *name,
    const char *pass, struct err *why)
{
	return (
	    import_fds(account, address, key_file(name), pipe_of(pass), why));
}

static json_t *
ask_json(struct tenant *t, uint16_t op, const char *whose)
{
	json_t *j = NULL;
	struct buf body;
	struct reply r;

	buf_init(&body, LIMIT_RECORD);
	if (op != OP_STATUS)
		list_req_put(&body, str_c(whose));
	reply_ask(&r, t->parent, op, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	if (r.blob != NULL)
		j = json_loadb(blob_data(r.blob), blob_len(r.blob), 0, NULL);
	reply_clear(&r);
	buf_clear(&body);
	return (j);
}

static size_t
count_keys(const char *whose)
{
	json_t *j = ask_json(&sealer, OP_KEY_LIST, whose);
	size_t n = json_array_size(j);

	json_decref(j);
	return (n);
}

/* Import a certificate file; how many were taken, or -1. */
static int
import_cert(const char *name, struct err *why)
{
	char trust = TRUST_MANUAL;
	struct buf text;
	struct blob *blob;
	struct reply r;
	json_t *j;
	int fd, n = -1;
	char line[400];

	(void)snprintf(line, sizeof(line), "cp %s/%s cert", keys, name);
	(void)house_run(&h, "%s", line);
	house_read(&h, "cert", &text);
	blob = memfd_copy(text.data, text.len, NULL);
	buf_clear(&text);
	fd = blob_fd(blob);
	reply_ask(&r, agent.parent, OP_CERT_IMPORT, str_of(&trust, 1), &fd, 1);
	reply_wait(&h, &r);
	if (r.err.code == ERR_OK && r.blob != NULL) {
		j = json_loadb(blob_data(r.blob), blob_len(r.blob), 0, NULL);
		n = (int)json_array_size(json_object_get(j, "taken"));
		json_decref(j);
	}
	if (why != NULL)
		*why = r.err;
	reply_clear(&r);
	blob_unref(blob);
	return (n);
}

static struct lookup_ans
look_up(const char *address)
{
	return (house_look_up(&h, agent.proxy, address));
}

static struct sender_ans
ask_sender(const char *account, const char *address)
{
	struct sender_req q = {str_c(account), str_c(address)};
	struct sender_ans a = {.owned = false};
	struct err err;
	struct buf body;
	struct reply r;

	buf_init(&body, LIMIT_RECORD);
	sender_req_put(&body, &q);
	reply_ask(&r, sealer.proxy, OP_SENDER, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	CHECK(sender_ans_get(buf_text(&r.body), &a, &err) == 0);
	reply_clear(&r);
	buf_clear(&body);
	return (a);
}

/* Seal mail; the result is written to the file "sealed". */
static enum err_code
seal(const struct seal_req *q, const char *mail, struct err *why)
{
	struct buf body;
	struct blob *blob;
	struct reply r;
	enum err_code code;
	int fd;

	blob = memfd_copy(mail, strlen(mail), NULL);
	fd = blob_fd(blob);
	buf_init(&body, LIMIT_RECORD);
	seal_req_put(&body, q);
	reply_ask(&r, sealer.proxy, OP_SEAL, buf_text(&body), &fd, 1);
	reply_wait(&h, &r);
	code = r.err.code;
	CHECK((r.blob != NULL) == (code == ERR_OK));
	if (r.blob != NULL)
		house_write(&h, "sealed", blob_str(r.blob));
	if (why != NULL)
		*why = r.err;
	reply_clear(&r);
	buf_clear(&body);
	blob_unref(blob);
	return (code);
}

static struct seal_req
request(bool sign, bool encrypt, void *to, size_t n)
{
	struct seal_req q = {.sign = sign, .encrypt = encrypt};

	q.account = STR("anna@x.test");
	q.address = STR("anna@x.test");
	q.time = clock_now().wall;
	q.recipients = to;
	q.nrecipients = n;
	return (q);
}

/* --- the house --- */

static void
start_sealer(void)
{
	CHECK(tenant_start(&h, &sealer, ROLE_SEALER, sealer_main, "") == 0);
	house_proxy(&h, &sealer);
}

static void
start_agent(void)
{
	CHECK(tenant_start(&h, &agent, ROLE_AGENT, agent_main, "") == 0);
	house_proxy(&h, &agent);
}

static void
start_verifier(void)
{
	CHECK(tenant_start(&h, &verifier, ROLE_OPENER, opener_main, "") == 0);
	house_link(&h, &agent, &verifier);
}

static void
stop_all(void)
{
	CHECK_INT(tenant_stop(&sealer), 0);
	if (agent.pid != 0)
		CHECK_INT(tenant_stop(&agent), 0);
	if (verifier.pid != 0)
		CHECK_INT(tenant_stop(&verifier), 0);
	house_close(&h);
}

/* --- tests --- */

static void
t_import(void)
{
	static const struct {
		const char *name, *account, *address, *file, *pass;
		enum err_code want;
		const char *words[2]; /* in the error's text */
	} t[] = {
	    {"new kind", "", "anna@x.test", "anna.sign.p12", "secret", ERR_OK,
	        {"", ""}},
	    {"old kind", "", "Anna@X.Test", "anna.encrypt.p12", "secret\n",
	        ERR_OK, {"", ""}},
	    {"again", "anna@x.test", "anna@x.test", "anna.encrypt.p12",
	        "secret\r\nrest", ERR_OK, {"", ""}},
	    {"UTF-8 passphrase", "BERT@x.test", "bert@x.test", "bert.p12",
	        "p\xc3\xa4ss", ERR_OK, {"", ""}},
	    {"RFC 9216", "", "alice@smime.example", "alice.p12", "alice",
	        ERR_OK, {"", ""}},
	    {"wrong passphrase", "", "anna@x.test", "anna.sign.p12", "Secret",
	        ERR_DENIED, {"wrong passphrase", ""}},
	    {"no passphrase", "", "anna@x.test", "anna.sign.p12", "",
	        ERR_DENIED, {"wrong passphrase", ""}},
	    {"another's certificate", "", "carl@x.test", "anna.sign.p12",
	        "secret", ERR_DENIED, {"anna@x.test", "carl@x.test"}},
	    {"another's address by the conf", "carl@x.test", "anna@x.test",
	        "anna.sign.p12", "secret", ERR_DENIED,
	        {"anna@x.test", "carl@x.test"}},
	    {"another's address by its keys", "dora@x.test",
	        "alice@smime.example", "alice.p12", "alice", ERR_DENIED,
	        {"alice@smime.example", "dora@x.test"}},
	    {"not a p12", "", "anna@x.test", "ca.crt", "secret", ERR_SYNTAX,
	        {"PKCS#12", ""}},
	    {"no address", "", "anna", "anna.sign.p12", "secret", ERR_SYNTAX,
	        {"address", ""}},
	    {"empty file", "", "anna@x.test", "empty", "secret", ERR_SYNTAX,
	        {"", ""}},
	};
	struct err why;
	size_t i, j;

	house_open(&h, CONF);
	start_sealer();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		CHECK_INT(import(t[i].account, t[i].address, t[i].file,
		              t[i].pass, &why),
		    t[i].want);
		for (j = 0; j < 2; j++)
			if (!CHECK(strstr(why.text, t[i].words[j]) != NULL))
				(void)fprintf(stderr, "%s\n", why.text);
	}
	unit_row("what came of it");
	CHECK_UINT(count_keys(""), 5);
	CHECK_UINT(count_keys("anna@x.test"), 2);
	CHECK_UINT(count_keys("bert@x.test"), 1);
	CHECK_UINT(count_keys("alice@smime.example"), 2);
	CHECK_UINT(count_keys("carl@x.test"), 0);
	CHECK_UINT(sealer.told, 4); /* encryption keys, one of them twice */
	stop_all();
}

/* The places of the 100,000 rounds of hashing that a file asks for. */
static size_t
find_rounds(const struct buf *file, size_t *at, size_t max)
{
	static const char number[] = "\x02\x03\x01\x86\xa0";
	size_t i, n = 0;

	for (i = 0; i + 5 <= file->len && n < max; i++)
		if (memcmp(file->data + i, number, 5) == 0)
			at[n++] = i + 2;
	return (n);
}

/* A file may not keep the sealer busy for long. */
static void
t_slow(void)
{
	static const struct {
		const char *name;
		size_t from; /* those before are covered by the MAC */
		size_t n;
	} t[] = {{"slow.p12", 0, 1}, {"slow-mac.p12", 2, 3}};
	size_t i, j, n, at[8];
	struct buf text;
	uint64_t begun;

	house_open(&h, CONF);
	start_sealer();
	for (i = 0; i < 2; i++) {
		unit_row(t[i].name);
		CHECK_INT(import("", "anna@x.test", t[i].name, "secret", NULL),
		    ERR_OK);
		(void)house_run(&h, "cp %s/%s slow", keys, t[i].name);
		house_read(&h, "slow", &text);
		n = find_rounds(&text, at, 8);
		CHECK_UINT(n, t[i].n);
		for (j = t[i].from; j < n; j++) {
			unit_row("8,388,607 rounds");
			memcpy(text.data + at[j], "\x7f\xff\xff", 3);
			house_write(&h, "slow", buf_text(&text));
			memcpy(text.data + at[j], "\x01\x86\xa0", 3);
			(void)house_run(&h, "cp slow %s/slower.p12", keys);
			begun = clock_now().mono;
			CHECK_INT(import("", "anna@x.test", "slower.p12",
			              "secret", NULL),
			    ERR_LIMIT);
			CHECK(clock_now().mono - begun < 2000);
		}
		buf_clear(&text);
	}
	stop_all();
}

/* A pipe that nobody ends holds up one import, not the sealer. */
static void
t_endless(void)
{
	struct key_import_req q = {STR("anna@x.test"), STR("anna@x.test")};
	struct reply r;
	struct buf body;
	int p[2], fds[2];
	json_t *j;

	house_open(&h, CONF);
	start_sealer();
	if (pipe2(p, O_CLOEXEC) == -1)
		abort();
	buf_init(&body, LIMIT_RECORD);
	key_import_req_put(&body, &q);
	fds[0] = key_file("anna.sign.p12");
	fds[1] = p[0];
	reply_ask(&r, sealer.parent, OP_KEY_IMPORT, buf_text(&body), fds, 2);
	close(fds[0]);
	close(p[0]);
	j = ask_json(&sealer, OP_STATUS, "");
	CHECK_INT(json_integer_value(json_object_get(j, "imports")), 1);
	json_decref(j);
	CHECK(!r.done);
	CHECK(write(p[1], "secret", 6) == 6);
	close(p[1]);
	reply_wait(&h, &r);
	CHECK_INT(r.err.code, ERR_OK);
	reply_clear(&r);

	unit_row("stopped while it waits");
	if (pipe2(p, O_CLOEXEC) == -1)
		abort();
	fds[0] = key_file("anna.sign.p12");
	fds[1] = p[0];
	reply_ask(&r, sealer.parent, OP_KEY_IMPORT, buf_text(&body), fds, 2);
	close(fds[0]);
	close(p[0]);
	j = ask_json(&sealer, OP_STATUS, "");
	CHECK(j != NULL);
	json_decref(j);
	buf_clear(&body);
	stop_all();
	close(p[1]);
	CHECK(r.done);
	reply_clear(&r);

	unit_row("without descriptors");
	house_open(&h, CONF);
	start_sealer();
	CHECK_INT(import_fds("", "anna@x.test", -1, -1, NULL), ERR_PEER);
	stop_all();
}

static void
t_sender(void)
{
	struct sender_ans a;

	house_open(&h, CONF);
	start_sealer();
	CHECK_INT(import("", "anna@x.test", "anna.sign.p12", "secret", NULL),
	    ERR_OK);
	unit_row("signing key only");
	a = ask_sender("anna@x.test", "anna@x.test");
	CHECK(a.owned && a.sign && !a.encrypt && a.gcm && a.oaep);
	CHECK_INT(import("", "anna@x.test", "anna.encrypt.p12", "secret", NULL),
	    ERR_OK);
	unit_row("both");
	a = ask_sender("anna@x.test", "Anna@X.test");
	CHECK(a.owned && a.sign && a.encrypt);
	unit_row("an address without a key");
	a = ask_sender("anna@x.test", "info@x.test");
	CHECK(a.owned && !a.sign && a.encrypt);
	unit_row("another's address");
	a = ask_sender("anna@x.test", "carl@x.test");
	CHECK(!a.owned && !a.sign && a.encrypt);
	unit_row("another account");
	a = ask_sender("carl@x.test", "anna@x.test");
	CHECK(!a.owned && !a.sign && !a.encrypt);
	stop_all();
}

/* Everybody's keys and certificates. */
static void
move_in(void)
{
	house_open(&h, CONF);
	start_sealer();
	start_agent();
	start_verifier();
	CHECK_INT(import("", "anna@x.test", "anna.sign.p12", "secret", NULL),
	    ERR_OK);
	CHECK_INT(import("", "anna@x.test", "anna.encrypt.p12", "secret", NULL),
	    ERR_OK);
}

/* openssl opens "sealed" with a key, verifies it and finds the text. */
static void
openssl_reads(const char *who)
{
	struct buf text;

	CHECK_INT(house_run(&h,
	              "openssl cms -decrypt -in sealed -recip %s/%s.crt "
	              "-inkey %s/%s.key -out inner",
	              keys, who, keys, who),
	    0);
	CHECK_INT(house_run(&h,
	              "openssl cms -verify -in inner -CAfile %s/ca.crt "
	              "-out plain -signer signer",
	              keys),
	    0);
	house_read(&h, "plain", &text);
	buf_putc(&text, '\0');
	CHECK(strstr(text.data, "gr\xc3\xbcn") != NULL);
	CHECK(strstr(text.data, "Subject") == NULL);
	buf_clear(&text);
}

static void
t_seal(void)
{
	static const struct {
		const char *name;
		uint8_t cipher;
		bool oaep;
	} t[] = {
	    {"CBC", SEAL_CBC, false},
	    {"GCM", SEAL_GCM, false},
	    {"GCM and OAEP", SEAL_GCM, true},
	};
	struct lookup_ans bert;
	uint8_t to[1][FINGERPRINT];
	struct seal_req q;
	struct buf text;
	size_t i;

	move_in();
	unit_row("look-up");
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_NONE);
	CHECK_INT(import_cert("bert.crt", NULL), 1);
	bert = look_up("Bert@X.test");
	CHECK_INT(bert.state, LOOKUP_USABLE);
	CHECK_INT(bert.trust, TRUST_MANUAL);
	CHECK(bert.recent);
	memcpy(to[0], bert.fingerprint, FINGERPRINT);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		q = request(true, true, to, 1);
		q.cipher = t[i].cipher;
		q.oaep = t[i].oaep;
		if (!CHECK_INT(seal(&q, MAIL, NULL), ERR_OK))
			continue;
		openssl_reads("bert");
		openssl_reads("anna.encrypt");
		house_read(&h, "sealed", &text);
		buf_putc(&text, '\0');
		CHECK(strstr(text.data, "Subject: h\xc3\xa4\r\n") != NULL);
		CHECK(strstr(text.data, "MIME-Version: 1.0\r\n") != NULL);
		CHECK(strstr(text.data, "marker") == NULL);
		buf_clear(&text);
	}
	unit_row("for ourselves alone");
	q = request(true, true, to, 0);
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	openssl_reads("anna.encrypt");
	stop_all();
}

static void
t_sign(void)
{
	struct seal_req q = request(true, false, NULL, 0);
	struct buf text;
	size_t i;

	move_in();
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	house_read(&h, "sealed", &text);
	unit_row("only the fields outside have 8 bits");
	for (i = 0; i < text.len; i++)
		if (memcmp(text.data + i, "MIME-Version", 12) == 0)
			break;
	for (; i < text.len; i++)
		if ((text.data[i] & 0x80) != 0)
			break;
	CHECK_UINT(i, text.len);
	buf_clear(&text);
	unit_row("openssl verifies it");
	CHECK_INT(house_run(&h,
	              "openssl cms -verify -in sealed -CAfile %s/ca.crt "
	              "-out plain",
	              keys),
	    0);
	house_read(&h, "plain", &text);
	buf_putc(&text, '\0');
	CHECK(strstr(text.data, "gr=C3=BCn") != NULL);
	buf_clear(&text);
	stop_all();
}

/* Nothing is sealed to fewer people than asked for, or to wrong ones. */
static void
t_refuse(void)
{
	uint8_t to[2][FINGERPRINT] = {{1, 2, 3}};
	struct seal_req q = request(true, true, to, 1);
	struct err why;

	move_in();
	CHECK_INT(import_cert("bert.crt", NULL), 1);
	CHECK_INT(import_cert("anna.sign.crt", NULL), 1);
	unit_row("unknown");
	CHECK_INT(seal(&q, MAIL, &why), ERR_NOTFOUND);
	CHECK(strstr(why.text, "010203") != NULL);
	unit_row("known and unknown");
	memcpy(to[1], look_up("bert@x.test").fingerprint, FINGERPRINT);
	q.nrecipients = 2;
	CHECK_INT(seal(&q, MAIL, NULL), ERR_NOTFOUND);
	unit_row("a certificate for signing");
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_NONE);
	(void)house_run(&h,
	    "openssl x509 -in %s/anna.sign.crt -outform DER | "
	    "openssl dgst -sha256 -binary >fp",
	    keys);
	{
		struct buf fp;

		house_read(&h, "fp", &fp);
		if (CHECK_UINT(fp.len, FINGERPRINT))
			memcpy(to[0], fp.data, FINGERPRINT);
		buf_clear(&fp);
	}
	CHECK_INT(seal(&q, MAIL, NULL), ERR_UNTRUSTED);
	unit_row("as somebody else");
	q = request(true, true, to + 1, 1);
	q.address = STR("carl@x.test");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_DENIED);
	unit_row("without a signature as anybody");
	q.sign = false;
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	unit_row("an account without keys");
	q.account = q.address = STR("carl@x.test");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_NOKEY);
	q.sign = true;
	q.encrypt = false;
	CHECK_INT(seal(&q, MAIL, NULL), ERR_NOKEY);
	unit_row("neither");
	q.sign = false;
	CHECK_INT(seal(&q, MAIL, NULL), ERR_DENIED);
	stop_all();
}

#ifdef WAXWING_TEST_HOOKS

/* What a sealer's death leaves behind. */
static void
t_sealer_dies(void)
{
	static const struct {
		const char *name, *faults;
		size_t keys; /* there afterwards */
	} t[] = {
	    {"before the keys are stored", "sealer.import exit 1", 0},
	    {"after the keys are stored", "sealer.import.stored abort 1", 1},
	};
	struct seal_req q = request(true, true, NULL, 0);
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		house_open(&h, CONF);
		start_sealer();
		house_faults(&h, t[i].faults);
		CHECK_INT(
		    import("", "anna@x.test", "anna.sign.p12", "secret", NULL),
		    ERR_UNAVAILABLE);
		(void)tenant_stop(&sealer);
		house_faults(&h, "");
		start_sealer();
		CHECK_UINT(count_keys("anna@x.test"), t[i].keys);
		stop_all();
	}
	move_in();
	unit_row("while sealing");
	house_faults(&h, "sealer.seal exit 1");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_UNAVAILABLE);
	(void)tenant_stop(&sealer);
	start_sealer();
	house_faults(&h, "sealer.seal.answer abort 1");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_UNAVAILABLE);
	(void)tenant_stop(&sealer);
	house_faults(&h, "sealer.seal.answer error 1");
	start_sealer();
	CHECK_INT(seal(&q, MAIL, NULL), ERR_UNAVAILABLE);
	unit_row("and lives again");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	openssl_reads("anna.encrypt");
	stop_all();
}

#endif

#ifdef WAXWING_TEST_HOOKS

/* Somebody who takes the agent's question and dies of it. */
static int
dying_main(int fd)
{
	char c[4096];

	/* START, CONF and PEER are answered by nobody: never started so */
	while (read(fd, c, sizeof(c)) == -1)
		usleep(10000);
	return (1);
}

static void
die_once(void)
{
	struct peer_req q = {.role = ROLE_OPENER};
	struct buf body;
	struct reply r;
	int fds[2];

	q.account = str_of("", 0);
	if (proc_pair(fds, NULL) == -1)
		abort();
	if (fork() == 0) {
		close(fds[0]);
		_exit(dying_main(fds[1]));
	}
	close(fds[1]);
	buf_init(&body, LIMIT_RECORD);
	peer_req_put(&body, &q);
	reply_ask(&r, agent.parent, OP_PEER, buf_text(&body), &fds[0], 1);
	reply_wait(&h, &r);
	close(fds[0]);
	reply_clear(&r);
	buf_clear(&body);
}

/* The verifier restarts in the middle; then it dies twice. */
static void
t_verifier_dies(void)
{
	struct err why;
	char trust = TRUST_MANUAL;
	struct buf text;
	struct blob *blob;
	struct reply r;
	int fd, status;

	house_open(&h, CONF);
	start_sealer();
	start_agent();
	unit_row("died once");
	(void)house_run(&h, "cp %s/bert.crt cert", keys);
	house_read(&h, "cert", &text);
	blob = memfd_copy(text.data, text.len, NULL);
	buf_clear(&text);
	fd = blob_fd(blob);
	die_once();
	reply_ask(&r, agent.parent, OP_CERT_IMPORT, str_of(&trust, 1), &fd, 1);
	CHECK(waitpid(-1, &status, 0) > 0);
	start_verifier();
	reply_wait(&h, &r);
	CHECK_INT(r.err.code, ERR_OK);
	reply_clear(&r);
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_USABLE);

	unit_row("died twice");
	CHECK_INT(tenant_stop(&verifier), 0);
	verifier.pid = 0;
	die_once();
	reply_ask(&r, agent.parent, OP_CERT_IMPORT, str_of(&trust, 1), &fd, 1);
	CHECK(waitpid(-1, &status, 0) > 0);
	die_once();
	CHECK(waitpid(-1, &status, 0) > 0);
	reply_wait(&h, &r);
	CHECK_INT(r.err.code, ERR_UNAVAILABLE);
	reply_clear(&r);
	blob_unref(blob);

	unit_row("agent dies before it stores");
	start_verifier();
	house_faults(&h, "agent.cert.store exit 1");
	CHECK_INT(import_cert("anna.sign.crt", &why), -1);
	CHECK_INT(why.code, ERR_UNAVAILABLE);
	(void)tenant_stop(&agent);
	house_faults(&h, "");
	start_agent();
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_USABLE);
	house_faults(&h, "agent.lookup error");
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_ERROR);
	stop_all();
}

#endif

static void
t_certs(void)
{
	json_t *j;

	house_open(&h, CONF);
	start_sealer();
	start_agent();
	start_verifier();
	CHECK_INT(import_cert("bert.crt", NULL), 1);
	CHECK_INT(import_cert("bert.crt", NULL), 1);
	CHECK_INT(import_cert("anna.encrypt.crt", NULL), 1);
	j = ask_json(&agent, OP_CERT_LIST, "");
	CHECK_UINT(json_array_size(j), 2);
	json_decref(j);
	j = ask_json(&agent, OP_CERT_LIST, "Bert@x.test");
	CHECK_UINT(json_array_size(j), 1);
	CHECK_CSTR(json_string_value(
	               json_object_get(json_array_get(j, 0), "addresses")),
	    "bert@x.test");
	json_decref(j);
	unit_row("an authority's is nobody's");
	CHECK_INT(import_cert("ca.crt", NULL), 0);
	unit_row("not a certificate");
	CHECK_INT(import_cert("bert.p12", NULL), -1);
	unit_row("no such address");
	CHECK_INT(look_up("nobody@x.test").state, LOOKUP_NONE);
	CHECK_INT(look_up("nobody").state, LOOKUP_ERROR);
	stop_all();
}

/* The account's own opener reads what the sealer wrote. */
static void
t_open(void)
{
	struct open_req oq = {.account = STR("anna@x.test")};
	struct seal_req q = request(true, true, NULL, 0);
	struct open_ans a = {.result = OPEN_BROKEN};
	struct tenant opener;
	struct buf text, body;
	struct blob *blob;
	struct reply r;
	struct err err;
	int fd;

	move_in();
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	CHECK(tenant_start(&h, &opener, ROLE_OPENER, opener_main,
	          "anna@x.test") == 0);
	house_proxy(&h, &opener);
	house_read(&h, "sealed", &text);
	blob = memfd_copy(text.data, text.len, NULL);
	buf_clear(&text);
	fd = blob_fd(blob);
	oq.first_seen = clock_now().wall;
	oq.status = str_of("", 0);
	buf_init(&body, LIMIT_RECORD);
	open_req_put(&body, &oq);
	reply_ask(&r, opener.proxy, OP_OPEN, buf_text(&body), &fd, 1);
	reply_wait(&h, &r);
	CHECK(open_ans_get(buf_text(&r.body), &a, &err) == 0);
	CHECK_INT(a.result, OPEN_OPENED);
	if (CHECK(r.blob != NULL)) {
		buf_init(&text, LIMIT_MESSAGE);
		buf_str(&text, blob_str(r.blob));
		buf_putc(&text, '\0');
		CHECK(strstr(text.data, "gr\xc3\xbcn") != NULL);
		buf_clear(&text);
		unit_row("its search text");
		blob_unref(blob);
		blob = blob_ref(r.blob);
		fd = blob_fd(blob);
		reply_clear(&r);
		reply_ask(&r, opener.proxy, OP_TEXT, STR(""), &fd, 1);
		reply_wait(&h, &r);
		CHECK(r.blob != NULL &&
		      memmem(blob_data(r.blob), blob_len(r.blob),
		          "GRU\xcc\x88N", 6) != NULL);
	}
	reply_clear(&r);
	buf_clear(&body);
	blob_unref(blob);
	CHECK_INT(tenant_stop(&opener), 0);
	stop_all();
}

/* Is any 24 bytes of a private key in the files of the state directory?
 * certificates hold the public half, so a window that a certificate has does
 * not count. */
static bool
leaks(const struct buf *state, const struct buf *key, const struct buf *public)
{
	size_t i;

	for (i = 0; i + 24 <= key->len; i += 8)
		if (memmem(public->data, public->len, key->data + i, 24) ==
		        NULL &&
		    memmem(state->data, state->len, key->data + i, 24) != NULL)
			return (true);
	return (false);
}

static void
t_at_rest(void)
{
	static const char *const names[] = {"anna.sign", "anna.encrypt"};
	struct buf state, key, public;
	size_t i;

	move_in();
	CHECK_INT(import_cert("anna.encrypt.crt", NULL), 1);
	CHECK_INT(house_run(&h, "cat state/key/* state/pub/* >all"), 0);
	house_read(&h, "all", &state);
	CHECK(state.len > 1000);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unit_row(names[i]);
		(void)house_run(&h,
		    "cp %s/%s.p8 p8; openssl x509 -in %s/%s.crt -outform DER "
		    "-out der",
		    keys, names[i], keys, names[i]);
		house_read(&h, "p8", &key);
		house_read(&h, "der", &public);
		CHECK(key.len > 100 && public.len > 100);
		CHECK(!leaks(&state, &key, &public));
		unit_row("the search finds what is there");
		buf_str(&state, buf_text(&key));
		CHECK(leaks(&state, &key, &public));
		state.len -= key.len;
		buf_clear(&key);
		buf_clear(&public);
	}
	unit_row("names");
	CHECK(memmem(state.data, state.len, "secret", 6) == NULL);
	buf_clear(&state);
	stop_all();
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"import", t_import},
	    {"slow", t_slow},
	    {"endless", t_endless},
	    {"sender", t_sender},
	    {"seal", t_seal},
	    {"sign", t_sign},
	    {"refuse", t_refuse},
	    {"certs", t_certs},
	    {"open", t_open},
	    {"at rest", t_at_rest},
#ifdef WAXWING_TEST_HOOKS
	    {"sealer dies", t_sealer_dies},
	    {"verifier dies", t_verifier_dies},
#endif
	    {NULL, NULL},
	};
	const char *src = getenv("srcdir");
	char line[1600], here[200], data[400];
	int rc;

	if (src == NULL)
		src = ".";
	if (getcwd(here, sizeof(here)) == NULL)
		return (1);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(keys, sizeof(keys), "%s/t_roles.keys", here);
	(void)snprintf(data, sizeof(data), "$(cd %s/tests/data && pwd)", src);
	(void)snprintf(line, sizeof(line),
	    "sh %s/tests/system/roles-keys %s %s && : >%s/empty", src, keys,
	    data, keys);
	if (system(line) != 0) {
		(void)fprintf(stderr, "cannot make the keys\n");
		return (1);
	}
	rc = unit_main("roles", tests);
	(void)snprintf(line, sizeof(line), "rm -rf %s", keys);
	return (system(line) == 0 ? rc : 1);
}
