#include "config.h"

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "smime/der.h"
#include "smime/oid.h"
#include "smime_help.h"

static struct key *rsa, *p256, *p384, *p521;
static struct cert *preferred;

static const struct {
	const char *name;
	struct key **key;
	const char *signature;
	const char *digest;
	const char *micalg;
} keys[] = {
    {"rsa", &rsa, "RSA", "SHA-256", "sha-256"},
    {"p256", &p256, "ECDSA", "SHA-256", "sha-256"},
    {"p384", &p384, "ECDSA", "SHA-384", "sha-384"},
    {"p521", &p521, "ECDSA", "SHA-512", "sha-512"},
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static void
sign(const struct key *k, struct str text, bool opaque, struct buf *out)
{
	const struct cms_sign how = {k, preferred, HELP_NOW};
	struct err err = {.code = ERR_OK};
	int rc;

	buf_init(out, (size_t)1 << 28);
	rc = opaque ? cms_sign_opaque(text, &how, out, &err)
	            : cms_sign_detached(text, &how, out, &err);
	if (!CHECK_INT(rc, 0))
		CHECK_CSTR(err.text, "");
}

/* Has one signer in this state; the content is what was signed. */
static void
check_verify(struct str der, const struct str *content, struct str want,
    enum signer_state state)
{
	struct cms_signed s;
	struct err err = {.code = ERR_OK};

	if (!CHECK_INT(cms_verify(der, content, NULL, &s, &err), 0)) {
		CHECK_CSTR(err.text, "");
		return;
	}
	if (CHECK_UINT(s.nsigners, 1))
		CHECK_INT(s.signers[0].state, state);
	CHECK(s.detached == (content != NULL));
	if (content == NULL)
		CHECK_STR_EQ(s.inside, want);
	cms_signed_clear(&s);
}

/* OpenSSL's own CMS code accepts what we sign. */
static void
check_openssl_accepts(struct str der, const struct str *content,
    struct str want)
{
	const unsigned flags = CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY;
	const unsigned char *p = (const unsigned char *)der.p;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.len);
	BIO *in = NULL, *out = BIO_new(BIO_s_mem());
	char *data;
	long n;

	if (content != NULL)
		in = BIO_new_mem_buf(content->p, (int)content->len);
	if (CHECK(cms != NULL))
		CHECK_INT(CMS_verify(cms, NULL, NULL, in, out, flags), 1);
	n = BIO_get_mem_data(out, &data);
	CHECK_STR_EQ(str_of(data, (size_t)n), want);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
}

static void
t_round(void)
{
	static const size_t sizes[] = {0, 1, 4096, 1500000};
	struct buf text, der, ber;
	struct str want;
	size_t i, j;

	for (i = 0; i < NKEYS; i++)
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			unit_row(keys[i].name);
			help_text(&text, sizes[j]);
			want = buf_text(&text);
			sign(*keys[i].key, want, false, &der);
			check_verify(buf_text(&der), &want, want, SIGNER_OK);
			check_openssl_accepts(buf_text(&der), &want, want);
			buf_clear(&der);
			sign(*keys[i].key, want, true, &der);
			check_verify(buf_text(&der), NULL, want, SIGNER_OK);
			check_openssl_accepts(buf_text(&der), NULL, want);
			buf_init(&ber, (size_t)1 << 28);
			help_ber(buf_text(&der), 1000, &ber);
			check_verify(buf_text(&ber), NULL, want, SIGNER_OK);
			buf_clear(&ber);
			buf_clear(&der);
			buf_clear(&text);
		}
}

