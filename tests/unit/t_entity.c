#include "config.h"

#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "smime_help.h"

static struct key *signer, *reader;

#define SIGNED_TYPE                                   \
	"Content-Type: multipart/signed; boundary=b;" \
	" protocol=\"application/pkcs7-signature\"\r\n\r\n"
#define SIG_PART "Content-Type: application/pkcs7-signature\r\n\r\n"

static const struct {
	const char *name;
	const char *text;
	int rc;
	enum entity_kind kind;
	const char *content;
	const char *cms;
} reads[] = {
    {"plain", "Content-Type: text/plain\r\n\r\nhi", 0, ENTITY_PLAIN, "", ""},
    {"no type", "Subject: x\r\n\r\nhi", 0, ENTITY_PLAIN, "", ""},
    {"empty", "", 0, ENTITY_PLAIN, "", ""},
    {"pkcs7-mime", "Content-Type: application/pkcs7-mime\r\n\r\nAAAA", 0,
        ENTITY_PKCS7, "", "AAAA"},
    {"x-pkcs7-mime", "Content-type: Application/X-PKCS7-Mime\n\nAAAA", 0,
        ENTITY_PKCS7, "", "AAAA"},
    {"by its name",
        "Content-Type: application/octet-stream; name=\"smime.P7M\"\r\n\r\nA",
        0, ENTITY_PKCS7, "", "A"},
    {"by its file name",
        "Content-Type: application/octet-stream\r\n"
        "Content-Disposition: attachment; filename=smime.p7m\r\n\r\nA",
        0, ENTITY_PKCS7, "", "A"},
    {"another octet-stream",
        "Content-Type: application/octet-stream; name=a.bin\r\n\r\nA", 0,
        ENTITY_PLAIN, "", ""},
    {"openpgp",
        "Content-Type: multipart/signed; boundary=b;"
        " protocol=\"application/pgp-signature\"\r\n\r\n--b\r\n",
        0, ENTITY_PLAIN, "", ""},
    {"signed",
        SIGNED_TYPE "--b\r\n\r\nhi\r\n\r\n--b\r\n" SIG_PART "AA\r\n--b--\r\n",
        0, ENTITY_SIGNED, "\r\nhi\r\n", "AA"},
    {"signed, LF",
        "Content-Type: multipart/signed; boundary=b;"
        " protocol=\"application/x-pkcs7-signature\"\n\n"
        "--b\n\nhi\n--b\nContent-Type: application/x-pkcs7-signature\n\nAA\n"
        "--b--\n",
        0, ENTITY_SIGNED, "\nhi", "AA"},
    {"with preamble and epilogue",
        SIGNED_TYPE "for others\r\n--b \r\n\r\nhi\r\n--b\t\r\n" SIG_PART
                    "AA\r\n--b--\r\nmore",
        0, ENTITY_SIGNED, "\r\nhi", "AA"},
    {"a longer boundary inside",
        SIGNED_TYPE "--b\r\n--bc\r\n--b--c\r\nhi\r\n--b\r\n" SIG_PART
                    "AA\r\n--b--\r\n",
        0, ENTITY_SIGNED, "--bc\r\n--b--c\r\nhi", "AA"},
    {"without the end", SIGNED_TYPE "--b\r\n\r\nhi\r\n--b\r\n" SIG_PART "AA", 0,
        ENTITY_SIGNED, "\r\nhi", "AA"},
    {"empty content", SIGNED_TYPE "--b\r\n\r\n--b\r\n" SIG_PART "AA", 0,
        ENTITY_SIGNED, "", "AA"},
    {"one part", SIGNED_TYPE "--b\r\n\r\nhi\r\n--b--\r\n", -1, ENTITY_SIGNED,
        "", ""},
    {"three parts",
        SIGNED_TYPE "--b\r\n\r\nhi\r\n--b\r\n" SIG_PART
                    "AA\r\n--b\r\nx\r\n--b--\r\n",
        -1, ENTITY_SIGNED, "", ""},
    {"second part is no signature",
        SIGNED_TYPE "--b\r\n\r\nhi\r\n--b\r\n\r\nAA\r\n--b--\r\n", -1,
        ENTITY_SIGNED, "", ""},
    {"no boundary",
        "Content-Type: multipart/signed;"
        " protocol=\"application/pkcs7-signature\"\r\n\r\n--\r\n\r\n--\r\n",
        -1, ENTITY_SIGNED, "", ""},
};

static void
t_read(void)
{
	struct entity e;
	struct str text;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		unit_row(reads[i].name);
		text = str_c(reads[i].text);
		if (!CHECK_INT(entity_read(text, &e, &err), reads[i].rc) ||
		    reads[i].rc == -1)
			continue;
		CHECK_INT(e.kind, reads[i].kind);
		CHECK_STR(span_str(text.p, e.content), reads[i].content);
		CHECK_STR(span_str(text.p, e.cms), reads[i].cms);
	}
}

