/*
 * A challenge of the cloud, and mails that only look like one.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
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
	struct challenge_check_req q = {STR(FROM), str_c(to), at};
	struct challenge_check_ans ans;
	struct err err = {.code = ERR_OK};
	struct arena arena;

	arena_init(&arena, LIMIT_PARSE);
	if (challenge_check(buf_text(mail), &q, cloud, NULL, &arena, &ans,
	        &err) == 0) {
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

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"good", t_good},
	    {"forged", t_forged},
	    {"signer", t_signer},
	    {"other", t_other},
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
