/*
 * What an account sealed to itself is shown exactly as it was; what only looks
 * like it is shown as anybody's mail.
 */
#include "config.h"

#include <openssl/obj_mac.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "opener/open.h"
#include "smime/ownmail.h"
#include "smime_help.h"

#define AUTHSERV "0123456789abcdef"
/* STR() for initializers */
#define LIT(s)                     \
	{                          \
		(s), sizeof(s) - 1 \
	}
#define STR_TYPE "Content-Type: application/pkcs7-mime;"
#define MARKED   "Waxwing-Marker: 1 "

static const struct key *curve; /* of keys */
static struct key *bob, *eve;
static struct cert_cache *cache;
static struct keydb *keys;
static struct anchors *anchors;

static const char draft[] =
    "X-Mozilla-Draft-Info: internal/draft; vcard=0; receipt=0\r\n"
    "Waxwing-Status: opened; encryption=AES-256-GCM; signature=good\r\n"
    "Message-ID: <1@smime.example>\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
    "From: Bob\r\n <bob@smime.example>\r\n"
    "Bcc: hidden@smime.example\r\n"
    "Subject: secret subject\r\n"
    "Content-Type: text/html; charset=UTF-8\r\n"
    "\r\n"
    "<b>secret words</b>\r\n\r\n.\r\n  no end of line";

static const char outside[] = "From: Bob\r\n <bob@smime.example>\r\n"
                              "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
                              "Message-ID: <1@smime.example>\r\n"
                              "Subject: [...]\r\n"
                              "MIME-Version: 1.0\r\n" STR_TYPE;

/* Up to its Content-Type. */
#define OUTER_LEN (sizeof(outside) - sizeof(STR_TYPE))

static void
seal(const struct key *key, struct str message, int cipher, struct buf *wire)
{
	struct err err = {.code = ERR_OK};

	buf_init(wire, LIMIT_MESSAGE);
	if (!CHECK_INT(
	        ownmail_seal(key, message, algo_cipher_nid(cipher), wire, &err),
	        0))
		printf("%s\n", err.text);
}

static void
open_it(struct str wire, enum unauthenticated rule, struct open_out *out)
{
	const struct open_ctx ctx = {.keys = keys,
	    .cache = cache,
	    .anchors = anchors,
	    .authserv = str_c(AUTHSERV),
	    .unauthenticated = rule};
	const struct open_in in = {wire, HELP_NOW, {"", 0}, false, false, false,
	    false, NULL};
	struct err err = {.code = ERR_OK};

	if (!CHECK_INT(open_message(&ctx, &in, out, &err), 0))
		printf("%s\n", err.text);
}

static bool
has(struct str s, const char *words)
{
	return (memmem(s.p, s.len, words, strlen(words)) != NULL);
}

static const struct {
	const char *name;
	bool elliptic;
	int cipher;
	struct str message;
	struct str view;
} rows[] = {
    {"RSA, GCM", false, NID_aes_256_gcm, LIT(draft), LIT(draft)},
    {"RSA, CBC", false, NID_aes_256_cbc, LIT(draft), LIT(draft)},
    {"P-256, GCM", true, NID_aes_256_gcm, LIT(draft), LIT(draft)},
    {"P-256, CBC", true, NID_aes_256_cbc, LIT(draft), LIT(draft)},
    {"nothing at all", false, NID_aes_256_gcm, LIT(""), LIT("")},
    {"no header", false, NID_aes_256_cbc, LIT("\r\nx"), LIT("\r\nx")},
    {"bare LF and NUL, as a server has it", false, NID_aes_256_gcm,
        LIT("From: a\n\nx\0y\n"), LIT("From: a\r\n\r\nx\x80y\r\n")},
    {"it is sealed itself", false, NID_aes_256_gcm,
        LIT("Content-Type: application/pkcs7-mime\r\n\r\nMIAG\r\n"),
        LIT("Content-Type: application/pkcs7-mime\r\n\r\nMIAG\r\n")},
};

static void
test_round_trip(void)
{
	struct open_out out;
	struct buf wire;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		seal(rows[i].elliptic ? curve : bob, rows[i].message,
		    rows[i].cipher, &wire);
		open_it(buf_text(&wire), UNAUTH_REFUSE, &out);
		CHECK_INT(out.result, OPEN_OPENED);
		CHECK(out.own);
		CHECK_UINT(out.status.len, 0);
		CHECK_BUF_EQ(&out.view, rows[i].view);
		open_out_clear(&out);
		buf_clear(&wire);
	}
}

/* What a server gets to see. */
static void
test_outside(void)
{
	struct buf wire;

	seal(bob, STR(draft), NID_aes_256_gcm, &wire);
	CHECK(str_istarts(buf_text(&wire), STR(outside)));
	CHECK(!has(buf_text(&wire), "secret"));
	CHECK(!has(buf_text(&wire), "hidden"));
	buf_clear(&wire);
}

/* It is opened, but as anybody's: with status fields above it, and its
 * message as a part inside. */
