/*
 * What a reader sees of a sealed message, and what he does not.
 */
#include "config.h"

#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "opener/open.h"
#include "smime_help.h"

#define AUTHSERV "0123456789abcdef"

static const char outer_alice[] = "Received: from somewhere\r\n"
                                  "From: Alice <alice@smime.example>\r\n"
                                  "To: bob@smime.example\r\n"
                                  "Subject: outside\r\n";

static const char text_entity[] = "Content-Type: text/plain\r\n"
                                  "\r\n"
                                  "the words inside\r\n";

static const char html_entity[] =
    "Content-Type: multipart/mixed; boundary=x\r\n"
    "\r\n"
    "--x\r\n"
    "Content-Type: text/html\r\n"
    "Content-Transfer-Encoding: 7bit\r\n"
    "Content-ID: <a@b>\r\n"
    "\r\n"
    "<img src=\"http://evil.example/\r\n"
    "--x\r\n"
    "Content-Type: text/plain\r\n"
    "\r\n"
    "plain words\r\n"
    "--x\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Content-Type: text/html\r\n"
    "\r\n"
    "<b>\r\n"
    "--x--\r\n";

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

static const char hp_entity[] = "From: alice@smime.example\r\n"
                                "Subject: inside\r\n"
                                "HP-Outer: Subject: outside\r\n"
                                "Content-Type: text/plain; hp=\"cipher\"\r\n"
                                "\r\n"
                                "the words inside\r\n";

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

static struct key *alice_sign, *bob_encrypt;
static struct cert_cache *cache;
static struct keydb *bob_keys;
static struct anchors *anchors;

static struct open_ctx
ctx_bob(void)
{
	struct open_ctx c = {.keys = bob_keys,
	    .cache = cache,
	    .anchors = anchors,
	    .authserv = str_c(AUTHSERV)};

	return (c);
}

/* A message: the outer header, then the entity sealed to bob. */
static void
seal(struct buf *out, const char *outer, struct str entity, bool sign,
    int cipher)
{
	const struct cms_recipient to = {bob_encrypt->cert, TRANSPORT_PKCS1};
	const struct cms_sign by = {alice_sign, NULL, HELP_NOW};
	struct cms_seal how = {&to, 1, NULL};
	struct err err = {.code = ERR_OK};

	how.cipher = algo_cipher_nid(cipher);
	buf_init(out, LIMIT_MESSAGE);
	buf_puts(out, outer);
	buf_puts(out, "MIME-Version: 1.0\r\n");
	if (!CHECK_INT(
	        entity_sign_seal(entity, sign ? &by : NULL, &how, out, &err),
	        0))
		printf("%s\n", err.text);
}

static void
open_it(const struct open_ctx *ctx, const struct buf *wire, struct str status,
    struct open_out *out)
{
	const struct open_in in = {buf_text(wire), HELP_NOW, status, false,
	    false, false};
	struct err err = {.code = ERR_OK};

	if (!CHECK_INT(open_message(ctx, &in, out, &err), 0))
		printf("%s\n", err.text);
}

/* The view is: status, outer fields, this. */
static void
check_view(const struct open_out *out, const char *outer, const char *entity)
{
	struct buf want;

	buf_init(&want, LIMIT_MESSAGE);
	buf_str(&want, buf_text(&out->status));
	buf_puts(&want, outer);
	buf_puts(&want, entity);
	CHECK_BUF_EQ(&out->view, buf_text(&want));
	buf_clear(&want);
}

static bool
status_has(const struct open_out *out, const char *words)
{
	struct str s = buf_text(&out->status);

	return (memmem(s.p, s.len, words, strlen(words)) != NULL);
}

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

/* Somebody else's From: the signature verifies and does not count. */
static void
test_other_from(void)
{
	static const char outer[] = "From: mallory@evil.example\r\n";
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	seal(&wire, outer, str_c(text_entity), true, NID_aes_256_cbc);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.sign, SIGN_UNTRUSTED);
	CHECK(status_has(&out, "smime=policy"));
	CHECK_CSTR(out.from, "mallory@evil.example");
	check_view(&out, outer, text_entity);
	open_out_clear(&out);
	buf_clear(&wire);
}