/* The CMS of an entity in each of the encodings. */
static void
t_coding(void)
{
	static const struct {
		const char *name;
		const char *coding;
		const char *body;
		const char *want;
	} rows[] = {
	    {"base64", "base64", "MAEC\r\nAw==\r\n", "0\x01\x02\x03"},
	    {"base64 with noise", "BASE64", "M A E\tC!\nAw==", "0\x01\x02\x03"},
	    {"binary", "binary", "0\x01\x02\x03", "0\x01\x02\x03"},
	    {"quoted-printable", "quoted-printable", "0=01=02=\r\n=03",
	        "0\x01\x02\x03"},
	    {"base64 called 7bit", "7bit", "MAECAw==", "0\x01\x02\x03"},
	    {"empty", "base64", "", ""},
	};
	struct entity e;
	struct buf text, der;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		buf_init(&text, 4096);
		buf_init(&der, 4096);
		buf_printf(&text,
		    "Content-Type: application/pkcs7-mime\r\n"
		    "Content-Transfer-Encoding: %s\r\n\r\n%s",
		    rows[i].coding, rows[i].body);
		CHECK_INT(entity_read(buf_text(&text), &e, &err), 0);
		CHECK_INT(entity_cms(buf_text(&text), &e, &der, &err), 0);
		CHECK_BUF(&der, rows[i].want);
		buf_clear(&text);
		buf_clear(&der);
	}
}

static const char *const texts[] = {
    "Content-Type: text/plain\r\n\r\nhello\r\n",
    "Content-Type: text/plain\r\n\r\nno line end",
    "\r\nno header\r\n",
    "Content-Type: text/plain\r\n\r\n--=_x\r\n--\r\n- -\r\n. \r\n\r\n",
    "Content-Type: text/plain\r\n\r\n8 bit \xc3\xa4, a blank ends it \r\n",
};

/* Peel everything off and compare. */
static void
check_peel(struct str text, size_t layers, const struct keydb *db,
    struct str want)
{
	struct buf out[LIMIT_CMS_DEPTH + 1], der;
	struct cms_opened opened;
	struct cms_signed s;
	struct entity e;
	struct err err = {.code = ERR_OK};
	size_t n;

	for (n = 0; n < layers; n++) {
		buf_init(&out[n], (size_t)1 << 26);
		buf_init(&der, (size_t)1 << 26);
		CHECK_INT(entity_read(text, &e, &err), 0);
		CHECK(e.kind != ENTITY_PLAIN);
		CHECK_INT(entity_cms(text, &e, &der, &err), 0);
		if (e.kind == ENTITY_PKCS7 &&
		    cms_kind(buf_text(&der)) != CMS_IS_SIGNED)
			CHECK_INT(
			    entity_open(text, &e, db, &out[n], &opened, &err),
			    0);
		else {
			buf_reset(&der);
			CHECK_INT(entity_verify(text, &e, NULL, &der, &s, &err),
			    0);
			if (CHECK_UINT(s.nsigners, 1))
				CHECK_INT(s.signers[0].state, SIGNER_OK);
			buf_str(&out[n], e.kind == ENTITY_SIGNED
			                     ? span_str(text.p, e.content)
			                     : s.inside);
			cms_signed_clear(&s);
		}
		text = buf_text(&out[n]);
		buf_clear(&der);
	}
	CHECK_STR_EQ(text, want);
	while (n-- > 0)
		buf_clear(&out[n]);
}

static void
t_round(void)
{
	const struct cms_sign sign = {signer, reader->cert, HELP_NOW};
	const struct cms_recipient to = {reader->cert, TRANSPORT_AUTO};
	const struct cms_seal seals[] = {
	    {&to, 1, algo_cipher_nid(NID_aes_256_cbc)},
	    {&to, 1, algo_cipher_nid(NID_aes_256_gcm)}};
	struct keydb *db = help_keydb(help_key("bob.encrypt"));
	struct buf out, again;
	struct str text;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		text = str_c(texts[i]);
		buf_init(&out, (size_t)1 << 26);
		buf_init(&again, (size_t)1 << 26);
		unit_row("signed");
		CHECK_INT(entity_sign(text, &sign, &out, &err), 0);
		check_peel(buf_text(&out), 1, db, text);
		unit_row("opaque");
		buf_reset(&out);
		CHECK_INT(entity_sign_opaque(text, &sign, &out, &err), 0);
		check_peel(buf_text(&out), 1, db, text);
		unit_row("sealed");
		buf_reset(&out);
		CHECK_INT(entity_seal(text, &seals[i % 2], &out, &err), 0);
		check_peel(buf_text(&out), 1, db, text);
		unit_row("signed and sealed");
		buf_reset(&out);
		CHECK_INT(
		    entity_sign_seal(text, &sign, &seals[i % 2], &out, &err),
		    0);
		check_peel(buf_text(&out), 2, db, text);
		unit_row("triple wrap");
		CHECK_INT(entity_sign(buf_text(&out), &sign, &again, &err), 0);
		check_peel(buf_text(&again), 3, db, text);
		buf_clear(&out);
		buf_clear(&again);
	}
	keydb_free(db);
}

