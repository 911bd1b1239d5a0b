#include "config.h"

#include <string.h>

#include "base/limits.h"
#include "proto/enrol.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "proto/open.h"
#include "proto/seal.h"
#include "proto/start.h"
#include "unit.h"

static void
test_basic(void)
{
	char fixed[3];
	struct buf b;
	struct err err = {0}, got;
	struct rec r;

	buf_init(&b, 1000);
	rec_put_u8(&b, 0xfe);
	rec_put_u32(&b, 0xfedcba98);
	rec_put_u64(&b, 0xfedcba9876543210);
	rec_put_bool(&b, true);
	rec_put_str(&b, STR("text"));
	rec_put_bytes(&b, "xyz", 3);
	err_set(&err, ERR_CRYPTO, "why \303\244");
	rec_put_err(&b, &err);

	rec_init(&r, buf_text(&b));
	CHECK_UINT(rec_get_u8(&r), 0xfe);
	CHECK_UINT(rec_get_u32(&r), 0xfedcba98);
	CHECK_UINT(rec_get_u64(&r), 0xfedcba9876543210);
	CHECK(rec_get_bool(&r));
	CHECK_STR(rec_get_str(&r), "text");
	rec_get_bytes(&r, fixed, 3);
	CHECK_STR(str_of(fixed, 3), "xyz");
	rec_get_err(&r, &got);
	CHECK_INT(got.code, ERR_CRYPTO);
	CHECK_CSTR(got.text, "why ??");
	CHECK_INT(rec_end(&r, &err), 0);

	unit_row("nothing left");
	CHECK_UINT(rec_get_u32(&r), 0);
	CHECK_INT(rec_end(&r, &err), -1);
	CHECK_INT(err.code, ERR_SYNTAX);
	buf_clear(&b);
}

/* Each of these is refused, and yields zeros. */
static void
test_bad(void)
{
	struct rec r;
	struct err err;

	unit_row("left over");
	rec_init(&r, STR("\1\2"));
	CHECK_UINT(rec_get_u8(&r), 1);
	CHECK_INT(rec_end(&r, NULL), -1);

	unit_row("length beyond the end");
	rec_init(&r, STR("\377\377\377\377abc"));
	CHECK_UINT(rec_get_str(&r).len, 0);
	CHECK_INT(rec_end(&r, NULL), -1);

	unit_row("bool 2");
	rec_init(&r, STR("\2"));
	CHECK(!rec_get_bool(&r));
	CHECK_INT(rec_end(&r, NULL), -1);

	unit_row("enum too large");
	rec_init(&r, STR("\4"));
	CHECK_UINT(rec_get_enum(&r, 3), 0);
	CHECK_INT(rec_end(&r, NULL), -1);

	unit_row("err with a control character");
	rec_init(&r, STR("\1\0\0\0\2a\n"));
	rec_get_err(&r, &err);
	CHECK_INT(rec_end(&r, NULL), -1);
	CHECK_INT(err.code, ERR_OK);

	unit_row("no err but a text");
	rec_init(&r, STR("\0\0\0\0\1a"));
	rec_get_err(&r, &err);
	CHECK_INT(rec_end(&r, NULL), -1);
}

static void
test_open(void)
{
	struct open_req q = {.account = STR("a@b"),
	                    .first_seen = -5,
	                    .status = STR("X: y\r\n"),
	                    .other_from = true,
	                    .text = true},
	                q2;
	struct open_ans a = {.result = OPEN_OPENED,
	                    .cipher = OPEN_AEAD,
	                    .sign = SIGN_UNTRUSTED,
	                    .signer = STR("s"),
	                    .problem = STR("p"),
	                    .from = STR("f"),
	                    .status = STR("t"),
	                    .content = {1},
	                    .view = {2}},
	                a2;
	struct buf b;

	buf_init(&b, LIMIT_RECORD);
	open_req_put(&b, &q);
	CHECK_INT(open_req_get(buf_text(&b), &q2, NULL), 0);
	CHECK_STR(q2.account, "a@b");
	CHECK_INT(q2.first_seen, -5);
	CHECK(q2.text);
	CHECK_STR(q2.status, "X: y\r\n");
	CHECK(q2.other_from);
	buf_reset(&b);
	open_ans_put(&b, &a);
	CHECK_INT(open_ans_get(buf_text(&b), &a2, NULL), 0);
	CHECK_INT(a2.err.code, ERR_OK);
	CHECK_UINT(a2.sign, SIGN_UNTRUSTED);
	CHECK_STR(a2.status, "t");
	CHECK_UINT(a2.content[0], 1);
	CHECK_UINT(a2.view[0], 2);
	CHECK_INT(open_ans_get(str_of(b.data, b.len - 1), &a2, NULL), -1);
	buf_clear(&b);
}

