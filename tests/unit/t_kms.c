#include "config.h"

#include <string.h>

#include "acme/kms.h"
#include "unit.h"

#define NONCE STR("0123456789abcdef")
#define HASH  STR("0123456789abcdef0123456789abcdef")

static void
t_ask(void)
{
	const struct kms_ask asks[] = {
	    {.mailbox = STR("a@x.test"),
	        .transport = STR("\1\2"),
	        .nonce = NONCE,
	        .from = 7,
	        .create = true},
	    {.mailbox = STR("a@x.test"),
	        .transport = STR("\1\2"),
	        .nonce = NONCE,
	        .rotate = true},
	    {.mailbox = STR("\303\274@x.test"), .nonce = NONCE},
	};
	struct kms_ask got;
	struct arena arena;
	struct buf b;
	size_t i;

	arena_init(&arena, 10000);
	buf_init(&b, 10000);
	for (i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		buf_reset(&b);
		CHECK_INT(kms_ask_put(&asks[i], &b), 0);
		CHECK_INT(kms_ask_get(buf_text(&b), &arena, &got, NULL), 0);
		CHECK_STR_EQ(got.mailbox, asks[i].mailbox);
		CHECK_STR_EQ(got.transport, asks[i].transport);
		CHECK_STR_EQ(got.nonce, asks[i].nonce);
		CHECK_UINT(got.from, asks[i].from);
		CHECK(got.create == asks[i].create);
		CHECK(got.rotate == asks[i].rotate);
	}
	unit_row("bytes");
	CHECK_BUF(&b, "{\"from\":0,\"mailbox\":\"\303\274@x.test\",\"nonce\":"
	              "\"MDEyMzQ1Njc4OWFiY2RlZg\"}");
	buf_clear(&b);
	arena_clear(&arena);
}

static void
t_bad_ask(void)
{
#define START "{\"mailbox\":\"a@x.test\",\"nonce\":\"MDEyMzQ1Njc4OWFiY2RlZg\""
	static const struct {
		const char *name, *text;
	} rows[] = {
	    {"both", START ",\"create\":true,\"rotate\":true}"},
	    {"from < 0", START ",\"from\":-1}"},
	    {"from no number", START ",\"from\":\"1\"}"},
	    {"from broken", START ",\"from\":1.5}"},
	    {"create 1", START ",\"create\":1}"},
	    {"transport", START ",\"transport\":\"=\"}"},
	    {"short nonce", "{\"mailbox\":\"a@x.test\",\"nonce\":\"MDEy\"}"},
	    {"no nonce", "{\"mailbox\":\"a@x.test\"}"},
	    {"no mailbox", "{\"nonce\":\"MDEyMzQ1Njc4OWFiY2RlZg\"}"},
	};
	struct kms_ask got;
	struct arena arena;
	struct err err;
	size_t i;

	arena_init(&arena, 10000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		CHECK_INT(kms_ask_get(str_c(rows[i].text), &arena, &got, &err),
		    -1);
		CHECK_INT(err.code, ERR_SYNTAX);
	}
	arena_clear(&arena);
}

