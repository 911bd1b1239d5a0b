#include "config.h"

#include "unit.h"

#include <string.h>

#include "mail/part.h"

/*
 * A tree is written as type(body length,lines) with children in braces; the
 * answers are those of Dovecot's BODYSTRUCTURE.
 */
static const struct {
	const char *name;
	const char *in;
	const char *want;
} trees[] = {
    {"empty", "", "text/plain(0,0)"},
    {"no header", "\r\nab\r\n", "text/plain(4,1)"},
    {"only a header", "A: b\r\n", "text/plain(0,0)"},
    {"not MIME", "A: b\r\n\r\nab\r\nc", "text/plain(5,1)"},
    {"type", "Content-Type: a/b\r\n\r\nx", "a/b(1,0)"},
    {"broken type", "Content-Type: x\r\n\r\nx", "x/(1,0)"},
    {"first type counts", "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\nx",
        "a/b(1,0)"},
    {"two parts",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        "pre\r\n--x\r\n\r\none\r\n--x\r\nContent-Type: a/b\r\n\r\n"
        "two\r\n\r\n--x--\r\npost\r\n",
        "multipart/mixed(63,11){text/plain(3,0)a/b(5,1)}"},
    {"no last boundary",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        "--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n",
        "multipart/mixed(24,6){text/plain(3,0)text/plain(5,1)}"},
    {"no boundary parameter", "Content-Type: multipart/mixed\r\n\r\n--\r\n",
        "multipart/mixed(4,1)"},
    {"no parts", "Content-Type: multipart/mixed; boundary=x\r\n\r\nab\r\n",
        "multipart/mixed(4,1)"},
    {"boundary by prefix",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        "--xyz\r\n\r\none\r\n--x--abc\r\n",
        "multipart/mixed(24,4){text/plain(3,0)}"},
    {"bare LF",
        "Content-Type: multipart/mixed; boundary=x\n\n"
        "--x\n\none\n--x--\n",
        "multipart/mixed(15,4){text/plain(3,0)}"},
    {"header cut by a boundary",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        "--x\r\nA: b\r\n--x\r\n\r\n--x--",
        "multipart/mixed(23,4){text/plain(0,0)text/plain(0,0)}"},
    {"nested, inner not ended",
        "Content-Type: multipart/a; boundary=x\r\n\r\n--x\r\n"
        "Content-Type: multipart/b; boundary=y\r\n\r\n--y\r\n\r\none\r\n"
        "--x\r\n\r\ntwo\r\n--x--\r\n",
        "multipart/a(77,10){multipart/b(10,2){text/plain(3,0)}"
        "text/plain(3,0)}"},
    {"same boundary twice",
        "Content-Type: multipart/a; boundary=x\r\n\r\n--x\r\n"
        "Content-Type: multipart/b; boundary=x\r\n\r\n--x\r\n\r\none\r\n"
        "--x--\r\n--x--\r\n",
        "multipart/a(72,8){multipart/b(19,4){text/plain(3,0)}}"},
    {"message", "Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx\r\n",
        "message/rfc822(11,3){text/plain(3,1)}"},
    {"message without anything", "Content-Type: message/rfc822\r\n",
        "message/rfc822(0,0){text/plain(0,0)}"},
    {"digest",
        "Content-Type: multipart/digest; boundary=x\r\n\r\n"
        "--x\r\n\r\nA: b\r\n\r\nc\r\n--x\r\nContent-Type: a/b\r\n\r\nd\r\n"
        "--x--",
        "multipart/digest(52,9){message/rfc822(9,2){text/plain(1,0)}"
        "a/b(1,0)}"},
    {"empty message before a boundary: its line end stays outside",
        "Content-Type: multipart/digest; boundary=x\r\n\r\n"
        "--x\r\n\r\nA: b\r\n\r\n--x--",
        "multipart/digest(20,4){message/rfc822(8,2){text/plain(0,0)}}"},
    {"boundary with an end but no line end",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x",
        "multipart/mixed(3,0)"},
};

