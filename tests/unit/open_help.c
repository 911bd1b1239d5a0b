#include "config.h"

#include "open_help.h"

#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

const char outer_alice[] = "Received: from somewhere\r\n"
                           "From: Alice <alice@smime.example>\r\n"
                           "To: bob@smime.example\r\n"
                           "Subject: outside\r\n";

const char text_entity[] = "Content-Type: text/plain\r\n"
                           "\r\n"
                           "the words inside\r\n";

const char html_entity[] = "Content-Type: multipart/mixed; boundary=x\r\n"
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

const char hp_entity[] = "From: alice@smime.example\r\n"
                         "Subject: inside\r\n"
                         "HP-Outer: Subject: outside\r\n"
                         "Content-Type: text/plain; hp=\"cipher\"\r\n"
                         "\r\n"
                         "the words inside\r\n";

struct key *alice_sign, *bob_encrypt;
struct anchors *anchors;

static struct cert_cache *cache;
static struct keydb *bob_keys;

struct open_ctx
ctx_bob(void)
{
	struct open_ctx c = {.keys = bob_keys,
	    .cache = cache,
	    .anchors = anchors,
	    .authserv = str_c(AUTHSERV)};

	return (c);
}

void
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

void
open_it(const struct open_ctx *ctx, const struct buf *wire, struct str status,
    struct open_out *out)
{
	const struct open_in in = {buf_text(wire), HELP_NOW, status, false,
	    false, false, false, NULL};
	struct err err = {.code = ERR_OK};

	if (!CHECK_INT(open_message(ctx, &in, out, &err), 0))
		printf("%s\n", err.text);
}

void
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

bool
status_has(const struct open_out *out, const char *words)
{
	struct str s = buf_text(&out->status);

	return (memmem(s.p, s.len, words, strlen(words)) != NULL);
}

bool
view_has(const struct open_out *out, const char *words)
{
	return (memmem(out->view.data, out->view.len, words, strlen(words)) !=
	        NULL);
}

void
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

int
open_help_main(const char *name, const struct unit_test *tests)
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
	rc = unit_main(name, tests);
	anchors_free(anchors);
	keydb_free(bob_keys);
	key_free(bob_encrypt);
	key_free(alice_sign);
	cert_cache_free(cache);
	return (rc);
}
