#include "config.h"

#include "imap/caps.h"

#include "unit.h"

static void
t_filter(void)
{
	struct buf out;

	buf_init(&out, 4096);
	caps_filter(STR("IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT "
	                "THREAD=REFS MULTIAPPEND UIDPLUS  LITERAL+ "
	                "COMPRESS=DEFLATE QRESYNC SPECIAL-USE X-GM-EXT-1"),
	    &out);
	CHECK_BUF(&out,
	    "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE SORT THREAD=REFS "
	    "UIDPLUS QRESYNC SPECIAL-USE X-GM-EXT-1");
	buf_reset(&out);
	caps_filter(STR("QUOTA=RES-STORAGE QUOTA=X LITERAL- METADATA-SERVERS "
	                "metadata-server STATUS=SIZE"),
	    &out);
	CHECK_BUF(&out, "IMAP4rev1 LITERAL+ QUOTA=RES-STORAGE metadata-server "
	                "STATUS=SIZE");
	buf_reset(&out);
	caps_filter(STR("APPENDLIMIT=140000 APPENDLIMIT APPENDLIMIT=x IDLE"),
	    &out);
	CHECK_BUF(&out, "IMAP4rev1 LITERAL+ APPENDLIMIT=100000 IDLE");
	buf_reset(&out);
	caps_filter(STR(""), &out);
	CHECK_BUF(&out, "IMAP4rev1 LITERAL+");
	buf_clear(&out);
}

static void
t_read(void)
{
	struct caps c;

	caps_read(STR("imap4REV1 STARTTLS LOGINDISABLED auth=plain sasl-ir"),
	    &c);
	CHECK(c.known && c.starttls && c.logindisabled && c.auth_plain &&
	      c.sasl_ir && !c.literal_plus);
	caps_read(STR("special-use LIST-EXTENDED appendlimit=35651584"), &c);
	CHECK(c.special_use && c.list_extended);
	CHECK_UINT(c.append_limit, 35651584);
	caps_read(STR("APPENDLIMIT=99999999999999999999"), &c);
	CHECK_UINT(c.append_limit, 0);
	caps_read(STR("LITERAL- IDLE"), &c);
	CHECK(c.literal_minus && !c.literal_plus && c.idle && !c.starttls);
	CHECK_UINT(c.ext, 0);
	caps_read(STR("qresync METADATA-SERVER X"), &c);
	CHECK_UINT(c.ext, EXT_CONDSTORE | EXT_QRESYNC | EXT_METADATA);
	CHECK(caps_enables(STR("condstore")) && !caps_enables(STR("UTF8")));
}

static void
t_code(void)
{
	static const struct {
		const char *in;
		const char *want;
		bool edits;
	} rows[] = {
	    {"", "", false},
	    {"UIDNEXT 5", "[UIDNEXT 5] ", false},
	    {"CAPABILITY IMAP4rev1 SEARCHRES IDLE",
	        "[CAPABILITY IMAP4rev1 LITERAL+ IDLE] ", true},
	    {"REFERRAL imap://x@y/", "", true},
	    {"toobig", "[toobig] ", false},
	    {"APPENDLIMIT 1400", "[APPENDLIMIT 1000] ", true},
	    {"APPENDLIMIT", "[APPENDLIMIT] ", true},
	    {"ALERT", "[ALERT] ", false},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 4096);
		caps_code(str_c(rows[i].in), &out);
		CHECK_BUF(&out, rows[i].want);
		CHECK(caps_code_edits(str_c(rows[i].in)) == rows[i].edits);
		buf_clear(&out);
	}
}

static void
t_status(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"* STATUS INBOX (APPENDLIMIT 1400)\r\n",
	        "* STATUS INBOX (APPENDLIMIT 1000)\r\n"},
	    {"* STATUS {4}\r\na (b (MESSAGES 17 appendlimit 28 SIZE 1400)\r\n",
	        "* STATUS {4}\r\na (b (MESSAGES 17 appendlimit 20 SIZE 1400)"
	        "\r\n"},
	    {"* STATUS \"APPENDLIMIT 14\" (APPENDLIMIT NIL)\r\n",
	        "* STATUS \"APPENDLIMIT 14\" (APPENDLIMIT NIL)\r\n"},
	    {"* STATUS x\r\n", "* STATUS x\r\n"},
	    {"* STATUS x (APPENDLIMIT", "* STATUS x (APPENDLIMIT"},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 4096);
		caps_status(str_c(rows[i].in), &out);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
	}
}

static void
t_greeting(void)
{
	struct buf out;

	buf_init(&out, 4096);
	caps_greeting(true, false, &out);
	CHECK_BUF(&out, "IMAP4rev1 LITERAL+ SASL-IR ID STARTTLS LOGINDISABLED");
	buf_reset(&out);
	caps_greeting(false, true, &out);
	CHECK_BUF(&out, "IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN");
	buf_clear(&out);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"what a client gets to see", t_filter},
	    {"what we know of the upstream", t_read},
	    {"response codes", t_code},
	    {"STATUS", t_status},
	    {"before login", t_greeting},
	    {NULL, NULL},
	};

	return (unit_main("t_caps", tests));
}
