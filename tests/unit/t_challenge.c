/*
 * A challenge of the cloud, and mails that only look like one.
 */
#include "config.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <dkim.h>

#include "base/limits.h"
#include "mail/header.h"
#include "mail/protect.h"
#include "opener/challenge.h"
#include "smime_help.h"

#define TOKEN "LgYemJLy3F1LDkiJrdIGbEzyFJyOyf6vBdyZ1TG3sME"
#define FROM  "alice@smime.example" /* she plays the authority */
#define TO    "bob@smime.example"

static struct key *alice;
static struct anchors *cloud;

/* The fields of a challenge that rows change. */
struct shape {
	const char *from, *to, *subject, *more;
};

static const struct shape good = {FROM, TO, "ACME: " TOKEN,
    "Auto-Submitted: auto-generated; type=acme\r\n"};

static void
put_mail(const struct shape *s, struct buf *out)
{
	buf_init(out, LIMIT_MESSAGE);
	buf_printf(out,
	    "From: %s\r\nTo: %s\r\nSubject: %s\r\n"
	    "Message-ID: <a@smime.example>\r\n%s"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nhello\r\n",
	    s->from, s->to, s->subject, s->more);
}

enum how { DETACHED, OPAQUE, BARE, UNSIGNED };

/* Sign with her or somebody else's key; outside may differ from inside. */
static void
sign(const struct shape *inside, const struct shape *outside,
    const struct key *by, enum how how, struct buf *out)
{
	const struct cms_sign sign_by = {by, NULL, HELP_NOW};
	struct buf mail, other, outer, payload, unused;
	struct err err;

	put_mail(inside, &mail);
	put_mail(outside, &other);
	buf_init(out, LIMIT_MESSAGE);
	buf_init(&outer, LIMIT_MESSAGE);
	buf_init(&payload, LIMIT_MESSAGE);
	buf_init(&unused, LIMIT_MESSAGE);
	CHECK_INT(protect_clear(buf_text(&mail), &unused, &payload), 0);
	buf_reset(&unused);
	CHECK_INT(protect_clear(buf_text(&other), &outer, &unused), 0);
	if (how == UNSIGNED) {
		buf_str(out, buf_text(&mail));
	} else {
		buf_str(out, buf_text(&outer));
		buf_puts(out, "MIME-Version: 1.0\r\n");
		CHECK_INT(how == OPAQUE
		              ? entity_sign_opaque(buf_text(&payload), &sign_by,
		                    out, &err)
		              : entity_sign(how == BARE ? buf_text(&mail)
		                                        : buf_text(&payload),
		                    &sign_by, out, &err),
		    0);
	}
	buf_clear(&mail);
	buf_clear(&other);
	buf_clear(&outer);
	buf_clear(&payload);
	buf_clear(&unused);
}

static enum err_code
check(const struct buf *mail, const char *to, int64_t at)
{
	struct challenge_check_req q = {STR(FROM), str_c(to), at, {"", 0}};
	struct challenge_trust trust = {.cloud = cloud};
	struct challenge_check_ans ans;
	struct err err = {.code = ERR_OK};
	struct arena arena;

	arena_init(&arena, LIMIT_PARSE);
	if (challenge_check(buf_text(mail), &q, &trust, &arena, &ans, &err) ==
	    0) {
		CHECK_STR(ans.token1, TOKEN);
		CHECK_STR(ans.message_id, "<a@smime.example>");
		CHECK_STR(ans.reply_to, FROM);
		CHECK_INT(err.code, ERR_OK);
	} else
		CHECK(err.code != ERR_OK);
	arena_clear(&arena);
	return (err.code);
}

