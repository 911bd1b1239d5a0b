/*
 * What a reader sees of a sealed message, with which keys and rules.
 */
#include "config.h"

#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "open_help.h"

static const char html_reduced[] =
    "Content-Type: multipart/mixed; boundary=x\r\n"
    "\r\n"
    "--x\r\n"
    "Content-Transfer-Encoding: 7bit\r\n"
    "Content-Type: application/octet-stream\r\n"
    "Content-Disposition: attachment\r\n"
    "\r\n"
    "<img src=\"http://evil.example/\r\n"
    "--x\r\n"
    "Content-Type: text/plain\r\n"
    "\r\n"
    "plain words\r\n"
    "--x\r\n"
    "Content-Type: application/octet-stream\r\n"
    "Content-Disposition: attachment\r\n"
    "\r\n"
    "Content-Type: text/html\r\n"
    "\r\n"
    "<b>\r\n"
    "--x--\r\n";

static const char hp_seen[] = "From: alice@smime.example\r\n"
                              "Subject: inside\r\n"
                              "Content-Type: text/plain; hp=\"cipher\"\r\n"
                              "\r\n"
                              "the words inside\r\n";

static const char bare_extra[] = "Subject: smuggled\r\n"
                                 "From: mallory@evil.example\r\n"
                                 "Content-Type: text/plain\r\n"
                                 "\r\n"
                                 "the words inside\r\n";

static const struct {
	const char *name;
	const char *entity;
	bool sign;
	int cipher;
	const char *seen_outer; /* NULL: all of it */
	const char *seen;
	enum open_sign want_sign;
	const char *status;
} rows[] = {
    {"signed, CBC", text_entity, true, NID_aes_256_cbc, NULL, text_entity,
        SIGN_GOOD, "smime=pass"},
    {"signed, GCM", text_entity, true, NID_aes_256_gcm, NULL, text_entity,
        SIGN_GOOD, "encryption=AES-256-GCM; signature=good"},
    {"unsigned text, CBC", text_entity, false, NID_aes_256_cbc, NULL,
        text_entity, SIGN_NONE, "smime=none"},
    {"unsigned HTML, CBC: attachments", html_entity, false, NID_aes_256_cbc,
        NULL, html_reduced, SIGN_NONE, "content=reduced"},
    {"signed HTML, CBC", html_entity, true, NID_aes_256_cbc, NULL, html_entity,
        SIGN_GOOD, "signature=good"},
    {"unsigned HTML, GCM", html_entity, false, NID_aes_256_gcm, NULL,
        html_entity, SIGN_NONE, "encryption=AES-256-GCM; signature=none"},
    {"fields inside without hp=", bare_extra, true, NID_aes_256_cbc, NULL,
        text_entity, SIGN_GOOD, "signature=good"},
    {"protected fields, unsigned CBC", hp_entity, false, NID_aes_256_cbc, NULL,
        "Content-Type: text/plain; hp=\"cipher\"\r\n"
        "\r\n"
        "the words inside\r\n",
        SIGN_NONE, "content=reduced"},
    {"protected fields", hp_entity, true, NID_aes_256_cbc,
        "Received: from somewhere\r\nTo: bob@smime.example\r\n", hp_seen,
        SIGN_GOOD, "signature=good"},
};

static void
test_rows(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		seal(&wire, outer_alice, str_c(rows[i].entity), rows[i].sign,
		    rows[i].cipher);
		open_it(&ctx, &wire, str_of("", 0), &out);
		CHECK_INT(out.result, OPEN_OPENED);
		CHECK_INT(out.sign, rows[i].want_sign);
		CHECK(status_has(&out, rows[i].status));
		check_view(&out,
		    rows[i].seen_outer != NULL ? rows[i].seen_outer
		                               : outer_alice,
		    rows[i].seen);
		open_out_clear(&out);
		buf_clear(&wire);
	}
}

/* The same bytes for ever, even when nothing is trusted any more. */
static void
test_again(void)
{
	struct open_ctx ctx = ctx_bob(), later = ctx_bob();
	struct open_out first, second;
	struct buf wire;
	size_t i;

	later.anchors = anchors_new();
	later.unauthenticated = UNAUTH_REFUSE;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		seal(&wire, outer_alice, str_c(rows[i].entity), rows[i].sign,
		    rows[i].cipher);
		open_it(&ctx, &wire, str_of("", 0), &first);
		open_it(&later, &wire, buf_text(&first.status), &second);
		CHECK_BUF_EQ(&second.view, buf_text(&first.view));
		open_out_clear(&second);
		open_out_clear(&first);
		buf_clear(&wire);
	}
	anchors_free((struct anchors *)(uintptr_t)(const void *)later.anchors);
}