/* What the signer says about itself comes back. */
static void
t_facts(void)
{
	struct cms_signed s;
	struct buf der;
	struct err err;
	size_t i;

	for (i = 0; i < NKEYS; i++) {
		unit_row(keys[i].name);
		sign(*keys[i].key, STR("text"), true, &der);
		if (!CHECK_INT(cms_verify(buf_text(&der), NULL, NULL, &s, &err),
		        0))
			continue;
		CHECK_CSTR(s.signers[0].signature, keys[i].signature);
		CHECK_CSTR(s.signers[0].digest->name, keys[i].digest);
		CHECK_CSTR(cms_sign_micalg(*keys[i].key), keys[i].micalg);
		CHECK_INT(s.signers[0].signing_time, HELP_NOW);
		CHECK_UINT(s.signers[0].caps,
		    CAP_KNOWN | CAP_AES128_CBC | CAP_AES256_CBC |
		        CAP_AES128_GCM | CAP_AES256_GCM | CAP_OAEP |
		        CAP_ECDH_SHA256);
		if (CHECK(s.signers[0].encrypt_cert != NULL))
			CHECK_STR_EQ(cert_facts(s.signers[0].encrypt_cert)->der,
			    cert_facts(preferred)->der);
		CHECK_STR_EQ(cert_facts(s.signers[0].cert)->der,
		    cert_facts((*keys[i].key)->cert)->der);
		CHECK_UINT(s.ncerts, 2);
		cms_signed_clear(&s);
		buf_clear(&der);
	}
}

static void
t_tamper(void)
{
	struct str text = STR("Pay 10 to Bob"), other = STR("Pay 99 to Bob");
	struct str none = STR("");
	struct cms_signed s;
	struct buf der;
	struct err err;
	size_t i;

	unit_row("other content");
	sign(p256, text, false, &der);
	check_verify(buf_text(&der), &other, other, SIGNER_BAD);
	check_verify(buf_text(&der), &none, none, SIGNER_BAD);

	/* Whatever changes in the attributes or in the signature: never a
	 * good signature, and the reader says why without falling over. */
	unit_row("any bit");
	for (i = der.len - 400; i < der.len; i++) {
		der.data[i] ^= 1;
		if (cms_verify(buf_text(&der), &text, NULL, &s, &err) == 0) {
			CHECK(
			    s.nsigners == 0 || s.signers[0].state != SIGNER_OK);
			cms_signed_clear(&s);
		} else
			CHECK(err.code != ERR_OK);
		der.data[i] ^= 1;
	}
	unit_row("unchanged again");
	check_verify(buf_text(&der), &text, text, SIGNER_OK);
	buf_clear(&der);
}

static void
t_truncated(void)
{
	struct cms_signed s;
	struct buf der, ber;
	struct err err;
	size_t i;

	sign(p256, STR("text"), true, &der);
	buf_init(&ber, 1 << 20);
	help_ber(buf_text(&der), 3, &ber);
	unit_row("der");
	for (i = 0; i < der.len; i++)
		if (!CHECK_INT(
		        cms_verify(str_of(der.data, i), NULL, NULL, &s, &err),
		        -1))
			cms_signed_clear(&s);
	unit_row("ber");
	for (i = 0; i < ber.len; i++)
		if (!CHECK_INT(
		        cms_verify(str_of(ber.data, i), NULL, NULL, &s, &err),
		        -1))
			cms_signed_clear(&s);
	buf_clear(&der);
	buf_clear(&ber);
}

/* Signatures as OpenSSL can make them. */
static const struct {
	const char *name;
	struct key **key;
	const char *digest;
	unsigned flags;
	bool pss;
	enum signer_state state;
} others[] = {
    {"rsa sha512", &rsa, "SHA512", 0, false, SIGNER_OK},
    {"rsa sha224", &rsa, "SHA224", 0, false, SIGNER_OK},
    {"rsa sha1", &rsa, "SHA1", 0, false, SIGNER_WEAK},
    {"rsa md5", &rsa, "MD5", 0, false, SIGNER_WEAK},
    {"rsa no attributes", &rsa, "SHA256", CMS_NOATTR, false, SIGNER_OK},
    {"ec no attributes", &p256, "SHA256", CMS_NOATTR, false, SIGNER_OK},
    {"ec key id", &p256, "SHA384", CMS_USE_KEYID, false, SIGNER_OK},
    {"pss sha256", &rsa, "SHA256", 0, true, SIGNER_OK},
    {"pss sha384", &rsa, "SHA384", 0, true, SIGNER_OK},
    {"no certificate", &rsa, "SHA256", CMS_NOCERTS, false, SIGNER_NO_CERT},
};