static void
t_good(void)
{
	static const struct {
		const char *name;
		enum how how;
		enum err_code want;
	} rows[] = {
	    {"multipart/signed", DETACHED, ERR_OK},
	    {"opaque", OPAQUE, ERR_OK},
	    {"header not protected", BARE, ERR_DENIED},
	    {"not signed", UNSIGNED, ERR_DENIED},
	};
	struct buf mail;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		sign(&good, &good, alice, rows[i].how, &mail);
		CHECK_INT(check(&mail, TO, HELP_NOW), rows[i].want);
		buf_clear(&mail);
	}
	unit_row("to somebody else");
	sign(&good, &good, alice, DETACHED, &mail);
	CHECK_INT(check(&mail, "carl@smime.example", HELP_NOW), ERR_DENIED);
	unit_row("expired");
	CHECK_INT(check(&mail, TO, HELP_NOW + INT64_C(100) * 365 * 86400),
	    ERR_UNTRUSTED);
	unit_row("changed");
	memcpy(strstr(mail.data, "hello"), "jello", 5);
	CHECK_INT(check(&mail, TO, HELP_NOW), ERR_CRYPTO);
	buf_clear(&mail);
}

/* What the signature covers is what counts. */
static void
t_forged(void)
{
	static const struct {
		const char *name;
		struct shape s;
	} rows[] = {
	    {"a reply", {FROM, TO, "Re: ACME: " TOKEN, ""}},
	    {"other From", {"eve@smime.example", TO, "ACME: " TOKEN, ""}},
	    {"two From", {FROM ", eve@x.test", TO, "ACME: " TOKEN, ""}},
	    {"two To", {FROM, TO ", eve@x.test", "ACME: " TOKEN, ""}},
	    {"other To", {FROM, "eve@x.test", "ACME: " TOKEN, ""}},
	    {"no token", {FROM, TO, "ACME: ", ""}},
	    {"no ACME", {FROM, TO, TOKEN, ""}},
	    {"from a list", {FROM, TO, "ACME: " TOKEN, "List-Id: <x.y>\r\n"}},
	};
	struct shape s = good;
	struct buf mail;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		s = rows[i].s;
		if (s.more[0] == '\0')
			s.more = good.more;
		sign(&s, &good, alice, DETACHED, &mail);
		CHECK_INT(check(&mail, TO, HELP_NOW), ERR_DENIED);
		buf_clear(&mail);
	}
	unit_row("not automatic");
	s = good;
	s.more = "";
	sign(&s, &good, alice, DETACHED, &mail);
	CHECK_INT(check(&mail, TO, HELP_NOW), ERR_DENIED);
	buf_clear(&mail);
	unit_row("a Subject outside counts for nothing");
	s = good;
	s.subject = "ACME: "
	            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	sign(&good, &s, alice, DETACHED, &mail);
	CHECK_INT(check(&mail, TO, HELP_NOW), ERR_OK);
	buf_clear(&mail);
	unit_row("other From outside");
	s = good;
	s.from = "eve@x.test";
	sign(&good, &s, alice, DETACHED, &mail);
	CHECK_INT(check(&mail, TO, HELP_NOW), ERR_DENIED);
	buf_clear(&mail);
}

/* Somebody else's key, with any name in its certificate. */
static void
t_signer(void)
{
	struct key *self =
	    help_make_key("EC", "P-256", FROM, "digitalSignature");
	struct key *issued = help_issue(FROM, alice);
	struct buf mail;

	unit_row("made by himself");
	sign(&good, &good, self, DETACHED, &mail);
	CHECK_INT(check(&mail, TO, HELP_NOW), ERR_UNTRUSTED);
	buf_clear(&mail);
	unit_row("issued by a mere user");
	sign(&good, &good, issued, OPAQUE, &mail);
	CHECK_INT(check(&mail, TO, HELP_NOW), ERR_UNTRUSTED);
	buf_clear(&mail);
	key_free(self);
	key_free(issued);
}

/* Of another address, though of the same authority. */
static void
t_other(void)
{
	struct key *bob = help_key("bob.sign");
	struct buf mail;

	sign(&good, &good, bob, DETACHED, &mail);
	CHECK_INT(check(&mail, TO, HELP_NOW), ERR_UNTRUSTED);
	buf_clear(&mail);
	key_free(bob);
}

/* --- DKIM --- */

