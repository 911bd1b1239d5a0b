#include "config.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "smime/csr.h"
#include "unit.h"

static EVP_PKEY *ec, *rsa;

static void
t_round(void)
{
	const struct {
		const char *name;
		EVP_PKEY *pkey;
		const char *address;
		unsigned use;
	} rows[] = {
	    {"sign", ec, "anna@x.test", CERT_SIGN},
	    {"encrypt EC", ec, "anna@x.test", CERT_ENCRYPT},
	    {"encrypt RSA", rsa, "anna@x.test", CERT_ENCRYPT},
	    {"both", rsa, "anna@x.test", CERT_SIGN | CERT_ENCRYPT},
	    {"UTF-8", ec, "j\303\274rgen@x.test", CERT_SIGN},
	    {"longer than a commonName", ec,
	        "a-very-long-local-part-that-does-not-fit-a-common-name-at-all"
	        "@x.test",
	        CERT_SIGN},
	};
	struct err err;
	struct csr csr;
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		buf_init(&b, CSR_MAX);
		CHECK_INT(csr_make(rows[i].pkey, str_c(rows[i].address),
		              rows[i].use, &b, &err),
		    0);
		CHECK_INT(csr_get(buf_text(&b), &csr, &err), 0);
		CHECK_UINT(csr.use, rows[i].use);
		CHECK(EVP_PKEY_eq(csr.pkey, rows[i].pkey) == 1);
		if (CHECK_UINT(csr.naddresses, 1))
			CHECK_CSTR(csr.addresses[0], rows[i].address);
		CHECK_INT(csr_check(&csr, str_c(rows[i].address), &err), 0);
		CHECK_INT(csr_check(&csr, STR("eve@x.test"), &err), -1);
		CHECK_INT(err.code, ERR_DENIED);
		csr_clear(&csr);
		/* Any bit of it changed is a request no more. */
		b.data[b.len / 2] ^= 1;
		CHECK_INT(csr_get(buf_text(&b), &csr, &err), -1);
		CHECK(csr.pkey == NULL);
		buf_clear(&b);
	}
}

static void
t_refuse_making(void)
{
	static const char *const bad[] = {"", "anna", "@x.test", "anna@",
	    "an na@x.test", "a@b@x.test", "anna@x.test\r\n",
	    "anna@\303\274.test", "a\001@x.test"};
	EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	struct err err;
	struct buf b;
	size_t i;

	buf_init(&b, CSR_MAX);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unit_row(bad[i]);
		CHECK_INT(csr_make(ec, str_c(bad[i]), CERT_SIGN, &b, &err), -1);
		CHECK_INT(err.code, ERR_UNSUPPORTED);
	}
	unit_row("weak key");
	CHECK_INT(csr_make(weak, STR("anna@x.test"), CERT_SIGN, &b, &err), -1);
	CHECK_INT(err.code, ERR_UNTRUSTED);
	CHECK_UINT(b.len, 0);
	buf_clear(&b);
	EVP_PKEY_free(weak);
}

static void
add_conf(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	CHECK(ext != NULL && sk_X509_EXTENSION_push(list, ext) > 0);
}

struct row {
	const char *name;
	EVP_PKEY **pkey;
	const EVP_MD *(*md)(void);
	const char *cn, *san, *ku, *eku, *bc; /* NULL: none */
	enum err_code code;
	unsigned use;
};

static void
forge(const struct row *r, struct buf *out)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(req);
	unsigned char *der = NULL;
	int n;

	if (r->cn != NULL)
		X509_NAME_add_entry_by_NID(name,
		    strchr(r->cn, '=') != NULL ? NID_pkcs9_emailAddress
		                               : NID_commonName,
		    MBSTRING_UTF8,
		    (const unsigned char *)r->cn + (r->cn[0] == '='), -1, -1,
		    0);
	if (r->san != NULL)
		add_conf(list, NID_subject_alt_name, r->san);
	if (r->ku != NULL)
		add_conf(list, NID_key_usage, r->ku);
	if (r->eku != NULL)
		add_conf(list, NID_ext_key_usage, r->eku);
	if (r->bc != NULL)
		add_conf(list, NID_basic_constraints, r->bc);
	X509_REQ_add_extensions(req, list);
	X509_REQ_set_pubkey(req, *r->pkey);
	CHECK(X509_REQ_sign(req, *r->pkey, r->md()) > 0);
	n = i2d_X509_REQ(req, &der);
	if (CHECK(n > 0))
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(req);
}

#define ANNA "email:anna@x.test"
#define BOTH (CERT_SIGN | CERT_ENCRYPT)

