#include "config.h"

#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/b64url.h"
#include "cloud/hosted.h"
#include "cloud/keypool.h"
#include "cloud/kms_paths.h"
#include "keyhouse.h"
#include "smime/cert.h"
#include "turn.h"

#define A   "alice@x.test"
#define DAY INT64_C(86400)

static struct keyhouse house;
static struct person alice, laptop, mallory;

static void
start(const char *kind)
{
	house_open(&house, kind);
	person_open(&house, &alice);
	person_open(&house, &laptop);
	person_open(&house, &mallory);
	person_proves(&house, &alice, A);
	person_proves(&house, &laptop, A);
	person_proves(&house, &mallory, "mallory@x.test");
}

static void
finish(void)
{
	person_clear(&alice);
	person_clear(&laptop);
	person_clear(&mallory);
	house_close(&house);
}

/* Ask, and open the newest key; ends the program if there is none. */
static EVP_PKEY *
fetch(const struct person *p, const char *words, uint64_t from,
    struct arena *arena, struct kms_bundle *b)
{
	arena_clear(arena);
	(void)house_ask(&house, p, A, words, from);
	if (!house_bundle(&house, arena, b) || b->nkeys == 0)
		exit(1);
	CHECK_STR(b->mailbox, A);
	CHECK_STR_EQ(b->transport,
	    str_of((const char *)cert_facts(p->transport)->sha256, 32));
	return (person_opens(p, &b->keys[0]));
}

static void
t_create(void)
{
	struct kms_head none = {.size = 0}, seen;
	EVP_PKEY *first, *again;
	struct kms_bundle b;
	struct arena arena;
	struct err err;

	arena_init(&arena, 10000000);
	start("ec");
	unit_row("none yet");
	CHECK_UINT(house_ask(&house, &alice, A, "", 0), 404);
	unit_row("created");
	first = fetch(&alice, "create", 0, &arena, &b);
	CHECK_UINT(b.nkeys, 1);
	CHECK_UINT(b.nlog, 1);
	CHECK_INT(kms_log_extends(&none, b.log, b.nlog, &b.head, &err), 0);
	CHECK(b.nlog == 1 &&
	      memmem(b.log[0].p, b.log[0].len, "\"create\"", 8) != NULL);
	seen = b.head;
	unit_row("again");
	again = fetch(&alice, "create", 1, &arena, &b);
	CHECK_UINT(b.nkeys, 1);
	CHECK_INT(EVP_PKEY_eq(first, again), 1);
	CHECK_INT(kms_log_extends(&seen, b.log, b.nlog, &b.head, &err), 0);
	CHECK(b.nlog == 1 &&
	      memmem(b.log[0].p, b.log[0].len, "\"release\"", 9) != NULL);
	EVP_PKEY_free(again);
	unit_row("second device");
	again = fetch(&laptop, "create", 0, &arena, &b);
	CHECK_UINT(b.nkeys, 1);
	CHECK_UINT(b.nlog, 3);
	CHECK_INT(EVP_PKEY_eq(first, again), 1);
	EVP_PKEY_free(again);
	unit_row("in capitals");
	CHECK_UINT(house_ask(&house, &alice, "Alice@X.TEST", "create", 9), 200);
	arena_clear(&arena);
	if (house_bundle(&house, &arena, &b)) {
		CHECK_UINT(b.nkeys, 1);
		CHECK_STR(b.mailbox, "Alice@X.TEST");
		/* who saw more than there is can prove that it was cut */
		CHECK_UINT(b.nlog, 0);
		CHECK_UINT(b.head.size, 4);
	}
	EVP_PKEY_free(first);
	arena_clear(&arena);
	finish();
}

static void
t_rotate(void)
{
	EVP_PKEY *first, *second, *old;
	struct kms_bundle b;
	struct arena arena;

	arena_init(&arena, 10000000);
	start("ec");
	first = fetch(&alice, "create", 0, &arena, &b);
	second = fetch(&alice, "rotate", 0, &arena, &b);
	CHECK_UINT(b.nkeys, 2);
	CHECK(EVP_PKEY_eq(first, second) != 1);
	if (b.nkeys == 2) {
		old = person_opens(&alice, &b.keys[1]);
		CHECK_INT(EVP_PKEY_eq(first, old), 1);
		EVP_PKEY_free(old);
	}
	EVP_PKEY_free(first);
	first = fetch(&laptop, "", 0, &arena, &b);
	CHECK_UINT(b.nkeys, 2);
	CHECK_INT(EVP_PKEY_eq(first, second), 1);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	arena_clear(&arena);
	finish();
}

/* A certificate is renewed for the same key; the old one stays in the list,
 * since mail names it. */
