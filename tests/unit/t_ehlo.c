#include "config.h"

#include "unit.h"

#include "smtp/ehlo.h"

static void
t_print(void)
{
	struct ehlo_offer o = {.host = STR("mx.example"), .size = 1000};
	struct buf out;

	buf_init(&out, 1000);
	o.auth = true;
	ehlo_print(&out, &o);
	CHECK_BUF(&out,
	    "250-mx.example\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000\r\n");
	buf_reset(&out);
	o.auth = false;
	o.starttls = true;
	CHECK(ehlo_offer_add(&o, STR("PIPELINING")) == 0);
	CHECK(ehlo_offer_add(&o, STR("8bitmime")) == 0);
	CHECK(ehlo_offer_add(&o, STR("ENHANCEDSTATUSCODES")) == 0);
	CHECK(ehlo_offer_add(&o, STR("CHUNKING")) == -1);
	ehlo_print(&out, &o);
	CHECK_BUF(&out, "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
	                "250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n"
	                "250 SIZE 1000\r\n");
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
