#include "config.h"

#include "unit.h"

#include <string.h>

#include "imap/section.h"

/* A name that is NULL: refused. */
static const struct {
	const char *in;
	const char *name;  /* in the answer */
	const char *print; /* NULL: like in */
} sections[] = {
    {"BODY[]", "BODY[]", NULL},
    {"body.peek[text]", "BODY[TEXT]", "BODY.PEEK[TEXT]"},
    {"BODY[1.2.3]", "BODY[1.2.3]", NULL},
    {"BODY.PEEK[1.MIME]", "BODY[1.MIME]", NULL},
    {"BODY[4.1.HEADER]", "BODY[4.1.HEADER]", NULL},
    {"BODY[]<0.10>", "BODY[]<0>", NULL},
    {"BODY[TEXT]<5.0>", "BODY[TEXT]<5>", NULL},
    {"BODY[]<7>", "BODY[]<7>", NULL},
    {"BODY[header.fields (From \"to\")]", "BODY[HEADER.FIELDS (FROM \"TO\")]",
        "BODY[HEADER.FIELDS (FROM \"TO\")]"},
    {"BODY[1.HEADER.FIELDS.NOT (X)]<1.2>", "BODY[1.HEADER.FIELDS.NOT (X)]<1>",
        NULL},
    {"BODY[HEADER.FIELDS ({3}\r\nFoo {2+}\r\nto)]",
        "BODY[HEADER.FIELDS (\"FOO\" \"TO\")]",
        "BODY[HEADER.FIELDS (\"FOO\" \"TO\")]"},
    {"BODY[HEADER.FIELDS (\"a\\\"b\")]", "BODY[HEADER.FIELDS (\"A\\\"B\")]",
        "BODY[HEADER.FIELDS (\"A\\\"B\")]"},
    {"BODY[HEADER.FIELDS (a])]", "BODY[HEADER.FIELDS (A])]",
        "BODY[HEADER.FIELDS (A])]"},
    {"BODY[0]", "BODY[0]", NULL},
    {"BODY[99999999999]", "BODY[99999999999]", NULL},
    {"BODY", NULL, NULL},
    {"BODY[", NULL, NULL},
    {"BODY[1", NULL, NULL},
    {"BODY[1.]", NULL, NULL},
    {"BODY[.1]", NULL, NULL},
    {"BODY[1..2]", NULL, NULL},
    {"BODY[1TEXT]", NULL, NULL},
    {"BODY[MIME]", NULL, NULL},
    {"BODY[FOO]", NULL, NULL},
    {"BODY[TEXTS]", NULL, NULL},
    {"BODY[HEADER.FIELDS]", NULL, NULL},
    {"BODY[HEADER.FIELDS ()]", NULL, NULL},
    {"BODY[HEADER.FIELDS (NIL)]", NULL, NULL},
    {"BODY[HEADER.FIELDS (a)", NULL, NULL},
    {"BODY[HEADER.FIELDS (a ]", NULL, NULL},
    {"BODY[HEADER.FIELDS ({9}\r\nabc)]", NULL, NULL},
    {"BODY[]<.1>", NULL, NULL},
    {"BODY[]<1.>", NULL, NULL},
    {"BODY[]<1", NULL, NULL},
    {"BODY.PEEK", NULL, NULL},
    {"RFC822", NULL, NULL},
};

static void
t_parse(void)
{
	struct arena arena;
	struct section sec;
	struct buf out;
	const char *print;
	size_t i, n;

	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		unit_row(sections[i].in);
		arena_init(&arena, 65536);
		buf_init(&out, 4096);
		n = section_parse(str_c(sections[i].in), &arena, &sec);
		if (sections[i].name == NULL) {
			CHECK_UINT(n, 0);
		} else if (CHECK_UINT(n, strlen(sections[i].in))) {
			CHECK_STR(sec.name, sections[i].name);
			section_print(&sec, &out);
			print = sections[i].print;
			CHECK_BUF(&out, print != NULL ? print : sections[i].in);
		}
		buf_clear(&out);
		arena_clear(&arena);
	}
}

