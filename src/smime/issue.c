#include "config.h"

#include "smime/issue.h"

#include <openssl/bn.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "smime/algo.h"
#include "smime/csr.h"
#include "smime/exts.h"
#include "smime/ossl.h"

#define SERIAL_MIN 8
#define SERIAL_MAX 20

/* More names than a server has. */
#define NAMES_MAX 20

static int
denied(struct err *err, const char *why)
{
	err_set(err, ERR_DENIED, "%s", why);
	return (-1);
}

/* --- what all have --- */

static ASN1_INTEGER *
serial_of(struct str serial)
{
	ASN1_INTEGER *out = NULL;
	BIGNUM *n;

	if (serial.len == 0 || serial.len > SERIAL_MAX)
		return (NULL);
	n = BN_bin2bn((const unsigned char *)serial.p, (int)serial.len, NULL);
	if (n != NULL)
		out = BN_to_ASN1_INTEGER(n, NULL);
	BN_free(n);
	return (out);
}

/* RFC 5280 4.1.2.2 and 4.1.2.5. */
static int
check_terms(const struct issue_terms *t, struct err *err)
{
	if (t->serial.len < SERIAL_MIN || t->serial.len > SERIAL_MAX ||
	    (unsigned char)t->serial.p[0] < 0x01 ||
	    (unsigned char)t->serial.p[0] > 0x7f)
		return (denied(err, "the serial number is no good one"));
	if (t->from < 0 || t->from > t->until)
		return (denied(err, "the validity ends before it begins"));
	return (0);
}

static bool
set_terms(X509 *x, const struct issue_terms *t)
{
	ASN1_INTEGER *serial = serial_of(t->serial);
	bool ok;

	ok = serial != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	     X509_set_serialNumber(x, serial) == 1 &&
	     ASN1_TIME_set(X509_getm_notBefore(x), (time_t)t->from) != NULL &&
	     ASN1_TIME_set(X509_getm_notAfter(x), (time_t)t->until) != NULL;
	ASN1_INTEGER_free(serial);
	return (ok);
}

static bool
set_names(X509 *x, const X509_NAME *issuer, struct str common_name)
{
	X509_NAME *name = exts_name(common_name);
	bool ok;

	ok = name != NULL && X509_set_subject_name(x, name) == 1 &&
	     X509_set_issuer_name(x, issuer != NULL ? issuer : name) == 1;
	X509_NAME_free(name);
	return (ok);
}

static bool
put_urls(exts **list, const struct issue_terms *t)
{
	return ((t->crl_url.len == 0 || exts_crl(list, t->crl_url)) &&
	        (t->ca_url.len == 0 || exts_ca_issuers(list, t->ca_url)));
}

/* A certificate with all but its own extensions; NULL with err filled. */
static X509 *
begin(const struct issuer *by, EVP_PKEY *subject, struct str name,
    const struct issue_terms *t, struct err *err)
{
	const X509_NAME *issuer = NULL;
	X509 *x;

	if (check_terms(t, err) == -1)
		return (NULL);
	if (by != NULL)
		issuer = X509_get_subject_name(cert_x509(by->cert));
	if ((x = X509_new()) != NULL && set_terms(x, t) &&
	    set_names(x, issuer, name) && X509_set_pubkey(x, subject) == 1)
		return (x);
	X509_free(x);
	err_openssl(err, ERR_MEMORY, "cannot begin a certificate");
	return (NULL);
}

