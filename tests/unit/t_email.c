#include "config.h"

#include <string.h>

#include "acme/email.h"
#include "unit.h"

#define TOKEN  "LgYemJLy3F1LDkiJrdIGbEzyFJyOyf6vBdyZ1TG3sME"
#define DIGEST "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"

static void
t_subject(void)
{
	static const struct {
		const char *value;
		bool reply;
		const char *want; /* NULL: refused */
	} rows[] = {
	    {"ACME: " TOKEN, false, TOKEN},
	    {"ACME: " TOKEN "=", false, TOKEN "="},
	    {"ACME:" TOKEN, false, TOKEN},
	    {"ACME: LgYemJLy3F1LDkiJrdIGb=", false, NULL},
	    {"ACME: LgYemJLy3F1LDkiJrdIG==", false, NULL},
	    {"ACME: " TOKEN "===", false, NULL},
	    {" acme: " TOKEN, false, TOKEN},
	    {"ACME:\r\n LgYemJLy3F1LDkiJrdIGbE\r\n\tzyFJyOyf6vBdyZ1TG3sME",
	        false, TOKEN},
	    {"ACME: LgYemJLy3F1LDkiJrdIGbE zyFJyOyf6vBdyZ1TG3sME", false,
	        TOKEN},
	    {"=?us-ascii?Q?ACME:_" TOKEN "?=", false, TOKEN},
	    {"=?UTF-8*en?Q?ACME=3A?= =?utf-8?q?" TOKEN "?=", false, TOKEN},
	    {"=?utf-8?B?QUNNRTog?=\r\n " TOKEN, false, TOKEN},
	    {"=?iso-8859-1?Q?ACME:_" TOKEN "?=", false, NULL},
	    {"=?utf-8?X?ACME:_" TOKEN "?=", false, NULL},
	    {"=?utf-8?Q?ACME:_" TOKEN, false, NULL},
	    {"=?utf-8?Q?ACME=3?=" TOKEN, false, NULL},
	    {"Re: ACME: " TOKEN, false, NULL},
	    {"Re: ACME: " TOKEN, true, TOKEN},
	    {"Antwort: ACME: " TOKEN, true, TOKEN},
	    {"ACME: " TOKEN, true, TOKEN},
	    {"ACME: short", false, NULL},
	    {"ACME: LgYemJLy3F1LDkiJrdIGb", false, NULL},
	    {"ACME:", false, NULL},
	    {"ACME: LgYemJLy3F1LDkiJrdIGbEzyFJyOyf6vBdyZ1TG3sM+", false, NULL},
	    {"ACME: " TOKEN "\001", false, NULL},
	    {"Hello", false, NULL},
	    {"Hello", true, NULL},
	    {"", true, NULL},
	};
	struct arena arena;
	struct str got;
	size_t i;
	int rc;

	arena_init(&arena, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].value);
		rc = acme_subject_token(str_c(rows[i].value), rows[i].reply,
		    &arena, &got);
		if (CHECK_INT(rc, rows[i].want != NULL ? 0 : -1) && rc == 0)
			CHECK_STR(got, rows[i].want);
	}
	arena_clear(&arena);
}

/* printf 'ab.c' | openssl sha256 -binary | base64url */
static void
t_digest(void)
{
	struct buf b;

	buf_init(&b, 100);
	CHECK_INT(acme_email_digest(STR("a"), STR("b"), STR("c"), &b), 0);
	CHECK_BUF(&b, "lVLJubHSfMa2ET3c8bb4RzH-GyDESTiBIl6DFOBB7HY");
	buf_clear(&b);
}

static void
t_challenge(void)
{
	struct acme_challenge_mail m = {.from = STR("ca+1@ca.test"),
	    .to = STR("anna@x.test"),
	    .token1 = STR(TOKEN),
	    .message_id = STR("<1@ca.test>"),
	    .date = STR("Sat, 5 Dec 2020 10:08:55 +0100")};
	struct acme_challenge c;
	struct arena arena;
	struct buf b;

	arena_init(&arena, 100000);
	buf_init(&b, 10000);
	CHECK_INT(acme_challenge_put(&m, &b), 0);
	CHECK_INT(acme_challenge_get(buf_text(&b), STR("ca+1@CA.test"),
	              STR("anna@x.test"), &arena, &c, NULL),
	    0);
	CHECK_STR(c.token1, TOKEN);
	CHECK_STR(c.message_id, "<1@ca.test>");
	CHECK_STR(c.reply_to, "ca+1@CA.test");

	unit_row("a field in a field");
	m.to = STR("anna@x.test\r\nBcc: bert@x.test");
	CHECK_INT(acme_challenge_put(&m, &b), -1);
	buf_clear(&b);
	arena_clear(&arena);
}

#define FROM "From: ca@ca.test\r\n"
#define TO   "To: anna@x.test\r\n"
#define AUTO "Auto-Submitted: auto-generated; type=acme\r\n"
#define SUBJ "Subject: ACME: " TOKEN "\r\n"
#define MID  "Message-ID: <1@ca.test>\r\n"