/* What we write is what mail can carry. */
static void
t_form(void)
{
	const struct cms_sign sign = {signer, reader->cert, HELP_NOW};
	const struct cms_recipient to = {reader->cert, TRANSPORT_AUTO};
	const struct cms_seal seal = {&to, 1, algo_cipher_nid(NID_aes_256_gcm)};
	struct buf text, out;
	struct err err;
	const char *p, *nl;

	help_text(&text, 100000);
	buf_init(&out, (size_t)1 << 26);
	CHECK_INT(entity_sign_seal(buf_text(&text), &sign, &seal, &out, &err),
	    0);
	CHECK(str_istarts(buf_text(&out), STR("Content-Type: ")));
	CHECK(memmem(out.data, out.len, "smime-type=authEnveloped-data", 29) !=
	      NULL);
	for (p = out.data; p < out.data + out.len; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(out.data + out.len - p));
		if (!CHECK(
		        nl != NULL && nl > p && nl[-1] == '\r' && nl - p <= 78))
			break;
	}
	buf_clear(&text);
	buf_clear(&out);
}

/* Text is signed with CRLF whatever it came with, and verifies whatever
 * became of its line ends. */
static void
t_line_ends(void)
{
	static const struct {
		const char *name;
		const char *in;
		const char *signed_as;
	} rows[] = {
	    {"LF", "a: b\n\nx\ny", "a: b\r\n\r\nx\r\ny"},
	    {"CR", "a: b\r\rx", "a: b\r\n\r\nx"},
	    {"mixed", "a: b\r\n\nx\r\r\n", "a: b\r\n\r\nx\r\n\r\n"},
	};
	const struct cms_sign sign = {signer, NULL, HELP_NOW};
	struct cms_signed s;
	struct entity e;
	struct buf out, lf, der;
	struct err err;
	size_t i, j;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		buf_init(&out, 65536);
		buf_init(&lf, 65536);
		buf_init(&der, 65536);
		CHECK_INT(entity_sign(str_c(rows[i].in), &sign, &out, &err), 0);
		CHECK_INT(entity_read(buf_text(&out), &e, &err), 0);
		CHECK_STR(span_str(out.data, e.content), rows[i].signed_as);
		for (j = 0; j < out.len; j++)
			if (out.data[j] != '\r')
				buf_putc(&lf, out.data[j]);
		CHECK_INT(entity_read(buf_text(&lf), &e, &err), 0);
		CHECK_INT(
		    entity_verify(buf_text(&lf), &e, NULL, &der, &s, &err), 0);
		CHECK(s.nsigners == 1 && s.signers[0].state == SIGNER_OK);
		cms_signed_clear(&s);
		buf_clear(&out);
		buf_clear(&lf);
		buf_clear(&der);
	}
}

/* But not with a CR alone, which would make other fields of the same words. */
static void
t_lone_cr(void)
{
	const struct cms_sign sign = {signer, NULL, HELP_NOW};
	struct cms_signed s;
	struct entity e;
	struct buf out, der;
	struct err err;
	char *at;

	buf_init(&out, 65536);
	buf_init(&der, 65536);
	CHECK_INT(entity_sign(STR("a: b\r\nc: d\n\r\nx"), &sign, &out, &err),
	    0);
	if (CHECK((at = memmem(out.data, out.len, "b\r\nc", 4)) != NULL)) {
		memmove(at + 2, at + 3, out.len - (size_t)(at + 3 - out.data));
		out.len--;
	}
	CHECK_INT(entity_read(buf_text(&out), &e, &err), 0);
	CHECK_INT(entity_verify(buf_text(&out), &e, NULL, &der, &s, &err), 0);
	CHECK(s.nsigners == 1 && s.signers[0].state == SIGNER_BAD);
	cms_signed_clear(&s);
	buf_clear(&out);
	buf_clear(&der);
}

