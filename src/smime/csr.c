#include "config.h"

#include "smime/csr.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "mail/addr.h"
#include "smime/exts.h"
#include "smime/ossl.h"

/* --- making --- */

static bool
put_request(X509_REQ *req, EVP_PKEY *pkey, struct str address, unsigned use)
{
	X509_NAME *name = exts_name(address);
	exts *list = NULL;
	bool ok;

	ok = name != NULL && X509_REQ_set_version(req, X509_REQ_VERSION_1) &&
	     X509_REQ_set_subject_name(req, name) == 1 &&
	     X509_REQ_set_pubkey(req, pkey) == 1 &&
	     exts_address(&list, address, false) &&
	     exts_usage(&list, pkey, use) &&
	     exts_purpose(&list, NID_email_protect) &&
	     X509_REQ_add_extensions(req, list) == 1 &&
	     X509_REQ_sign(req, pkey, exts_digest(pkey)) > 0;
	exts_free(list);
	X509_NAME_free(name);
	return (ok);
}

int
csr_make(EVP_PKEY *pkey, struct str address, unsigned use, struct buf *out,
    struct err *err)
{
	unsigned char *der = NULL;
	X509_REQ *req;
	int n = -1;

	if (exts_check_address(address, err) == -1 ||
	    csr_check_key(pkey, err) == -1)
		return (-1);
	if ((req = X509_REQ_new()) != NULL &&
	    put_request(req, pkey, address, use))
		n = i2d_X509_REQ(req, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_REQ_free(req);
	if (n > 0 && !out->failed)
		return (0);
	err_openssl(err, ERR_CRYPTO, "cannot make a certification request");
	return (-1);
}

/* --- keys --- */

/* CA/Browser Forum S/MIME BR 6.1.6: odd, at least 2^16 + 1. */
static bool
exponent_fits(EVP_PKEY *pkey)
{
	BIGNUM *e = NULL;
	bool fits;

	fits = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	       BN_is_odd(e) && BN_num_bits(e) > 16 && BN_num_bits(e) <= 64;
	BN_free(e);
	return (fits);
}

/* By name, not spelt out (RFC 5480 2.1.1). */
static bool
curve_fits(EVP_PKEY *pkey)
{
	char group[64];
	EVP_PKEY_CTX *ctx;
	int spelt = 0;
	bool fits;

	if (EVP_PKEY_get_int_param(pkey,
	        OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &spelt) != 1 ||
	    spelt != 0 ||
	    EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
	    (strcmp(group, "prime256v1") != 0 &&
	        strcmp(group, "secp384r1") != 0 &&
	        strcmp(group, "secp521r1") != 0))
		return (false);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	fits = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return (fits);
}

int
csr_check_key(EVP_PKEY *pkey, struct err *err)
{
	int bits = EVP_PKEY_get_bits(pkey);
	bool fits = false;

	if (EVP_PKEY_is_a(pkey, "RSA"))
		fits = bits >= LIMIT_RSA_LEAST && bits <= LIMIT_RSA_MOST &&
		       bits % 8 == 0 && exponent_fits(pkey);
	else if (EVP_PKEY_is_a(pkey, "EC"))
		fits = curve_fits(pkey);
	ossl_forget();
	if (fits)
		return (0);
	err_set(err, ERR_UNTRUSTED,
	    "the key is weak or of a kind that is not certified");
	return (-1);
}

/* --- reading --- */

static int
denied(struct err *err, const char *why)
{
	err_set(err, ERR_DENIED, "%s", why);
	return (-1);
}

static int
check_signature(X509_REQ *req, EVP_PKEY *pkey, struct err *err)
{
	int md = NID_undef, alg = X509_REQ_get_signature_nid(req);

	if (OBJ_find_sigid_algs(alg, &md, NULL) != 1 ||
	    (md != NID_sha256 && md != NID_sha384 && md != NID_sha512)) {
		ossl_forget();
		err_set(err, ERR_CRYPTO,
		    "the request is signed by an algorithm that is not taken");
		return (-1);
	}
	if (X509_REQ_verify(req, pkey) == 1)
		return (0);
	ossl_forget();
	err_set(err, ERR_CRYPTO, "the request is not signed by its key");
	return (-1);
}

/* Remember an address; one that is there already is not added. */
static int
add_address(struct csr *csr, struct str s, struct err *err)
{
	char *copy;
	size_t i;

	if (exts_check_address(s, err) == -1)
		return (-1);
	for (i = 0; i < csr->naddresses; i++)
		if (addr_same(str_c(csr->addresses[i]), s))
			return (0);
	if (csr->naddresses == CSR_ADDRESSES)
		return (denied(err, "more addresses than can be ordered"));
	if ((copy = strndup(s.p, s.len)) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a request");
		return (-1);
	}
	csr->addresses[csr->naddresses++] = copy;
	return (0);
}

static struct str
asn1_str(const ASN1_STRING *s)
{
	int len = ASN1_STRING_length(s);

	return (str_of((const char *)ASN1_STRING_get0_data(s),
	    len > 0 ? (size_t)len : 0));
}

static int
read_name(struct csr *csr, const GENERAL_NAME *gn, struct err *err)
{
	const OTHERNAME *other;
	char oid[32];

	if (gn->type == GEN_EMAIL)
		return (add_address(csr, asn1_str(gn->d.rfc822Name), err));
	if (gn->type == GEN_OTHERNAME) {
		other = gn->d.otherName;
		OBJ_obj2txt(oid, sizeof(oid), other->type_id, 1);
		if (strcmp(oid, "1.3.6.1.5.5.7.8.9") == 0 &&
		    other->value->type == V_ASN1_UTF8STRING)
			return (add_address(csr,
			    asn1_str(other->value->value.utf8string), err));
	}
	return (denied(err, "the request names more than mail addresses"));
}

/* An extension that may be there once; NULL if it is not there. */
static int
find(const exts *list, int nid, void **out, struct err *err)
{
	int critical;

	*out = X509V3_get_d2i(list, nid, &critical, NULL);
	if (*out != NULL || critical == -1)
		return (0);
	ossl_forget();
	err_set(err, ERR_SYNTAX, "an extension is malformed or there twice");
	return (-1);
}

static int
read_names(struct csr *csr, const exts *list, struct err *err)
{
	GENERAL_NAMES *names;
	void *v;
	int i, rc = 0;

	if (find(list, NID_subject_alt_name, &v, err) == -1)
		return (-1);
	names = v;
	for (i = 0; rc == 0 && i < sk_GENERAL_NAME_num(names); i++)
		rc = read_name(csr, sk_GENERAL_NAME_value(names, i), err);
	GENERAL_NAMES_free(names);
	if (rc == 0 && csr->naddresses == 0)
		rc = denied(err,
		    "no address in a subjectAltName (RFC 8823 3 point 8)");
	return (rc);
}

/*
 * What the subject says besides is not taken over, but addresses in it count
 * as asked for (RFC 8555 7.4).
 */
static int
read_subject(struct csr *csr, const X509_NAME *name, struct err *err)
{
	const X509_NAME_ENTRY *entry;
	struct str s;
	int i, nid;

	for (i = 0; i < X509_NAME_entry_count(name); i++) {
		entry = X509_NAME_get_entry(name, i);
		nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		s = asn1_str(X509_NAME_ENTRY_get_data(entry));
		if ((nid == NID_pkcs9_emailAddress ||
		        (nid == NID_commonName && str_find(s, '@') < s.len)) &&
		    add_address(csr, s, err) == -1)
			return (-1);
	}
	return (0);
}

/* RFC 8823 3.3: sets of bits, and nothing else. */
static int
read_usage(struct csr *csr, const exts *list, struct err *err)
{
	const uint32_t sign = KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION;
	const uint32_t encrypt = KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT;
	ASN1_BIT_STRING *bits;
	uint32_t ku = 0;
	void *v;
	int i;

	if (find(list, NID_key_usage, &v, err) == -1)
		return (-1);
	if ((bits = v) == NULL) {
		csr->use = CERT_SIGN | CERT_ENCRYPT;
		return (0);
	}
	for (i = 0; i < 8; i++)
		if (ASN1_BIT_STRING_get_bit(bits, i) == 1)
			ku |= 0x80U >> i;
	if (ASN1_BIT_STRING_get_bit(bits, 8) == 1)
		ku |= KU_DECIPHER_ONLY;
	ASN1_BIT_STRING_free(bits);
	if (ku == 0 || (ku & ~(sign | encrypt)) != 0)
		return (denied(err,
		    "key usages that are not for mail (RFC 8823 3.3)"));
	csr->use = ((ku & sign) != 0 ? CERT_SIGN : 0U) |
	           ((ku & encrypt) != 0 ? CERT_ENCRYPT : 0U);
	return (0);
}

static int
check_purpose(const exts *list, struct err *err)
{
	EXTENDED_KEY_USAGE *eku;
	BASIC_CONSTRAINTS *bc;
	bool mail, ca;
	void *v;

	if (find(list, NID_ext_key_usage, &v, err) == -1)
		return (-1);
	eku = v;
	mail = eku == NULL || (sk_ASN1_OBJECT_num(eku) == 1 &&
	                          OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, 0)) ==
	                              NID_email_protect);
	sk_ASN1_OBJECT_pop_free(eku, ASN1_OBJECT_free);
	if (!mail)
		return (denied(err, "purposes other than mail"));
	if (find(list, NID_basic_constraints, &v, err) == -1)
		return (-1);
	bc = v;
	ca = bc != NULL && bc->ca != 0;
	BASIC_CONSTRAINTS_free(bc);
	return (ca ? denied(err, "a request for an authority") : 0);
}

