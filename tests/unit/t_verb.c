#include "config.h"

#include "unit.h"

#include <string.h>

#include "smtp/verb.h"

/* want: verb, then path|size|body, or the code of the refusal. */
static const struct {
	const char *line;
	unsigned code; /* 0: parsed */
	enum verb_code verb;
	const char *path;
	uint64_t size;
	enum verb_body body;
} lines[] = {
    {"MAIL FROM:<joe@example.org>", 0, VERB_MAIL, "joe@example.org", 0, 0},
    {"mail from:<>", 0, VERB_MAIL, "", 0, 0},
    {"MAIL FROM: <joe@example.org> ", 0, VERB_MAIL, "joe@example.org", 0, 0},
    {"MAIL FROM:<a@b> SIZE=12 BODY=8BITMIME AUTH=<>", 0, VERB_MAIL, "a@b", 12,
        BODY_8BITMIME},
    {"MAIL FROM:<a@b>  body=7bit", 0, VERB_MAIL, "a@b", 0, BODY_7BIT},
    {"MAIL FROM:<a@b> SIZE=", 501, 0, NULL, 0, 0},
    {"MAIL FROM:<a@b> SIZE=99999999999999999999", 501, 0, NULL, 0, 0},
    {"MAIL FROM:<a@b> BODY=BINARYMIME", 501, 0, NULL, 0, 0},
    {"MAIL FROM:<a@b> AUTH=", 501, 0, NULL, 0, 0},
    {"MAIL FROM:<a@b> SMTPUTF8", 555, 0, NULL, 0, 0},
    {"MAIL FROM:<a@b>SIZE=1", 501, 0, NULL, 0, 0},
    {"MAIL FROM:a@b", 501, 0, NULL, 0, 0},
    {"MAIL TO:<a@b>", 501, 0, NULL, 0, 0},
    {"MAIL", 501, 0, NULL, 0, 0},
    {"MAIL FROM:<a@b", 501, 0, NULL, 0, 0},
    {"MAIL FROM:<j\xc3\xb6@b>", 553, 0, NULL, 0, 0},
    {"RCPT TO:<joe@example.org>", 0, VERB_RCPT, "joe@example.org", 0, 0},
    {"RCPT TO:<@a.example,@b:joe@c>", 0, VERB_RCPT, "joe@c", 0, 0},
    {"RCPT TO:<@a.example>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<\"a>b \\\" c@d\"@e>", 0, VERB_RCPT, "\"a>b \\\" c@d\"@e", 0, 0},
    {"RCPT TO:<\"a\\\"@e>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe@[127.0.0.1]>", 0, VERB_RCPT, "joe@[127.0.0.1]", 0, 0},
    {"RCPT TO:<joe@[IPv6:::1]>", 0, VERB_RCPT, "joe@[IPv6:::1]", 0, 0},
    {"RCPT TO:<joe@[1>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<postmaster>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<.joe@a>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe.@a>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<j..e@a>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe@a.>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe@-a>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe@a-.b>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe@a..b>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe@>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe@a b>", 501, 0, NULL, 0, 0},
    {"RCPT TO:<joe@a> NOTIFY=NEVER", 555, 0, NULL, 0, 0},
    {"DATA", 0, VERB_DATA, "", 0, 0},
    {"data ", 0, VERB_DATA, "", 0, 0},
    {"DATA x", 501, 0, NULL, 0, 0},
    {"RSET", 0, VERB_RSET, "", 0, 0},
    {"NOOP what ever", 0, VERB_NOOP, "", 0, 0},
    {"QUIT", 0, VERB_QUIT, "", 0, 0},
    {"STARTTLS", 0, VERB_STARTTLS, "", 0, 0},
    {"EHLO [127.0.0.1]", 0, VERB_EHLO, "", 0, 0},
    {"EHLO", 501, 0, NULL, 0, 0},
    {"EHLO a b", 501, 0, NULL, 0, 0},
    {"AUTH", 501, 0, NULL, 0, 0},
    {"AUTH PLAIN a b", 501, 0, NULL, 0, 0},
    {"BDAT 5 LAST", 502, 0, NULL, 0, 0},
    {"EXPN list", 502, 0, NULL, 0, 0},
    {"FETCH 1", 500, 0, NULL, 0, 0},
    {"", 500, 0, NULL, 0, 0},
    {" MAIL FROM:<a@b>", 500, 0, NULL, 0, 0},
    {"NOOP a\tb", 501, 0, NULL, 0, 0},
    {"NOOP a\rRCPT TO:<a@b>", 501, 0, NULL, 0, 0},
};

static void
t_lines(void)
{
	struct verb_fault fault;
	struct verb_line v;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		unit_row(lines[i].line);
		fault.code = 0;
		rc = verb_parse(str_c(lines[i].line), &v, &fault);
		if (lines[i].code != 0) {
			CHECK(rc == -1);
			CHECK(fault.code == lines[i].code);
			continue;
		}
		CHECK(rc == 0);
		CHECK(v.code == lines[i].verb);
		CHECK_STR_EQ(v.path, str_c(lines[i].path));
		CHECK(v.size == lines[i].size);
		CHECK(v.body == lines[i].body);
	}
}

static void
t_auth(void)
{
	struct verb_fault fault;
	struct verb_line v;

	CHECK(verb_parse(STR("AUTH plain AGpvZQBz"), &v, &fault) == 0);
	CHECK_STR_EQ(v.mech, STR("plain"));
	CHECK_STR_EQ(v.initial, STR("AGpvZQBz"));
	CHECK(verb_parse(STR("AUTH LOGIN"), &v, &fault) == 0);
	CHECK(v.initial.p == NULL);
	CHECK(verb_parse(STR("AUTH PLAIN ="), &v, &fault) == 0);
	CHECK_STR_EQ(v.initial, STR("="));
}

static void
t_canonical(void)
{
	static const struct {
		const char *in;
		const char *want; /* NULL: not a mailbox */
	} t[] = {
	    {"Joe@Example.ORG", "joe@example.org"},
	    {"\"Joe\"@a", "joe@a"},
	    {"\"j\\oe.x\"@a", "joe.x@a"},
	    {"\"j oe\"@A", "\"j oe\"@a"},
	    {"\"j\\\"\\\\\"@a", "\"j\\\"\\\\\"@a"},
	    {"\"\"@a", "\"\"@a"},
	    {"\"a@b\"@c", "\"a@b\"@c"},
	    {"joe", NULL},
	    {"a@b@c", NULL},
	    {"", NULL},
	};
	struct buf out;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_init(&out, 400);
		rc = verb_canonical(str_c(t[i].in), &out);
		CHECK(rc == (t[i].want == NULL ? -1 : 0));
		if (t[i].want != NULL)
			CHECK_STR_EQ(buf_text(&out), str_c(t[i].want));
		buf_clear(&out);
	}
}

static void
t_long(void)
{
	struct verb_fault fault;
	struct verb_line v;
	char line[1000] = "RCPT TO:<";

	memset(line + 9, 'a', 500);
	strcpy(line + 509, "@example.org>");
	CHECK(verb_parse(str_c(line), &v, &fault) == -1);
	CHECK(fault.code == 501);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"lines", t_lines},
	    {"auth", t_auth},
	    {"canonical", t_canonical},
	    {"an address that is too long", t_long},
	    {NULL, NULL},
	};

	return (unit_main("t_verb", tests));
}