static void
check_stranger(struct str wire, const char *words)
{
	struct open_out out;

	open_it(wire, UNAUTH_TEXT, &out);
	CHECK(!out.own);
	CHECK(out.status.len > 0);
	CHECK(str_istarts(buf_text(&out.view), buf_text(&out.status)));
	CHECK(has(buf_text(&out.status), words));
	CHECK(has(buf_text(&out.view), "Subject: [...]\r\n"));
	open_out_clear(&out);
}

/* Somebody who knows the certificate seals such an entity to it. */
static void
forge(struct str entity, int cipher, struct buf *wire)
{
	const struct cms_recipient to = {bob->cert, TRANSPORT_AUTO};
	const struct cms_seal how = {&to, 1, algo_cipher_nid(cipher)};
	struct err err = {.code = ERR_OK};

	buf_init(wire, LIMIT_MESSAGE);
	buf_str(wire, str_of(outside, OUTER_LEN));
	CHECK_INT(entity_seal(entity, &how, wire, &err), 0);
}

/* The entity that was sealed, by the key that can. */
static void
open_entity(struct str wire, struct buf *entity)
{
	struct err err = {.code = ERR_OK};
	struct cms_opened opened;
	struct entity e;

	buf_init(entity, LIMIT_MESSAGE);
	CHECK_INT(entity_read(wire, &e, &err), 0);
	CHECK_INT(entity_open(wire, &e, keys, entity, &opened, &err), 0);
}

static const struct {
	const char *name;
	const char *at;   /* in the entity: ... */
	const char *here; /* ... this instead (of the same length) */
	size_t cut;       /* from the end */
	const char *more; /* at the end */
} forgeries[] = {
    {"other words", "secret words", "server words", 0, ""},
    {"another subject", "secret subject", "server subject", 0, ""},
    {"cut by one byte", "", "", 1, ""},
    {"cut to its header", "", "", 49, ""},
    {"one byte more", "", "", 0, "x"},
    {"another version", MARKED, "Waxwing-Marker: 2 ", 0, ""},
    {"another name", MARKED, "Waxwing-Maaker: 1 ", 0, ""},
    {"another type", "message/rfc822", "message/global", 0, ""},
    {"its id inside", "<1@smime", "<2@smime", 0, ""},
};

static void
test_forged(void)
{
	struct buf wire, entity;
	size_t i;
	char *p;

	for (i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
		unit_row(forgeries[i].name);
		seal(bob, STR(draft), NID_aes_256_gcm, &wire);
		open_entity(buf_text(&wire), &entity);
		buf_clear(&wire);
		entity.len -= forgeries[i].cut;
		p = memmem(entity.data, entity.len, forgeries[i].at,
		    strlen(forgeries[i].at));
		CHECK(p != NULL);
		memcpy(p, forgeries[i].here, strlen(forgeries[i].here));
		buf_puts(&entity, forgeries[i].more);
		forge(buf_text(&entity), NID_aes_256_gcm, &wire);
		check_stranger(buf_text(&wire), "signature=none");
		buf_clear(&wire);
		unit_row("the same in CBC");
		forge(buf_text(&entity), NID_aes_256_cbc, &wire);
		check_stranger(buf_text(&wire), "content=reduced");
		buf_wipe(&entity);
		buf_clear(&wire);
	}
	unit_row("unchanged, it would hold");
	seal(bob, STR(draft), NID_aes_256_gcm, &wire);
	open_entity(buf_text(&wire), &entity);
	CHECK(has(buf_text(&entity), MARKED));
	buf_wipe(&entity);
	buf_clear(&wire);
}

/* The marker of a key that is another account's. */
static void
test_other_key(void)
{
	struct keydb *mine = keys;
	struct buf wire, entity;
	struct open_out out;

	unit_row("its marker sealed to ours");
	seal(eve, STR(draft), NID_aes_256_gcm, &wire);
	keys = help_keydb(help_key("alice.encrypt"));
	open_entity(buf_text(&wire), &entity);
	keydb_free(keys);
	keys = mine;
	buf_clear(&wire);
	forge(buf_text(&entity), NID_aes_256_gcm, &wire);
	check_stranger(buf_text(&wire), "signature=none");
	buf_wipe(&entity);
	buf_clear(&wire);

	unit_row("its own message is not ours");
	seal(eve, STR(draft), NID_aes_256_gcm, &wire);
	open_it(buf_text(&wire), UNAUTH_TEXT, &out);
	CHECK_INT(out.result, OPEN_NOT_OURS);
	CHECK(!out.own);
	open_out_clear(&out);
	buf_clear(&wire);
}

/* Put another header around the same ciphertext. */
static void
reshell(const struct buf *wire, const char *id, struct buf *out)
{
	const char *body = memmem(wire->data, wire->len, "MIME-Version", 12);

	buf_init(out, LIMIT_MESSAGE);
	buf_printf(out, "From: bob@smime.example\r\n%sSubject: [...]\r\n", id);
	buf_put(out, body, wire->len - (size_t)(body - wire->data));
}