/* Decrypted bytes that are no entity are as bad as no decryption. */
static void
t_garbage(void)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
	    {"a: b\r\n\r\nx", true},
	    {"\r\nx", true},
	    {"\nx", true},
	    {"\x93\x10garbage", false},
	    {"no colon\r\n", false},
	    {": no name\r\n", false},
	    {"", false},
	};
	const struct cms_recipient to = {reader->cert, TRANSPORT_AUTO};
	const struct cms_seal seal = {&to, 1, algo_cipher_nid(NID_aes_256_cbc)};
	struct keydb *db = help_keydb(help_key("bob.encrypt"));
	struct cms_opened opened;
	struct entity e;
	struct buf out, text;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].text);
		buf_init(&text, 65536);
		buf_init(&out, 65536);
		CHECK_INT(entity_seal(str_c(rows[i].text), &seal, &text, &err),
		    0);
		CHECK_INT(entity_read(buf_text(&text), &e, &err), 0);
		CHECK_INT(
		    entity_open(buf_text(&text), &e, db, &out, &opened, &err),
		    rows[i].ok ? 0 : -1);
		if (!rows[i].ok) {
			CHECK_INT(err.code, ERR_CRYPTO);
			CHECK_CSTR(err.text, "the message cannot be decrypted");
			CHECK_UINT(out.len, 0);
		}
		buf_clear(&text);
		buf_clear(&out);
	}
	keydb_free(db);
}

static void
t_rfc4134(void)
{
	struct cms_signed s;
	struct entity e;
	struct buf text, der;
	struct err err;

	unit_row("4.8.eml");
	help_data("smime/rfc4134/4.8.eml", &text);
	buf_init(&der, 65536);
	CHECK_INT(entity_read(buf_text(&text), &e, &err), 0);
	CHECK_INT(e.kind, ENTITY_SIGNED);
	CHECK_INT(entity_verify(buf_text(&text), &e, NULL, &der, &s, &err), 0);
	CHECK(s.nsigners == 1 && s.signers[0].state == SIGNER_UNKNOWN);
	cms_signed_clear(&s);
	buf_clear(&text);
	buf_clear(&der);

	unit_row("4.9.eml");
	help_data("smime/rfc4134/4.9.eml", &text);
	buf_init(&der, 65536);
	CHECK_INT(entity_read(buf_text(&text), &e, &err), 0);
	CHECK_INT(e.kind, ENTITY_PKCS7);
	CHECK_INT(entity_verify(buf_text(&text), &e, NULL, &der, &s, &err), 0);
	CHECK(s.nsigners == 1 && s.signers[0].state == SIGNER_UNKNOWN);
	cms_signed_clear(&s);
	buf_clear(&text);
	buf_clear(&der);

	unit_row("5.3.eml");
	help_data("smime/rfc4134/5.3.eml", &text);
	buf_init(&der, 65536);
	CHECK_INT(entity_read(buf_text(&text), &e, &err), 0);
	CHECK_INT(e.kind, ENTITY_PKCS7);
	CHECK_INT(entity_cms(buf_text(&text), &e, &der, &err), 0);
	CHECK_INT(cms_kind(buf_text(&der)), CMS_IS_ENVELOPED);
	buf_clear(&text);
	buf_clear(&der);
}

/* A mail signed with its header protected: what a reader finds inside. */
static void
t_sign_mail(void)
{
	struct key *key = help_key("alice.sign");
	struct cms_sign sign = {.key = key, .time = HELP_NOW};
	struct cms_signed res;
	struct buf out, der;
	struct entity e;
	struct err err;

	buf_init(&out, 100000);
	buf_init(&der, 100000);
	CHECK_INT(entity_sign_mail(STR("From: a@b\r\nSubject: s\r\n"
	                               "MIME-Version: 1.0\r\n"
	                               "Content-Type: text/plain\r\n\r\nx\r\n"),
	              &sign, &out, &err),
	    0);
	CHECK_INT(entity_read(buf_text(&out), &e, &err), 0);
	CHECK_INT(e.kind, ENTITY_SIGNED);
	CHECK_STR(span_str(out.data, e.content),
	    "From: a@b\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain;\r\n hp=\"clear\"\r\n\r\nx\r\n");
	CHECK(str_istarts(buf_text(&out),
	    STR("From: a@b\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
	        "Content-Type: multipart/signed;")));
	if (CHECK_INT(entity_verify(buf_text(&out), &e, NULL, &der, &res, &err),
	        0)) {
		if (CHECK_UINT(res.nsigners, 1))
			CHECK_INT(res.signers[0].state, SIGNER_OK);
		cms_signed_clear(&res);
	}
	buf_clear(&der);
	buf_clear(&out);
	key_free(key);
}

static const struct unit_test tests[] = {
    {"read", t_read},
    {"coding", t_coding},
    {"round", t_round},
    {"form", t_form},
    {"line-ends", t_line_ends},
    {"lone-cr", t_lone_cr},
    {"garbage", t_garbage},
    {"rfc4134", t_rfc4134},
    {"sign-mail", t_sign_mail},
    {NULL, NULL},
};

int
main(void)
{
	int rc;

	signer =
	    help_make_key("EC", "P-256", "ec@example.test", "digitalSignature");
	reader = help_key("bob.encrypt");
	rc = unit_main("entity", tests);
	key_free(signer);
	key_free(reader);
	return (rc);
}
