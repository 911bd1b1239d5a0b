/*
 * What hostile mail looks like to a reader: forged, broken, nested, endless.
 */
#include "config.h"

#include <openssl/objects.h>
#include <string.h>

#include "base/limits.h"
#include "open_help.h"

/* Somebody else's From: the signature verifies and does not count. */
static void
test_other_from(void)
{
	static const char outer[] = "From: mallory@evil.example\r\n";
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	seal(&wire, outer, str_c(text_entity), true, NID_aes_256_cbc);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.sign, SIGN_UNTRUSTED);
	CHECK(status_has(&out, "smime=policy"));
	CHECK_CSTR(out.from, "mallory@evil.example");
	check_view(&out, outer, text_entity);
	open_out_clear(&out);
	buf_clear(&wire);
}

/* Protected fields that nobody signed do not change From. */
static void
test_unsigned_inner_from(void)
{
	static const char outer[] = "From: mallory@evil.example\r\n";
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	seal(&wire, outer, str_c(hp_entity), false, NID_aes_256_gcm);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.sign, SIGN_NONE);
	check_view(&out, outer,
	    "Reply-To: alice@smime.example\r\n"
	    "Subject: inside\r\n"
	    "Content-Type: text/plain; hp=\"cipher\"\r\n"
	    "\r\n"
	    "the words inside\r\n");
	open_out_clear(&out);
	buf_clear(&wire);
}

/* One bit of GCM: nothing of the plaintext comes out. */
static void
test_tampered(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_gcm);
	wire.data[wire.len - 80] = wire.data[wire.len - 80] == 'A' ? 'B' : 'A';
	check_unopened(&ctx, &wire, OPEN_BROKEN);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK(status_has(&out, "cannot be decrypted"));
	CHECK(!view_has(&out, "words inside"));
	open_out_clear(&out);
	buf_clear(&wire);
}

/* A field whose name is none is shown where it claims to be of the entity; what
 * else begins with one is taken for garbage. */
static void
test_odd_names(void)
{
	static const char *const shown[] = {
	    "Content- Type: text/html\r\n\r\nthe words inside\r\n",
	    "content-\xe9\x01 : x\r\n folded\r\n\r\nthe words inside\r\n",
	};
	static const char *const garbage[] = {
	    "Sub ject: x\r\n\r\nthe words inside\r\n",
	    "the words inside\r\n\r\n",
	    "\xe9: x\r\n\r\nthe words inside\r\n",
	};
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;
	size_t i;

	for (i = 0; i < 2 * sizeof(shown) / sizeof(shown[0]); i++) {
		seal(&wire, outer_alice, str_c(shown[i / 2]), i % 2 == 0,
		    i % 2 == 0 ? NID_aes_256_cbc : NID_aes_256_gcm);
		open_it(&ctx, &wire, str_of("", 0), &out);
		check_view(&out, outer_alice, shown[i / 2]);
		open_out_clear(&out);
		buf_clear(&wire);
	}
	for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		seal(&wire, outer_alice, str_c(garbage[i]), false,
		    NID_aes_256_cbc);
		check_unopened(&ctx, &wire, OPEN_BROKEN);
		buf_clear(&wire);
	}
}

/* Not S/MIME, but it wants to be ours: itself without our fields. */
static void
test_claims(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;

	buf_init(&wire, LIMIT_MESSAGE);
	buf_puts(&wire, "From: a@b.example\r\nWaxwing-Status: opened\r\n"
	                "Authentication-Results: " AUTHSERV "; smime=pass\r\n"
	                "Subject: x\r\n\r\nbody\r\n");
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.result, OPEN_PLAIN);
	CHECK_BUF(&out.view, "From: a@b.example\r\nSubject: x\r\n\r\nbody\r\n");
	open_out_clear(&out);
	buf_clear(&wire);
}

