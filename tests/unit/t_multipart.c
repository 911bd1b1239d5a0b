#include "config.h"

#include <string.h>

#include "agent/multipart.h"
#include "unit.h"

#define PART  "Content-Type: application/pkix-cert\r\n\r\n"
#define BEGIN "-----BEGIN CERTIFICATE-----\r\n"
#define END   "-----END CERTIFICATE-----\r\n"

static void
t_certs(void)
{
	static const struct {
		const char *name, *type, *body, *want; /* NULL: refused */
	} rows[] = {
	    {"one", "multipart/mixed; boundary=b",
	        "--b\r\n" PART "abc\r\n--b--\r\n", BEGIN "YWJj\r\n" END},
	    {"two, quoted, preamble", "multipart/mixed; x=y; boundary=\"b c\"",
	        "hello --b c\r\n--b c\r\n" PART "abc\r\n--b c\r\n" PART
	        "d\r\n\r\n--b c--\r\nbye",
	        BEGIN "YWJj\r\n" END BEGIN "ZA0K\r\n" END},
	    {"base64", "multipart/mixed; boundary=b",
	        "--b\nContent-Transfer-Encoding: base64\n"
	        "Content-Type: application/pkix-cert; name=x\n\nYWJj\n--b--",
	        BEGIN "YWJj\r\n" END},
	    {"other types are left out", "multipart/mixed; boundary=b",
	        "--b\r\nContent-Type: text/plain\r\n\r\nabc\r\n"
	        "--b\r\n" PART "abc\r\n--b--\r\n",
	        BEGIN "YWJj\r\n" END},
	    {"no boundary", "multipart/mixed", "--\r\n" PART "abc\r\n----\r\n",
	        NULL},
	    {"empty boundary", "multipart/mixed; boundary=\"\"",
	        "--\r\n" PART "abc\r\n----\r\n", NULL},
	    {"no part", "multipart/mixed; boundary=b", "--b--\r\n", NULL},
	    {"cut off", "multipart/mixed; boundary=b", "--b\r\n" PART "abc",
	        NULL},
	    {"empty part", "multipart/mixed; boundary=b",
	        "--b\r\n" PART "\r\n--b--\r\n", NULL},
	    {"nothing", "multipart/mixed; boundary=b", "", NULL},
	    {"not at a line's start", "multipart/mixed; boundary=b",
	        "x--b\r\n" PART "abc\r\n--b--\r\n", NULL},
	};
	struct err err;
	struct buf out;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		buf_init(&out, 10000);
		rc = multipart_certs(str_c(rows[i].type), str_c(rows[i].body),
		    &out, &err);
		if (rows[i].want == NULL) {
			CHECK_INT(rc, -1);
			CHECK_INT(err.code, ERR_SYNTAX);
		} else {
			CHECK_INT(rc, 0);
			CHECK_BUF(&out, rows[i].want);
		}
		buf_clear(&out);
	}
}

static void
t_many(void)
{
	struct buf body, out;
	struct err err;
	const char *p;
	unsigned i, n = 0;

	buf_init(&body, 100000);
	buf_init(&out, 100000);
	for (i = 0; i < 3 * MULTIPART_MAX; i++)
		buf_puts(&body, "--b\r\n" PART "abc\r\n");
	buf_puts(&body, "--b--\r\n");
	CHECK_INT(multipart_certs(STR("multipart/mixed;boundary=b"),
	              buf_text(&body), &out, &err),
	    0);
	buf_putc(&out, '\0');
	for (p = out.data; (p = strstr(p, "BEGIN")) != NULL; p++)
		n++;
	CHECK_UINT(n, MULTIPART_MAX);
	buf_clear(&out);
	buf_init(&out, 100);
	CHECK_INT(multipart_certs(STR("multipart/mixed;boundary=b"),
	              buf_text(&body), &out, &err),
	    -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&out);
	buf_clear(&body);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"certs", t_certs},
	    {"many", t_many},
	    {NULL, NULL},
	};

	return (unit_main("multipart", tests));
}
