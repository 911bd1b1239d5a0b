#include "config.h"

#include "unit.h"

#include "base/buf.h"
#include "mail/classify.h"

#define US "k3j4.waxwing"

static const struct {
	const char *in;
	enum mail_class want;
} headers[] = {
    {"", CLASS_PLAIN},
    {"Content-Type: text/plain\r\n\r\n", CLASS_PLAIN},
    {"Content-Type: application/pkcs7-mime\r\n\r\n", CLASS_SEALED},
    {"Content-Type: Application/X-PKCS7-MIME; name=x\r\n\r\n", CLASS_SEALED},
    {"content-type: application/pkcs7-mime; smime-type=enveloped-data\r\n",
        CLASS_SEALED},
    {"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n",
        CLASS_SEALED},
    {"Content-Type: application/pkcs7-mime; smime-type=Certs-Only\r\n",
        CLASS_PLAIN},
    {"Content-Type: application/pkcs7-signature\r\n", CLASS_PLAIN},
    {"Content-Type: multipart/signed; boundary=x\r\n", CLASS_PLAIN},
    {"Content-Type: application/octet-stream\r\n", CLASS_PLAIN},
    {"Content-Type: application/octet-stream; name=smime.P7M\r\n",
        CLASS_SEALED},
    {"Content-Type: application/octet-stream; name=smime.p7s\r\n", CLASS_PLAIN},
    {"Content-Type: application/octet-stream\r\n"
     "Content-Disposition: attachment; filename*=utf-8''s%2Ep7m\r\n",
        CLASS_SEALED},
    {"Content-Type: text/plain; name=smime.p7m\r\n", CLASS_PLAIN},
    {"Content-Type: text/plain\r\n"
     "Content-Type: application/pkcs7-mime\r\n",
        CLASS_PLAIN},
    {"Waxwing-Status: opened\r\n", CLASS_SEALED},
    {"waxwing-status : x\r\n", CLASS_SEALED},
    {"Authentication-Results: " US "; smime=pass\r\n", CLASS_SEALED},
    {"Authentication-Results: (c)\r\n \"K3J4.waxwing\"; smime=pass\r\n",
        CLASS_SEALED},
    {"Authentication-Results: mx.example; dkim=pass\r\n", CLASS_PLAIN},
    {"X-Authentication-Results: " US "; smime=pass\r\n", CLASS_PLAIN},
    {"Authentication-Results: mx\rAuthentication-Results: x\r\n"
     " y\rWaxwing-Status : x\r\n",
        CLASS_SEALED},
    {"Authentication-Results: mx\rAuthentication-Results:\r\n " US "\r\n",
        CLASS_SEALED},
    {"Authentication-Results: mx\rAuthentication-Results: x\r\n", CLASS_PLAIN},
};

static void
t_classify(void)
{
	size_t i;

	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		unit_row(headers[i].in);
		CHECK_INT(classify(str_c(headers[i].in), STR(US)),
		    headers[i].want);
	}
	unit_row("no authserv-id");
	CHECK_INT(classify(STR("Authentication-Results: x\r\n"), STR("")),
	    CLASS_PLAIN);
}

/* Taken line by line with all that follows, these would last for hours. */
static void
t_many_lines(void)
{
	const char *const lines[] = {" \r y\r\n",
	    "\rAuthentication-Results: x"};
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		unit_row(lines[i]);
		buf_init(&b, (size_t)1 << 24);
		buf_puts(&b, "Authentication-Results:");
		while (b.len < (size_t)1 << 23)
			buf_puts(&b, lines[i]);
		CHECK_INT(classify(buf_text(&b), STR(US)), CLASS_PLAIN);
		buf_clear(&b);
	}
}

static void
t_signed(void)
{
	CHECK(classify_signed(STR("Content-Type: multipart/Signed;a=b\r\n")));
	CHECK(!classify_signed(STR("Content-Type: multipart/mixed;a=b\r\n")));
	CHECK(!classify_signed(STR("A: multipart/signed\r\n")));
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"classify", t_classify},
	    {"many lines", t_many_lines},
	    {"signed", t_signed},
	    {NULL, NULL},
	};

	return (unit_main("classify", tests));
}
