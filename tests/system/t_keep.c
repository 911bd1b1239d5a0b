/*
 * t_keep - what sealer and agent are given to keep: keys, certificates, and
 * how they lie on disk.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "rolehouse.h"
#include "sys/memfd.h"

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
		CHECK_INT(import_key(t[i].account, t[i].address, t[i].file,
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
		CHECK_INT(
		    import_key("", "anna@x.test", t[i].name, "secret", NULL),
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
			CHECK_INT(import_key("", "anna@x.test", "slower.p12",
			              "secret", NULL),
			    ERR_LIMIT);
			CHECK(clock_now().mono - begun < 2000);
		}
		buf_clear(&text);
	}
	stop_all();
}

/* Ask for an import whose passphrase comes through a pipe: its other end. */
static int
ask_piped(struct reply *r)
{
	struct key_import_req q = {STR("anna@x.test"), STR("anna@x.test")};
	struct buf body;
	int p[2], fds[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		abort();
	buf_init(&body, LIMIT_RECORD);
	key_import_req_put(&body, &q);
	fds[0] = key_file("anna.sign.p12");
	fds[1] = p[0];
	reply_ask(r, sealer.parent, OP_KEY_IMPORT, buf_text(&body), fds, 2);
	close(fds[0]);
	close(p[0]);
	buf_clear(&body);
	return (p[1]);
}

/* A pipe that nobody ends holds up one import, not the sealer. */
static void
t_endless(void)
{
	struct reply r;
	json_t *j;
	int pass;

	house_open(&h, CONF);
	start_sealer();
	pass = ask_piped(&r);
	j = ask_json(&sealer, OP_STATUS, "");
	CHECK_INT(json_integer_value(json_object_get(j, "imports")), 1);
	json_decref(j);
	CHECK(!r.done);
	CHECK(write(pass, "secret", 6) == 6);
	close(pass);
	reply_wait(&h, &r);
	CHECK_INT(r.err.code, ERR_OK);
	reply_clear(&r);

	unit_row("stopped while it waits");
	pass = ask_piped(&r);
	j = ask_json(&sealer, OP_STATUS, "");
	CHECK(j != NULL);
	json_decref(j);
	stop_all();
	close(pass);
	CHECK(r.done);
	reply_clear(&r);

	unit_row("without descriptors");
	house_open(&h, CONF);
	start_sealer();
	CHECK_INT(import_fds("", "anna@x.test", -1, -1, NULL), ERR_PEER);
	stop_all();
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

static void
t_sender(void)
{
	struct sender_ans a;

	house_open(&h, CONF);
	start_sealer();
	CHECK_INT(
	    import_key("", "anna@x.test", "anna.sign.p12", "secret", NULL),
	    ERR_OK);
	unit_row("signing key only");
	a = ask_sender("anna@x.test", "anna@x.test");
	CHECK(a.owned && a.sign && !a.encrypt && a.gcm && a.oaep);
	CHECK_INT(
	    import_key("", "anna@x.test", "anna.encrypt.p12", "secret", NULL),
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

/* What a draft of Anna's becomes. */
static enum err_code
seal_draft(void)
{
	struct self_req q = {.account = STR("anna@x.test")};
	struct blob *mail = memfd_copy(MAIL, sizeof(MAIL) - 1, NULL);
	int fd = blob_fd(mail);
	enum err_code code;
	struct buf body;
	struct reply r;

	buf_init(&body, LIMIT_RECORD);
	self_req_put(&body, &q);
	reply_ask(&r, sealer.proxy, OP_SEAL_SELF, buf_text(&body), &fd, 1);
	reply_wait(&h, &r);
	code = r.err.code;
	reply_clear(&r);
	buf_clear(&body);
	blob_unref(mail);
	return (code);
}

/* Keys that are there and cannot be read, under another master key, are no
 * reason to send or store in clear, however often it is asked. */
static void
t_unreadable(void)
{
	struct sender_ans a;
	int i;

	house_open(&h, CONF);
	start_sealer();
	unit_row("none");
	CHECK_INT(seal_draft(), ERR_NOKEY);
	a = ask_sender("anna@x.test", "anna@x.test");
	CHECK(a.err.code == ERR_OK && !a.sign && !a.encrypt);
	import_anna();
	CHECK_INT(seal_draft(), ERR_OK);
	CHECK_INT(tenant_stop(&sealer), 0);
	h.root.k[0] ^= 1;
	start_sealer();
	for (i = 0; i < 3; i++) {
		unit_row("unreadable");
		CHECK_INT(seal_draft(), ERR_UNAVAILABLE);
		a = ask_sender("anna@x.test", "anna@x.test");
		CHECK_INT(a.err.code, ERR_UNAVAILABLE);
	}
	unit_row("come anew");
	CHECK_INT(
	    import_key("", "anna@x.test", "anna.encrypt.p12", "secret", NULL),
	    ERR_OK);
	CHECK_INT(seal_draft(), ERR_OK);
	CHECK_INT(ask_sender("anna@x.test", "anna@x.test").err.code,
	    ERR_UNAVAILABLE);
	CHECK_INT(
	    import_key("", "anna@x.test", "anna.sign.p12", "secret", NULL),
	    ERR_OK);
	a = ask_sender("anna@x.test", "anna@x.test");
	CHECK(a.err.code == ERR_OK && a.sign && a.encrypt);
	stop_all();
}

#ifdef WAXWING_TEST_HOOKS
/* Anna's certificates are good for 20 days. */
static void
t_lapsed(void)
{
	static const struct {
		long days;
		bool encrypt, lapsed;
	} t[] = {{0, true, false}, {-1, false, true}, {21, false, true},
	    {199, false, true}, {201, false, false}};
	struct sender_ans a;
	char path[100], text[40];
	size_t i;

	house_open(&h, CONF);
	(void)snprintf(path, sizeof(path), "%s/clock", h.dir);
	(void)setenv("WAXWING_CLOCK", path, 1);
	start_sealer();
	CHECK(!ask_sender("anna@x.test", "anna@x.test").lapsed);
	CHECK_INT(
	    import_key("", "anna@x.test", "anna.encrypt.p12", "secret", NULL),
	    ERR_OK);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)snprintf(text, sizeof(text), "%ld\n", t[i].days * 86400);
		unit_row(text);
		house_write(&h, "clock", str_c(text));
		a = ask_sender("anna@x.test", "anna@x.test");
		CHECK_INT(a.err.code, ERR_OK);
		CHECK_INT(a.encrypt, t[i].encrypt);
		CHECK_INT(a.lapsed, t[i].lapsed);
	}
	(void)unsetenv("WAXWING_CLOCK");
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
	    {"unreadable", t_unreadable},
#ifdef WAXWING_TEST_HOOKS
	    {"lapsed", t_lapsed},
#endif
	    {"certs", t_certs},
	    {"at rest", t_at_rest},
	    {NULL, NULL},
	};

	return (rolehouse_main("t_keep", tests));
}