static void
other_signs(size_t i, struct str text, bool opaque, struct buf *out)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL |
	                       (opaque ? 0 : CMS_DETACHED) | others[i].flags;
	const struct key *k = *others[i].key;
	BIO *in = BIO_new_mem_buf(text.p, (int)text.len);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	unsigned char *der = NULL;
	CMS_SignerInfo *si;
	int n;

	si = CMS_add1_signer(cms, cert_x509(k->cert), k->pkey,
	    EVP_get_digestbyname(others[i].digest),
	    flags | (others[i].pss ? CMS_KEY_PARAM : 0));
	if (others[i].pss)
		EVP_PKEY_CTX_set_rsa_padding(CMS_SignerInfo_get0_pkey_ctx(si),
		    RSA_PKCS1_PSS_PADDING);
	CHECK_INT(CMS_final(cms, in, NULL, flags), 1);
	n = i2d_CMS_ContentInfo(cms, &der);
	buf_init(out, (size_t)1 << 24);
	if (CHECK(n > 0))
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
}

static void
t_others(void)
{
	struct str text = STR("Content-Type: text/plain\r\n\r\nHello\r\n");
	struct buf der;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		unit_row(others[i].name);
		other_signs(i, text, false, &der);
		check_verify(buf_text(&der), &text, text, others[i].state);
		buf_clear(&der);
		other_signs(i, text, true, &der);
		check_verify(buf_text(&der), NULL, text, others[i].state);
		buf_clear(&der);
	}
}

/* RFC 4134: all by SHA-1, some by DSA, which is not read: nobody used it. */
static const struct {
	const char *file;
	bool detached;
	int rc;
	size_t signers, certs;
	enum signer_state state; /* of the first */
} vectors[] = {
    {"4.1.bin", false, 0, 1, 1, SIGNER_UNKNOWN}, /* DSS */
    {"4.2.bin", false, 0, 1, 1, SIGNER_WEAK},    /* RSA, SHA-1 */
    {"4.3.bin", true, 0, 1, 1, SIGNER_UNKNOWN},  /* DSS, detached */
    {"4.4.bin", false, 0, 1, 3, SIGNER_UNKNOWN}, /* DSS, attributes, CRL */
    {"4.5.bin", false, 0, 1, 2, SIGNER_WEAK},    /* all RSA */
    /* two signers, DSS; one key "inherits" its parameters: unreadable */
    {"4.6.bin", false, 0, 2, 1, SIGNER_UNKNOWN},
    {"4.7.bin", false, 0, 1, 1, SIGNER_UNKNOWN}, /* DSS, key identifier */
    {"4.10.bin", false, 0, 1, 1, SIGNER_UNKNOWN},
    {"4.11.bin", false, 0, 0, 2, SIGNER_OK}, /* certs-only */
    {"5.1.bin", false, -1, 0, 0, SIGNER_OK}, /* not signed */
    {"6.0.bin", false, -1, 0, 0, SIGNER_OK},
};

static void
t_rfc4134(void)
{
	struct buf file, content;
	struct cms_signed s;
	struct err err;
	char name[64];
	struct str text;
	size_t i;

	help_data("smime/rfc4134/ExContent.bin", &content);
	text = buf_text(&content);
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		unit_row(vectors[i].file);
		snprintf(name, sizeof(name), "smime/rfc4134/%s",
		    vectors[i].file);
		help_data(name, &file);
		if (CHECK_INT(cms_verify(buf_text(&file),
		                  vectors[i].detached ? &text : NULL, NULL, &s,
		                  &err),
		        vectors[i].rc) &&
		    vectors[i].rc == 0) {
			CHECK_UINT(s.nsigners, vectors[i].signers);
			CHECK_UINT(s.ncerts, vectors[i].certs);
			if (s.nsigners > 0)
				CHECK_INT(s.signers[0].state, vectors[i].state);
			if (s.nsigners > 0 && !s.detached)
				CHECK_STR_EQ(s.inside, text);
			cms_signed_clear(&s);
		}
		buf_clear(&file);
	}
	buf_clear(&content);
}