static void
t_foreign(void)
{
	EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	EVP_PKEY *odd = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
	const EVP_MD *(*const sha)(void) = EVP_sha256;
	const struct row rows[] = {
	    {"plain", &ec, sha, NULL, ANNA, NULL, NULL, NULL, ERR_OK, BOTH},
	    {"commonName", &ec, sha, "anna@x.test", ANNA, NULL, NULL, NULL,
	        ERR_OK, BOTH},
	    {"person's commonName", &ec, sha, "Anna", ANNA, NULL, NULL, NULL,
	        ERR_OK, BOTH},
	    {"nonRepudiation", &ec, sha, NULL, ANNA,
	        "digitalSignature,nonRepudiation", "emailProtection",
	        "CA:FALSE", ERR_OK, CERT_SIGN},
	    {"keyAgreement", &ec, sha, NULL, ANNA, "keyAgreement", NULL, NULL,
	        ERR_OK, CERT_ENCRYPT},
	    {"both bits", &rsa, sha, NULL, ANNA,
	        "digitalSignature,keyEncipherment", NULL, NULL, ERR_OK, BOTH},
	    {"twice the same", &ec, sha, NULL, ANNA "," ANNA, NULL, NULL, NULL,
	        ERR_OK, BOTH},
	    {"no address", &ec, sha, "anna@x.test", NULL, NULL, NULL, NULL,
	        ERR_DENIED, 0},
	    {"DNS name too", &ec, sha, NULL, ANNA ",DNS:x.test", NULL, NULL,
	        NULL, ERR_DENIED, 0},
	    {"URI", &ec, sha, NULL, "URI:mailto:anna@x.test", NULL, NULL, NULL,
	        ERR_DENIED, 0},
	    {"no address in it", &ec, sha, NULL, "email:anna", NULL, NULL, NULL,
	        ERR_UNSUPPORTED, 0},
	    {"keyCertSign", &ec, sha, NULL, ANNA,
	        "digitalSignature,keyCertSign", NULL, NULL, ERR_DENIED, 0},
	    {"dataEncipherment", &rsa, sha, NULL, ANNA,
	        "keyEncipherment,dataEncipherment", NULL, NULL, ERR_DENIED, 0},
	    {"decipherOnly", &ec, sha, NULL, ANNA, "keyAgreement,decipherOnly",
	        NULL, NULL, ERR_DENIED, 0},
	    {"for a server", &ec, sha, NULL, ANNA, NULL, "serverAuth", NULL,
	        ERR_DENIED, 0},
	    {"for more than mail", &ec, sha, NULL, ANNA, NULL,
	        "emailProtection,clientAuth", NULL, ERR_DENIED, 0},
	    {"authority", &ec, sha, NULL, ANNA, NULL, NULL, "CA:TRUE",
	        ERR_DENIED, 0},
	    {"weak key", &weak, sha, NULL, ANNA, NULL, NULL, NULL,
	        ERR_UNTRUSTED, 0},
	    {"odd curve", &odd, sha, NULL, ANNA, NULL, NULL, NULL,
	        ERR_UNTRUSTED, 0},
	    {"SHA-1", &ec, EVP_sha1, NULL, ANNA, NULL, NULL, NULL, ERR_CRYPTO,
	        0},
	};
	struct err err;
	struct csr csr;
	struct buf b;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		memset(&err, 0, sizeof(err));
		buf_init(&b, CSR_MAX);
		forge(&rows[i], &b);
		rc = csr_get(buf_text(&b), &csr, &err);
		CHECK_INT(err.code, rows[i].code);
		if (CHECK_INT(rc, rows[i].code == ERR_OK ? 0 : -1) && rc == 0) {
			CHECK_UINT(csr.use, rows[i].use);
			CHECK_INT(csr_check(&csr, STR("Anna@X.test"), &err), 0);
			csr_clear(&csr);
		}
		buf_clear(&b);
	}
	EVP_PKEY_free(weak);
	EVP_PKEY_free(odd);
}

/* More than was ordered is as wrong as another. */
static void
t_sets(void)
{
	const struct row rows[] = {
	    {"two", &ec, EVP_sha256, NULL, ANNA ",email:bert@x.test", NULL,
	        NULL, NULL, ERR_OK, 0},
	    {"another in emailAddress", &ec, EVP_sha256, "=bert@x.test", ANNA,
	        NULL, NULL, NULL, ERR_OK, 0},
	    {"another in commonName", &ec, EVP_sha256, "bert@x.test", ANNA,
	        NULL, NULL, NULL, ERR_OK, 0},
	};
	struct err err;
	struct csr csr;
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		buf_init(&b, CSR_MAX);
		forge(&rows[i], &b);
		CHECK_INT(csr_get(buf_text(&b), &csr, &err), 0);
		CHECK_UINT(csr.naddresses, 2);
		CHECK_INT(csr_check(&csr, STR("anna@x.test"), &err), -1);
		CHECK_INT(err.code, ERR_DENIED);
		csr_clear(&csr);
		buf_clear(&b);
	}
}

/* A request whose key is another's does not hold. */
static void
t_no_csr(void)
{
	struct err err;
	struct csr csr;
	struct buf b;

	unit_row("nothing");
	CHECK_INT(csr_get(STR(""), &csr, &err), -1);
	CHECK_INT(err.code, ERR_SYNTAX);
	unit_row("text");
	CHECK_INT(csr_get(STR("-----BEGIN"), &csr, &err), -1);
	unit_row("too long");
	buf_init(&b, CSR_MAX + 1);
	while (b.len < b.max)
		buf_putc(&b, '0');
	CHECK_INT(csr_get(buf_text(&b), &csr, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_reset(&b);
	unit_row("more behind");
	CHECK_INT(csr_make(ec, STR("anna@x.test"), CERT_SIGN, &b, &err), 0);
	buf_putc(&b, '0');
	CHECK_INT(csr_get(buf_text(&b), &csr, &err), -1);
	buf_clear(&b);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"round", t_round},
	    {"refuse-making", t_refuse_making},
	    {"foreign", t_foreign},
	    {"sets", t_sets},
	    {"no-csr", t_no_csr},
	    {NULL, NULL},
	};
	int rc;

	ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	rc = unit_main("t_csr", tests);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
	return (rc);
}
