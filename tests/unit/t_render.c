#include "config.h"

#include "unit.h"

#include <string.h>

#include "base/limits.h"
#include "imap/render.h"

/* What the oracle finds in a Dovecot, in small. */
static const struct {
	const char *name;
	const char *mail;
	const char *envelope;
	const char *structure;
} mails[] = {
    {"empty", "\r\n", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 "
        "NIL NIL NIL NIL)"},
    {"plain",
        "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nFrom: A <a@b>\r\n"
        "Subject: x\r\n y\r\nTo: c@d\r\nTo: e@f\r\nMessage-ID: <m>\r\n\r\n"
        "hi\r\n",
        "(\"Mon, 1 Jan 2024 00:00:00 +0000\" {3}\r\nx y "
        "((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) "
        "((\"A\" NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")(NIL NIL \"e\" "
        "\"f\")) NIL NIL NIL \"<m>\")",
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 1 "
        "NIL NIL NIL NIL)"},
    {"all fields",
        "Content-Type: TEXT/HTML; charset=utf-8; x*0=a; x*1=b\r\n"
        "Content-Transfer-Encoding: Quoted-Printable\r\n"
        "Content-ID: <i>\r\nContent-Description: d\r\n e\r\n"
        "Content-MD5: q\r\nContent-Disposition: inline; filename=f\r\n"
        "Content-Language: de, en\r\nContent-Location: l\r\n\r\nx",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(\"TEXT\" \"HTML\" (\"charset\" \"utf-8\" \"x\" \"ab\") \"<i>\" "
        "\"d e\" \"Quoted-Printable\" 1 0 \"q\" (\"inline\" (\"filename\" "
        "\"f\")) (\"de\" \"en\") \"l\")"},
    {"fields without MIME", "Content-ID: <i>\r\n\r\n",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 "
        "NIL NIL NIL NIL)"},
    {"simplest in other letters",
        "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n"
        "Content-Transfer-Encoding: 7BIT\r\n\r\n",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 "
        "NIL NIL NIL NIL)"},
    {"text gets a charset", "Content-Type: text/plain; format=flowed\r\n\r\n",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(\"text\" \"plain\" (\"format\" \"flowed\" \"charset\" \"us-ascii\") "
        "NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)"},
    {"half a type", "Content-Type: multipart\r\n\r\n",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 0 "
        "NIL NIL NIL NIL)"},
    {"no type", "Content-Type: ;\r\n\r\n",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(\"\" \"\" NIL NIL NIL \"7bit\" 0 NIL NIL NIL NIL)"},
    {"multipart without parts", "Content-Type: multipart/x\r\n\r\n",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 "
        "NIL NIL NIL NIL) \"x\" NIL NIL NIL NIL)"},
    {"message in multipart",
        "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nt\r\n--b--\r\n",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL \"s\" NIL NIL "
        "NIL NIL NIL NIL NIL NIL) (\"text\" \"plain\" (\"charset\" "
        "\"us-ascii\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) 2 NIL NIL NIL "
        "NIL) \"x\" (\"boundary\" \"b\") NIL NIL NIL)"},
};

static struct view *
view_of(const char *mail)
{
	struct blob *text = blob_copy(mail, strlen(mail));
	struct view *v = view_new(text, NULL);

	blob_unref(text);
	return (v);
}

static void
t_render(void)
{
	struct view *v;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		unit_row(mails[i].name);
		buf_init(&out, 65536);
		if (!CHECK((v = view_of(mails[i].mail)) != NULL))
			continue;
		CHECK_INT(render_envelope(v, &out), 0);
		CHECK_BUF(&out, mails[i].envelope);
		buf_reset(&out);
		CHECK_INT(render_structure(v, &out), 0);
		CHECK_BUF(&out, mails[i].structure);
		view_free(v);
		buf_clear(&out);
	}
}

static const struct {
	const char *mail;
	const char *item;
	const char *want;
} parts[] = {
    {"A: b\r\nC: d\r\n e\r\n\r\nx", "BODY[]",
        "BODY[] {19}\r\n"
        "A: b\r\nC: d\r\n e\r\n\r\nx"},
    {"A: b\r\n\r\nx", "BODY.PEEK[]<2.3>", "BODY[]<2> {3}\r\n b\r"},
    {"A: b\r\n\r\nx", "BODY[]<99.3>", "BODY[]<99> {0}\r\n"},
    {"A: b\r\n\r\nx", "BODY[7]", "BODY[7] {0}\r\n"},
    {"A: b\r\nC: d\r\n e\r\n\r\nx", "BODY[HEADER.FIELDS (c)]",
        "BODY[HEADER.FIELDS (C)] {12}\r\nC: d\r\n e\r\n\r\n"},
    {"A: b\r\nC: d\r\n e\r\n\r\nx", "BODY[HEADER.FIELDS.NOT (c)]<1.4>",
        "BODY[HEADER.FIELDS.NOT (C)]<1> {4}\r\n: b\r"},
    {"A: b\r\n\r\nx", "BODY[HEADER.FIELDS (c)]",
        "BODY[HEADER.FIELDS (C)] {2}\r\n\r\n"},
    {"nonsense\r\n\r\nx", "BODY[HEADER.FIELDS.NOT (c)]",
        "BODY[HEADER.FIELDS.NOT (C)] {12}\r\nnonsense\r\n\r\n"},
    /* Only a wanted subset of the whole message's header gets its end. */
    {"A: b", "BODY[HEADER.FIELDS (a)]",
        "BODY[HEADER.FIELDS (A)] {8}\r\nA: b\r\n\r\n"},
    {"A: b\r\n", "BODY[HEADER.FIELDS (c)]",
        "BODY[HEADER.FIELDS (C)] {2}\r\n\r\n"},
    {"A: b", "BODY[HEADER.FIELDS.NOT (c)]",
        "BODY[HEADER.FIELDS.NOT (C)] {4}\r\nA: b"},
};

static void
t_section(void)
{
	struct section sec;
	struct arena arena;
	struct view *v;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		unit_row(parts[i].item);
		arena_init(&arena, 65536);
		buf_init(&out, 65536);
		v = view_of(parts[i].mail);
		CHECK(section_parse(str_c(parts[i].item), &arena, &sec) > 0);
		CHECK_INT(render_section(v, &sec, &out), 0);
		CHECK_BUF(&out, parts[i].want);
		view_free(v);
		buf_clear(&out);
		arena_clear(&arena);
	}
}

static void
t_full(void)
{
	struct view *v = view_of("Subject: abcdefghijklmnop\r\n\r\n");
	struct buf out;

	buf_init(&out, 20);
	CHECK_INT(render_envelope(v, &out), -1);
	buf_clear(&out);
	buf_init(&out, 20);
	CHECK_INT(render_structure(v, &out), -1);
	buf_clear(&out);
	view_free(v);
}

static void
t_items(void)
{
	const struct item_kind *k;
	struct buf out;
	struct view *v;

	CHECK(item_find(STR("NONSENSE")) == NULL);
	k = item_find(STR("flags"));
	CHECK(k != NULL && k->source == FROM_SERVER);
	k = item_find(STR("Rfc822.Peek"));
	CHECK(k != NULL && k->section != NULL && k->section->peek);
	k = item_find(STR("rfc822"));
	CHECK(k != NULL && k->section != NULL && !k->section->peek);
	k = item_find(STR("RFC822.SIZE"));
	if (!CHECK(k != NULL && k->render != NULL))
		return;
	v = view_of("A: b\r\n\r\nx");
	buf_init(&out, 20);
	CHECK_INT(k->render(v, &out), 0);
	CHECK_BUF(&out, "9");
	buf_clear(&out);
	view_free(v);
}

/* Fields of nothing but commas: there is an answer all the same. */
static void
t_commas(void)
{
	enum { N = 1 << 20 };
	static char text[20 * N + 100];
	struct blob *blob;
	struct view *v;
	struct buf out;
	int i;

	memset(text, ',', sizeof(text));
	for (i = 0; i < 20; i++)
		memcpy(text + i * N,
		    i == 0 ? "To:" : "\r\nTo:", i == 0 ? 3 : 5);
	memcpy(text + sizeof(text) - 4, "\r\n\r\n", 4);
	blob = blob_copy(text, sizeof(text));
	v = view_new(blob, NULL);
	buf_init(&out, 64 << 20);
	CHECK(v != NULL && render_envelope(v, &out) == 0);
	CHECK(out.len < 4 << 20);
	buf_clear(&out);
	view_free(v);
	blob_unref(blob);
}

/* Messages in messages, with long fields each: their memory is one. */
static void
t_nested(void)
{
	enum { DEPTH = 40, PARAMS = 200000 };
	struct blob *blob;
	struct view *v;
	struct buf text, out;
	int i, n;

	buf_init(&text, LIMIT_MESSAGE);
	for (i = 0; i < DEPTH; i++) {
		buf_puts(&text, "Content-Type: message/rfc822\r\n"
		                "Content-Disposition: inline");
		for (n = 0; n < PARAMS; n++)
			buf_puts(&text, ";a=b");
		buf_puts(&text, "\r\n\r\n");
	}
	blob = blob_copy(text.data, text.len);
	v = view_new(blob, NULL);
	buf_init(&out, LIMIT_MESSAGE);
	CHECK(v != NULL && render_structure(v, &out) == -1);
	buf_clear(&out);
	buf_clear(&text);
	view_free(v);
	blob_unref(blob);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"render", t_render},
	    {"section", t_section},
	    {"full", t_full},
	    {"items", t_items},
	    {"commas", t_commas},
	    {"nested", t_nested},
	    {NULL, NULL},
	};

	return (unit_main("render", tests));
}