static void
t_refused(void)
{
	struct key *encrypt_only = help_key("alice.encrypt");
	struct key *small = help_make_key("RSA", "1024", "weak@example.test",
	    "digitalSignature");
	const struct cms_sign one = {encrypt_only, NULL, HELP_NOW};
	const struct cms_sign two = {small, NULL, HELP_NOW};
	struct buf out;
	struct err err;

	buf_init(&out, 65536);
	unit_row("not for signing");
	CHECK_INT(cms_sign_detached(STR("x"), &one, &out, &err), -1);
	CHECK_INT(err.code, ERR_DENIED);
	unit_row("weak");
	CHECK_INT(cms_sign_detached(STR("x"), &two, &out, &err), -1);
	CHECK_INT(err.code, ERR_DENIED);
	CHECK_UINT(out.len, 0);
	key_free(encrypt_only);
	key_free(small);
	buf_clear(&out);
}

/* Both or neither of inside and detached content is an error. */
static void
t_content_rules(void)
{
	struct str text = STR("text");
	struct cms_signed s;
	struct buf der;
	struct err err;

	unit_row("inside and given");
	sign(p256, text, true, &der);
	CHECK_INT(cms_verify(buf_text(&der), &text, NULL, &s, &err), -1);
	buf_clear(&der);
	unit_row("neither");
	sign(p256, text, false, &der);
	CHECK_INT(cms_verify(buf_text(&der), NULL, NULL, &s, &err), -1);
	buf_clear(&der);
}

/* The content in pieces, of which the first is empty. */
static void
put_pieces(struct buf *out, struct str content)
{
	size_t a = der_begin(out, DER_SEQUENCE), b, c;

	der_put(out, DER_OID, OID_DATA);
	b = der_begin(out, DER_CTX0_CONS);
	c = der_begin(out, DER_OCTETS_CONS);
	der_put(out, DER_OCTETS, STR(""));
	der_put(out, DER_OCTETS, str_of(content.p, 1));
	der_put(out, DER_OCTETS, str_of(content.p + 1, content.len - 1));
	der_finish(out, c);
	der_finish(out, b);
	der_finish(out, a);
}

/*
 * A signature over attributes, offered as one over content that looks the
 * same, without attributes.
 */
static void
attributes_as_content(bool inside)
{
	const struct cms_sign how = {p256, NULL, HELP_NOW};
	struct str text = STR("text"), fake;
	struct der d, ci, sd, infos, si;
	struct der_item it;
	struct buf der, set, forged;
	struct err err;
	size_t a, b, c, e;

	buf_init(&der, 65536);
	buf_init(&set, 65536);
	buf_init(&forged, 65536);
	CHECK_INT(cms_sign_detached(text, &how, &der, &err), 0);
	d = der_of(buf_text(&der));
	ci = sd = infos = si = d; /* if a check fails */
	CHECK(der_enter(&d, DER_SEQUENCE, &ci) && der_any(&ci, &it) &&
	      der_enter(&ci, DER_CTX0_CONS, &sd));
	d = sd;
	CHECK(der_enter(&d, DER_SEQUENCE, &sd));
	for (d = sd; der_any(&d, &it);)
		infos = der_of(it.in);
	CHECK(der_enter(&infos, DER_SEQUENCE, &si));
	for (d = si; der_any(&d, &it);)
		if (it.tag == DER_CTX0_CONS)
			der_put(&set, DER_SET, it.in);
	a = der_begin(&forged, DER_SEQUENCE);
	der_put(&forged, DER_OID, OID_SIGNED);
	b = der_begin(&forged, DER_CTX0_CONS);
	c = der_begin(&forged, DER_SEQUENCE);
	while (der_any(&sd, &it) && !der_end(&sd)) {
		if (inside && it.tag == DER_SEQUENCE)
			put_pieces(&forged, buf_text(&set));
		else
			buf_str(&forged, it.all);
	}
	e = der_begin(&forged, DER_SET);
	{
		size_t f = der_begin(&forged, DER_SEQUENCE);

		while (der_any(&si, &it))
			if (it.tag != DER_CTX0_CONS)
				buf_str(&forged, it.all);
		der_finish(&forged, f);
	}
	der_finish(&forged, e);
	der_finish(&forged, c);
	der_finish(&forged, b);
	der_finish(&forged, a);
	fake = buf_text(&set);
	check_verify(buf_text(&forged), inside ? NULL : &fake, fake,
	    SIGNER_BAD);
	buf_clear(&der);
	buf_clear(&set);
	buf_clear(&forged);
}