static void
put_tree(struct buf *out, const struct part *p)
{
	const struct part *c;

	buf_str(out, p->type);
	buf_putc(out, '/');
	buf_str(out, p->subtype);
	buf_printf(out, "(%zu,%zu)", p->body.len, p->lines);
	if (p->child == NULL)
		return;
	buf_putc(out, '{');
	for (c = p->child; c != NULL; c = c->next)
		put_tree(out, c);
	buf_putc(out, '}');
}

static void
t_trees(void)
{
	struct arena arena;
	struct part *root;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		unit_row(trees[i].name);
		arena_init(&arena, 65536);
		buf_init(&out, 4096);
		root =
		    part_parse(str_c(trees[i].in), &arena, &part_limits, NULL);
		if (CHECK(root != NULL)) {
			put_tree(&out, root);
			CHECK_BUF(&out, trees[i].want);
			CHECK_UINT(part_whole(root).len, strlen(trees[i].in));
		}
		buf_clear(&out);
		arena_clear(&arena);
	}
}

static void
t_depth(void)
{
	struct part_limits limits = {3, 100};
	struct part *root, *p;
	struct arena arena;
	struct buf text;
	int i;

	buf_init(&text, 65536);
	for (i = 0; i < 10; i++)
		buf_puts(&text, "Content-Type: message/rfc822\r\n\r\n");
	arena_init(&arena, 65536);
	root = part_parse(buf_text(&text), &arena, &limits, NULL);
	CHECK(root != NULL);
	for (i = 0, p = root; p->child != NULL; p = p->child)
		i++;
	CHECK_INT(i, 2);
	CHECK(p->truncated);
	CHECK_INT(p->kind, PART_LEAF);
	arena_clear(&arena);
	buf_clear(&text);
}

static void
t_count(void)
{
	struct part_limits limits = {50, 4};
	struct part *root, *p;
	struct arena arena;
	struct buf text;
	int i;

	buf_init(&text, 65536);
	buf_puts(&text, "Content-Type: multipart/mixed; boundary=x\r\n\r\n");
	for (i = 0; i < 10; i++)
		buf_puts(&text, "--x\r\n\r\na\r\n");
	arena_init(&arena, 65536);
	root = part_parse(buf_text(&text), &arena, &limits, NULL);
	CHECK(root != NULL);
	for (i = 0, p = root->child; p != NULL; p = p->next)
		i++;
	CHECK_INT(i, 3);
	arena_clear(&arena);
	buf_clear(&text);
}

static void
t_full_arena(void)
{
	struct arena arena;
	struct err err;

	arena_init(&arena, 10);
	CHECK(part_parse(STR("a: b"), &arena, &part_limits, &err) == NULL);
	CHECK_INT(err.code, ERR_LIMIT);
	arena_clear(&arena);
}

static void
t_walk(void)
{
	struct str in = STR("Content-Type: multipart/mixed; boundary=x\r\n\r\n"
	                    "--x\r\nContent-Type: message/rfc822\r\n\r\n\r\na"
	                    "\r\n--x\r\n\r\nb\r\n--x--\r\n");
	struct part *root, *p;
	struct arena arena;
	int n = 0;

	arena_init(&arena, 65536);
	root = part_parse(in, &arena, &part_limits, NULL);
	for (p = root; p != NULL; p = part_after(root, p))
		n++;
	CHECK_INT(n, 4);
	CHECK(part_is(root, "multipart/"));
	CHECK(part_is(root->child, "message/rfc822"));
	CHECK(part_after(root->child, root->child->child) == NULL);
	arena_clear(&arena);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"trees", t_trees},
	    {"depth", t_depth},
	    {"count", t_count},
	    {"full_arena", t_full_arena},
	    {"walk", t_walk},
	    {NULL, NULL},
	};

	return (unit_main("part", tests));
}