#define SELECTOR "s1"
#define RECORD   SELECTOR "._domainkey.smime.example"

/* The signing key in PEM, and its record. */
static char secret[4000], record[1000];

static void
make_dkim_key(void)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	unsigned char *der = NULL;
	char text[800];
	BIO *bio = BIO_new(BIO_s_mem());
	int n = i2d_PUBKEY(pkey, &der);

	if (n <= 0 || bio == NULL || n > 590 ||
	    PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	(void)EVP_EncodeBlock((unsigned char *)text, der, n);
	(void)snprintf(record, sizeof(record), "v=DKIM1; k=rsa; p=%s", text);
	secret[BIO_read(bio, secret, sizeof(secret) - 1)] = '\0';
	OPENSSL_free(der);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
}

static const char *const all_fields[] = {"From", "To", "Subject", "Message-ID",
    "Auto-Submitted", "MIME-Version", "Content-Type", NULL};
static const char *const some_fields[] = {"From", "To", "Subject", "Message-ID",
    "MIME-Version", "Content-Type", NULL};

/* libopendkim takes what it only reads without const. */
static unsigned char *
bytes(const char *s)
{
	return ((unsigned char *)(uintptr_t)s);
}

/* Put a DKIM-Signature before the mail. */
static void
dkim_put(struct buf *mail, const char *domain, const char *const *fields)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	unsigned char line[2000];
	DKIM_STAT stat;
	struct buf out;
	struct header h;
	struct field f;
	DKIM *dkim;
	size_t len = header_len(buf_text(mail));

	(void)dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_SIGNHDRS,
	    (void *)(uintptr_t)fields, sizeof(unsigned char **));
	dkim = dkim_sign(lib, bytes("test"), NULL, bytes(secret),
	    bytes(SELECTOR), bytes(domain), DKIM_CANON_RELAXED,
	    DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, -1, &stat);
	header_init(&h, buf_text(mail));
	while (header_next(&h, &f))
		(void)dkim_header(dkim, bytes(f.all.p), f.all.len - 2);
	(void)dkim_eoh(dkim);
	(void)dkim_body(dkim, bytes(mail->data + len), mail->len - len);
	CHECK_INT(dkim_eom(dkim, NULL), DKIM_STAT_OK);
	CHECK_INT(dkim_getsighdr(dkim, line, sizeof(line), 16), DKIM_STAT_OK);
	buf_init(&out, LIMIT_MESSAGE);
	buf_printf(&out, "DKIM-Signature: %s\r\n", (char *)line);
	buf_str(&out, buf_text(mail));
	buf_clear(mail);
	*mail = out;
	(void)dkim_free(dkim);
	dkim_close(lib);
}

/* Tell that text as the record (NULL: nothing was told). */
static enum err_code
check_dkim(const struct buf *mail, const char *text, bool allowed,
    const char *missing)
{
	struct challenge_check_req q = {STR(FROM), STR(TO), HELP_NOW, {"", 0}};
	struct challenge_trust trust = {.cloud = cloud, .dkim = allowed};
	struct challenge_check_ans ans;
	struct err err = {.code = ERR_OK};
	struct arena arena;
	struct buf keys;

	arena_init(&arena, LIMIT_PARSE);
	buf_init(&keys, LIMIT_RECORD);
	if (text != NULL) {
		rec_put_str(&keys, STR("x._domainkey.other.test"));
		rec_put_str(&keys, STR("v=DKIM1; p="));
		rec_put_str(&keys, STR(RECORD));
		rec_put_str(&keys, str_c(text));
	}
	q.keys = buf_text(&keys);
	if (challenge_check(buf_text(mail), &q, &trust, &arena, &ans, &err) ==
	    0) {
		CHECK_STR(ans.token1, TOKEN);
		CHECK_STR(ans.reply_to, FROM);
	}
	CHECK_STR_EQ(ans.key, str_c(missing));
	buf_clear(&keys);
	arena_clear(&arena);
	return (err.code);
}

