/*
 * Whatever the server sends, a view comes of it, and the same one when the
 * message is opened again.  Our status fields stand in it once, at the top,
 * if we wrote any, and never otherwise.  A signature is good only for the
 * one From that the view shows.  What stays closed keeps its body.
 */
#include "config.h"

#include "fuzz.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "fz_keys.h"
#include "mail/header.h"
#include "opener/heads.h"
#include "opener/open.h"

#define ADDRESS "f@example.test"

/* 2026-12-01 */
#define NOW INT64_C(1796083200)

static struct open_ctx ctx;

static struct cert *
read_cert(const char *pem)
{
	struct str text = str_c(pem);
	struct cert *c = cert_get_pem(NULL, &text, NULL);

	assert(c != NULL);
	return (c);
}

static void
add_key(struct keydb *keys, const char *key, const char *pem)
{
	struct cert *c = read_cert(pem);
	BIO *bio = BIO_new_mem_buf(key, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	struct key *k;

	assert(pkey != NULL);
	k = key_new(STR(ADDRESS), CERT_ENCRYPT, c, NULL, 0, pkey, NULL);
	assert(k != NULL && keydb_add(keys, k) == 0);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	cert_unref(c);
}

/* Made once: they are constants. */
static void
set_up(void)
{
	static struct keydb *keys;
	static struct anchors *anchors;
	struct cert *ca;

	if (keys != NULL)
		return;
	keys = keydb_new();
	anchors = anchors_new();
	assert(keys != NULL && anchors != NULL);
	add_key(keys, ec_key, ec_cert);
	add_key(keys, rsa_key, rsa_cert);
	ca = read_cert(ec_cert);
	assert(anchors_add(anchors, ca) == 0);
	cert_unref(ca);
	ctx.keys = keys;
	ctx.cache = cert_cache_new(20);
	ctx.anchors = anchors;
	ctx.authserv = STR("0123456789abcdef");
}

static void
check_status(const struct open_out *out)
{
	struct str view = buf_text(&out->view), status = buf_text(&out->status);
	size_t n = status.len > 0 ? 1 : 0;

	assert(header_count(view, "Waxwing-Status") == n);
	assert(view.len >= status.len &&
	       memcmp(view.p, status.p, status.len) == 0);
	assert(n == 1 || out->result == OPEN_PLAIN);
	assert(header_count(status, "Authentication-Results") == n);
}

static void
check_from(const struct open_out *out)
{
	struct arena arena;
	struct str view = buf_text(&out->view);

	if (out->sign != SIGN_GOOD || out->result != OPEN_OPENED)
		return;
	assert(heads_clear(view));
	assert(header_count(view, "From") == 1);
	arena_init(&arena, LIMIT_PARSE);
	assert(str_ieq(heads_from(view, &arena), STR(ADDRESS)));
	arena_clear(&arena);
}

/* CRLF for LF, and no NUL: how the view writes a line. */
static void
check_body(const struct open_out *out, struct str wire)
{
	struct str view = buf_text(&out->view);
	size_t i, head = header_len(wire);
	char c;

	if (out->result == OPEN_OPENED)
		return;
	for (i = wire.len; i > head; i--) {
		c = wire.p[i - 1] != '\0' ? wire.p[i - 1] : (char)0x80;
		assert(view.len > 0 && view.p[view.len - 1] == c);
		view.len--;
		if (c != '\n' || (i > head + 1 && wire.p[i - 2] == '\r'))
			continue;
		assert(view.len > 0 && view.p[view.len - 1] == '\r');
		view.len--;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct open_out first, second;
	struct open_in in = {.first_seen = NOW};
	struct err err = {.code = ERR_OK};

	set_up();
	in.wire = str_of((const char *)data, size);
	ctx.keep_signature = size > 0 && data[size - 1] == 'k';
	assert(open_message(&ctx, &in, &first, &err) == 0);
	check_status(&first);
	check_from(&first);
	check_body(&first, in.wire);

	in.status = buf_text(&first.status);
	ctx.keep_signature = false;
	/* a wrong RSA block gives a random key, which once in some hundred
	 * thousand times gives something like an entity */
	if (open_message(&ctx, &in, &second, &err) == -1)
		assert(err.code == ERR_UNAVAILABLE && first.cipher == OPEN_CBC);
	else
		assert(str_eq(buf_text(&first.view), buf_text(&second.view)));
	open_out_clear(&second);
	open_out_clear(&first);
	return (0);
}