static void
t_bundle(void)
{
	struct str log[] = {STR("{\"n\":1}"), STR("{\"n\":2}")};
	struct str chain[] = {STR("ca"), STR("root")};
	struct kms_key keys[] = {
	    {STR("new"), chain, 2, STR("sealed")},
	    {STR("old"), NULL, 0, STR("\0\377")},
	};
	struct kms_bundle in = {.mailbox = STR("a@x.test"),
	                      .transport = HASH,
	                      .nonce = NONCE,
	                      .log = log,
	                      .nlog = 2,
	                      .head = {5, {1, 2, 3}},
	                      .keys = keys,
	                      .nkeys = 2},
	                  got;
	struct arena arena;
	struct err err;
	struct buf b;

	arena_init(&arena, 100000);
	buf_init(&b, KMS_BUNDLE_MAX);
	CHECK_INT(kms_bundle_put(&in, &b), 0);
	CHECK_INT(kms_bundle_get(buf_text(&b), &arena, &got, NULL), 0);
	CHECK_STR(got.mailbox, "a@x.test");
	CHECK_STR_EQ(got.transport, HASH);
	CHECK_STR_EQ(got.nonce, NONCE);
	CHECK_UINT(got.head.size, 5);
	CHECK(!got.more);
	CHECK(memcmp(got.head.hash, in.head.hash, KMS_HASH) == 0);
	if (CHECK_UINT(got.nlog, 2))
		CHECK_STR_EQ(got.log[1], log[1]);
	if (CHECK_UINT(got.nkeys, 2) && CHECK_UINT(got.keys[0].nchain, 2)) {
		CHECK_STR(got.keys[0].cert, "new");
		CHECK_STR(got.keys[0].chain[1], "root");
		CHECK_STR(got.keys[0].key, "sealed");
		CHECK_UINT(got.keys[1].nchain, 0);
		CHECK_STR_EQ(got.keys[1].key, keys[1].key);
	}

	unit_row("the log alone");
	in.more = true;
	in.transport = STR("");
	buf_reset(&b);
	CHECK_INT(kms_bundle_put(&in, &b), 0);
	CHECK_INT(kms_bundle_get(buf_text(&b), &arena, &got, NULL), 0);
	CHECK_UINT(got.nkeys, 0);
	CHECK_UINT(got.transport.len, 0);
	CHECK(got.more);
	CHECK_UINT(got.nlog, 2);

	unit_row("short hash of the transport key");
	in.transport = STR("short");
	buf_reset(&b);
	CHECK_INT(kms_bundle_put(&in, &b), 0);
	CHECK_INT(kms_bundle_get(buf_text(&b), &arena, &got, &err), -1);
	CHECK_INT(err.code, ERR_SYNTAX);

	unit_row("too many keys");
	in.transport = HASH;
	in.keys = arena_array(&arena, KMS_KEYS_MAX + 1, sizeof(keys[0]));
	in.nkeys = KMS_KEYS_MAX + 1;
	buf_reset(&b);
	CHECK_INT(kms_bundle_put(&in, &b), 0);
	CHECK_INT(kms_bundle_get(buf_text(&b), &arena, &got, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);

	unit_row("no bundle");
	CHECK_INT(kms_bundle_get(STR("{}"), &arena, &got, &err), -1);
	CHECK_INT(kms_bundle_get(STR("{\"mailbox\":\"a\",\"nonce\":\"\","
	                             "\"log\":[],\"head\":[]}"),
	              &arena, &got, &err),
	    -1);
	buf_clear(&b);
	arena_clear(&arena);
}

static void
t_log(void)
{
	const struct str log[] = {STR("one"), STR("two"), STR("three")};
	const struct str forged[] = {STR("one"), STR("2"), STR("three")};
	struct kms_head zero = {0}, one = {0}, three = {0};
	struct err err;
	size_t i;

	CHECK_INT(kms_log_step(&one, log[0]), 0);
	CHECK_UINT(one.size, 1);
	for (i = 0; i < 3; i++)
		kms_log_step(&three, log[i]);
	CHECK_INT(kms_log_extends(&zero, log, 3, &three, NULL), 0);
	CHECK_INT(kms_log_extends(&one, log + 1, 2, &three, NULL), 0);
	CHECK_INT(kms_log_extends(&three, NULL, 0, &three, NULL), 0);
	unit_row("rolled back");
	CHECK_INT(kms_log_extends(&three, NULL, 0, &one, &err), -1);
	CHECK_INT(err.code, ERR_UNTRUSTED);
	unit_row("rewritten");
	CHECK_INT(kms_log_extends(&zero, forged, 3, &three, &err), -1);
	CHECK_INT(err.code, ERR_UNTRUSTED);
	unit_row("an entry missing");
	CHECK_INT(kms_log_extends(&one, log + 2, 1, &three, &err), -1);
	unit_row("another size");
	three.size++;
	CHECK_INT(kms_log_extends(&zero, log, 3, &three, &err), -1);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"ask", t_ask},
	    {"bad-ask", t_bad_ask},
	    {"bundle", t_bundle},
	    {"log", t_log},
	    {NULL, NULL},
	};

	return (unit_main("t_kms", tests));
}