/* As many recipients as a mail may have fit in one record. */
static void
test_seal(void)
{
	static uint8_t prints[LIMIT_RCPTS + 1][FINGERPRINT];
	struct seal_req q = {.account = STR("a"),
	                    .address = STR("b"),
	                    .sign = true,
	                    .cipher = SEAL_GCM,
	                    .time = 77,
	                    .recipients = (const uint8_t(*)[FINGERPRINT])prints,
	                    .nrecipients = LIMIT_RCPTS + 1},
	                q2;
	struct buf b;

	prints[LIMIT_RCPTS][31] = 9;
	buf_init(&b, LIMIT_RECORD);
	seal_req_put(&b, &q);
	CHECK_INT(seal_req_get(buf_text(&b), &q2, NULL), 0);
	CHECK_UINT(q2.nrecipients, LIMIT_RCPTS + 1);
	CHECK_UINT(q2.recipients[LIMIT_RCPTS][31], 9);
	CHECK(q2.sign && !q2.encrypt && !q2.oaep);
	CHECK_INT(q2.time, 77);
	CHECK_INT(seal_req_get(str_of(b.data, b.len - 1), &q2, NULL), -1);
	CHECK_UINT(q2.nrecipients, 0);
	buf_clear(&b);
}

static void
test_cert_list(void)
{
	struct cert_rec c = {.der = STR("\1\2"),
	                    .addresses = STR("a@b c@d"),
	                    .usage = USAGE_SIGN,
	                    .not_after = 99},
	                c2;
	struct buf b;
	struct rec r;

	buf_init(&b, 10000);
	cert_rec_put(&b, &c);
	c.usage = USAGE_ENCRYPT;
	err_set(&c.verdict, ERR_UNTRUSTED, "expired");
	cert_rec_put(&b, &c);
	rec_init(&r, buf_text(&b));
	CHECK_INT(cert_rec_get(&r, &c2, NULL), 1);
	CHECK_UINT(c2.usage, USAGE_SIGN);
	CHECK_INT(cert_rec_get(&r, &c2, NULL), 1);
	CHECK_CSTR(c2.verdict.text, "expired");
	CHECK_STR(c2.addresses, "a@b c@d");
	CHECK_INT(cert_rec_get(&r, &c2, NULL), 0);
	rec_init(&r, str_of(b.data, b.len - 1));
	CHECK_INT(cert_rec_get(&r, &c2, NULL), 1);
	CHECK_INT(cert_rec_get(&r, &c2, NULL), -1);
	CHECK_INT(cert_rec_get(&r, &c2, NULL), -1);
	buf_clear(&b);
}

