#include "config.h"

#include "smime/exts.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/limits.h"
#include "smime/cert.h"

/* ub-common-name (RFC 5280 A.1). */
#define COMMON_NAME_MAX 64

/* RFC 7093 2: the leftmost 160 bits of a SHA-256 hash. */
#define KEY_ID_LEN 20

/* Bits of keyUsage (RFC 5280 4.2.1.3). */
enum {
	BIT_DIGITAL_SIGNATURE = 0,
	BIT_KEY_ENCIPHERMENT = 2,
	BIT_KEY_AGREEMENT = 4,
	BIT_CERT_SIGN = 5,
	BIT_CRL_SIGN = 6,
};

void
exts_free(exts *list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

bool
exts_add(exts **list, int nid, void *value, bool critical)
{
	return (value != NULL && X509V3_add1_i2d(list, nid, value, critical,
	                             X509V3_ADD_DEFAULT) == 1);
}

bool
exts_usage(exts **list, EVP_PKEY *pkey, unsigned use)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	bool ok = bits != NULL;

	if ((use & CERT_SIGN) != 0)
		ok = ok &&
		     ASN1_BIT_STRING_set_bit(bits, BIT_DIGITAL_SIGNATURE, 1);
	if ((use & CERT_ENCRYPT) != 0)
		ok = ok && ASN1_BIT_STRING_set_bit(bits,
		               EVP_PKEY_is_a(pkey, "EC") ? BIT_KEY_AGREEMENT
		                                         : BIT_KEY_ENCIPHERMENT,
		               1);
	if ((use & CERT_CA) != 0)
		ok = ok && ASN1_BIT_STRING_set_bit(bits, BIT_CERT_SIGN, 1) &&
		     ASN1_BIT_STRING_set_bit(bits, BIT_CRL_SIGN, 1);
	ok = ok && exts_add(list, NID_key_usage, bits, true);
	ASN1_BIT_STRING_free(bits);
	return (ok);
}

bool
exts_purpose(exts **list, int purpose)
{
	EXTENDED_KEY_USAGE *eku = sk_ASN1_OBJECT_new_null();
	bool ok;

	ok = eku != NULL &&
	     sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(purpose)) > 0 &&
	     exts_add(list, NID_ext_key_usage, eku, false);
	/* The objects are OpenSSL's constants. */
	sk_ASN1_OBJECT_free(eku);
	return (ok);
}

/* --- names --- */

static bool
is_ascii(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return (false);
	return (true);
}

int
exts_check_address(struct str address, struct err *err)
{
	size_t at = str_find(address, '@'), i;
	struct str domain;

	for (i = 0; i < address.len; i++)
		if ((unsigned char)address.p[i] <= ' ' || address.p[i] == 0x7f)
			break;
	if (i == address.len && at > 0 && at + 1 < address.len &&
	    address.len <= LIMIT_ADDRESS) {
		domain = str_of(address.p + at + 1, address.len - at - 1);
		if (is_ascii(domain) && str_find(domain, '@') == domain.len)
			return (0);
	}
	err_set(err, ERR_UNSUPPORTED,
	    "not an address that fits a certificate (RFC 8550 4.4.3)");
	return (-1);
}

static bool
set_string(ASN1_STRING *s, struct str value)
{
	return (s != NULL && ASN1_STRING_set(s, value.p, (int)value.len) == 1);
}

/* The name, swallowing the string. */
static GENERAL_NAME *
simple_name(int type, ASN1_IA5STRING *s)
{
	GENERAL_NAME *gn = GENERAL_NAME_new();

	if (gn == NULL)
		ASN1_STRING_free(s);
	else
		GENERAL_NAME_set0_value(gn, type, s);
	return (gn);
}

static GENERAL_NAME *
ia5_name(int type, struct str value)
{
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	if (set_string(s, value))
		return (simple_name(type, s));
	ASN1_STRING_free(s);
	return (NULL);
}

static GENERAL_NAME *
utf8_mailbox(struct str address)
{
	GENERAL_NAME *gn = GENERAL_NAME_new();
	ASN1_UTF8STRING *s = ASN1_UTF8STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.5.5.7.8.9", 1);
	ASN1_TYPE *v = ASN1_TYPE_new();

	if (gn != NULL && oid != NULL && v != NULL && set_string(s, address)) {
		ASN1_TYPE_set(v, V_ASN1_UTF8STRING, s);
		if (GENERAL_NAME_set0_othername(gn, oid, v) == 1)
			return (gn);
		s = NULL;
	}
	ASN1_TYPE_free(v);
	ASN1_OBJECT_free(oid);
	ASN1_STRING_free(s);
	GENERAL_NAME_free(gn);
	return (NULL);
}

/* A list of one name, which is swallowed; NULL stays NULL. */
static GENERAL_NAMES *
one_name(GENERAL_NAME *gn)
{
	GENERAL_NAMES *names = gn != NULL ? GENERAL_NAMES_new() : NULL;

	if (names != NULL && sk_GENERAL_NAME_push(names, gn) > 0)
		return (names);
	GENERAL_NAME_free(gn);
	GENERAL_NAMES_free(names);
	return (NULL);
}

bool
exts_address(exts **list, struct str address, bool critical)
{
	struct str local = str_of(address.p, str_find(address, '@'));
	GENERAL_NAMES *names;
	bool ok;

	names = one_name(is_ascii(local) ? ia5_name(GEN_EMAIL, address)
	                                 : utf8_mailbox(address));
	ok = exts_add(list, NID_subject_alt_name, names, critical);
	GENERAL_NAMES_free(names);
	return (ok);
}