static void
t_challenges(void)
{
	static const struct {
		const char *name, *header, *reply_to; /* NULL: refused */
	} rows[] = {
	    {"good", FROM TO AUTO SUBJ MID, "ca@ca.test"},
	    {"with names",
	        "From: The CA <ca@ca.test>\r\nTo: \"A\" <anna@x.test>\r\n" AUTO
	            SUBJ MID,
	        "ca@ca.test"},
	    {"Reply-To", FROM TO AUTO SUBJ MID "Reply-To: <r@ca.test>\r\n",
	        "r@ca.test"},
	    {"Cc", FROM TO AUTO SUBJ MID "Cc: bert@x.test\r\n", "ca@ca.test"},
	    {"a comment",
	        FROM TO "Auto-Submitted: auto-generated (by a CA)\r\n" SUBJ MID,
	        "ca@ca.test"},
	    {"folded",
	        FROM TO "Auto-Submitted:\r\n auto-generated;\r\n"
	                "\ttype=acme\r\n" SUBJ MID,
	        "ca@ca.test"},
	    {"Reply-To two", FROM TO AUTO SUBJ MID "Reply-To: a@b, c@d\r\n",
	        NULL},
	    {"Reply-To twice",
	        FROM TO AUTO SUBJ MID "Reply-To: a@b\r\nReply-To: c@d\r\n",
	        NULL},
	    {"other From", "From: eve@ca.test\r\n" TO AUTO SUBJ MID, NULL},
	    {"two From", FROM FROM TO AUTO SUBJ MID, NULL},
	    {"two in From", "From: ca@ca.test, eve@x.test\r\n" TO AUTO SUBJ MID,
	        NULL},
	    {"no From", TO AUTO SUBJ MID, NULL},
	    {"other To", FROM "To: bert@x.test\r\n" AUTO SUBJ MID, NULL},
	    {"two To", FROM TO TO AUTO SUBJ MID, NULL},
	    {"more in To",
	        FROM "To: anna@x.test, bert@x.test\r\n" AUTO SUBJ MID, NULL},
	    {"by hand", FROM TO SUBJ MID, NULL},
	    {"auto-replied",
	        FROM TO "Auto-Submitted: auto-replied\r\n" SUBJ MID, NULL},
	    {"reply", FROM TO AUTO "Subject: Re: ACME: " TOKEN "\r\n" MID,
	        NULL},
	    {"two Subject", FROM TO AUTO SUBJ SUBJ MID, NULL},
	    {"no token", FROM TO AUTO "Subject: ACME:\r\n" MID, NULL},
	    {"no Message-ID", FROM TO AUTO SUBJ, NULL},
	    {"odd Message-ID", FROM TO AUTO SUBJ "Message-ID: <a> <b>\r\n",
	        NULL},
	    {"list", FROM TO AUTO SUBJ MID "List-Id: <x>\r\n", NULL},
	    {"only in the body", FROM TO SUBJ MID "\r\n" AUTO, NULL},
	};
	struct acme_challenge c;
	struct arena arena;
	struct err err;
	size_t i;
	int rc;

	arena_init(&arena, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		memset(&err, 0, sizeof(err));
		rc = acme_challenge_get(str_c(rows[i].header),
		    STR("ca@ca.test"), STR("anna@x.test"), &arena, &c, &err);
		CHECK_INT(rc, rows[i].reply_to != NULL ? 0 : -1);
		CHECK_INT(err.code,
		    rows[i].reply_to != NULL ? ERR_OK : ERR_DENIED);
		if (rc == 0)
			CHECK_STR(c.reply_to, rows[i].reply_to);
	}
	arena_clear(&arena);
}

#define B     "-----BEGIN ACME RESPONSE-----\r\n"
#define E     "-----END ACME RESPONSE-----\r\n"
#define BLOCK B DIGEST "\r\n" E
#define ALT                                                          \
	"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; " \
	"boundary=b\r\n\r\n"