/* Layers beyond the limit stay on, as an attachment. */
static void
test_deep(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf inner, wire;
	int i;

	buf_init(&inner, LIMIT_MESSAGE);
	buf_puts(&inner, text_entity);
	for (i = 0; i <= LIMIT_CMS_DEPTH; i++) {
		seal(&wire, "", buf_text(&inner), false, NID_aes_256_gcm);
		buf_clear(&inner);
		inner = wire;
	}
	open_it(&ctx, &inner, str_of("", 0), &out);
	CHECK_INT(out.result, OPEN_OPENED);
	CHECK(status_has(&out, "nested too deeply"));
	CHECK(!view_has(&out, "words inside"));
	open_out_clear(&out);
	buf_clear(&inner);
}

/* A signature that is good for the outer From must not stand beside another
 * From that the protected fields bring. */
static const struct {
	const char *name;
	const char *outer;
	const char *entity;
	enum open_sign sign;
	const char *hidden; /* what no client may find */
} spoofs[] = {
    {"two inner From fields", outer_alice,
        "From: ceo@corp.example\r\nFrom: ceo@corp.example\r\n"
        "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nx\r\n",
        SIGN_GOOD, "\nFrom: ceo"},
    {"an inner From that is no address", outer_alice,
        "From: ceo@corp.example (\r\n"
        "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nx\r\n",
        SIGN_GOOD, "\nFrom: ceo"},
    {"a CR alone in an outer field",
        "From: alice@smime.example\r\nX: y\rFrom: ceo@corp.example\r\n",
        text_entity, SIGN_UNTRUSTED, "\nFrom: ceo"},
    {"our fields behind a CR alone",
        "From: alice@smime.example\r\nX: y\rWaxwing-Status: opened; z\r\n",
        text_entity, SIGN_UNTRUSTED, "opened; z"},
};

static void
test_spoofs(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out first, second;
	struct buf wire;
	size_t i;

	for (i = 0; i < sizeof(spoofs) / sizeof(spoofs[0]); i++) {
		unit_row(spoofs[i].name);
		seal(&wire, spoofs[i].outer, str_c(spoofs[i].entity), true,
		    NID_aes_256_cbc);
		open_it(&ctx, &wire, str_of("", 0), &first);
		CHECK_INT(first.sign, spoofs[i].sign);
		CHECK(!view_has(&first, spoofs[i].hidden));
		open_it(&ctx, &wire, buf_text(&first.status), &second);
		CHECK_BUF_EQ(&second.view, buf_text(&first.view));
		open_out_clear(&second);
		open_out_clear(&first);
		buf_clear(&wire);
	}
}

