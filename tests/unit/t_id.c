#include "config.h"

#include "imap/id.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "unit.h"

/* As it is sent on, or "no". */
static void
show(struct str args, struct buf *out)
{
	struct arena arena;
	struct id id;

	buf_reset(out);
	arena_init(&arena, LIMIT_CLIENT_LINE);
	if (id_parse(args, &arena, &id))
		id_print(&id, out);
	else
		buf_puts(out, "no");
	arena_clear(&arena);
}

static void
t_parse(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"NIL", ""},
	    {"nil", ""},
	    {"()", ""},
	    {"(\"name\" \"sodr\" \"version\" \"19.34\")",
	        "(\"name\" \"sodr\" \"version\" \"19.34\")"},
	    {"(\"name\" nil \"os\" \"\")", "(\"name\" NIL \"os\" \"\")"},
	    {"({4}\r\nname {3}\r\na\"b)", "(\"name\" \"a\\\"b\")"},
	    {"(\"a\\\\b\" \"\\\"\")", "(\"a\\\\b\" \"\\\"\")"},
	    /* what cannot be quoted */
	    {"(\"name\" {4}\r\na\r\nb \"os\" \"x\")",
	        "(\"name\" NIL \"os\" \"x\")"},
	    {"({4}\r\na\r\nb \"x\" \"os\" \"y\")", "(\"os\" \"y\")"},
	    {"(\"name\" {2}\r\n\xc3\xa9)", "(\"name\" NIL)"},
	    /* the first counts */
	    {"(\"name\" \"a\" \"NAME\" \"b\")", "(\"name\" \"a\")"},
	    {"(\"0123456789012345678901234567890\" \"x\" \"os\" \"y\")",
	        "(\"os\" \"y\")"},
	    {"", "no"},
	    {"NILL", "no"},
	    {"NIL x", "no"},
	    {"(\"name\")", "no"},
	    {"(\"name\" )", "no"},
	    {"(\"name\" \"x\"", "no"},
	    {"(\"name\" \"x\" \"os\")", "no"},
	    {"(\"name\" \"x\")y", "no"},
	    {"(\"name\"\"x\")", "no"},
	    {"(\"name\" x)", "no"},
	    {"(name \"x\")", "no"},
	    {"(NIL \"x\")", "no"},
	    {"(\"name\" {9}\r\nx)", "no"},
	};
	struct buf got;
	size_t i;

	buf_init(&got, ID_MAX);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		show(str_c(rows[i].in), &got);
		CHECK_BUF(&got, rows[i].want);
	}
	buf_clear(&got);
}

static void
t_limits(void)
{
	static char value[ID_VALUE + 2];
	struct buf in, got;
	struct arena arena;
	struct id id;
	size_t i;

	buf_init(&in, 2 * LIMIT_CLIENT_LINE);
	buf_init(&got, ID_MAX);
	memset(value, '"', sizeof(value) - 1);
	buf_printf(&in, "(\"long\" {%d}\r\n%s", ID_VALUE + 1, value);
	value[ID_VALUE] = '\0';
	for (i = 0; i < ID_PAIRS; i++)
		buf_printf(&in, " \"f%zu\" {%d}\r\n%s", i, ID_VALUE, value);
	buf_puts(&in, " \"more\" \"x\" \"name\" \"y\")");
	arena_init(&arena, LIMIT_CLIENT_LINE);
	CHECK(id_parse(buf_text(&in), &arena, &id));
	CHECK_UINT(id.n, ID_PAIRS);
	CHECK_UINT(id_value(&id, "f29").len, ID_VALUE);
	CHECK_UINT(id_value(&id, "long").len + id_value(&id, "more").len, 0);
	id_print(&id, &got);
	CHECK(!got.failed && got.len > 6000);
	CHECK(got.data[got.len - 1] == ')');
	arena_clear(&arena);

	/* It is read again as what it is. */
	arena_init(&arena, LIMIT_CLIENT_LINE);
	CHECK(id_parse(buf_text(&got), &arena, &id));
	CHECK_UINT(id.n, 3);
	CHECK_UINT(id_value(&id, "F2").len, ID_VALUE);
	arena_clear(&arena);
	buf_clear(&in);
	buf_clear(&got);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"parse and print", t_parse},
	    {"limits", t_limits},
	    {NULL, NULL},
	};

	return (unit_main("t_id", tests));
}
