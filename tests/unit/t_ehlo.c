#include "unit.h"

#include "smtp/ehlo.h"

static void
t_print(void)
{
	struct ehlo_offer o = {STR("mx.example"), 1000, true, false};
	struct buf out;

	buf_init(&out, 1000);
	ehlo_print(&out, &o);
	CHECK_STR_EQ(buf_text(&out),
	    STR("250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
	        "250-8BITMIME\r\n250-STARTTLS\r\n"
	        "250 ENHANCEDSTATUSCODES\r\n"));
	buf_reset(&out);
	o.starttls = false;
	o.auth = true;
	ehlo_print(&out, &o);
	CHECK_STR_EQ(buf_text(&out),
	    STR("250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
	        "250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n"
	        "250 ENHANCEDSTATUSCODES\r\n"));
	buf_clear(&out);
}

static void
t_parse(void)
{
	struct ehlo_caps c;

	ehlo_parse(STR("STARTTLS greets\nPipelining\nSIZE 35882577\n8BITMIME\n"
	               "AUTH LOGIN PLAIN\nX-FOO\nDSN"),
	    &c);
	CHECK(!c.starttls);
	CHECK(c.pipelining);
	CHECK(c.has_size);
	CHECK(c.size == 35882577);
	CHECK(c.eightbit);
	CHECK(c.auth_plain && c.auth_login);
	CHECK(!(c.auth_xoauth2 || c.smtputf8 || c.enhanced));
	CHECK(c.dsn);
	ehlo_parse(STR("a\nSIZE\nAUTH=PLAIN LOGIN\nSTARTTLS"), &c);
	CHECK(c.has_size);
	CHECK(c.size == 0);
	CHECK(c.auth_plain && c.auth_login);
	CHECK(c.starttls);
	CHECK(!(c.pipelining || c.eightbit));
	ehlo_parse(STR(""), &c);
	CHECK(!(c.has_size || c.starttls));
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"ours", t_print},
	    {"theirs", t_parse},
	    {NULL, NULL},
	};

	return (unit_main("t_ehlo", tests));
}
