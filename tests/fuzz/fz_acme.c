/*
 * Any bytes as an object of ACME or of the key service, or as one of the mails
 * of email-reply-00.  What is taken is within its limits, and what can be
 * written reads the same again.
 */
#include "config.h"

#include <string.h>

#include "acme/email.h"
#include "acme/kms.h"
#include "acme/object.h"
#include "base/limits.h"
#include "fuzz.h"

#define ARENA (4 * KMS_BUNDLE_MAX)

/* No URL can end a line of a request or hold a second word. */
static void
check_url(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		assert(s.p[i] > ' ' && s.p[i] < 0x7f);
}

static void
try_objects(struct str text, struct arena *arena)
{
	struct acme_directory d;
	struct acme_problem p;
	struct acme_authz z;
	struct acme_order o;
	struct err err;

	if (acme_directory_get(text, arena, &d, &err) == 0) {
		assert(d.new_nonce.len > 0 && d.new_order.len > 0);
		check_url(d.new_account);
		check_url(d.kms_keys);
		check_url(d.search);
	}
	if (acme_order_get(text, arena, &o, &err) == 0) {
		assert(o.finalize.len > 0 && o.authorization.len > 0);
		assert(o.identifier.len <= LIMIT_ADDRESS);
		check_url(o.authorization);
		check_url(o.certificate);
	}
	if (acme_authz_get(text, arena, &z, &err) == 0) {
		assert(z.token2.len > 0 && z.from.len <= LIMIT_ADDRESS);
		check_url(z.challenge);
		check_url(z.token2);
	}
	(void)acme_problem_get(text, arena, &p, &err);
}

static void
try_ask(struct str text, struct arena *arena)
{
	struct kms_ask q, again;
	struct buf b;

	if (kms_ask_get(text, arena, &q, NULL) == -1)
		return;
	assert(!q.create || !q.rotate);
	buf_init(&b, KMS_BUNDLE_MAX);
	assert(kms_ask_put(&q, &b) == 0);
	assert(kms_ask_get(buf_text(&b), arena, &again, NULL) == 0);
	assert(str_eq(q.mailbox, again.mailbox));
	assert(str_eq(q.transport, again.transport));
	assert(str_eq(q.nonce, again.nonce));
	assert(q.from == again.from);
	buf_clear(&b);
}

static void
try_bundle(struct str text, struct arena *arena)
{
	struct kms_bundle k, again;
	struct buf b, c;

	if (kms_bundle_get(text, arena, &k, NULL) == -1)
		return;
	assert(k.nkeys <= KMS_KEYS_MAX && k.nlog <= KMS_LOG_MAX);
	assert(k.nkeys == 0 || k.transport.len == KMS_HASH);
	buf_init(&b, 2 * KMS_BUNDLE_MAX);
	buf_init(&c, 2 * KMS_BUNDLE_MAX);
	assert(kms_bundle_put(&k, &b) == 0);
	if (kms_bundle_get(buf_text(&b), arena, &again, NULL) == 0) {
		assert(kms_bundle_put(&again, &c) == 0);
		assert(str_eq(buf_text(&b), buf_text(&c)));
	}
	buf_clear(&b);
	buf_clear(&c);
}

static void
try_mails(struct str text, struct arena *arena)
{
	struct acme_challenge c;
	struct str s;
	struct err err;

	if (acme_reply_digest(text, arena, &s, &err) == 0)
		assert(s.len == 43);
	if (acme_challenge_get(text, STR("ca@ca.test"), STR("anna@x.test"),
	        arena, &c, &err) == 0) {
		check_url(c.token1);
		check_url(c.message_id);
		assert(c.reply_to.len > 0);
	}
	if (acme_subject_token(text, true, arena, &s) == 0) {
		assert(s.len >= 22);
		check_url(s);
	}
}

/* A URL has its own origin if any. */
static void
try_origin(struct str text)
{
	const struct str base = STR("https://ca.test:8443/directory");

	if (acme_same_origin(text, base)) {
		assert(acme_same_origin(base, text));
		assert(str_istarts(text, STR("https://ca.test:8443")));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of((const char *)data, size);
	struct arena arena;

	arena_init(&arena, ARENA);
	try_objects(text, &arena);
	try_ask(text, &arena);
	try_bundle(text, &arena);
	try_mails(text, &arena);
	try_origin(text);
	arena_clear(&arena);
	return (0);
}
