#include "config.h"

#include "unit.h"

#include "mail/ctype.h"

/* "type/subtype;name=value;..."; a leading "!" is not valid. */
static const struct {
	const char *in;
	const char *want;
} types[] = {
    {"text/plain", "text/plain"},
    {" Text / PLAIN ; CharSet=UTF-8", "Text/PLAIN;CharSet=UTF-8"},
    {"a/b; c=\"d;\\\"e\"; f = g", "a/b;c=d;\"e;f=g"},
    {"a/b (x); c=d (y) ; e=f", "a/b;c=d;e=f"},
    {"a/b;\r\n\tc=d", "a/b;c=d"},
    {"a/b; c=\"d\r\n e\"", "a/b;c=d e"},
    {"a/b;c=;d=e", "a/b;c=;d=e"},
    {"a/b; c==?utf-8?q?x?=; d=e", "a/b;c==?utf-8?q?x?=;d=e"},
    {"a/b; junk; c=d; e=f", "a/b;e=f"},
    {"a/b; c=\"d", "a/b"},
    {"text", "!text/"},
    {"multipart", "!multipart/"},
    {"text; charset=x", "!/"},
    {"text/", "!/"},
    {"/plain", "!/"},
    {"text/plain charset=x", "!/"},
    {"", "!/"},
    /* RFC 2231 */
    {"a/b; c*=utf-8'en'd%20e", "a/b;c*=utf-8'en'd%20e"},
    {"a/b; c*0=d; c*1=e", "a/b;c=de"},
    {"a/b; c*1=e; c*0=d; f=g", "a/b;f=g;c=de"},
    {"a/b; c*0*=x''d; c*1=50%", "a/b;c*=x''d50%25"},
    {"a/b; c*0=d; c*1*=%65", "a/b;c*=''d%65"},
    {"a/b; c*0=d; c*2=e", "a/b;c*0=d;c*2=e"},
    {"a/b; c*x=d", "a/b;c*x=d"},
};

static void
t_types(void)
{
	struct arena arena;
	struct ctype ct;
	struct buf out;
	size_t i, j;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		unit_row(types[i].in);
		arena_init(&arena, 65536);
		buf_init(&out, 4096);
		CHECK_INT(ctype_parse(str_c(types[i].in), &arena, &ct), 0);
		if (!ct.valid)
			buf_putc(&out, '!');
		buf_str(&out, ct.type);
		buf_putc(&out, '/');
		buf_str(&out, ct.subtype);
		for (j = 0; j < ct.nparams; j++) {
			buf_putc(&out, ';');
			buf_str(&out, ct.params[j].name);
			buf_putc(&out, '=');
			buf_str(&out, ct.params[j].value);
		}
		CHECK_BUF(&out, types[i].want);
		buf_clear(&out);
		arena_clear(&arena);
	}
}

static void
t_is(void)
{
	struct arena arena;
	struct ctype ct;

	arena_init(&arena, 65536);
	CHECK_INT(ctype_parse(STR("Multipart/Mixed"), &arena, &ct), 0);
	CHECK(ctype_is(&ct, "multipart/mixed"));
	CHECK(ctype_is(&ct, "multipart/"));
	CHECK(!ctype_is(&ct, "multipart/mix"));
	CHECK(!ctype_is(&ct, "multi/mixed"));
	CHECK_INT(ctype_parse(STR("multipart"), &arena, &ct), 0);
	CHECK(!ctype_is(&ct, "multipart/"));
	arena_clear(&arena);
}

static const struct {
	const char *in;
	const char *want; /* NULL: none */
} names[] = {
    {"a/b; name=x.p7m", "x.p7m"},
    {"a/b; NAME=x.p7m", "x.p7m"},
    {"a/b; name*=utf-8''x%2Ep7m", "x.p7m"},
    {"a/b; name*0*=utf-8''x; name*1*=%2E; name*2=p7m", "x.p7m"},
    {"a/b; name*0=x.; name*1=p7m", "x.p7m"},
    {"a/b; name*=x%2", "x%2"},
    {"a/b; name*=x%zz", "x%zz"},
    {"a/b; filename=x", NULL},
};

static void
t_decoded(void)
{
	struct arena arena;
	struct ctype ct;
	struct str got;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unit_row(names[i].in);
		arena_init(&arena, 65536);
		CHECK_INT(ctype_parse(str_c(names[i].in), &arena, &ct), 0);
		CHECK_INT(ctype_param_decoded(&ct, "name", &arena, &got), 0);
		if (names[i].want == NULL)
			CHECK(got.p == NULL);
		else
			CHECK_STR(got, names[i].want);
		arena_clear(&arena);
	}
}

static void
t_others(void)
{
	struct arena arena;
	struct ctype d;
	struct str s, *langs;
	size_t n;

	arena_init(&arena, 65536);
	CHECK_INT(ctype_disposition(STR("attachment; filename=x"), &arena, &d),
	    0);
	CHECK(d.valid);
	CHECK_STR(d.type, "attachment");
	CHECK_STR(ctype_param(&d, "FILENAME"), "x");
	CHECK_INT(ctype_disposition(STR("a ("), &arena, &d), 0);
	CHECK(!d.valid);
	CHECK_INT(ctype_encoding(STR(" Base64 (x)"), &arena, &s), 0);
	CHECK_STR(s, "Base64");
	CHECK_INT(ctype_encoding(STR("8bit x"), &arena, &s), 0);
	CHECK(s.p == NULL);
	CHECK_INT(ctype_encoding(STR(""), &arena, &s), 0);
	CHECK(s.p == NULL);
	CHECK_INT(ctype_languages(STR("de (x), en-GB,,fr"), &arena, &langs, &n),
	    0);
	CHECK_UINT(n, 2);
	CHECK_STR(langs[0], "de");
	CHECK_STR(langs[1], "en-GB");
	arena_clear(&arena);
}

static void
t_full_arena(void)
{
	struct arena arena;
	struct ctype ct;

	arena_init(&arena, 100);
	CHECK_INT(ctype_parse(STR("a/b;c=d;e=f;g=h;i=j;k=l;m=n"), &arena, &ct),
	    -1);
	arena_clear(&arena);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"types", t_types},
	    {"is", t_is},
	    {"decoded", t_decoded},
	    {"others", t_others},
	    {"full_arena", t_full_arena},
	    {NULL, NULL},
	};

	return (unit_main("ctype", tests));
}