static GENERAL_NAME *
host_name(struct str host)
{
	ASN1_OCTET_STRING *ip = NULL;
	char text[64];

	if (host.len < sizeof(text)) {
		memcpy(text, host.p, host.len);
		text[host.len] = '\0';
		ip = a2i_IPADDRESS(text);
	}
	if (ip != NULL)
		return (simple_name(GEN_IPADD, ip));
	return (ia5_name(GEN_DNS, host));
}

bool
exts_hosts(exts **list, const struct str *hosts, size_t n)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool ok = names != NULL;
	GENERAL_NAME *gn;
	size_t i;

	for (i = 0; ok && i < n; i++) {
		gn = host_name(hosts[i]);
		ok = gn != NULL && sk_GENERAL_NAME_push(names, gn) > 0;
		if (!ok)
			GENERAL_NAME_free(gn);
	}
	ok = ok && exts_add(list, NID_subject_alt_name, names, false);
	GENERAL_NAMES_free(names);
	return (ok);
}

X509_NAME *
exts_name(struct str common_name)
{
	X509_NAME *name = X509_NAME_new();

	if (name == NULL || common_name.len == 0 ||
	    common_name.len > COMMON_NAME_MAX)
		return (name);
	if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	        (const unsigned char *)common_name.p, (int)common_name.len, -1,
	        0) == 1)
		return (name);
	X509_NAME_free(name);
	return (NULL);
}

/* --- keys --- */

bool
exts_subject_key(exts **list, const X509 *x)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	bool ok;

	ok = id != NULL &&
	     X509_pubkey_digest(x, EVP_sha256(), hash, NULL) == 1 &&
	     ASN1_OCTET_STRING_set(id, hash, KEY_ID_LEN) == 1 &&
	     exts_add(list, NID_subject_key_identifier, id, false);
	ASN1_OCTET_STRING_free(id);
	return (ok);
}

bool
exts_authority_key(exts **list, X509 *issuer)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer);
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	bool ok;

	ok = id != NULL && aki != NULL &&
	     (aki->keyid = ASN1_OCTET_STRING_dup(id)) != NULL &&
	     exts_add(list, NID_authority_key_identifier, aki, false);
	AUTHORITY_KEYID_free(aki);
	return (ok);
}

const EVP_MD *
exts_digest(EVP_PKEY *pkey)
{
	int bits = EVP_PKEY_get_bits(pkey);

	if (!EVP_PKEY_is_a(pkey, "EC") || bits <= 256)
		return (EVP_sha256());
	return (bits <= 384 ? EVP_sha384() : EVP_sha512());
}

/* --- the rest --- */

bool
exts_raw(exts **list, int nid, struct str der)
{
	ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	bool ok;

	if (*list == NULL)
		*list = sk_X509_EXTENSION_new_null();
	ok = *list != NULL && set_string(v, der) &&
	     (ext = X509_EXTENSION_create_by_NID(NULL, nid, 0, v)) != NULL &&
	     sk_X509_EXTENSION_push(*list, ext) > 0;
	if (!ok)
		X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(v);
	return (ok);
}

bool
exts_crl(exts **list, struct str url)
{
	CRL_DIST_POINTS *points = sk_DIST_POINT_new_null();
	DIST_POINT *dp = DIST_POINT_new();
	bool ok = false;

	if (points != NULL && dp != NULL &&
	    (dp->distpoint = DIST_POINT_NAME_new()) != NULL &&
	    (dp->distpoint->name.fullname = one_name(ia5_name(GEN_URI, url))) !=
	        NULL) {
		dp->distpoint->type = 0; /* fullName */
		if (sk_DIST_POINT_push(points, dp) > 0) {
			dp = NULL;
			ok = exts_add(list, NID_crl_distribution_points, points,
			    false);
		}
	}
	DIST_POINT_free(dp);
	CRL_DIST_POINTS_free(points);
	return (ok);
}

bool
exts_ca_issuers(exts **list, struct str url)
{
	AUTHORITY_INFO_ACCESS *aia = sk_ACCESS_DESCRIPTION_new_null();
	ACCESS_DESCRIPTION *ad = ACCESS_DESCRIPTION_new();
	GENERAL_NAME *gn = ia5_name(GEN_URI, url);
	bool ok = false;

	if (aia != NULL && ad != NULL && gn != NULL) {
		ad->method = OBJ_nid2obj(NID_ad_ca_issuers);
		GENERAL_NAME_free(ad->location);
		ad->location = gn;
		gn = NULL;
		if (sk_ACCESS_DESCRIPTION_push(aia, ad) > 0) {
			ad = NULL;
			ok = exts_add(list, NID_info_access, aia, false);
		}
	}
	GENERAL_NAME_free(gn);
	ACCESS_DESCRIPTION_free(ad);
	AUTHORITY_INFO_ACCESS_free(aia);
	return (ok);
}

bool
exts_policy(exts **list, const char *oid)
{
	CERTIFICATEPOLICIES *policies = sk_POLICYINFO_new_null();
	POLICYINFO *info = POLICYINFO_new();
	bool ok = false;

	if (policies != NULL && info != NULL &&
	    (info->policyid = OBJ_txt2obj(oid, 1)) != NULL &&
	    sk_POLICYINFO_push(policies, info) > 0) {
		info = NULL;
		ok = exts_add(list, NID_certificate_policies, policies, false);
	}
	POLICYINFO_free(info);
	CERTIFICATEPOLICIES_free(policies);
	return (ok);
}