static void
test_not_ours(void)
{
	struct open_ctx ctx = ctx_bob();
	struct keydb *none = keydb_new();
	struct buf wire;

	ctx.keys = none;
	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	check_unopened(&ctx, &wire, OPEN_NOT_OURS);
	buf_clear(&wire);
	keydb_free(none);
}

/* The account is being enrolled: no view at all, lest a client keeps it. */
static void
test_key_later(void)
{
	struct open_ctx ctx = ctx_bob();
	struct keydb *none = keydb_new();
	struct err err = {.code = ERR_OK};
	struct open_out out;
	struct open_in in;
	struct buf wire;

	ctx.keys = none;
	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	in = (struct open_in){.wire = buf_text(&wire),
	    .first_seen = HELP_NOW,
	    .keys_come = true};
	CHECK_INT(open_message(&ctx, &in, &out, &err), 0);
	CHECK_INT(out.result, OPEN_KEY_LATER);
	CHECK_UINT(out.view.len, 0);
	open_out_clear(&out);
	buf_clear(&wire);
	keydb_free(none);
}

/* Openers died of it: it is shown as it is, even if a key opens it, and what
 * was opened once is not shown at all. */
static void
test_closed(void)
{
	const char *says = "Waxwing-Status: unopened;\r\n"
	                   " problem=\"message cannot be opened safely\"\r\n";
	struct open_ctx ctx = ctx_bob();
	struct err err = {.code = ERR_OK};
	struct open_out first, out;
	struct open_in in;
	struct buf wire;

	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	in = (struct open_in){.wire = buf_text(&wire),
	    .first_seen = HELP_NOW,
	    .closed = true};
	CHECK_INT(open_message(&ctx, &in, &first, &err), 0);
	CHECK_INT(first.result, OPEN_BROKEN);
	CHECK(memmem(first.view.data, first.view.len, says, strlen(says)) !=
	      NULL);

	/* Without an opener dying it stays so. */
	in.closed = false;
	in.status = buf_text(&first.status);
	CHECK_INT(open_message(&ctx, &in, &out, &err), 0);
	CHECK_BUF_EQ(&out.view, buf_text(&first.view));
	open_out_clear(&out);
	open_out_clear(&first);

	open_it(&ctx, &wire, STR(""), &first);
	in.closed = true;
	in.status = buf_text(&first.status);
	CHECK_INT(open_message(&ctx, &in, &out, &err), -1);
	CHECK_INT(err.code, ERR_DENIED);
	open_out_clear(&out);
	open_out_clear(&first);
	buf_clear(&wire);
}

static bool
is_bob(const struct rid *rid, void *arg)
{
	int *asked = arg;

	++*asked;
	return (cert_is(bob_encrypt->cert, rid));
}

static bool
is_nobody(const struct rid *rid, void *arg)
{
	(void)rid;
	(void)arg;
	return (false);
}

/* Another key of the account follows: the same, for those it opens. */
static void
test_key_awaited(void)
{
	struct open_ctx ctx = ctx_bob();
	struct keydb *none = keydb_new();
	struct open_out out;
	struct buf wire;
	int asked = 0;

	ctx.keys = none;
	ctx.awaited = is_bob;
	ctx.awaited_arg = &asked;
	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.result, OPEN_KEY_LATER);
	CHECK_UINT(out.view.len, 0);
	CHECK(asked > 0);
	open_out_clear(&out);
	ctx.awaited = is_nobody;
	check_unopened(&ctx, &wire, OPEN_NOT_OURS);
	buf_clear(&wire);
	keydb_free(none);
}

/* [reading] unauthenticated and trusted_peers. */
static bool
trust_alice(struct str from, void *arg)
{
	(void)arg;
	return (str_eq(from, STR("alice@smime.example")));
}

static void
test_rules(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	seal(&wire, outer_alice, str_c(html_entity), false, NID_aes_256_cbc);
	unit_row("refuse");
	ctx.unauthenticated = UNAUTH_REFUSE;
	check_unopened(&ctx, &wire, OPEN_BROKEN);
	unit_row("mark");
	ctx.unauthenticated = UNAUTH_MARK;
	open_it(&ctx, &wire, str_of("", 0), &out);
	check_view(&out, outer_alice, html_entity);
	open_out_clear(&out);
	unit_row("trusted");
	ctx.unauthenticated = UNAUTH_REFUSE;
	ctx.trusted = trust_alice;
	open_it(&ctx, &wire, str_of("", 0), &out);
	check_view(&out, outer_alice, html_entity);
	open_out_clear(&out);
	buf_clear(&wire);
}

