#include "config.h"

#include <string.h>

#include "mail/html.h"
#include "mail/preview.h"
#include "unit.h"

static void
t_html(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"", ""},
	    {"a<b>b</b>c<!-- > -->d<!x>e", "a b c d e"},
	    {"<p><i>a", "a"},
	    {"a <p>b\n<p>c", "a b\nc"},
	    {"x<script a='>'>y</Script>z<style>q", "x z "},
	    {"<scripts>z", "z"},
	    {"<blockquote>q<p>r\ns</blockquote>t", "\n>q\n>r\ns\nt"},
	    {"</blockquote>t", "t"},
	    {"&amp;&lt;&nbsp;&yuml;&euro;&#65;&#x42;&#x1F600;",
	        "&<\xc2\xa0\xc3\xbf\xe2\x82\xac"
	        "AB\xf0\x9f\x98\x80"},
	    {"&#0;&#xd800;&#x110000;&#9999999;&#;&#x;&#x\x11;&nix;", ""},
	    {"& a &b c&", " a b c"},
	    {"a &bcdefghijk", "a "},
	    {"a &bcdefghijkl", "a bcdefghijkl"},
	    {"<unclosed 'x", ""},
	    {"<!--", ""},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 1000);
		html_text(str_c(rows[i].in), &out);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
	}
}

static void
t_preview(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"\r\nHello  world\r\n\r\n next\tline\r\n",
	        "Hello world next line"},
	    {"\r\n> quoted\r\nreal\r\n", "real"},
	    {"\r\n> quoted\r\n>> deep", ">quoted > deep"},
	    {"\r\n", ""},
	    {"", ""},
	    {"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>a&amp;b",
	        "a&b"},
	    {"Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\n<p>a",
	        "a"},
	    {"MIME-Version: 1.0\r\nContent-Type: text/plain; "
	     "charset=iso-8859-1\r\n"
	     "Content-Transfer-Encoding: quoted-printable\r\n\r\nf=FCr",
	        "f\xc3\xbcr"},
	    {"MIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\nx", ""},
	    {"MIME-Version: 1.0\r\n"
	     "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
	     "--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n"
	     "--c\r\n\r\np\r\n--c--\r\n"
	     "--b\r\nContent-Type: text/x\r\n\r\nx\r\n--b--\r\n",
	        "x"},
	    {"MIME-Version: 1.0\r\n"
	     "Content-Type: multipart/digest; boundary=b\r\n\r\n"
	     "--b\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nc\r\n"
	     "--b\r\n\r\nD: e\r\n\r\nf\r\n--b--\r\n",
	        "D: e f"},
	    /* read as for a search: the first charset, no MIME-Version */
	    {"Content-Type: text/plain; charset=iso-8859-1\r\n"
	     "Content-Type: text/plain; charset=utf-8\r\n\r\nf\xfcr",
	        "f\xc3\xbcr"},
	    {"Content-Transfer-Encoding:\r\n\tbase64\r\n\r\naGk=", "hi"},
	    {"Content-Transfer-Encoding: base64 x\r\n\r\naGk=", ""},
	    {"Content-Type: text/plain; charset=x-none\r\n\r\nhi", "hi"},
	    {"MIME-Version: 1.0\r\n"
	     "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
	     "--b\r\nContent-Type: text/html\r\n\r\nh\r\n"
	     "--b\r\n\r\np\r\n--b--\r\n",
	        "p"},
	};
	struct view *v;
	struct blob *text;
	struct err err;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		text = blob_copy(rows[i].in, strlen(rows[i].in));
		v = view_new(text, &err);
		blob_unref(text);
		buf_init(&out, 1000);
		CHECK_INT(preview_make(v, &out), 0);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
		view_free(v);
	}
}

/* Of a long message: what comes late counts where it would be chosen. */
static void
t_long(void)
{
	static const struct {
		const char *first;
		const char *body; /* before much that is no word ... */
		const char *more; /* ... and after it */
		const char *want;
	} rows[] = {
	    {"mixed", "\r\nhello\r\n--b\r\nContent-Type: x/y\r\n\r\n",
	        "\r\n--b\r\n\r\nlate\r\n--b--\r\n", "hello"},
	    {"mixed", "Content-Type: x/y\r\n\r\n",
	        "\r\n--b\r\n\r\nlate\r\n--b--\r\n", "late"},
	    {"alternative", "Content-Type: text/html\r\n\r\n<p>first<p>",
	        "\r\n--b\r\n\r\nlate\r\n--b--\r\n", "late"},
	    {"alternative", "Content-Type: text/html\r\n\r\n<p>first<p>",
	        "\r\n--b\r\nContent-Type: text/x\r\n\r\nlate\r\n--b--\r\n",
	        "first"},
	    {"mixed", "\r\n> quoted\r\n", "\r\nlate\r\n--b--\r\n", "late"},
	};
	struct blob *text;
	struct buf in, out;
	struct view *v;
	size_t i, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].body);
		buf_init(&in, 1 << 20);
		buf_init(&out, 1000);
		buf_printf(&in,
		    "MIME-Version: 1.0\r\nContent-Type: multipart/%s;"
		    " boundary=b\r\n\r\n--b\r\n%s",
		    rows[i].first, rows[i].body);
		for (n = 0; n < 100000; n++)
			buf_puts(&in, " \r\n");
		buf_puts(&in, rows[i].more);
		text = blob_copy(in.data, in.len);
		v = view_new(text, NULL);
		CHECK(v != NULL && preview_make(v, &out) == 0);
		CHECK_BUF(&out, rows[i].want);
		view_free(v);
		blob_unref(text);
		buf_clear(&in);
		buf_clear(&out);
	}
}

/* A type of many parameters does not keep it from being made. */
static void
t_long_type(void)
{
	struct blob *text;
	struct view *v;
	struct buf in, out;
	int i;

	buf_init(&in, 1 << 20);
	buf_init(&out, 1000);
	buf_puts(&in, "MIME-Version: 1.0\r\nContent-Type: text/plain");
	for (i = 0; i < 5000; i++)
		buf_puts(&in, ";a=b");
	buf_puts(&in, "\r\n\r\nhello\r\n");
	text = blob_copy(in.data, in.len);
	v = view_new(text, NULL);
	CHECK(v != NULL && preview_make(v, &out) == 0);
	CHECK_BUF(&out, "hello");
	view_free(v);
	blob_unref(text);
	buf_clear(&out);
	buf_clear(&in);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"words of HTML", t_html},
	    {"first words", t_preview},
	    {"long", t_long},
	    {"long type", t_long_type},
	    {NULL, NULL},
	};

	return (unit_main("t_preview", tests));
}
