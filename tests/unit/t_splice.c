#include "config.h"

#include "unit.h"

#include "mail/splice.h"

static const struct splice_add add = {
    {"D", 1},
    {"<M>", 3},
};

static const struct {
	const char *name;
	const char *in;
	const char *want;
} mails[] = {
    {"nothing to do", "Date: x\r\nMessage-ID: y\r\n\r\nbody",
        "Date: x\r\nMessage-ID: y\r\n\r\nbody"},
    {"both missing", "A: b\r\n\r\nc",
        "Date: D\r\nMessage-ID: <M>\r\nA: b\r\n\r\nc"},
    {"one missing", "date: x\r\n\r\nc", "Message-ID: <M>\r\ndate: x\r\n\r\nc"},
    {"Bcc everywhere",
        "Bcc: a\r\nDate: x\r\nBCC : b\r\n c\r\nMessage-ID: y\r\n"
        "Resent-Bcc: d\r\nX-Bcc: e\r\nResent-To: f\r\n\r\nBcc: g\r\n",
        "Date: x\r\nMessage-ID: y\r\nX-Bcc: e\r\nResent-To: f\r\n\r\n"
        "Bcc: g\r\n"},
    {"no body", "Date: x\r\nMessage-ID: y\r\nBcc: a",
        "Date: x\r\nMessage-ID: y\r\n"},
    {"no header", "\r\nc", "Date: D\r\nMessage-ID: <M>\r\n\r\nc"},
};

static void
t_outgoing(void)
{
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		unit_row(mails[i].name);
		buf_init(&out, 4096);
		CHECK_INT(splice_outgoing(str_c(mails[i].in), &add, &out), 0);
		CHECK_BUF(&out, mails[i].want);
		buf_clear(&out);
	}
	unit_row("full");
	buf_init(&out, 5);
	CHECK_INT(splice_outgoing(STR("A: b\r\n"), &add, &out), -1);
	buf_clear(&out);
}

static const struct {
	const char *name;
	const char *in;
	const char *outer;
	const char *head;
	const char *body;
} divided[] = {
    {"usual",
        "From: a\r\nContent-Type: a/b;\r\n c=d\r\nMIME-Version: 1.0\r\n"
        "To: e\r\ncontent-foo: f\r\n\r\nbody\r\n",
        "From: a\r\nTo: e\r\n",
        "Content-Type: a/b;\r\n c=d\r\ncontent-foo: f\r\n\r\n", "body\r\n"},
    {"no type", "From: a\r\n\r\nbody", "From: a\r\n",
        "Content-Type: text/plain\r\n\r\n", "body"},
    {"no body", "From: a\r\nContent-Type: a/b", "From: a\r\n",
        "Content-Type: a/b\r\n\r\n", ""},
    {"empty", "", "", "Content-Type: text/plain\r\n\r\n", ""},
    {"no field", "nonsense\r\nContent-Type: a/b\r\n\r\n", "nonsense\r\n",
        "Content-Type: a/b\r\n\r\n", ""},
};

static void
t_divide(void)
{
	struct buf outer, head;
	struct str body;
	size_t i;

	for (i = 0; i < sizeof(divided) / sizeof(divided[0]); i++) {
		unit_row(divided[i].name);
		buf_init(&outer, 4096);
		buf_init(&head, 4096);
		CHECK_INT(
		    splice_divide(str_c(divided[i].in), &outer, &head, &body),
		    0);
		CHECK_BUF(&outer, divided[i].outer);
		CHECK_BUF(&head, divided[i].head);
		CHECK_STR(body, divided[i].body);
		buf_clear(&outer);
		buf_clear(&head);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"outgoing", t_outgoing},
	    {"divide", t_divide},
	    {NULL, NULL},
	};

	return (unit_main("splice", tests));
}