/* Put in the extensions, sign, write; swallows both. */
static int
finish(X509 *x, exts *list, EVP_PKEY *pkey, struct buf *out, struct err *err)
{
	unsigned char *der = NULL;
	bool ok = list != NULL;
	int i, n = -1;

	for (i = 0; ok && i < sk_X509_EXTENSION_num(list); i++)
		ok = X509_add_ext(x, sk_X509_EXTENSION_value(list, i), -1) == 1;
	if (ok && X509_sign(x, pkey, exts_digest(pkey)) > 0)
		n = i2d_X509(x, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	exts_free(list);
	X509_free(x);
	if (n > 0 && !out->failed) {
		ossl_forget();
		return (0);
	}
	err_openssl(err, ERR_CRYPTO, "cannot make a certificate");
	return (-1);
}

/* Give up on a list that could not be filled; NULL makes finish() fail. */
static exts *
if_all(bool ok, exts *list)
{
	if (ok)
		return (list);
	exts_free(list);
	return (NULL);
}

/* --- mailboxes --- */

/* RFC 4262: what whoever holds the key can read. */
static bool
put_caps(exts **list)
{
	struct buf caps;
	bool ok;

	buf_init(&caps, 4096);
	algo_caps_build(&caps);
	ok = !caps.failed &&
	     exts_raw(list, NID_SMIMECapabilities, buf_text(&caps));
	buf_clear(&caps);
	return (ok);
}

static int
check_mail(struct str address, unsigned use, const struct issue_terms *t,
    struct err *err)
{
	if (exts_check_address(address, err) == -1)
		return (-1);
	if (use == 0 || (use & ~((unsigned)CERT_SIGN | CERT_ENCRYPT)) != 0)
		return (denied(err, "a mailbox signs, encrypts or both"));
	if (t->until - t->from >= ISSUE_MAIL_MAX)
		return (denied(err, "longer than 825 days (S/MIME BR 6.3.2)"));
	return (0);
}

int
issue_mail(const struct issuer *by, EVP_PKEY *subject, struct str address,
    unsigned use, const struct issue_terms *t, struct buf *out, struct err *err)
{
	exts *list = NULL;
	bool ok, nameless;
	X509 *x;

	if (check_mail(address, use, t, err) == -1 ||
	    csr_check_key(subject, err) == -1 ||
	    (x = begin(by, subject, address, t, err)) == NULL)
		return (-1);
	nameless = X509_NAME_entry_count(X509_get_subject_name(x)) == 0;
	ok = exts_usage(&list, subject, use) &&
	     exts_purpose(&list, NID_email_protect) &&
	     exts_address(&list, address, nameless) &&
	     exts_policy(&list, ISSUE_MAIL_POLICY) &&
	     exts_authority_key(&list, cert_x509(by->cert)) &&
	     exts_subject_key(&list, x) && put_urls(&list, t) &&
	     ((use & CERT_ENCRYPT) == 0 || put_caps(&list));
	return (finish(x, if_all(ok, list), by->pkey, out, err));
}

/* --- authorities --- */

/* basicConstraints; below: how many authorities may follow, -1 any. */
static bool
put_authority(exts **list, int below)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	bool ok = bc != NULL;

	if (ok) {
		bc->ca = 0xff;
		if (below >= 0)
			ok = (bc->pathlen = ASN1_INTEGER_new()) != NULL &&
			     ASN1_INTEGER_set_int64(bc->pathlen, below) == 1;
	}
	ok = ok && exts_add(list, NID_basic_constraints, bc, true);
	BASIC_CONSTRAINTS_free(bc);
	return (ok);
}

int
issue_root(EVP_PKEY *pkey, struct str name, const struct issue_terms *t,
    struct buf *out, struct err *err)
{
	exts *list = NULL;
	X509 *x;
	bool ok;

	if (csr_check_key(pkey, err) == -1 ||
	    (x = begin(NULL, pkey, name, t, err)) == NULL)
		return (-1);
	ok = put_authority(&list, -1) && exts_usage(&list, pkey, CERT_CA) &&
	     exts_subject_key(&list, x);
	return (finish(x, if_all(ok, list), pkey, out, err));
}

/* S/MIME BR 7.1.2.2: EKU emailProtection, and any policy is ours to say. */
int
issue_authority(const struct issuer *by, EVP_PKEY *subject, struct str name,
    const struct issue_terms *t, struct buf *out, struct err *err)
{
	exts *list = NULL;
	X509 *x;
	bool ok;

	if (csr_check_key(subject, err) == -1 ||
	    (x = begin(by, subject, name, t, err)) == NULL)
		return (-1);
	ok = put_authority(&list, 0) && exts_usage(&list, subject, CERT_CA) &&
	     exts_purpose(&list, NID_email_protect) &&
	     exts_policy(&list, ISSUE_MAIL_POLICY) &&
	     exts_authority_key(&list, cert_x509(by->cert)) &&
	     exts_subject_key(&list, x) && put_urls(&list, t);
	return (finish(x, if_all(ok, list), by->pkey, out, err));
}

/* --- servers, devices --- */

int
issue_tls(const struct issuer *by, EVP_PKEY *subject, const struct str *names,
    size_t n, const struct issue_terms *t, struct buf *out, struct err *err)
{
	exts *list = NULL;
	X509 *x;
	bool ok;

	if (n == 0 || n > NAMES_MAX)
		return (denied(err, "a server has 1 to 20 names"));
	if (csr_check_key(subject, err) == -1 ||
	    (x = begin(by, subject, names[0], t, err)) == NULL)
		return (-1);
	ok = exts_usage(&list, subject, CERT_SIGN) &&
	     exts_purpose(&list, NID_server_auth) &&
	     exts_hosts(&list, names, n) &&
	     exts_authority_key(&list, cert_x509(by->cert)) &&
	     exts_subject_key(&list, x) && put_urls(&list, t);
	return (finish(x, if_all(ok, list), by->pkey, out, err));
}