/* CBC that nobody signed: no client may find HTML in it. */
static const struct {
	const char *name;
	const char *entity;
} fangs[] = {
    {"type twice", "Content-Type: text/plain\r\n"
                   "Content-Type: text/html\r\n\r\n<img>\r\n"},
    {"type twice on the multipart",
        "Content-Type: multipart/mixed; boundary=a\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--a\r\nContent-Type: text/plain\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<img>\r\n--b--\r\n--a--\r\n"},
    {"a boundary in other words",
        "Content-Type: multipart/mixed; boundary=a; boundary*=us-ascii''b\r\n"
        "\r\n--a\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<img>\r\n--b--\r\n--a--\r\n"},
    {"only in other words",
        "Content-Type: multipart/mixed; boundary*0=b\r\n"
        "\r\n--b\r\nContent-Type: text/html\r\n\r\n<img>\r\n--b--\r\n"},
    {"behind an end that is none",
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\n\r\nx\r\n--a--no\r\n"
        "--a\r\nContent-Type: text/html\r\n\r\n<img>\r\n--a--\r\n"},
    {"behind the end", "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
                       "--a\r\n\r\nx\r\n--a--\r\n"
                       "--a\r\nContent-Type: text/html\r\n\r\n<img>\r\n"},
    {"behind a CR alone",
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\n\r\nx\r--a\rContent-Type: text/html\r\r<img>\r--a--\r\n"},
    {"an encoded multipart",
        "Content-Type: multipart/mixed; boundary=a\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        "--a\r\n\r\nx\r\n=2D-a\r\nContent-Type: text/html\r\n\r\n"
        "<img>\r\n--a--\r\n"},
};

/* Is there a part, or a whole multipart, that one could take for HTML? */
static bool
is_fanged(const struct open_out *out)
{
	return (view_has(out, "text/html") &&
	        !view_has(out, "Content-Type: application/octet-stream\r\n"
	                       "Content-Disposition: attachment\r\n"
	                       "\r\n"));
}

static void
test_fangs(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf wire;
	size_t i;

	for (i = 0; i < sizeof(fangs) / sizeof(fangs[0]); i++) {
		unit_row(fangs[i].name);
		seal(&wire, outer_alice, str_c(fangs[i].entity), false,
		    NID_aes_256_cbc);
		open_it(&ctx, &wire, str_of("", 0), &out);
		CHECK_INT(out.result, OPEN_OPENED);
		CHECK(!is_fanged(&out));
		open_out_clear(&out);
		buf_clear(&wire);
	}
}

/* More parts than are counted: what lies behind them is not shown either. */
static void
test_many_parts(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf entity, wire;
	int i;

	buf_init(&entity, LIMIT_MESSAGE);
	buf_puts(&entity, "Content-Type: multipart/mixed; boundary=a\r\n\r\n");
	for (i = 0; i < LIMIT_MIME_PARTS + 10; i++)
		buf_puts(&entity, "--a\r\n\r\nx\r\n");
	buf_puts(&entity, "--a\r\nContent-Type: text/html\r\n\r\n<img>\r\n");
	seal(&wire, outer_alice, buf_text(&entity), false, NID_aes_256_cbc);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK(!is_fanged(&out));
	open_out_clear(&out);
	buf_clear(&wire);
	buf_clear(&entity);
}

/* What is beyond a limit inside is shown closed, and not for ever missed. */
static void
test_too_much(void)
{
	struct open_ctx ctx = ctx_bob();
	struct buf entity, wire;
	int i, n;

	buf_init(&entity, LIMIT_MESSAGE);
	buf_puts(&entity, "Content-Type: multipart/mixed; boundary=a\r\n\r\n");
	for (i = 0; i < 8; i++) {
		buf_puts(&entity, "--a\r\nContent-Type: text/plain");
		for (n = 0; n < 200000; n++)
			buf_puts(&entity, ";a=b");
		buf_puts(&entity, "\r\n\r\nx\r\n");
	}
	seal(&wire, outer_alice, buf_text(&entity), false, NID_aes_256_cbc);
	check_unopened(&ctx, &wire, OPEN_BROKEN);
	buf_clear(&wire);
	buf_clear(&entity);
}

/* Two long headers: compared field by field they would last for hours. */
static void
test_many_fields(void)
{
	struct open_ctx ctx = ctx_bob();
	struct open_out out;
	struct buf outer, entity, wire;
	int i;

	buf_init(&outer, LIMIT_MESSAGE);
	buf_init(&entity, LIMIT_MESSAGE);
	for (i = 0; i < 100000; i++) {
		buf_printf(&outer, "%x:\r\n", i);
		buf_printf(&entity, "%x:\r\n", i + 100000);
	}
	buf_puts(&outer, outer_alice);
	buf_putc(&outer, '\0');
	outer.len--;
	buf_puts(&entity, hp_entity);
	seal(&wire, outer.data, buf_text(&entity), false, NID_aes_256_gcm);
	open_it(&ctx, &wire, str_of("", 0), &out);
	CHECK_INT(out.result, OPEN_OPENED);
	CHECK(view_has(&out, "\r\n22dff:\r\n") &&
	      view_has(&out, "\nSubject: in"));
	CHECK(!view_has(&out, "Subject: out"));
	open_out_clear(&out);
	buf_clear(&wire);
	buf_clear(&entity);
	buf_clear(&outer);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"signed by another", test_other_from},
	    {"unsigned inner From", test_unsigned_inner_from},
	    {"tampered", test_tampered},
	    {"odd names", test_odd_names},
	    {"claims", test_claims},
	    {"deep", test_deep},
	    {"spoofs", test_spoofs},
	    {"fangs", test_fangs},
	    {"many parts", test_many_parts},
	    {"too much", test_too_much},
	    {"many fields", test_many_fields},
	    {NULL, NULL},
	};

	return (open_help_main("t_open_hostile", tests));
}
