#include "config.h"

#include "unit.h"

#include <stdlib.h>

#include "mail/view.h"

#define STATUS "Waxwing-Status: ours\r\n"

static const struct {
	const char *name;
	const char *wire;
	const char *entity;
	const char *want;
} views[] = {
    {"usual",
        "From: a\r\nContent-Type: application/pkcs7-mime\r\nTo: b\r\n c\r\n"
        "MIME-Version: 1.0\r\ncontent-disposition: x\r\nSubject: d\r\n\r\n"
        "MIAG\r\n",
        "Content-Type: text/plain\r\n\r\nhello\r\n",
        "From: a\r\nTo: b\r\n c\r\nSubject: d\r\n"
        "Content-Type: text/plain\r\n\r\nhello\r\n"},
    {"bare LF in both", "From: a\nTo: b\n c\n\nx",
        "Content-Type: a/b\n\nx\ny\r\nz",
        "From: a\r\nTo: b\r\n c\r\nContent-Type: a/b\r\n\r\nx\r\ny\r\nz"},
    {"claims outside",
        "From: a\r\nwaxwing-status: fake\r\n folded\r\n"
        "Authentication-Results: us.id; smime=pass\r\n"
        "Authentication-Results: other; dkim=pass\r\n\r\n",
        "\r\nx",
        "From: a\r\nAuthentication-Results: other; dkim=pass\r\n\r\nx"},
    {"claims inside", "From: a\r\n\r\n",
        "Waxwing-Status: fake\r\nContent-Type: a/b\r\n"
        "Authentication-Results: US.ID; x\r\nA: b\r\n\r\n"
        "Waxwing-Status: body\r\n",
        "From: a\r\nContent-Type: a/b\r\nA: b\r\n\r\n"
        "Waxwing-Status: body\r\n"},
    {"no header inside", "From: a\r\n\r\n", "\r\nhello",
        "From: a\r\n\r\nhello"},
    {"entity begins with a blank", "From: a\r\n\r\n", " b: c\r\n\r\nx",
        "From: a\r\n\r\n b: c\r\n\r\nx"},
    {"wire without line end", "From: a", "Content-Type: a/b\r\n\r\nx",
        "From: a\r\nContent-Type: a/b\r\n\r\nx"},
    {"claims behind a CR alone",
        "From: a\r\nX: b\rwaxwing-status: c\r\n"
        "Y: d\rAuthentication-Results : x\r\n us.id\r\nZ: e\rf: g\r\n\r\n",
        "\r\nx", "From: a\r\nZ: e\rf: g\r\n\r\nx"},
    {"white space first", " ; signature=good\r\n\tx\r\nFrom: a\r\n\r\n",
        "\r\nx", "From: a\r\n\r\nx"},
    {"empty entity", "From: a\r\n\r\n", "", "From: a\r\n"},
    {"CR alone stays", "From: a\r\n\r\n", "\r\nb\rc\r\n",
        "From: a\r\n\r\nb\rc\r\n"},
};

static void
t_build(void)
{
	struct view_source src = {.status = STR(STATUS),
	    .authserv = STR("us.id")};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		unit_row(views[i].name);
		buf_init(&out, 4096);
		src.wire = str_c(views[i].wire);
		src.entity = str_c(views[i].entity);
		CHECK_INT(view_build(&src, &out, NULL, NULL), 0);
		if (CHECK(out.len >= sizeof(STATUS) - 1)) {
			buf_drop(&out, sizeof(STATUS) - 1);
			CHECK_BUF(&out, views[i].want);
		}
		buf_clear(&out);
	}
}

static void
t_nul(void)
{
	struct view_source src = {.wire = STR("A: b\0c\r\n\r\n"),
	    .entity = STR("\r\nd\0\0e")};
	struct buf out;

	buf_init(&out, 4096);
	CHECK_INT(view_build(&src, &out, NULL, NULL), 0);
	CHECK_BUF(&out, "A: b\x80"
	                "c\r\n\r\nd\x80\x80"
	                "e");
	buf_clear(&out);
}

static void
t_limit(void)
{
	struct view_source src = {.wire = STR("A: b\r\n\r\n"),
	    .entity = STR("\r\nabcdef")};
	struct buf out;
	struct err err;

	buf_init(&out, 10);
	CHECK_INT(view_build(&src, &out, NULL, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&out);
}

static void
check_rest(char *body, size_t len, bool stays)
{
	struct view_source src = {.wire = STR("A: b\r\n\r\n"),
	    .entity = STR("C: d\r\n\r\n"),
	    .body = str_of(body, len)};
	struct buf out, whole;
	struct str rest;

	buf_init(&out, 1 << 20);
	buf_init(&whole, 1 << 20);
	CHECK_INT(view_build(&src, &whole, NULL, NULL), 0);
	CHECK_INT(view_build(&src, &out, &rest, NULL), 0);
	CHECK_INT(rest.len > 0, stays);
	CHECK(rest.len == 0 || rest.p == body);
	buf_str(&out, rest);
	CHECK_BUF_EQ(&out, buf_text(&whole));
	buf_clear(&whole);
	buf_clear(&out);
}

static void
t_rest(void)
{
	size_t i, n = 128UL * 1024;
	char *body = malloc(n);
	struct view_source src = {.body = str_of(body, n)};
	struct str rest;
	struct buf out;
	struct err err;

	for (i = 0; i < n; i++)
		body[i] = "0123456789abcd\r\n"[i % 16];
	unit_row("long");
	check_rest(body, n, true);
	unit_row("short");
	check_rest(body, 100, false);
	unit_row("LF alone");
	body[n - 2] = 'e';
	check_rest(body, n, false);
	body[n - 2] = '\r';
	body[0] = '\n';
	check_rest(body, n, false);
	body[0] = '0';
	unit_row("NUL");
	body[n / 2] = '\0';
	check_rest(body, n, false);
	body[n / 2] = '0';
	unit_row("beyond the limit");
	buf_init(&out, n - 1);
	CHECK_INT(view_build(&src, &out, &rest, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&out);
	free(body);
}

static void
t_unopened(void)
{
	struct buf out;

	buf_init(&out, 4096);
	CHECK_INT(view_unopened(STR(STATUS),
	              STR("A: b\nWaxwing-Status: no\nMIME-Version: 1.0\n\nx\n"),
	              STR("us.id"), &out, NULL),
	    0);
	CHECK_BUF(&out, STATUS "A: b\r\nMIME-Version: 1.0\r\n\r\nx\r\n");
	buf_reset(&out);
	CHECK_INT(view_unopened(STR(STATUS), STR(" fake\r\nA: b\r\n\r\n x"),
	              STR(""), &out, NULL),
	    0);
	CHECK_BUF(&out, STATUS "A: b\r\n\r\n x");
	buf_clear(&out);
}

static void
t_view(void)
{
	struct blob *text;
	struct view *v;

	text = blob_copy("A: b\r\n\r\nc\r\n", 11);
	v = view_new(text, NULL);
	blob_unref(text);
	if (!CHECK(v != NULL))
		return;
	CHECK_UINT(view_root(v)->head.len, 8);
	CHECK_UINT(view_root(v)->body.len, 3);
	CHECK_UINT(view_text(v).len, 11);
	view_free(v);
	view_free(NULL);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"build", t_build},
	    {"nul", t_nul},
	    {"limit", t_limit},
	    {"rest", t_rest},
	    {"unopened", t_unopened},
	    {"view", t_view},
	    {NULL, NULL},
	};

	return (unit_main("view", tests));
}