static int
read_request(X509_REQ *req, struct csr *csr, struct err *err)
{
	EVP_PKEY *pkey = X509_REQ_get0_pubkey(req);
	exts *list;
	int rc = -1;

	if (pkey == NULL) {
		ossl_forget();
		err_set(err, ERR_UNTRUSTED, "the request's key is unreadable");
		return (-1);
	}
	if (csr_check_key(pkey, err) == -1 ||
	    check_signature(req, pkey, err) == -1)
		return (-1);
	list = X509_REQ_get_extensions(req);
	if (read_names(csr, list, err) == 0 &&
	    read_subject(csr, X509_REQ_get_subject_name(req), err) == 0 &&
	    read_usage(csr, list, err) == 0 && check_purpose(list, err) == 0 &&
	    EVP_PKEY_up_ref(pkey) == 1) {
		csr->pkey = pkey;
		rc = 0;
	}
	exts_free(list);
	ossl_forget();
	return (rc);
}

int
csr_get(struct str der, struct csr *csr, struct err *err)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509_REQ *req = NULL;
	int rc = -1;

	memset(csr, 0, sizeof(*csr));
	if (der.len > CSR_MAX)
		err_set(err, ERR_LIMIT, "the request is too long");
	else if ((req = d2i_X509_REQ(NULL, &p, (long)der.len)) == NULL ||
	         p != (const unsigned char *)der.p + der.len)
		err_openssl(err, ERR_SYNTAX,
		    "not a certification request (RFC 2986)");
	else
		rc = read_request(req, csr, err);
	X509_REQ_free(req);
	if (rc == -1)
		csr_clear(csr);
	return (rc);
}

void
csr_clear(struct csr *csr)
{
	size_t i;

	EVP_PKEY_free(csr->pkey);
	for (i = 0; i < csr->naddresses; i++)
		free(csr->addresses[i]);
	memset(csr, 0, sizeof(*csr));
}

int
csr_check(const struct csr *csr, struct str address, struct err *err)
{
	if (csr->naddresses == 1 &&
	    addr_same(str_c(csr->addresses[0]), address))
		return (0);
	return (
	    denied(err, "the request is not for exactly the address ordered"));
}
