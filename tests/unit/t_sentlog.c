/*
 * What was sent lately is known by account and Message-ID, for an hour.
 */
#include "config.h"

#include <stdio.h>

#include "proxy/sentlog.h"
#include "unit.h"

#define NOW INT64_C(1800000000)

static const struct crypt_key key = {{1}};

static const char mail[] = "Subject: x\r\n"
                           "Message-ID: <1@example.test>\r\n\r\n";

static struct str
me(void)
{
	return (STR("me@example.test"));
}

static void
test_known(void)
{
	struct sentlog *l = sentlog_new(&key);
	const struct sent *s;

	CHECK(sentlog_get(l, me(), STR(mail), NOW) == NULL);
	sentlog_put(l, me(), STR(mail), false, NULL, NOW);
	s = sentlog_get(l, me(), STR("message-id:\n <1@example.test>\n\n"),
	    NOW + SENTLOG_KEEP_S);
	CHECK(s != NULL && !s->sealed && s->text == NULL);
	unit_row("another account");
	CHECK(sentlog_get(l, STR("you@example.test"), STR(mail), NOW) == NULL);
	unit_row("another mail");
	CHECK(sentlog_get(l, me(), STR("Message-ID: <2@example.test>\r\n\r\n"),
	          NOW) == NULL);
	unit_row("another mail of that name");
	CHECK(sentlog_get(l, me(),
	          STR("Message-ID: <1@example.test>\r\n"
	              "From: eve@example.test\r\n\r\n"),
	          NOW) == NULL);
	CHECK(sentlog_get(l, me(),
	          STR("Message-ID: <1@example.test>\r\n"
	              "Date: Mon, 2 Nov 2026 12:00:00 +0000\r\n\r\n"),
	          NOW) == NULL);
	CHECK(sentlog_get(l, me(),
	          STR("Message-ID: <1@example.test>\r\n"
	              "To: bob@example.test\r\n\r\n"),
	          NOW) == NULL);
	CHECK(sentlog_get(l, me(),
	          STR("Message-ID: <1@example.test>\r\n"
	              "Cc: bob@example.test\r\n\r\n"),
	          NOW) == NULL);
	unit_row("its copy came");
	sentlog_done(l, s);
	CHECK(sentlog_get(l, me(), STR(mail), NOW) == NULL);
	unit_row("sent again, sealed");
	sentlog_put(l, me(), STR(mail), true, NULL, NOW);
	sentlog_put(l, me(), STR(mail), false, NULL, NOW);
	s = sentlog_get(l, me(), STR(mail), NOW);
	CHECK(s != NULL && s->sealed);
	unit_row("an hour later");
	CHECK(
	    sentlog_get(l, me(), STR(mail), NOW + SENTLOG_KEEP_S + 1) == NULL);
	sentlog_free(l);
}

static void
test_nameless(void)
{
	static const char *const rows[] = {"", "Subject: x\r\n\r\n",
	    "Message-ID: \r\n\r\n", "\r\nMessage-ID: <1@example.test>\r\n"};
	struct sentlog *l = sentlog_new(&key);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i]);
		sentlog_put(l, me(), str_c(rows[i]), false, NULL, NOW);
		CHECK(sentlog_get(l, me(), str_c(rows[i]), NOW) == NULL);
	}
	sentlog_free(l);
}

/* Texts are held up to a limit; without them the mails stay known. */
static void
test_texts(void)
{
	static char large[SENTLOG_BYTES / 2];
	struct sentlog *l = sentlog_new(&key);
	struct blob *text = blob_copy(large, sizeof(large));
	const struct sent *s;
	char id[64];
	int i;

	for (i = 0; i < 3; i++) {
		(void)snprintf(id, sizeof(id), "Message-ID: %d\r\n\r\n", i);
		sentlog_put(l, me(), str_c(id), true, text, NOW);
	}
	CHECK_UINT(sentlog_bytes(l), SENTLOG_BYTES);
	s = sentlog_get(l, me(), STR("Message-ID: 0\r\n\r\n"), NOW);
	CHECK(s != NULL && s->sealed && s->text == NULL);
	s = sentlog_get(l, me(), STR("Message-ID: 2\r\n\r\n"), NOW);
	CHECK(s != NULL && s->text == text);
	CHECK(sentlog_get(l, me(), STR("Message-ID: 2\r\n\r\n"),
	          NOW + 2 * SENTLOG_KEEP_S) == NULL);
	CHECK_UINT(sentlog_bytes(l), 0);
	sentlog_free(l);
	blob_unref(text);
}

static void
test_many(void)
{
	struct sentlog *l = sentlog_new(&key);
	char id[64];
	int i;

	for (i = 0; i <= SENTLOG_MAX; i++) {
		(void)snprintf(id, sizeof(id), "Message-ID: %d\r\n\r\n", i);
		sentlog_put(l, me(), str_c(id), true, NULL, NOW);
	}
	CHECK(sentlog_get(l, me(), STR("Message-ID: 0\r\n\r\n"), NOW) == NULL);
	CHECK(sentlog_get(l, me(), STR("Message-ID: 1\r\n\r\n"), NOW) != NULL);
	sentlog_free(l);
}

static const struct unit_test tests[] = {
    {"known", test_known},
    {"nameless", test_nameless},
    {"texts", test_texts},
    {"many", test_many},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("t_sentlog", tests));
}