static void
t_renew(void)
{
	EVP_PKEY *first, *again;
	struct kms_bundle b;
	struct arena arena;
	struct buf was;

	arena_init(&arena, 10000000);
	buf_init(&was, 65536);
	start("ec");
	first = fetch(&alice, "create", 0, &arena, &b);
	buf_str(&was, b.keys[0].cert);
	unit_row("not yet");
	house_clock(&house, 59 * DAY);
	person_proves(&house, &alice, A);
	again = fetch(&alice, "", 0, &arena, &b);
	CHECK_UINT(b.nkeys, 1);
	EVP_PKEY_free(again);
	unit_row("due");
	house_clock(&house, 61 * DAY);
	again = fetch(&alice, "", 0, &arena, &b);
	CHECK_UINT(b.nkeys, 2);
	CHECK_INT(EVP_PKEY_eq(first, again), 1);
	EVP_PKEY_free(again);
	if (b.nkeys == 2) {
		CHECK_STR_EQ(b.keys[1].cert, buf_text(&was));
		again = person_opens(&alice, &b.keys[1]);
		CHECK_INT(EVP_PKEY_eq(first, again), 1);
		EVP_PKEY_free(again);
	}
	unit_row("found");
	CHECK_UINT(house_search(&house, "email=" A, NULL, NULL), 200);
	CHECK_CSTR(house_field(&house, "Content-Type"),
	    "application/pkix-cert");
	CHECK_STR_EQ(buf_text(&house.res.body), b.keys[0].cert);
	EVP_PKEY_free(first);
	buf_clear(&was);
	arena_clear(&arena);
	finish();
}

/* A revoked key is no longer found nor renewed; the next one that is asked
 * for is new. */
static void
t_revoked(void)
{
	EVP_PKEY *first, *again;
	struct kms_bundle b;
	struct arena arena;

	arena_init(&arena, 10000000);
	start("ec");
	first = fetch(&alice, "create", 0, &arena, &b);
	CHECK_UINT(house_search(&house, "email=" A, NULL, NULL), 200);
	house_revoke(&house, b.keys[0].cert);
	CHECK_UINT(house_search(&house, "email=" A, NULL, NULL), 404);
	again = fetch(&alice, "", 0, &arena, &b);
	CHECK_UINT(b.nkeys, 1);
	CHECK_INT(EVP_PKEY_eq(first, again), 1);
	EVP_PKEY_free(again);
	again = fetch(&alice, "create", 0, &arena, &b);
	CHECK_UINT(b.nkeys, 2);
	CHECK(EVP_PKEY_eq(first, again) != 1);
	CHECK_UINT(house_search(&house, "email=" A, NULL, NULL), 200);
	CHECK_STR_EQ(buf_text(&house.res.body), b.keys[0].cert);
	EVP_PKEY_free(again);
	EVP_PKEY_free(first);
	arena_clear(&arena);
	finish();
}

static void
t_who(void)
{
	static const char *const words[] = {"create", "rotate", "", "log"};
	struct kms_bundle b;
	struct arena arena;
	size_t i;

	arena_init(&arena, 10000000);
	start("ec");
	CHECK_UINT(house_ask(&house, &alice, A, "create", 0), 200);
	unit_row("never proved");
	for (i = 0; i < 4; i++) {
		CHECK_UINT(house_ask(&house, &mallory, A, words[i], 0), 403);
		CHECK(house_says(&house, "error:unauthorized"));
		CHECK(house_says(&house, "never proved"));
	}
	unit_row("too long ago");
	house_clock(&house, 31 * DAY);
	for (i = 0; i < 3; i++) {
		CHECK_UINT(house_ask(&house, &alice, A, words[i], 0), 403);
		CHECK(house_says(&house, "error:userActionRequired"));
		CHECK(house_says(&house, "31 days ago"));
	}
	unit_row("the log longer");
	CHECK_UINT(house_ask(&house, &alice, A, "log", 0), 200);
	if (house_bundle(&house, &arena, &b)) {
		CHECK_UINT(b.nlog, 1);
		CHECK_UINT(b.nkeys, 0);
		CHECK_UINT(b.transport.len, 0);
	}
	unit_row("proved again");
	person_proves(&house, &alice, A);
	CHECK_UINT(house_ask(&house, &alice, A, "", 0), 200);
	unit_row("the log for ever");
	house_clock(&house, 500 * DAY);
	CHECK_UINT(house_ask(&house, &alice, A, "log", 0), 403);
	arena_clear(&arena);
	finish();
}