/* Protected fields that nobody signed do not change From. */
static void
test_unsigned_inner_from(void)
{
	static const char outer[] = "From: mallory@evil.example\r\n";
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	seal(&wire, outer, str_c(hp_entity), false, NID_aes_256_gcm);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.sign, SIGN_NONE);
	check_view(&out, outer,
	    "Reply-To: alice@smime.example\r\n"
	    "Subject: inside\r\n"
	    "Content-Type: text/plain; hp=\"cipher\"\r\n"
	    "\r\n"
	    "the words inside\r\n");
	open_out_clear(&out);
	buf_clear(&wire);
}

static void
check_unopened(const struct open_ctx *ctx, const struct buf *wire,
    enum open_result want)
{
	struct open_out out;
	struct buf view;

	open_it(ctx, wire, str_of("", 0), &out);
	CHECK_INT(out.result, want);
	CHECK(status_has(&out, "unopened"));
	buf_init(&view, LIMIT_MESSAGE);
	buf_str(&view, buf_text(&out.status));
	buf_str(&view, buf_text(wire));
	CHECK_BUF_EQ(&out.view, buf_text(&view));
	buf_clear(&view);
	open_out_clear(&out);
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

/* One bit of GCM: nothing of the plaintext comes out. */
static void
test_tampered(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_gcm);
	wire.data[wire.len - 80] = wire.data[wire.len - 80] == 'A' ? 'B' : 'A';
	check_unopened(&ctx, &wire, OPEN_BROKEN);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK(status_has(&out, "cannot be decrypted"));
	CHECK(memmem(out.view.data, out.view.len, "words inside", 12) == NULL);
	open_out_clear(&out);
	buf_clear(&wire);
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

/* Not S/MIME, but it wants to be ours: itself without our fields. */
static void
test_claims(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	buf_init(&wire, LIMIT_MESSAGE);
	buf_puts(&wire, "From: a@b.example\r\nWaxwing-Status: opened\r\n"
	                "Authentication-Results: " AUTHSERV "; smime=pass\r\n"
	                "Subject: x\r\n\r\nbody\r\n");
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.result, OPEN_PLAIN);
	CHECK_BUF(&out.view, "From: a@b.example\r\nSubject: x\r\n\r\nbody\r\n");
	open_out_clear(&out);
	buf_clear(&wire);
}

/* Layers beyond the limit stay on, as an attachment. */
static void
test_deep(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf inner, wire;
	int i;

	buf_init(&inner, LIMIT_MESSAGE);
	buf_puts(&inner, text_entity);
	for (i = 0; i <= LIMIT_CMS_DEPTH; i++) {
		seal(&wire, "", buf_text(&inner), false, NID_aes_256_gcm);
		buf_clear(&inner);
		inner = wire;
	}
	open_it(&ctx, &inner, str_of("", 0), &out);
	CHECK_INT(out.result, OPEN_OPENED);
	CHECK(status_has(&out, "nested too deeply"));
	CHECK(memmem(out.view.data, out.view.len, "words inside", 12) == NULL);
	open_out_clear(&out);
	buf_clear(&inner);
}

/* A signature that is good for the outer From must not stand beside another
 * From that the protected fields bring. */
static const struct {
	const char *name;
	const char *outer;
	const char *entity;
	enum open_sign sign;
	const char *hidden; /* what no client may find */
} spoofs[] = {
    {"two inner From fields", outer_alice,
        "From: ceo@corp.example\r\nFrom: ceo@corp.example\r\n"
        "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nx\r\n",
        SIGN_GOOD, "\nFrom: ceo"},
    {"an inner From that is no address", outer_alice,
        "From: ceo@corp.example (\r\n"
        "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nx\r\n",
        SIGN_GOOD, "\nFrom: ceo"},
    {"a CR alone in an outer field",
        "From: alice@smime.example\r\nX: y\rFrom: ceo@corp.example\r\n",
        text_entity, SIGN_UNTRUSTED, "\nFrom: ceo"},
    {"our fields behind a CR alone",
        "From: alice@smime.example\r\nX: y\rWaxwing-Status: opened; z\r\n",
        text_entity, SIGN_UNTRUSTED, "opened; z"},
};