static const struct {
	const char *name;
	const char *id;
	bool own;
} shells[] = {
    {"the same id", "Message-ID: <1@smime.example>\r\n", true},
    {"folded by a server", "message-id:\r\n <1@smime.example>\r\n", true},
    {"another message's", "Message-ID: <2@smime.example>\r\n", false},
    {"another before it",
        "Message-ID: <2@smime.example>\r\n"
        "Message-ID: <1@smime.example>\r\n",
        false},
    {"none", "", false},
};

static void
test_other_shell(void)
{
	struct open_out out;
	struct buf wire, put;
	size_t i;

	seal(bob, STR(draft), NID_aes_256_gcm, &wire);
	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		unit_row(shells[i].name);
		reshell(&wire, shells[i].id, &put);
		open_it(buf_text(&put), UNAUTH_TEXT, &out);
		CHECK_INT(out.result, OPEN_OPENED);
		CHECK_INT(out.own, shells[i].own);
		CHECK_INT(out.status.len == 0, shells[i].own);
		open_out_clear(&out);
		buf_clear(&put);
	}
	buf_clear(&wire);
}

/* A draft may have no id: then the server may give it one. */
static void
test_no_id(void)
{
	static const char bare[] = "From: bob@smime.example\r\n\r\nx\r\n";
	static const char *const ids[] = {"",
	    "Message-ID: <new@server.example>\r\n"};
	struct open_out out;
	struct buf wire, put;
	size_t i;

	seal(bob, STR(bare), NID_aes_256_gcm, &wire);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		unit_row(ids[i]);
		reshell(&wire, ids[i], &put);
		open_it(buf_text(&put), UNAUTH_TEXT, &out);
		CHECK(out.own);
		CHECK_BUF_EQ(&out.view, STR(bare));
		open_out_clear(&out);
		buf_clear(&put);
	}
	buf_clear(&wire);
}

/* Sealed once more by somebody: what is inside is not the root. */
static void
test_nested(void)
{
	struct buf wire, outer;

	seal(bob, STR(draft), NID_aes_256_gcm, &wire);
	forge(str_of(memmem(wire.data, wire.len, "Content-Type", 12),
	          wire.len - OUTER_LEN),
	    NID_aes_256_gcm, &outer);
	check_stranger(buf_text(&outer), "signature=none");
	buf_clear(&outer);
	buf_clear(&wire);
}

/* A view that was fixed as anybody's stays so. */
static void
test_fixed(void)
{
	const struct open_ctx ctx = {.keys = keys,
	    .cache = cache,
	    .anchors = anchors,
	    .authserv = str_c(AUTHSERV)};
	struct err err = {.code = ERR_OK};
	struct open_out out;
	struct open_in in;
	struct buf wire;

	seal(bob, STR(draft), NID_aes_256_gcm, &wire);
	in = (struct open_in){buf_text(&wire), HELP_NOW,
	    STR("Waxwing-Status: opened; encryption=AES-256-GCM; "
	        "signature=none\r\n"),
	    false, false, false, false, NULL};
	CHECK_INT(open_message(&ctx, &in, &out, &err), 0);
	CHECK(!out.own);
	CHECK(str_istarts(buf_text(&out.view), in.status));
	open_out_clear(&out);
	buf_clear(&wire);
}

/* Any changed byte of the ciphertext: nothing of it is shown (GCM), or not as
 * ours (CBC). */
static void
test_tampered(void)
{
	static const int ciphers[] = {NID_aes_256_gcm, NID_aes_256_cbc};
	struct open_out out;
	struct buf wire;
	size_t i, at;

	for (i = 0; i < 2; i++) {
		unit_row(i == 0 ? "GCM" : "CBC");
		for (at = 60; at < 700; at += 40) {
			seal(bob, STR(draft), ciphers[i], &wire);
			if (wire.data[wire.len - at] == '\r' ||
			    wire.data[wire.len - at] == '\n')
				at++;
			wire.data[wire.len - at] ^= 1;
			open_it(buf_text(&wire), UNAUTH_TEXT, &out);
			CHECK(!out.own);
			CHECK(out.status.len > 0);
			CHECK(i == 1 || out.result == OPEN_BROKEN);
			CHECK(i == 1 || !has(buf_text(&out.view), "secret"));
			open_out_clear(&out);
			buf_clear(&wire);
		}
	}
}

static const struct unit_test tests[] = {
    {"round_trip", test_round_trip},
    {"outside", test_outside},
    {"forged", test_forged},
    {"other_key", test_other_key},
    {"other_shell", test_other_shell},
    {"no id", test_no_id},
    {"nested", test_nested},
    {"fixed", test_fixed},
    {"tampered", test_tampered},
    {NULL, NULL},
};

int
main(void)
{
	int rc;

	cache = cert_cache_new(100);
	anchors = anchors_new();
	bob = help_key("bob.encrypt");
	eve = help_key("alice.encrypt");
	keys = help_keydb(help_key("bob.encrypt"));
	(void)keydb_add(keys, help_make_key("EC", "P-256", "x@smime.example",
	                          "critical,keyAgreement"));
	curve = keydb_at(keys, 1);
	rc = unit_main("t_ownmail", tests);
	key_free(bob);
	key_free(eve);
	keydb_free(keys);
	anchors_free(anchors);
	cert_cache_free(cache);
	return (rc);
}
