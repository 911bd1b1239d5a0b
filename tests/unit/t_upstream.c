#include "config.h"

#include "proxy/upstream.h"

#include "unit.h"

static void
t_parse(void)
{
	static const struct {
		const char *in;
		enum upstream_proto proto;
		const char *host; /* NULL: refused */
		uint16_t port;
		enum upstream_tls tls;
	} rows[] = {
	    {"imaps://imap.example.org", UPSTREAM_IMAP, "imap.example.org", 993,
	        UPSTREAM_IMPLICIT},
	    {"IMAPS://imap.example.org:1993/", UPSTREAM_IMAP,
	        "imap.example.org", 1993, UPSTREAM_IMPLICIT},
	    {"imap+starttls://x", UPSTREAM_IMAP, "x", 143, UPSTREAM_STARTTLS},
	    {"imap://localhost", UPSTREAM_IMAP, "localhost", 143,
	        UPSTREAM_CLEAR},
	    {"imap://127.0.0.1:10143", UPSTREAM_IMAP, "127.0.0.1", 10143,
	        UPSTREAM_CLEAR},
	    {"imap://[::1]:10143", UPSTREAM_IMAP, "::1", 10143, UPSTREAM_CLEAR},
	    {"imap://imap.example.org", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"imap://localhost.example.org", UPSTREAM_IMAP, NULL, 0,
	        UPSTREAM_CLEAR},
	    {"smtps://x", UPSTREAM_SMTP, "x", 465, UPSTREAM_IMPLICIT},
	    {"submissions://x", UPSTREAM_SMTP, "x", 465, UPSTREAM_IMPLICIT},
	    {"smtp+starttls://x", UPSTREAM_SMTP, "x", 587, UPSTREAM_STARTTLS},
	    {"submission+starttls://[2001:db8::1]", UPSTREAM_SMTP,
	        "2001:db8::1", 587, UPSTREAM_STARTTLS},
	    {"smtp://x", UPSTREAM_SMTP, NULL, 0, UPSTREAM_CLEAR},
	    {"smtps://x", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"imaps://", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"imaps://x:0", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"imaps://x:65536", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"imaps://x:99x", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"imaps://[::1", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"imaps://[]", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"imaps:x", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"x", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	    {"", UPSTREAM_IMAP, NULL, 0, UPSTREAM_CLEAR},
	};
	struct endpoint e;
	struct err err;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		rc = endpoint_parse(str_c(rows[i].in), rows[i].proto, &e, &err);
		if (rows[i].host == NULL) {
			CHECK_INT(rc, -1);
			CHECK(e.host == NULL);
			continue;
		}
		if (!CHECK_INT(rc, 0))
			continue;
		CHECK_CSTR(e.host, rows[i].host);
		CHECK_UINT(e.port, rows[i].port);
		CHECK(e.tls == rows[i].tls);
		endpoint_clear(&e);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"URLs of servers", t_parse},
	    {NULL, NULL},
	};

	return (unit_main("t_upstream", tests));
}