static void
t_reply(void)
{
	static const struct {
		const char *name, *mail;
		bool good;
	} rows[] = {
	    /* RFC 8823 figure 2 */
	    {"RFC 8823",
	        "From: alexey@example.com\r\nSubject: Re: ACME: x\r\n"
	        "Content-Type: text/plain\r\nMIME-Version: 1.0\r\n\r\n" B
	        "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowy\r\njxAjEuX0=\r\n" E,
	        true},
	    {"no MIME", "From: a@b\r\n\r\n" BLOCK, true},
	    {"text around", "From: a@b\r\n\r\nHello\r\n" BLOCK "bye\r\n", true},
	    {"last line open",
	        "\r\n" B DIGEST "\r\n-----END ACME RESPONSE-----", true},
	    {"quoted-printable",
	        "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n" B
	        "LoqXcYV8q5ONbJQxbmR7SC=\r\n=54No3tiAXDfowyjxAjEuX0=3D\r\n" E,
	        true},
	    {"base64",
	        "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
	        "Content-Transfer-Encoding: base64\r\n\r\n"
	        "LS0tLS1CRUdJTiBBQ01FIFJFU1BPTlNFLS0tLS0KTG9xWGNZVjhxNU9OYkpR\r"
	        "\n"
	        "eGJtUjdTQ1RObzN0aUFYRGZvd3lqeEFqRXVYMAotLS0tLUVORCBBQ01FIFJF\r"
	        "\n"
	        "U1BPTlNFLS0tLS0K\r\n",
	        true},
	    {"alternative",
	        ALT "--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n"
	            "--b\r\nContent-Type: text/plain\r\n\r\n" BLOCK
	            "\r\n--b--\r\n",
	        true},
	    {"two texts",
	        ALT "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
	            "--b\r\nContent-Type: text/plain\r\n\r\n" BLOCK
	            "\r\n--b--\r\n",
	        false},
	    {"html only",
	        "MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n" BLOCK,
	        false},
	    {"mixed",
	        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
	        "boundary=b\r\n\r\n--b\r\n\r\n" BLOCK "\r\n--b--\r\n",
	        false},
	    {"unknown encoding",
	        "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
	        "Content-Transfer-Encoding: x-uue\r\n\r\n" BLOCK,
	        false},
	    {"list", "List-Id: <x>\r\n\r\n" BLOCK, false},
	    {"list unsubscribe", "list-unsubscribe: <x>\r\n\r\n" BLOCK, false},
	    {"no block", "\r\nyes\r\n", false},
	    {"quoted block", "\r\n> " B "> " DIGEST "\r\n> " E, false},
	    {"two blocks", "\r\n" BLOCK BLOCK, false},
	    {"block in block", "\r\n" B B DIGEST "\r\n" E E, false},
	    {"unfinished", "\r\n" B DIGEST "\r\n", false},
	    {"empty", "\r\n" B E, false},
	    {"too short", "\r\n" B "LoqXcYV8q5ONbJQxbmR7SC\r\n" E, false},
	    {"two digests", "\r\n" B DIGEST "\r\n" DIGEST "\r\n" E, false},
	    {"too much",
	        "\r\n" B DIGEST "\r\n" DIGEST "\r\n" DIGEST "\r\n" DIGEST
	        "\r\n" DIGEST "\r\n" E,
	        false},
	    {"not base64url",
	        "\r\n" B "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX+\r\n" E,
	        false},
	    {"nothing", "", false},
	};
	struct arena arena;
	struct str got;
	struct err err;
	size_t i;
	int rc;

	arena_init(&arena, 1000000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		memset(&err, 0, sizeof(err));
		rc = acme_reply_digest(str_c(rows[i].mail), &arena, &got, &err);
		CHECK_INT(rc, rows[i].good ? 0 : -1);
		CHECK((err.code == ERR_OK) == rows[i].good);
		if (rc == 0)
			CHECK_STR(got, DIGEST);
	}
	arena_clear(&arena);
}

static void
t_reply_put(void)
{
	struct acme_reply_mail m = {.from = STR("anna@x.test"),
	    .to = STR("ca@ca.test"),
	    .token1 = STR(TOKEN),
	    .in_reply_to = STR("<1@ca.test>"),
	    .message_id = STR("<2@x.test>"),
	    .date = STR("Sat, 5 Dec 2020 12:01:45 +0100"),
	    .digest = STR(DIGEST)};
	struct arena arena;
	struct str got;
	struct buf b;

	arena_init(&arena, 100000);
	buf_init(&b, 10000);
	CHECK_INT(acme_reply_put(&m, &b), 0);
	CHECK_BUF(&b, "Date: Sat, 5 Dec 2020 12:01:45 +0100\r\n"
	              "Message-ID: <2@x.test>\r\n"
	              "In-Reply-To: <1@ca.test>\r\n"
	              "From: anna@x.test\r\n"
	              "To: ca@ca.test\r\n"
	              "Subject: Re: ACME: " TOKEN "\r\n"
	              "Auto-Submitted: auto-replied\r\n"
	              "MIME-Version: 1.0\r\n"
	              "Content-Type: text/plain; charset=us-ascii\r\n"
	              "Content-Transfer-Encoding: 7bit\r\n"
	              "\r\n" BLOCK);
	CHECK_INT(acme_reply_digest(buf_text(&b), &arena, &got, NULL), 0);
	CHECK_STR(got, DIGEST);
	unit_row("a line in the digest");
	m.digest = STR(DIGEST "\r\nx");
	CHECK_INT(acme_reply_put(&m, &b), -1);
	buf_clear(&b);
	arena_clear(&arena);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"subject", t_subject},
	    {"digest", t_digest},
	    {"challenge", t_challenge},
	    {"challenges", t_challenges},
	    {"reply", t_reply},
	    {"reply-put", t_reply_put},
	    {NULL, NULL},
	};

	return (unit_main("t_email", tests));
}