/* Every field of the enrolment's records goes there and back. */
static void
test_enrol(void)
{
	struct account_seen seen = {STR("a"), true}, seen2;
	struct challenge_find_req find = {STR("a"), STR("b"), STR("c"), 1, 2,
	    3};
	struct challenge_find_req find2;
	struct challenge_find_ans found = {.uidvalidity = 1, .uid = 2}, found2;
	struct challenge_check_req check = {STR("a"), STR("b"), -3, STR("k")};
	struct challenge_check_req check2;
	struct challenge_check_ans held = {.token1 = STR("a"),
	                               .message_id = STR("b"),
	                               .reply_to = STR("c"),
	                               .key = STR("d")},
	                           held2;
	struct reply_submit_req submit = {STR("a"), STR("b"), STR("c")},
	                        submit2;
	struct challenge_remove_req rm = {STR("a"), 1, 2}, rm2;
	struct digest_req digest = {STR("a"), STR("b"), STR("c")}, digest2;
	struct take_req take = {STR("a"), STR("b")}, take2;
	struct enrol_req enrol = {STR("a"), STR("b")}, enrol2;
	struct buf b;

	buf_init(&b, LIMIT_RECORD);
#define AGAIN(type, in, out)                                                \
	unit_row(#type);                                                    \
	buf_reset(&b);                                                      \
	type##_put(&b, &(in));                                              \
	CHECK_INT(type##_get(str_of(b.data, b.len - 1), &(out), NULL), -1); \
	CHECK_INT(type##_get(buf_text(&b), &(out), NULL), 0)

	AGAIN(account_seen, seen, seen2);
	CHECK_STR(seen2.account, "a");
	CHECK(seen2.loopback);
	AGAIN(challenge_find_req, find, find2);
	CHECK_STR(find2.account, "a");
	CHECK_STR(find2.from, "b");
	CHECK_STR(find2.to, "c");
	AGAIN(challenge_find_ans, found, found2);
	CHECK_UINT(found2.uidvalidity, 1);
	CHECK_UINT(found2.uid, 2);
	AGAIN(challenge_check_req, check, check2);
	CHECK_STR(check2.from, "a");
	CHECK_STR(check2.to, "b");
	CHECK_INT(check2.time, -3);
	CHECK_STR(check2.keys, "k");
	AGAIN(challenge_check_ans, held, held2);
	CHECK_STR(held2.token1, "a");
	CHECK_STR(held2.message_id, "b");
	CHECK_STR(held2.reply_to, "c");
	CHECK_STR(held2.key, "d");
	AGAIN(reply_submit_req, submit, submit2);
	CHECK_STR(submit2.account, "a");
	CHECK_STR(submit2.from, "b");
	CHECK_STR(submit2.to, "c");
	AGAIN(challenge_remove_req, rm, rm2);
	CHECK_STR(rm2.account, "a");
	CHECK_UINT(rm2.uidvalidity, 1);
	CHECK_UINT(rm2.uid, 2);
	AGAIN(digest_req, digest, digest2);
	CHECK_STR(digest2.account, "a");
	CHECK_STR(digest2.token1, "b");
	CHECK_STR(digest2.token2, "c");
	AGAIN(take_req, take, take2);
	CHECK_STR(take2.account, "a");
	CHECK_STR(take2.address, "b");
	AGAIN(enrol_req, enrol, enrol2);
	CHECK_STR(enrol2.address, "a");
	CHECK_STR(enrol2.text, "b");
	buf_clear(&b);
}

static void
test_jws(void)
{
	struct jws_req q = {.account = STR("a"),
	                   .kind = JWS_KMS_KEYS,
	                   .url = STR("b"),
	                   .nonce = STR("c"),
	                   .kid = STR("d"),
	                   .address = STR("e"),
	                   .create = true,
	                   .from = UINT64_MAX,
	                   .fingerprint = {1}},
	               q2;
	struct jws_ans a = {.jws = STR("x")}, a2;
	struct buf b;

	buf_init(&b, LIMIT_RECORD);
	jws_req_put(&b, &q);
	CHECK_INT(jws_req_get(buf_text(&b), &q2, NULL), 0);
	CHECK_STR(q2.account, "a");
	CHECK_UINT(q2.kind, JWS_KMS_KEYS);
	CHECK_STR(q2.url, "b");
	CHECK_STR(q2.nonce, "c");
	CHECK_STR(q2.kid, "d");
	CHECK_STR(q2.address, "e");
	CHECK(q2.create && !q2.rotate);
	CHECK_UINT(q2.from, UINT64_MAX);
	CHECK_UINT(q2.fingerprint[0], 1);
	CHECK_INT(jws_req_get(str_of(b.data, b.len - 1), &q2, NULL), -1);

	unit_row("unknown kind");
	buf_reset(&b);
	q.kind = JWS_KIND_MAX + 1;
	jws_req_put(&b, &q);
	CHECK_INT(jws_req_get(buf_text(&b), &q2, NULL), -1);

	unit_row("answer");
	buf_reset(&b);
	jws_ans_put(&b, &a);
	CHECK_INT(jws_ans_get(buf_text(&b), &a2, NULL), 0);
	CHECK_STR(a2.jws, "x");
	buf_clear(&b);
}

/* Every operation has a name and is on a list. */
static void
test_ops(void)
{
	static const uint16_t *const lists[] = {op_parent_to_proxy,
	    op_parent_to_opener, op_parent_to_sealer, op_parent_to_agent,
	    op_proxy_to_parent, op_others_to_parent, op_proxy_to_agent,
	    op_proxy_to_opener, op_proxy_to_sealer, op_sealer_to_proxy,
	    op_agent_to_verifier, op_agent_to_proxy, op_agent_to_sealer,
	    op_nothing};
	bool listed[OP_MAX] = {false};
	const uint16_t *p;
	uint16_t op;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (p = lists[i]; *p != OP_NONE; p++)
			listed[*p] = true;
	for (op = 1; op < OP_MAX; op++) {
		unit_row(op_name(op));
		CHECK(listed[op]);
		CHECK(strcmp(op_name(op), "unknown") != 0);
	}
	CHECK_CSTR(op_name(OP_MAX), "unknown");
	CHECK_CSTR(op_name(UINT16_MAX), "unknown");
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"basic", test_basic},
	    {"bad", test_bad},
	    {"open", test_open},
	    {"seal", test_seal},
	    {"cert-list", test_cert_list},
	    {"enrol", test_enrol},
	    {"jws", test_jws},
	    {"ops", test_ops},
	    {NULL, NULL},
	};

	return (unit_main("t_rec", tests));
}
