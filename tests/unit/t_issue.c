#include "config.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "smime/chain.h"
#include "smime/issue.h"
#include "smime/keydb.h"
#include "smime_help.h"
#include "unit.h"

#define DAY INT64_C(86400)

static const struct issue_terms terms = {.serial = {"\x12\x34\x56\x78"
                                                    "\x12\x34\x56\x78",
                                             8},
    .from = HELP_NOW - DAY,
    .until = HELP_NOW + 90 * DAY,
    .crl_url = {"http://ca.test/crl", 18},
    .ca_url = {"http://ca.test/ca", 17}};

static EVP_PKEY *root_key, *ca_key, *ec, *rsa;
static struct cert *root, *ca;
static struct anchors *anchors;

static struct cert *
cert_of(struct buf *der)
{
	struct err err = {0};
	struct cert *c = cert_get(NULL, buf_text(der), &err);

	CHECK_CSTR(err.text, "");
	buf_clear(der);
	return (c);
}

static void
make_authorities(void)
{
	struct issuer by;
	struct buf der;

	root_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	buf_init(&der, 10000);
	issue_root(root_key, STR("Root"), &terms, &der, NULL);
	root = cert_get(NULL, buf_text(&der), NULL);
	buf_reset(&der);
	by = (struct issuer){root, root_key};
	issue_authority(&by, ca_key, STR("Issuing"), &terms, &der, NULL);
	ca = cert_get(NULL, buf_text(&der), NULL);
	buf_clear(&der);
	anchors = anchors_new();
	anchors_add(anchors, root);
}

static void
drop_authorities(void)
{
	anchors_free(anchors);
	cert_unref(ca);
	cert_unref(root);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
}

static int
holds(struct cert *c, unsigned use, const char *address)
{
	struct cert *const extra[] = {ca};
	const struct chain_ask ask = {.anchors = anchors,
	    .extra = extra,
	    .nextra = 1,
	    .at = HELP_NOW,
	    .use = use,
	    .address = str_c(address)};

	return (chain_verify(c, &ask, NULL));
}

static void
t_mail(void)
{
	const struct issuer by = {ca, ca_key};
	const struct {
		const char *name;
		EVP_PKEY *subject;
		const char *address;
		unsigned use;
	} rows[] = {
	    {"sign", ec, "anna@x.test", CERT_SIGN},
	    {"encrypt RSA", rsa, "anna@x.test", CERT_ENCRYPT},
	    {"encrypt EC", ec, "anna@x.test", CERT_ENCRYPT},
	    {"both", rsa, "anna@x.test", CERT_SIGN | CERT_ENCRYPT},
	    {"UTF-8", ec, "j\303\274rgen@x.test", CERT_SIGN},
	    {"no commonName", ec,
	        "a-very-long-local-part-that-does-not-fit-a-common-name-at-all"
	        "@x.test",
	        CERT_SIGN},
	};
	const struct cert_facts *f;
	struct cert *c;
	struct err err;
	struct buf der;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		buf_init(&der, 10000);
		if (!CHECK_INT(issue_mail(&by, rows[i].subject,
		                   str_c(rows[i].address), rows[i].use, &terms,
		                   &der, &err),
		        0))
			continue;
		c = cert_of(&der);
		f = cert_facts(c);
		CHECK_UINT(f->use, rows[i].use);
		CHECK_UINT(f->naddresses, 1);
		CHECK_INT(f->from, terms.from);
		CHECK_INT(f->until, terms.until);
		CHECK(!f->weak);
		CHECK_STR_EQ(f->serial, terms.serial);
		CHECK_UINT(f->ski.len, 20);
		CHECK(((f->caps & CAP_AES256_GCM) != 0) ==
		      ((rows[i].use & CERT_ENCRYPT) != 0));
		CHECK_INT(holds(c, rows[i].use, rows[i].address), 0);
		CHECK_INT(holds(c, rows[i].use, "eve@x.test"), -1);
		cert_unref(c);
	}
}