int
issue_self(EVP_PKEY *pkey, struct str name, unsigned use,
    const struct issue_terms *t, struct buf *out, struct err *err)
{
	exts *list = NULL;
	X509 *x;
	bool ok;

	if (csr_check_key(pkey, err) == -1 ||
	    (x = begin(NULL, pkey, name, t, err)) == NULL)
		return (-1);
	ok = exts_usage(&list, pkey, use & ~(unsigned)CERT_CA) &&
	     exts_subject_key(&list, x);
	return (finish(x, if_all(ok, list), pkey, out, err));
}

/* --- CRLs (RFC 5280 5) --- */

bool
crl_reason_known(uint64_t reason)
{
	switch (reason) {
	case CRL_UNSPECIFIED:
	case CRL_KEY_COMPROMISE:
	case CRL_AFFILIATION_CHANGED:
	case CRL_SUPERSEDED:
	case CRL_CESSATION:
	case CRL_PRIVILEGE_WITHDRAWN:
		return (true);
	default:
		return (false);
	}
}

/* An unspecified reason is left out (5.3.1). */
static bool
set_reason(X509_REVOKED *r, enum crl_reason reason)
{
	ASN1_ENUMERATED *e;
	bool ok;

	if (reason == CRL_UNSPECIFIED)
		return (true);
	ok = (e = ASN1_ENUMERATED_new()) != NULL &&
	     ASN1_ENUMERATED_set(e, (long)reason) == 1 &&
	     X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, e, 0, 0) == 1;
	ASN1_ENUMERATED_free(e);
	return (ok);
}

static bool
add_row(X509_CRL *crl, const struct crl_row *row)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *serial = serial_of(row->serial);
	ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)row->at);
	bool ok;

	ok = r != NULL && serial != NULL && at != NULL &&
	     crl_reason_known(row->reason) &&
	     X509_REVOKED_set_serialNumber(r, serial) == 1 &&
	     X509_REVOKED_set_revocationDate(r, at) == 1 &&
	     set_reason(r, row->reason) && X509_CRL_add0_revoked(crl, r) == 1;
	if (!ok)
		X509_REVOKED_free(r);
	ASN1_TIME_free(at);
	ASN1_INTEGER_free(serial);
	return (ok);
}

static bool
set_crl_head(X509_CRL *crl, X509 *issuer, const struct crl_ask *ask)
{
	ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)ask->at);
	ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)ask->next);
	bool ok;

	ok =
	    at != NULL && next != NULL &&
	    X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
	    X509_CRL_set1_lastUpdate(crl, at) == 1 &&
	    X509_CRL_set1_nextUpdate(crl, next) == 1;
	ASN1_TIME_free(at);
	ASN1_TIME_free(next);
	return (ok);
}

static bool
set_crl_exts(X509_CRL *crl, X509 *issuer, uint64_t number)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	exts *list = NULL;
	bool ok;
	int i;

	ok = n != NULL && ASN1_INTEGER_set_uint64(n, number) == 1 &&
	     exts_authority_key(&list, issuer) &&
	     exts_add(&list, NID_crl_number, n, false);
	for (i = 0; ok && i < sk_X509_EXTENSION_num(list); i++)
		ok = X509_CRL_add_ext(crl, sk_X509_EXTENSION_value(list, i),
		         -1) == 1;
	exts_free(list);
	ASN1_INTEGER_free(n);
	return (ok);
}

int
issue_crl(const struct issuer *by, const struct crl_ask *ask, struct buf *out,
    struct err *err)
{
	X509 *issuer = cert_x509(by->cert);
	X509_CRL *crl = X509_CRL_new();
	unsigned char *der = NULL;
	bool ok;
	size_t i;
	int n = -1;

	ok = crl != NULL && ask->at <= ask->next &&
	     set_crl_head(crl, issuer, ask) &&
	     set_crl_exts(crl, issuer, ask->number);
	for (i = 0; ok && i < ask->nrows; i++)
		ok = add_row(crl, &ask->rows[i]);
	if (ok && X509_CRL_sort(crl) == 1 &&
	    X509_CRL_sign(crl, by->pkey, exts_digest(by->pkey)) > 0)
		n = i2d_X509_CRL(crl, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_CRL_free(crl);
	if (n > 0 && !out->failed)
		return (0);
	err_openssl(err, ERR_CRYPTO, "cannot make a CRL");
	return (-1);
}
