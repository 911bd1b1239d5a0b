#include "config.h"

#include <string.h>

#include "unit.h"

#include "mail/addr.h"

/* Rows "name,route,mailbox,domain;"; "-" is NULL.  The answers are Dovecot's.
 */
static const struct {
	const char *in;
	const char *want;
} lists[] = {
    {"", ""},
    {"a@b", "-,-,a,b;"},
    {" a@b , c@d ", "-,-,a,b;-,-,c,d;"},
    {"A B <a@b>", "A B,-,a,b;"},
    {"\"A \\\"B\" <a@b>", "A \"B,-,a,b;"},
    {"<a@b>", "-,-,a,b;"},
    {"a@b (A B)", "A B,-,a,b;"},
    {"a@b (A\r\n B)", "A B,-,a,b;"},
    {"\"a b\"@c", "-,-,a b,c;"},
    {"a.b @ c . d", "-,-,a.b,c.d;"},
    {"a . b@c", "a.  b,-,MISSING_MAILBOX,MISSING_DOMAIN;"},
    {".a..b.@c", "-,-,.a..b.,c;"},
    {"a@[1.2.3.4]", "-,-,a,[1.2.3.4];"},
    {"<@a,@b:c@d>", "-,@a,@b,c,d;"},
    {"<@a c@d>", "-,INVALID_ROUTE,c,d;"},
    {"g: a@b, C <c@d>;", "-,-,g,-;-,-,a,b;C,-,c,d;-,-,-,-;"},
    {"g:;, a@b", "-,-,g,-;-,-,-,-;-,-,a,b;"},
    {"undisclosed-recipients: ;", "-,-,undisclosed-recipients,-;-,-,-,-;"},
    {"a", "-,-,a,MISSING_DOMAIN;"},
    {"a b", "a b,-,MISSING_MAILBOX,MISSING_DOMAIN;"},
    {"A <>", "A,-,MISSING_MAILBOX,MISSING_DOMAIN;"},
    {"A <a@b", "A,-,a,SYNTAX_ERROR;"},
    {"a@", "-,-,a,MISSING_DOMAIN;"},
    {"a@b c@d", "-,-,a,b;"},
    {"a@b,", "-,-,a,b;"},
};

static void
put_str(struct buf *out, struct str s, char end)
{
	if (s.p == NULL)
		buf_putc(out, '-');
	else
		buf_str(out, s);
	buf_putc(out, end);
}

static void
t_parse(void)
{
	struct arena arena;
	struct addr *a;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		unit_row(lists[i].in);
		arena_init(&arena, 65536);
		buf_init(&out, 4096);
		CHECK_INT(addr_parse(str_c(lists[i].in), &arena, &a), 0);
		for (; a != NULL; a = a->next) {
			put_str(&out, a->name, ',');
			put_str(&out, a->route, ',');
			put_str(&out, a->mailbox, ',');
			put_str(&out, a->domain, ';');
		}
		CHECK_BUF(&out, lists[i].want);
		buf_clear(&out);
		arena_clear(&arena);
	}
}

/* NULL: refused. */
static const struct {
	const char *in;
	const char *want;
} specs[] = {
    {"", ""},
    {"a@b", "a@b "},
    {"A B <a@b.c>, \"D, E\" <d@e>", "a@b.c d@e "},
    {"a@b (c@d)", "a@b "},
    {"g: a@b, c@d;", "a@b c@d "},
    {"g:;", ""},
    {"\"a\"@b", "a@b "},
    {"\"a b\"@c", "\"a b\"@c "},
    {"\"a\\\"b\"@c", "\"a\\\"b\"@c "},
    {"\"a@b\"@c", "\"a@b\"@c "},
    {"<@x:a@b>", "a@b "},
    {"a@b,", "a@b "},
    {"a", NULL},
    {"a b", NULL},
    {"a@b c@d", NULL},
    {"a@b, c", NULL},
    {"A <>", NULL},
    {"A <a@b", NULL},
    {"a@b (", NULL},
    {"g: a@b", NULL},
    {"<a@b> c@d", NULL},
    {"\"a\x01\"@b", NULL},
    {"a@[b@c]", NULL},
};

static void
t_specs(void)
{
	struct arena arena;
	struct str *list;
	struct buf out;
	size_t i, j, n;

	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		unit_row(specs[i].in);
		arena_init(&arena, 65536);
		buf_init(&out, 4096);
		if (specs[i].want == NULL) {
			CHECK_INT(
			    addr_specs(str_c(specs[i].in), &arena, &list, &n),
			    -1);
		} else {
			CHECK_INT(
			    addr_specs(str_c(specs[i].in), &arena, &list, &n),
			    0);
			for (j = 0; j < n; j++) {
				buf_str(&out, list[j]);
				buf_putc(&out, ' ');
			}
			CHECK_BUF(&out, specs[i].want);
		}
		buf_clear(&out);
		arena_clear(&arena);
	}
}

static void
t_full_arena(void)
{
	struct arena arena;
	struct addr *a;
	struct str *list;
	size_t n;

	arena_init(&arena, 1);
	CHECK_INT(addr_parse(STR("a@b"), &arena, &a), -1);
	CHECK_INT(addr_specs(STR("a@b"), &arena, &list, &n), -1);
	arena_clear(&arena);
}

/* A list without end has one, and is no list to decide by; in groups, too. */
static void
t_endless(void)
{
	enum { N = 4 << 20 };
	static char text[N];
	struct arena arena;
	struct addr *a;
	struct str *list;
	size_t n;

	memset(text, ',', sizeof(text));
	arena_init(&arena, 64 << 20);
	CHECK_INT(addr_parse(str_of(text, N), &arena, &a), 0);
	for (n = 0; a != NULL; a = a->next)
		n++;
	CHECK_UINT(n, ADDR_MAX);
	CHECK_INT(addr_specs(str_of(text, N), &arena, &list, &n), -1);
	memcpy(text, "a:b", 3);
	CHECK_INT(addr_parse(str_of(text, N), &arena, &a), 0);
	arena_clear(&arena);
}

static void
t_compare(void)
{
	CHECK(addr_same(STR("A@b.C"), STR("a@B.c")));
	CHECK(!addr_same(STR("a@b.c"), STR("a@b.cd")));
	CHECK_STR(addr_domain(STR("\"a@x\"@b")), "b");
	CHECK_STR(addr_domain(STR("a")), "");
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"parse", t_parse},
	    {"specs", t_specs},
	    {"full_arena", t_full_arena},
	    {"endless", t_endless},
	    {"compare", t_compare},
	    {NULL, NULL},
	};

	return (unit_main("addr", tests));
}