static void
t_refuse(void)
{
	const struct issuer by = {ca, ca_key};
	static const struct {
		const char *name, *address;
		unsigned use;
		const char *serial;
		int64_t until;
		enum err_code code;
	} rows[] = {
	    {"825 days", "a@x", CERT_SIGN,
	        "\x11"
	        "1234567",
	        HELP_NOW - DAY + ISSUE_MAIL_MAX - 1, ERR_OK},
	    {"too long", "a@x", CERT_SIGN,
	        "\x11"
	        "1234567",
	        HELP_NOW - DAY + ISSUE_MAIL_MAX, ERR_DENIED},
	    {"backwards", "a@x", CERT_SIGN,
	        "\x11"
	        "1234567",
	        0, ERR_DENIED},
	    {"no use", "a@x", 0, "12345678", HELP_NOW, ERR_DENIED},
	    {"authority", "a@x", CERT_CA, "12345678", HELP_NOW, ERR_DENIED},
	    {"sign and authority", "a@x", CERT_CA | CERT_SIGN, "12345678",
	        HELP_NOW, ERR_DENIED},
	    {"short serial", "a@x", CERT_SIGN, "1234567", HELP_NOW, ERR_DENIED},
	    {"long serial", "a@x", CERT_SIGN, "123456789012345678901", HELP_NOW,
	        ERR_DENIED},
	    {"negative serial", "a@x", CERT_SIGN, "\2002345678", HELP_NOW,
	        ERR_DENIED},
	    {"no address", "a", CERT_SIGN, "12345678", HELP_NOW,
	        ERR_UNSUPPORTED},
	    {"control in it", "a\n@x", CERT_SIGN, "12345678", HELP_NOW,
	        ERR_UNSUPPORTED},
	};
	struct issue_terms t = terms;
	EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	struct err err;
	struct buf der;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		memset(&err, 0, sizeof(err));
		t.serial = str_c(rows[i].serial);
		t.until = rows[i].until;
		buf_init(&der, 10000);
		CHECK_INT(issue_mail(&by, ec, str_c(rows[i].address),
		              rows[i].use, &t, &der, &err),
		    rows[i].code == ERR_OK ? 0 : -1);
		CHECK_INT(err.code, rows[i].code);
		buf_clear(&der);
	}
	unit_row("weak key");
	buf_init(&der, 10000);
	CHECK_INT(
	    issue_mail(&by, weak, STR("a@x"), CERT_SIGN, &terms, &der, &err),
	    -1);
	CHECK_INT(err.code, ERR_UNTRUSTED);
	EVP_PKEY_free(weak);
}

static void
t_authorities(void)
{
	CHECK_UINT(cert_facts(root)->use, CERT_CA);
	CHECK_UINT(cert_facts(ca)->use, CERT_CA);
	CHECK(cert_facts(root)->self_issued);
	CHECK_INT(X509_get_pathlen(cert_x509(root)), -1);
	CHECK_INT(X509_get_pathlen(cert_x509(ca)), 0);
	CHECK(
	    (X509_get_extended_key_usage(cert_x509(ca)) & XKU_SSL_SERVER) == 0);
	CHECK(X509_verify(cert_x509(ca), root_key) == 1);
}

static void
t_tls(void)
{
	const struct str names[] = {STR("cloud.test"), STR("127.0.0.1"),
	    STR("::1")};
	const struct issuer by = {root, root_key};
	struct cert *c;
	struct err err;
	struct buf der;

	buf_init(&der, 10000);
	CHECK_INT(issue_tls(&by, ec, names, 3, &terms, &der, &err), 0);
	c = cert_of(&der);
	CHECK_INT(X509_check_host(cert_x509(c), "cloud.test", 0, 0, NULL), 1);
	CHECK_INT(X509_check_host(cert_x509(c), "other.test", 0, 0, NULL), 0);
	CHECK_INT(X509_check_ip_asc(cert_x509(c), "127.0.0.1", 0), 1);
	CHECK_INT(X509_check_ip_asc(cert_x509(c), "::1", 0), 1);
	CHECK_INT(X509_check_purpose(cert_x509(c), X509_PURPOSE_SSL_SERVER, 0),
	    1);
	CHECK_UINT(cert_facts(c)->use, 0);
	cert_unref(c);
}