/* inner_signature = keep: checked, and left for the client. */
static void
test_keep(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	ctx.keep_signature = true;
	seal(&wire, outer_alice, str_c(html_entity), true, NID_aes_256_cbc);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.sign, SIGN_GOOD);
	CHECK(memmem(out.view.data, out.view.len, "multipart/signed", 16) !=
	      NULL);
	CHECK(memmem(out.view.data, out.view.len, html_entity,
	          strlen(html_entity)) != NULL);
	open_out_clear(&out);
	buf_clear(&wire);
}

/* What was opened once and cannot be any more is not shown under the status
 * of then; a changed conf changes nothing. */
static void
test_later(void)
{
	struct open_ctx ctx = ctx_bob(), later = ctx_bob();
	struct keydb *none = keydb_new();
	struct open_out first, second;
	struct err err = {.code = ERR_OK};
	struct buf wire;

	ctx.keep_signature = true;
	seal(&wire, outer_alice, str_c(html_entity), true, NID_aes_256_cbc);
	open_it(&ctx, &wire, str_of("", 0), &first);
	open_it(&later, &wire, buf_text(&first.status), &second);
	CHECK_BUF_EQ(&second.view, buf_text(&first.view));
	open_out_clear(&second);

	later.keys = none;
	const struct open_in in = {buf_text(&wire), HELP_NOW,
	    buf_text(&first.status), false, false, false, false, NULL};
	CHECK_INT(open_message(&later, &in, &second, &err), -1);
	CHECK_INT(err.code, ERR_UNAVAILABLE);
	open_out_clear(&second);
	open_out_clear(&first);
	buf_clear(&wire);
	keydb_free(none);
}

/* A mail of alice's, with her wish to be written to under that certificate:
 * signed only, or sealed to bob. */
static void
wish(struct buf *out, const char *outer, const struct cert *encrypt,
    bool sealed)
{
	const struct cms_recipient to = {bob_encrypt->cert, TRANSPORT_PKCS1};
	const struct cms_sign by = {alice_sign, encrypt, HELP_NOW};
	struct cms_seal how = {&to, 1, NULL};
	struct err err = {.code = ERR_OK};
	int rc;

	how.cipher = algo_cipher_nid(NID_aes_256_cbc);
	buf_init(out, LIMIT_MESSAGE);
	buf_puts(out, outer);
	buf_puts(out, "MIME-Version: 1.0\r\n");
	rc = sealed ? entity_sign_seal(str_c(text_entity), &by, &how, out, &err)
	            : entity_sign(str_c(text_entity), &by, out, &err);
	if (!CHECK_INT(rc, 0))
		printf("%s\n", err.text);
}

/* Which certificate a signature brings, and only one that counts. */
static void
test_harvest(void)
{
	static const char mallory[] = "From: mallory@evil.example\r\n";
	struct key *own = help_key("alice.encrypt");
	struct cert *hers = own->cert, *bobs = bob_encrypt->cert;
	const struct {
		const char *name, *outer;
		const struct cert *encrypt;
		bool sealed, only; /* only: no view is wanted */
		bool want;
	} t[] = {
	    {"sealed", outer_alice, hers, true, false, true},
	    {"sealed, no view", outer_alice, hers, true, true, true},
	    {"signed only", outer_alice, hers, false, true, true},
	    {"signed only, as a view", outer_alice, hers, false, false, false},
	    {"another From", mallory, hers, true, false, false},
	    {"another From, signed only", mallory, hers, false, true, false},
	    {"no certificate to encrypt to", outer_alice, NULL, true, false,
	        false},
	    {"somebody else's certificate", outer_alice, bobs, true, false,
	        false},
	};
	struct open_ctx ctx = ctx_bob();
	struct err err = {.code = ERR_OK};
	struct open_out out;
	struct buf wire;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		wish(&wire, t[i].outer, t[i].encrypt, t[i].sealed);
		const struct open_in in = {buf_text(&wire), HELP_NOW, STR(""),
		    false, false, t[i].only, false, NULL};
		CHECK_INT(open_message(&ctx, &in, &out, &err), 0);
		CHECK((out.harvest.certs.len > 0) == t[i].want);
		if (t[i].want) {
			CHECK_STR(out.harvest.address, "alice@smime.example");
			CHECK(memcmp(out.harvest.fingerprint,
			          cert_facts(hers)->sha256, FINGERPRINT) == 0);
			CHECK(out.harvest.caps && out.harvest.gcm);
		}
		open_out_clear(&out);
		buf_clear(&wire);
	}
	key_free(own);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"rows", test_rows},
	    {"opened again", test_again},
	    {"not ours", test_not_ours},
	    {"key later", test_key_later},
	    {"key awaited", test_key_awaited},
	    {"closed", test_closed},
	    {"rules", test_rules},
	    {"keep", test_keep},
	    {"later", test_later},
	    {"harvest", test_harvest},
	    {NULL, NULL},
	};

	return (open_help_main("t_open", tests));
}