static void
t_dkim(void)
{
	struct buf mail;
	char *body;

	make_dkim_key();
	put_mail(&good, &mail);
	unit_row("not signed");
	CHECK_INT(check_dkim(&mail, record, true, ""), ERR_UNTRUSTED);
	dkim_put(&mail, "smime.example", all_fields);
	unit_row("the record is missing");
	CHECK_INT(check_dkim(&mail, NULL, true, RECORD), ERR_UNAVAILABLE);
	unit_row("with it");
	CHECK_INT(check_dkim(&mail, record, true, ""), ERR_OK);
	unit_row("there is none");
	CHECK_INT(check_dkim(&mail, "", true, ""), ERR_UNTRUSTED);
	unit_row("rubbish");
	CHECK_INT(check_dkim(&mail, "v=spf1 -all", true, ""), ERR_UNTRUSTED);
	unit_row("S/MIME is pinned");
	CHECK_INT(check_dkim(&mail, record, false, ""), ERR_DENIED);
	unit_row("changed");
	body = strstr(mail.data, "hello");
	*body = 'j';
	CHECK_INT(check_dkim(&mail, record, true, ""), ERR_UNTRUSTED);
	*body = 'h';
	unit_row("another key");
	make_dkim_key();
	CHECK_INT(check_dkim(&mail, record, true, ""), ERR_UNTRUSTED);
	buf_clear(&mail);
}

/* Signed, but not what is wanted. */
static void
t_dkim_refuse(void)
{
	static const struct {
		const char *name, *domain;
		const char *const *fields;
		const char *more, *later; /* before and after signing */
		enum err_code want;
	} rows[] = {
	    {"as it should be", "smime.example", all_fields, "", "", ERR_OK},
	    {"another domain", "evil.test", all_fields, "", "", ERR_UNTRUSTED},
	    {"a domain above", "example", all_fields, "", "", ERR_UNTRUSTED},
	    {"a domain below", "a.smime.example", all_fields, "", "",
	        ERR_UNTRUSTED},
	    {"Auto-Submitted not signed", "smime.example", some_fields, "", "",
	        ERR_UNTRUSTED},
	    {"Reply-To not signed", "smime.example", all_fields,
	        "Reply-To: eve@evil.test\r\n", "", ERR_UNTRUSTED},
	    {"Reply-To added", "smime.example", all_fields, "",
	        "Reply-To: eve@evil.test\r\n", ERR_UNTRUSTED},
	    {"Subject added", "smime.example", all_fields, "",
	        "Subject: ACME: " TOKEN "a\r\n", ERR_DENIED},
	    {"Auto-Submitted added", "smime.example", all_fields, "",
	        "Auto-Submitted: auto-generated\r\n", ERR_DENIED},
	    {"from a list", "smime.example", all_fields, "",
	        "List-Id: <x.y>\r\n", ERR_DENIED},
	};
	struct buf mail, all;
	struct shape s;
	char more[200];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		s = good;
		(void)snprintf(more, sizeof(more), "%s%s", good.more,
		    rows[i].more);
		s.more = more;
		put_mail(&s, &mail);
		dkim_put(&mail, rows[i].domain, rows[i].fields);
		buf_init(&all, LIMIT_MESSAGE);
		buf_puts(&all, rows[i].later);
		buf_str(&all, buf_text(&mail));
		CHECK_INT(check_dkim(&all, record, true, ""), rows[i].want);
		buf_clear(&all);
		buf_clear(&mail);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"good", t_good},
	    {"forged", t_forged},
	    {"signer", t_signer},
	    {"other", t_other},
	    {"DKIM", t_dkim},
	    {"DKIM refused", t_dkim_refuse},
	    {NULL, NULL},
	};
	struct cert *ca = help_cert("ca.rsa");
	int rc;

	alice = help_key("alice.sign");
	cloud = anchors_new();
	if (anchors_add(cloud, ca) == -1)
		return (1);
	rc = unit_main("challenge", tests);
	anchors_free(cloud);
	key_free(alice);
	cert_unref(ca);
	return (rc);
}
