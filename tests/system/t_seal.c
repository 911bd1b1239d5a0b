/*
 * t_seal - mail is sealed by the sealer and opened by an opener and by others'
 * programs.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "opener/opener.h"
#include "proto/op.h"
#include "proto/open.h"
#include "rolehouse.h"
#include "sys/memfd.h"

static void
t_seal(void)
{
	static const struct {
		const char *name;
		uint8_t cipher;
		bool oaep;
	} t[] = {
	    {"CBC", SEAL_CBC, false},
	    {"GCM", SEAL_GCM, false},
	    {"GCM and OAEP", SEAL_GCM, true},
	};
	struct lookup_ans bert;
	uint8_t to[1][FINGERPRINT];
	struct seal_req q;
	struct buf text;
	size_t i;

	move_in();
	unit_row("look-up");
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_NONE);
	CHECK_INT(import_cert("bert.crt", NULL), 1);
	bert = look_up("Bert@X.test");
	CHECK_INT(bert.state, LOOKUP_USABLE);
	CHECK_INT(bert.trust, TRUST_MANUAL);
	CHECK(bert.recent);
	memcpy(to[0], bert.fingerprint, FINGERPRINT);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		q = request(true, true, to, 1);
		q.cipher = t[i].cipher;
		q.oaep = t[i].oaep;
		if (!CHECK_INT(seal(&q, MAIL, NULL), ERR_OK))
			continue;
		openssl_reads("bert");
		openssl_reads("anna.encrypt");
		house_read(&h, "sealed", &text);
		buf_putc(&text, '\0');
		CHECK(strstr(text.data, "Subject: h\xc3\xa4\r\n") != NULL);
		CHECK(strstr(text.data, "MIME-Version: 1.0\r\n") != NULL);
		CHECK(strstr(text.data, "marker") == NULL);
		buf_clear(&text);
	}
	unit_row("for ourselves alone");
	q = request(true, true, to, 0);
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	openssl_reads("anna.encrypt");
	stop_all();
}

static void
t_sign(void)
{
	struct seal_req q = request(true, false, NULL, 0);
	struct buf text;
	size_t i;

	move_in();
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	house_read(&h, "sealed", &text);
	unit_row("only the fields outside have 8 bits");
	for (i = 0; i < text.len; i++)
		if (memcmp(text.data + i, "MIME-Version", 12) == 0)
			break;
	for (; i < text.len; i++)
		if ((text.data[i] & 0x80) != 0)
			break;
	CHECK_UINT(i, text.len);
	buf_clear(&text);
	unit_row("openssl verifies it");
	CHECK_INT(house_run(&h,
	              "openssl cms -verify -in sealed -CAfile %s/ca.crt "
	              "-out plain",
	              keys),
	    0);
	house_read(&h, "plain", &text);
	buf_putc(&text, '\0');
	CHECK(strstr(text.data, "gr=C3=BCn") != NULL);
	buf_clear(&text);
	stop_all();
}

/* Nothing is sealed to fewer people than asked for, or to wrong ones. */
static void
t_refuse(void)
{
	uint8_t to[2][FINGERPRINT] = {{1, 2, 3}};
	struct seal_req q = request(true, true, to, 1);
	struct err why;

	move_in();
	CHECK_INT(import_cert("bert.crt", NULL), 1);
	CHECK_INT(import_cert("anna.sign.crt", NULL), 1);
	unit_row("unknown");
	CHECK_INT(seal(&q, MAIL, &why), ERR_NOTFOUND);
	CHECK(strstr(why.text, "010203") != NULL);
	unit_row("known and unknown");
	memcpy(to[1], look_up("bert@x.test").fingerprint, FINGERPRINT);
	q.nrecipients = 2;
	CHECK_INT(seal(&q, MAIL, NULL), ERR_NOTFOUND);
	unit_row("a certificate for signing");
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_NONE);
	(void)house_run(&h,
	    "openssl x509 -in %s/anna.sign.crt -outform DER | "
	    "openssl dgst -sha256 -binary >fp",
	    keys);
	{
		struct buf fp;

		house_read(&h, "fp", &fp);
		if (CHECK_UINT(fp.len, FINGERPRINT))
			memcpy(to[0], fp.data, FINGERPRINT);
		buf_clear(&fp);
	}
	CHECK_INT(seal(&q, MAIL, NULL), ERR_UNTRUSTED);
	unit_row("as somebody else");
	q = request(true, true, to + 1, 1);
	q.address = STR("carl@x.test");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_DENIED);
	unit_row("without a signature as anybody");
	q.sign = false;
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	unit_row("an account without keys");
	q.account = q.address = STR("carl@x.test");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_NOKEY);
	q.sign = true;
	q.encrypt = false;
	CHECK_INT(seal(&q, MAIL, NULL), ERR_NOKEY);
	unit_row("neither");
	q.sign = false;
	CHECK_INT(seal(&q, MAIL, NULL), ERR_DENIED);
	stop_all();
}

/* The account's own opener reads what the sealer wrote. */
static void
t_open(void)
{
	struct open_req oq = {.account = STR("anna@x.test")};
	struct seal_req q = request(true, true, NULL, 0);
	struct open_ans a = {.result = OPEN_BROKEN};
	struct tenant opener;
	struct buf text, body;
	struct blob *blob;
	struct reply r;
	struct err err;
	int fd;

	move_in();
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	CHECK(tenant_start(&h, &opener, ROLE_OPENER, opener_main,
	          "anna@x.test") == 0);
	house_proxy(&h, &opener);
	house_read(&h, "sealed", &text);
	blob = memfd_copy(text.data, text.len, NULL);
	buf_clear(&text);
	fd = blob_fd(blob);
	oq.first_seen = clock_now().wall;
	oq.status = str_of("", 0);
	buf_init(&body, LIMIT_RECORD);
	open_req_put(&body, &oq);
	reply_ask(&r, opener.proxy, OP_OPEN, buf_text(&body), &fd, 1);
	reply_wait(&h, &r);
	CHECK(open_ans_get(buf_text(&r.body), &a, &err) == 0);
	CHECK_INT(a.result, OPEN_OPENED);
	if (CHECK(r.blob != NULL)) {
		buf_init(&text, LIMIT_MESSAGE);
		buf_str(&text, blob_str(r.blob));
		buf_putc(&text, '\0');
		CHECK(strstr(text.data, "gr\xc3\xbcn") != NULL);
		buf_clear(&text);
		unit_row("its search text");
		blob_unref(blob);
		blob = blob_ref(r.blob);
		fd = blob_fd(blob);
		reply_clear(&r);
		buf_reset(&body);
		text_req_put(&body, &(struct text_req){.whole = true});
		reply_ask(&r, opener.proxy, OP_TEXT, buf_text(&body), &fd, 1);
		reply_wait(&h, &r);
		CHECK(r.blob != NULL &&
		      memmem(blob_data(r.blob), blob_len(r.blob),
		          "GRU\xcc\x88N", 6) != NULL);
	}
	reply_clear(&r);
	buf_clear(&body);
	blob_unref(blob);
	CHECK_INT(tenant_stop(&opener), 0);
	stop_all();
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"seal", t_seal},
	    {"sign", t_sign},
	    {"refuse", t_refuse},
	    {"open", t_open},
	    {NULL, NULL},
	};

	return (rolehouse_main("t_seal", tests));
}