static void
t_bad(void)
{
#define START "{\"mailbox\":\"" A "\",\"nonce\":\"MDEyMzQ1Njc4OWFiY2RlZg\""
	static const struct {
		const char *name, *text;
		unsigned status;
	} rows[] = {
	    {"no mailbox", "{\"nonce\":\"MDEyMzQ1Njc4OWFiY2RlZg\"}", 400},
	    {"no address",
	        "{\"mailbox\":\"alice\",\"nonce\":\"MDEyMzQ1Njc4OWFiY2RlZg\"}",
	        400},
	    {"no nonce", "{\"mailbox\":\"" A "\"}", 400},
	    {"no transport", START ",\"create\":true}", 400},
	    {"transport no certificate", START ",\"transport\":\"AAAA\"}", 400},
	    {"create no flag", START ",\"create\":1}", 400},
	    {"a list", "[]", 400},
	};
	struct buf text, b64;
	size_t i;

	start("ec");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		CHECK_UINT(
		    house_post(&house, &alice, KMS_KEYS, str_c(rows[i].text)),
		    rows[i].status);
		CHECK(house_says(&house, "error:malformed"));
	}
	buf_init(&text, 65536);
	buf_init(&b64, 65536);
	unit_row("transport that signs");
	b64url_encode(cert_facts(house.cloud.keys.kms->cert)->der, &b64);
	buf_printf(&text, START ",\"transport\":\"%.*s\",\"create\":true}",
	    (int)b64.len, b64.data);
	CHECK_UINT(house_post(&house, &alice, KMS_KEYS, buf_text(&text)), 400);
	CHECK(house_says(&house, "error:badPublicKey"));
	unit_row("unknown members");
	buf_reset(&text);
	buf_reset(&b64);
	b64url_encode(cert_facts(alice.transport)->der, &b64);
	buf_printf(&text,
	    START ",\"transport\":\"%.*s\",\"create\":true,\"x\":[{}]}",
	    (int)b64.len, b64.data);
	CHECK_UINT(house_post(&house, &alice, KMS_KEYS, buf_text(&text)), 200);
	buf_clear(&text);
	buf_clear(&b64);
	finish();
}

/* Private keys at rest are sealed and bound to their place. */
static void
t_rest(void)
{
	struct hosted h, other;
	struct arena arena;
	struct buf sealed, plain;
	struct err err;

	arena_init(&arena, 10000000);
	start("ec");
	buf_init(&sealed, 65536);
	buf_init(&plain, 65536);
	CHECK_UINT(house_ask(&house, &alice, A, "create", 0), 200);
	CHECK_INT(hosted_load(&house.cloud, STR(A), &arena, &h, &err), 0);
	if (!CHECK_UINT(h.n, 1))
		goto out;
	unit_row("sealed");
	CHECK_INT(store_get(house.cloud.store, "hostkey", h.certs[0].key,
	              &sealed, &err),
	    1);
	CHECK_INT(hosted_open(&house.cloud, &h, &h.certs[0], &plain, &err), 0);
	CHECK(plain.len > 32 &&
	      memmem(sealed.data, sealed.len, plain.data, 16) == NULL);
	unit_row("other mailbox");
	other = h;
	other.mailbox = STR("bob@x.test");
	buf_reset(&plain);
	CHECK_INT(hosted_open(&house.cloud, &other, &h.certs[0], &plain, &err),
	    -1);
	CHECK_UINT(plain.len, 0);
	unit_row("other key-encryption key");
	house.cloud.keys.kek.k[0] ^= 1;
	CHECK_INT(hosted_open(&house.cloud, &h, &h.certs[0], &plain, &err), -1);
	CHECK_UINT(house_ask(&house, &alice, A, "", 0), 500);
	CHECK(!house_says(&house, "key-encryption"));
out:
	buf_clear(&sealed);
	buf_wipe(&plain);
	arena_clear(&arena);
	finish();
}

/* Let the loop run until a key is ready, for a minute at most. */
static bool
wait_key(void)
{
	int i;

	for (i = 0; i < 600 && !keypool_ready(house.cloud.keypool); i++)
		turn_ms(house.cloud.base, 100);
	return (keypool_ready(house.cloud.keypool));
}

static void
t_rsa(void)
{
	struct kms_bundle b;
	struct arena arena;
	struct buf key;
	EVP_PKEY *pkey;
	int i;

	arena_init(&arena, 10000000);
	start("rsa");
	unit_row("not ready");
	CHECK_UINT(house_ask(&house, &alice, A, "create", 0), 503);
	CHECK_CSTR(house_field(&house, "Retry-After"), "2");
	CHECK(house_says(&house, "keys are being made"));
	unit_row("ready");
	if (CHECK(wait_key())) {
		pkey = fetch(&alice, "create", 0, &arena, &b);
		CHECK(pkey != NULL && EVP_PKEY_is_a(pkey, "RSA") == 1);
		CHECK_INT(EVP_PKEY_get_bits(pkey), 3072);
		EVP_PKEY_free(pkey);
	}
	unit_row("a worker that died");
	CHECK_INT(kill(keypool_worker(house.cloud.keypool), SIGKILL), 0);
	for (i = 0; i < 3; i++) {
		if (!CHECK(wait_key()))
			break;
		buf_init(&key, 65536);
		CHECK(keypool_take(house.cloud.keypool, &key));
		buf_wipe(&key);
	}
	arena_clear(&arena);
	finish();
}

static const struct unit_test tests[] = {
    {"create", t_create},
    {"rotate", t_rotate},
    {"renew", t_renew},
    {"revoked", t_revoked},
    {"who", t_who},
    {"bad", t_bad},
    {"rest", t_rest},
    {"rsa", t_rsa},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("keyserver", tests));
}