static bool
view_has(const struct open_out *out, const char *words)
{
	return (memmem(out->view.data, out->view.len, words, strlen(words)) !=
	        NULL);
}

static void
test_spoofs(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out first, second;
	struct buf wire;
	size_t i;

	for (i = 0; i < sizeof(spoofs) / sizeof(spoofs[0]); i++) {
		unit_row(spoofs[i].name);
		seal(&wire, spoofs[i].outer, str_c(spoofs[i].entity), true,
		    NID_aes_256_cbc);
		open_it(&ctx, &wire, str_of("", 0), &first);
		CHECK_INT(first.sign, spoofs[i].sign);
		CHECK(!view_has(&first, spoofs[i].hidden));
		open_it(&ctx, &wire, buf_text(&first.status), &second);
		CHECK_BUF_EQ(&second.view, buf_text(&first.view));
		open_out_clear(&second);
		open_out_clear(&first);
		buf_clear(&wire);
	}
}

/* CBC that nobody signed: no client may find HTML in it. */
static const struct {
	const char *name;
	const char *entity;
} fangs[] = {
    {"type twice", "Content-Type: text/plain\r\n"
                   "Content-Type: text/html\r\n\r\n<img>\r\n"},
    {"type twice on the multipart",
        "Content-Type: multipart/mixed; boundary=a\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--a\r\nContent-Type: text/plain\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<img>\r\n--b--\r\n--a--\r\n"},
    {"a boundary in other words",
        "Content-Type: multipart/mixed; boundary=a; boundary*=us-ascii''b\r\n"
        "\r\n--a\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<img>\r\n--b--\r\n--a--\r\n"},
    {"only in other words",
        "Content-Type: multipart/mixed; boundary*0=b\r\n"
        "\r\n--b\r\nContent-Type: text/html\r\n\r\n<img>\r\n--b--\r\n"},
    {"behind an end that is none",
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\n\r\nx\r\n--a--no\r\n"
        "--a\r\nContent-Type: text/html\r\n\r\n<img>\r\n--a--\r\n"},
    {"behind the end", "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
                       "--a\r\n\r\nx\r\n--a--\r\n"
                       "--a\r\nContent-Type: text/html\r\n\r\n<img>\r\n"},
    {"behind a CR alone",
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\n\r\nx\r--a\rContent-Type: text/html\r\r<img>\r--a--\r\n"},
    {"an encoded multipart",
        "Content-Type: multipart/mixed; boundary=a\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        "--a\r\n\r\nx\r\n=2D-a\r\nContent-Type: text/html\r\n\r\n"
        "<img>\r\n--a--\r\n"},
};

/* Is there a part, or a whole multipart, that one could take for HTML? */
static bool
is_fanged(const struct open_out *out)
{
	return (view_has(out, "text/html") &&
	        !view_has(out, "Content-Type: application/octet-stream\r\n"
	                       "Content-Disposition: attachment\r\n"
	                       "\r\n"));
}

static void
test_fangs(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;
	size_t i;

	for (i = 0; i < sizeof(fangs) / sizeof(fangs[0]); i++) {
		unit_row(fangs[i].name);
		seal(&wire, outer_alice, str_c(fangs[i].entity), false,
		    NID_aes_256_cbc);
		open_it(&ctx, &wire, str_of("", 0), &out);
		CHECK_INT(out.result, OPEN_OPENED);
		CHECK(!is_fanged(&out));
		open_out_clear(&out);
		buf_clear(&wire);
	}
}

/* More parts than are counted: what lies behind them is not shown either. */
static void
test_many_parts(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf entity, wire;
	int i;

	buf_init(&entity, LIMIT_MESSAGE);
	buf_puts(&entity, "Content-Type: multipart/mixed; boundary=a\r\n\r\n");
	for (i = 0; i < LIMIT_MIME_PARTS + 10; i++)
		buf_puts(&entity, "--a\r\n\r\nx\r\n");
	buf_puts(&entity, "--a\r\nContent-Type: text/html\r\n\r\n<img>\r\n");
	seal(&wire, outer_alice, buf_text(&entity), false, NID_aes_256_cbc);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK(!is_fanged(&out));
	open_out_clear(&out);
	buf_clear(&wire);
	buf_clear(&entity);
}

/* What is beyond a limit inside is shown closed, and not for ever missed. */
static void
test_too_much(void)
{
	struct open_ctx ctx = ctx_bob();
	struct buf entity, wire;
	int i, n;

	buf_init(&entity, LIMIT_MESSAGE);
	buf_puts(&entity, "Content-Type: multipart/mixed; boundary=a\r\n\r\n");
	for (i = 0; i < 8; i++) {
		buf_puts(&entity, "--a\r\nContent-Type: text/plain");
		for (n = 0; n < 200000; n++)
			buf_puts(&entity, ";a=b");
		buf_puts(&entity, "\r\n\r\nx\r\n");
	}
	seal(&wire, outer_alice, buf_text(&entity), false, NID_aes_256_cbc);
	check_unopened(&ctx, &wire, OPEN_BROKEN);
	buf_clear(&wire);
	buf_clear(&entity);
}

/* Two long headers: compared field by field they would last for hours. */
static void
test_many_fields(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf outer, entity, wire;
	int i;

	buf_init(&outer, LIMIT_MESSAGE);
	buf_init(&entity, LIMIT_MESSAGE);
	for (i = 0; i < 100000; i++) {
		buf_printf(&outer, "%x:\r\n", i);
		buf_printf(&entity, "%x:\r\n", i + 100000);
	}
	buf_puts(&outer, outer_alice);
	buf_putc(&outer, '\0');
	outer.len--;
	buf_puts(&entity, hp_entity);
	seal(&wire, outer.data, buf_text(&entity), false, NID_aes_256_gcm);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.result, OPEN_OPENED);
	CHECK(view_has(&out, "\r\n22dff:\r\n") &&
	      view_has(&out, "\nSubject: in"));
	CHECK(!view_has(&out, "Subject: out"));
	open_out_clear(&out);
	buf_clear(&wire);
	buf_clear(&entity);
	buf_clear(&outer);
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
	    buf_text(&first.status), false, false, false};
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
		    false, false, t[i].only};
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

