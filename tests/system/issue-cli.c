/*
 * issue-cli - make what an authority makes, for tests/system/t_issue_openssl.
 *
 * issue-cli make: in the current folder root.der, issuing.der, sign.der,
 * encrypt.der, both.der, revoked.der, tls.der, self.der, crl.der, request.der.
 * issue-cli csr FILE ADDRESS: check a request; prints what it is for.
 */
#include "config.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smime/csr.h"
#include "smime/issue.h"

/* 2026-01-01, as the script says to openssl. */
#define NOW INT64_C(1767225600)
#define DAY INT64_C(86400)

static struct err err;

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "issue-cli: %s: %s\n", what, err.text);
	exit(1);
}

static void
write_file(const char *name, const struct buf *b)
{
	FILE *f = fopen(name, "wb");

	must(f != NULL && fwrite(b->data, 1, b->len, f) == b->len &&
	             fclose(f) == 0
	         ? 0
	         : -1,
	    name);
}

/* Write, and read back what was written. */
static struct cert *
keep(const char *name, struct buf *der)
{
	char file[64];
	struct cert *c;

	snprintf(file, sizeof(file), "%s.der", name);
	write_file(file, der);
	c = cert_get(NULL, buf_text(der), &err);
	must(c != NULL ? 0 : -1, name);
	buf_reset(der);
	return (c);
}

static struct issue_terms
terms(const char *serial, int64_t days)
{
	return ((struct issue_terms){.serial = str_c(serial),
	    .from = NOW - DAY,
	    .until = NOW + days * DAY,
	    .crl_url = STR("http://ca.test/crl"),
	    .ca_url = STR("http://ca.test/ca")});
}

static void
make_mail(const struct issuer *by, EVP_PKEY *ec, EVP_PKEY *rsa)
{
	const struct {
		const char *name, *serial;
		EVP_PKEY *pkey;
		unsigned use;
	} rows[] = {
	    {"sign", "12345671", ec, CERT_SIGN},
	    {"encrypt", "12345672", rsa, CERT_ENCRYPT},
	    {"both", "12345673", rsa, CERT_SIGN | CERT_ENCRYPT},
	    {"revoked", "12345674", ec, CERT_SIGN},
	};
	struct issue_terms t;
	struct buf der;
	size_t i;

	buf_init(&der, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t = terms(rows[i].serial, 300);
		must(issue_mail(by, rows[i].pkey, STR("anna@x.test"),
		         rows[i].use, &t, &der, &err),
		    rows[i].name);
		cert_unref(keep(rows[i].name, &der));
	}
	buf_clear(&der);
}

static void
make_crl(const struct issuer *by)
{
	const struct crl_row row = {STR("12345674"), NOW - 60, CRL_SUPERSEDED};
	const struct crl_ask ask = {.number = 42,
	    .at = NOW - 60,
	    .next = NOW + DAY,
	    .rows = &row,
	    .nrows = 1};
	struct buf der;

	buf_init(&der, 100000);
	must(issue_crl(by, &ask, &der, &err), "crl");
	write_file("crl.der", &der);
	buf_clear(&der);
}

static int
make(void)
{
	EVP_PKEY *root_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	EVP_PKEY *ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_PKEY *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	const struct str host = STR("cloud.test");
	struct issue_terms t = terms("12345678", 3000);
	struct issuer root, ca;
	struct cert *root_cert, *ca_cert;
	struct buf der;

	buf_init(&der, 100000);
	must(issue_root(root_key, STR("Test Root"), &t, &der, &err), "root");
	root_cert = keep("root", &der);
	root = (struct issuer){root_cert, root_key};
	t = terms("12345679", 2000);
	must(issue_authority(&root, ca_key, STR("Test CA"), &t, &der, &err),
	    "issuing");
	ca_cert = keep("issuing", &der);
	ca = (struct issuer){ca_cert, ca_key};
	must(issue_tls(&root, ec, &host, 1, &t, &der, &err), "tls");
	cert_unref(keep("tls", &der));
	must(issue_self(ec, STR("device"), CERT_ENCRYPT, &t, &der, &err),
	    "self");
	cert_unref(keep("self", &der));
	make_mail(&ca, ec, rsa);
	make_crl(&ca);
	must(csr_make(ec, STR("anna@x.test"), CERT_SIGN, &der, &err), "csr");
	write_file("request.der", &der);
	buf_clear(&der);
	cert_unref(root_cert);
	cert_unref(ca_cert);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
	return (0);
}

static int
check(const char *file, const char *address)
{
	struct csr csr;
	struct buf der;
	char *room;
	FILE *f;

	buf_init(&der, CSR_MAX + 1);
	f = fopen(file, "rb");
	room = buf_room(&der, CSR_MAX + 1);
	must(f != NULL && room != NULL ? 0 : -1, file);
	der.len = fread(room, 1, CSR_MAX + 1, f);
	fclose(f);
	must(csr_get(buf_text(&der), &csr, &err), "csr");
	must(csr_check(&csr, str_c(address), &err), "csr");
	printf("%s%s\n", (csr.use & CERT_SIGN) != 0 ? "sign " : "",
	    (csr.use & CERT_ENCRYPT) != 0 ? "encrypt" : "");
	csr_clear(&csr);
	buf_clear(&der);
	return (0);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "make") == 0)
		return (make());
	if (argc == 4 && strcmp(argv[1], "csr") == 0)
		return (check(argv[2], argv[3]));
	fputs("usage: issue-cli make | csr FILE ADDRESS\n", stderr);
	return (2);
}