static void
t_attributes_as_content(void)
{
	unit_row("detached");
	attributes_as_content(false);
	unit_row("inside, in pieces");
	attributes_as_content(true);
}

/* Certificates that cannot be read count, too. */
static void
t_many_certs(void)
{
	const struct cms_sign how = {p256, NULL, HELP_NOW};
	struct cms_signed s;
	struct der d, ci, sd;
	struct der_item it;
	struct buf der, many;
	struct err err = {.code = ERR_OK};
	size_t a, b, c, e, i;

	buf_init(&der, 65536);
	buf_init(&many, 65536);
	CHECK_INT(cms_sign_opaque(STR("text"), &how, &der, &err), 0);
	d = der_of(buf_text(&der));
	CHECK(der_enter(&d, DER_SEQUENCE, &ci) && der_any(&ci, &it) &&
	      der_enter(&ci, DER_CTX0_CONS, &d) &&
	      der_enter(&d, DER_SEQUENCE, &sd));
	a = der_begin(&many, DER_SEQUENCE);
	der_put(&many, DER_OID, OID_SIGNED);
	b = der_begin(&many, DER_CTX0_CONS);
	c = der_begin(&many, DER_SEQUENCE);
	while (der_any(&sd, &it)) {
		if (it.tag != DER_CTX0_CONS) {
			buf_str(&many, it.all);
			continue;
		}
		e = der_begin(&many, DER_CTX0_CONS);
		for (i = 0; i <= LIMIT_CMS_CERTS; i++)
			der_put(&many, DER_SEQUENCE, STR(""));
		der_finish(&many, e);
	}
	der_finish(&many, c);
	der_finish(&many, b);
	der_finish(&many, a);
	CHECK_INT(cms_verify(buf_text(&many), NULL, NULL, &s, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&der);
	buf_clear(&many);
}

static void
t_certs_read(void)
{
	static const struct {
		const char *file;
		int n;
	} rows[] = {
	    {"smime/rfc9216/alice.sign.crt", 1},  /* PEM */
	    {"smime/rfc4134/CarlRSASelf.cer", 1}, /* DER */
	    {"smime/rfc4134/4.11.bin", 2},        /* certs-only */
	    {"smime/rfc9216/alice.sign.key", -1}, /* PEM, but a key */
	    {"smime/rfc4134/ExContent.bin", -1},  /* text */
	    {"smime/rfc4134/5.1.bin", -1},        /* other CMS */
	};
	struct cert **certs;
	struct buf file;
	struct err err;
	size_t i, n;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].file);
		help_data(rows[i].file, &file);
		rc = certs_read(buf_text(&file), NULL, &certs, &n, &err);
		CHECK_INT(rc == 0 ? (int)n : rc, rows[i].n);
		if (rc == 0)
			certs_free(certs, n);
		buf_clear(&file);
	}
}

static const struct unit_test tests[] = {
    {"round", t_round},
    {"facts", t_facts},
    {"tamper", t_tamper},
    {"truncated", t_truncated},
    {"others", t_others},
    {"rfc4134", t_rfc4134},
    {"refused", t_refused},
    {"content-rules", t_content_rules},
    {"attributes-as-content", t_attributes_as_content},
    {"many-certs", t_many_certs},
    {"certs-read", t_certs_read},
    {NULL, NULL},
};

int
main(void)
{
	const char *both = "digitalSignature,keyAgreement";
	int rc;

	rsa = help_key("bob.sign");
	p256 = help_make_key("EC", "P-256", "ec@example.test", both);
	p384 = help_make_key("EC", "P-384", "ec@example.test", both);
	p521 = help_make_key("EC", "P-521", "ec@example.test", both);
	preferred = help_cert("bob.encrypt");
	rc = unit_main("cms_sign", tests);
	key_free(rsa);
	key_free(p256);
	key_free(p384);
	key_free(p521);
	cert_unref(preferred);
	return (rc);
}