static const struct unit_test tests[] = {
    {"rows", test_rows},
    {"opened again", test_again},
    {"signed by another", test_other_from},
    {"unsigned inner From", test_unsigned_inner_from},
    {"not ours", test_not_ours},
    {"key later", test_key_later},
    {"key awaited", test_key_awaited},
    {"tampered", test_tampered},
    {"rules", test_rules},
    {"keep", test_keep},
    {"claims", test_claims},
    {"deep", test_deep},
    {"spoofs", test_spoofs},
    {"fangs", test_fangs},
    {"many parts", test_many_parts},
    {"too much", test_too_much},
    {"many fields", test_many_fields},
    {"later", test_later},
    {"harvest", test_harvest},
    {NULL, NULL},
};

int
main(void)
{
	struct cert *ca;
	int rc;

	cache = cert_cache_new(64);
	alice_sign = help_key("alice.sign");
	bob_encrypt = help_key("bob.encrypt");
	bob_keys = help_keydb(help_key("bob.encrypt"));
	anchors = anchors_new();
	ca = help_cert("ca.rsa");
	anchors_add(anchors, ca);
	cert_unref(ca);
	rc = unit_main("t_open", tests);
	anchors_free(anchors);
	keydb_free(bob_keys);
	key_free(bob_encrypt);
	key_free(alice_sign);
	cert_cache_free(cache);
	return (rc);
}