static void
t_values(void)
{
	struct arena arena;
	struct section sec;

	arena_init(&arena, 65536);
	CHECK_UINT(
	    section_parse(STR("BODY.PEEK[3.1.header.fields (B a)]<5.7> x"),
	        &arena, &sec),
	    39);
	CHECK(sec.peek);
	CHECK(sec.partial);
	CHECK_UINT(sec.from, 5);
	CHECK_UINT(sec.count, 7);
	CHECK_UINT(sec.depth, 2);
	CHECK_UINT(sec.path[0], 3);
	CHECK_UINT(sec.path[1], 1);
	CHECK_INT(sec.what, SEC_FIELDS);
	CHECK_UINT(sec.nfields, 2);
	CHECK(section_has_field(&sec, STR("b")));
	CHECK(section_has_field(&sec, STR("A")));
	CHECK(!section_has_field(&sec, STR("ab")));
	CHECK(!section_has_field(&sec, STR("")));
	arena_clear(&arena);
}

/* One of everything; the answers are Dovecot's. */
static const char mail[] = "Content-Type: multipart/mixed; boundary=x\r\n"
                           "\r\n"
                           "--x\r\n"
                           "\r\n"
                           "one\r\n"
                           "--x\r\n"
                           "Content-Type: message/rfc822\r\n"
                           "\r\n"
                           "Subject: two\r\n"
                           "\r\n"
                           "deux\r\n"
                           "--x\r\n"
                           "Content-Type: message/rfc822\r\n"
                           "\r\n"
                           "Content-Type: multipart/mixed; boundary=y\r\n"
                           "\r\n"
                           "--y\r\n"
                           "\r\n"
                           "three\r\n"
                           "--y--\r\n"
                           "--x--\r\n";

static const struct {
	const char *in;
	const char *want; /* NULL: there is none */
} found[] = {
    {"BODY[]", mail},
    {"BODY[HEADER]", "Content-Type: multipart/mixed; boundary=x\r\n\r\n"},
    {"BODY[1]", "one"},
    {"BODY[0]", "one"},
    {"BODY[1.MIME]", "\r\n"},
    {"BODY[1.1]", "one"},
    {"BODY[1.2]", NULL},
    {"BODY[1.1.1]", NULL},
    {"BODY[1.TEXT]", NULL},
    {"BODY[1.HEADER]", NULL},
    {"BODY[2]", "Subject: two\r\n\r\ndeux"},
    {"BODY[2.MIME]", "Content-Type: message/rfc822\r\n\r\n"},
    {"BODY[2.HEADER]", "Subject: two\r\n\r\n"},
    {"BODY[2.HEADER.FIELDS (A)]", "Subject: two\r\n\r\n"},
    {"BODY[2.TEXT]", "deux"},
    {"BODY[2.1]", "deux"},
    {"BODY[2.2]", NULL},
    {"BODY[3.1]", "three"},
    {"BODY[3.1.MIME]", "\r\n"},
    {"BODY[3.2]", NULL},
    {"BODY[4]", NULL},
    {"BODY[4294967295]", NULL},
};

static void
t_find(void)
{
	struct arena arena;
	struct section sec;
	struct part *root;
	struct span span;
	size_t i;

	arena_init(&arena, 65536);
	root = part_parse(str_c(mail), &arena, &part_limits, NULL);
	for (i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		unit_row(found[i].in);
		CHECK(section_parse(str_c(found[i].in), &arena, &sec) > 0);
		if (found[i].want == NULL)
			CHECK(!section_find(root, &sec, &span));
		else if (CHECK(section_find(root, &sec, &span)))
			CHECK_STR(span_str(mail, span), found[i].want);
	}
	arena_clear(&arena);
}

static void
t_find_single(void)
{
	static const char text[] = "Content-Type: message/rfc822\r\n\r\n"
	                           "A: b\r\n\r\nc";
	struct arena arena;
	struct section sec;
	struct part *root;
	struct span span;

	arena_init(&arena, 65536);
	root = part_parse(str_c(text), &arena, &part_limits, NULL);
	section_parse(STR("BODY[1]"), &arena, &sec);
	CHECK(section_find(root, &sec, &span));
	CHECK_STR(span_str(text, span), "A: b\r\n\r\nc");
	section_parse(STR("BODY[1.1]"), &arena, &sec);
	CHECK(section_find(root, &sec, &span));
	CHECK_STR(span_str(text, span), "c");
	section_parse(STR("BODY[1.HEADER]"), &arena, &sec);
	CHECK(section_find(root, &sec, &span));
	CHECK_STR(span_str(text, span), "A: b\r\n\r\n");
	section_parse(STR("BODY[2]"), &arena, &sec);
	CHECK(!section_find(root, &sec, &span));
	arena_clear(&arena);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"parse", t_parse},
	    {"values", t_values},
	    {"find", t_find},
	    {"find_single", t_find_single},
	    {NULL, NULL},
	};

	return (unit_main("section", tests));
}