/* A transport key opens what is sealed to it; the service's key signs. */
static void
t_self(void)
{
	struct cms_recipient to = {.how = TRANSPORT_AUTO};
	struct cms_seal seal = {.to = &to, .nto = 1};
	struct cms_sign sign = {.time = HELP_NOW};
	struct cms_opened opened;
	struct cms_signed res;
	struct buf der, out, plain;
	struct keydb *db;
	struct cert *c;
	struct key *k;
	struct err err;

	buf_init(&der, 10000);
	buf_init(&out, 100000);
	buf_init(&plain, 100000);
	CHECK_INT(
	    issue_self(ec, STR("device"), CERT_ENCRYPT, &terms, &der, &err), 0);
	c = cert_of(&der);
	CHECK_INT(cert_usable_for_encryption(c, HELP_NOW, &err), 0);
	to.cert = c;
	seal.cipher = algo_cipher_nid(NID_aes_256_gcm);
	CHECK_INT(cms_seal(STR("secret"), &seal, &out, &err), 0);
	k = key_new(STR(""), CERT_ENCRYPT, c, NULL, 0, ec, &err);
	db = help_keydb(k);
	CHECK_INT(cms_open(buf_text(&out), db, &plain, &opened, &err), 0);
	CHECK_BUF(&plain, "secret");
	keydb_free(db);
	cert_unref(c);

	unit_row("sign");
	buf_init(&der, 10000);
	CHECK_INT(issue_self(ec, STR("kms"), CERT_SIGN, &terms, &der, &err), 0);
	c = cert_of(&der);
	CHECK_UINT(cert_facts(c)->use, CERT_SIGN);
	k = key_new(STR(""), CERT_SIGN, c, NULL, 0, ec, &err);
	sign.key = k;
	buf_reset(&out);
	CHECK_INT(cms_sign_opaque(STR("bundle"), &sign, &out, &err), 0);
	CHECK_INT(cms_verify(buf_text(&out), NULL, NULL, &res, &err), 0);
	if (CHECK_UINT(res.nsigners, 1)) {
		CHECK_INT(res.signers[0].state, SIGNER_OK);
		CHECK_STR_EQ(cert_facts(res.signers[0].cert)->der,
		    cert_facts(c)->der);
	}
	cms_signed_clear(&res);
	key_free(k);
	cert_unref(c);
	buf_clear(&out);
	buf_clear(&plain);
}

static void
t_crl(void)
{
	static const struct crl_row rows[] = {
	    {{"\x12"
	      "3456789",
	         8},
	        HELP_NOW - 20, CRL_KEY_COMPROMISE},
	    {{"\x11"
	      "3456789",
	         8},
	        HELP_NOW - 10, CRL_UNSPECIFIED},
	};
	const struct issuer by = {ca, ca_key};
	struct crl_ask ask = {.number = 7,
	    .at = HELP_NOW,
	    .next = HELP_NOW + DAY,
	    .rows = rows,
	    .nrows = 2};
	const unsigned char *p;
	STACK_OF(X509_REVOKED) * revoked;
	ASN1_ENUMERATED *reason;
	ASN1_INTEGER *number;
	struct crl_row bad = rows[0];
	struct err err;
	X509_CRL *crl;
	struct buf der;

	buf_init(&der, 10000);
	CHECK_INT(issue_crl(&by, &ask, &der, &err), 0);
	p = (const unsigned char *)der.data;
	crl = d2i_X509_CRL(NULL, &p, (long)der.len);
	if (!CHECK(crl != NULL))
		return;
	CHECK(X509_CRL_verify(crl, ca_key) == 1);
	number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	CHECK_INT(ASN1_INTEGER_get(number), 7);
	ASN1_INTEGER_free(number);
	revoked = X509_CRL_get_REVOKED(crl);
	if (CHECK_INT(sk_X509_REVOKED_num(revoked), 2)) {
		/* Sorted by serial number. */
		CHECK(
		    X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(revoked, 0),
		        NID_crl_reason, NULL, NULL) == NULL);
		reason =
		    X509_REVOKED_get_ext_d2i(sk_X509_REVOKED_value(revoked, 1),
		        NID_crl_reason, NULL, NULL);
		CHECK_INT(ASN1_ENUMERATED_get(reason), CRL_KEY_COMPROMISE);
		ASN1_ENUMERATED_free(reason);
	}
	X509_CRL_free(crl);

	unit_row("empty");
	buf_reset(&der);
	ask.nrows = 0;
	CHECK_INT(issue_crl(&by, &ask, &der, &err), 0);
	unit_row("odd reason");
	bad.reason = (enum crl_reason)7;
	ask.rows = &bad;
	ask.nrows = 1;
	CHECK_INT(issue_crl(&by, &ask, &der, &err), -1);
	unit_row("due before it is made");
	ask.nrows = 0;
	ask.next = ask.at - 1;
	CHECK_INT(issue_crl(&by, &ask, &der, &err), -1);
	buf_clear(&der);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"mail", t_mail},
	    {"refuse", t_refuse},
	    {"authorities", t_authorities},
	    {"tls", t_tls},
	    {"self", t_self},
	    {"crl", t_crl},
	    {NULL, NULL},
	};
	int rc;

	make_authorities();
	rc = unit_main("t_issue", tests);
	drop_authorities();
	return (rc);
}
