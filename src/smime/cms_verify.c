#include "config.h"

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "smime/cms.h"
#include "smime/envelope.h"
#include "smime/oid.h"
#include "smime/ossl.h"

/* Signatures by RSA keys shorter than this prove nothing any more. */
#define RSA_WEAK_BITS 1024

/* Signature algorithms whose OID names the digest (RFC 5754, RFC 3370). */
static const struct {
	const char *oid;
	int digest;
	bool ec;
} methods[] = {
    {P_PKCS1 "\x0b", NID_sha256, false},
    {P_PKCS1 "\x0c", NID_sha384, false},
    {P_PKCS1 "\x0d", NID_sha512, false},
    {P_PKCS1 "\x0e", NID_sha224, false},
    {P_PKCS1 "\x05", NID_sha1, false},
    {P_PKCS1 "\x04", NID_md5, false},
    {P_X962 "\x04\x03\x02", NID_sha256, true},
    {P_X962 "\x04\x03\x03", NID_sha384, true},
    {P_X962 "\x04\x03\x04", NID_sha512, true},
    {P_X962 "\x04\x03\x01", NID_sha224, true},
    {P_X962 "\x04\x01", NID_sha1, true},
};

enum sig_kind { SIG_RSA, SIG_PSS, SIG_EC };

struct sig_alg {
	enum sig_kind kind;
	const struct algo_digest *digest;
	const struct algo_digest *mgf; /* PSS */
	int salt;                      /* PSS */
};

/* One SignerInfo taken apart; pieces of the message or of held. */
struct signer_info {
	struct rid rid;
	const struct algo_digest *digest;
	struct str attrs; /* all of signedAttrs, tag [0]; empty if none */
	struct str sig_oid;
	struct der_item sig_params;
	struct str sig;
	struct buf held; /* owned */
};

/* The SignedData around them. */
struct signed_data {
	struct str content_type;
	struct der_item content; /* the octet string; tag 0 if detached */
	const struct str *detached;
	struct str whole; /* the content in one piece, here or outside */
	struct str certs; /* contents of the set */
	struct str infos; /* contents of signerInfos */
};

/* --- structure --- */

static int
bad(struct err *err, const char *what)
{
	err_set(err, ERR_SYNTAX, "broken SignedData: %s", what);
	return (-1);
}

static int
signed_read(struct str der, struct signed_data *sd, struct err *err)
{
	struct der_item it;
	struct der in, d, encap, explicit;
	struct str type;
	uint64_t version;

	memset(sd, 0, sizeof(*sd));
	if (content_info(der, &type, &in) == -1)
		return (bad(err, "no ContentInfo (RFC 5652 3)"));
	if (!str_eq(type, OID_SIGNED)) {
		err_set(err, ERR_UNSUPPORTED, "CMS, but not signed");
		return (-1);
	}
	if (!der_enter(&in, DER_SEQUENCE, &d) || !der_uint(&d, 5, &version) ||
	    !der_take(&d, DER_SET, &it) ||
	    !der_enter(&d, DER_SEQUENCE, &encap) ||
	    !der_oid(&encap, &sd->content_type))
		return (bad(err, "encapContentInfo (RFC 5652 5.1)"));
	if (der_enter(&encap, DER_CTX0_CONS, &explicit) &&
	    !der_take(&explicit, DER_OCTETS, &sd->content) &&
	    !der_take(&explicit, DER_OCTETS_CONS, &sd->content)) {
		err_set(err, ERR_UNSUPPORTED, "signed, but not mail");
		return (-1);
	}
	if (der_take(&d, DER_CTX0_CONS, &it))
		sd->certs = it.in;
	der_skip(&d, DER_CTX0_CONS + 1); /* crls */
	if (!der_take(&d, DER_SET, &it))
		return (bad(err, "signerInfos (RFC 5652 5.1)"));
	sd->infos = it.in;
	return (0);
}

static bool
info_read(struct der_item it, struct signer_info *si)
{
	struct der_item params;
	struct der d, rid;
	struct str oid;
	uint64_t version;

	memset(si, 0, sizeof(*si));
	if (it.tag != DER_SEQUENCE || !plain_item(&it, &si->held))
		return (false);
	d = der_of(it.in);
	if (!der_uint(&d, 5, &version))
		return (false);
	if (der_take(&d, DER_CTX0, &params))
		si->rid.ski = params.in;
	else {
		if (!der_enter(&d, DER_SEQUENCE, &rid) ||
		    !der_take(&rid, DER_SEQUENCE, &params))
			return (false);
		si->rid.issuer = params.all;
		if (!der_take(&rid, DER_INTEGER, &params))
			return (false);
		si->rid.serial = params.in;
	}
	if (!der_algorithm(&d, &oid, &params))
		return (false);
	si->digest = algo_digest_oid(oid);
	if (der_take(&d, DER_CTX0_CONS, &params))
		si->attrs = params.all;
	if (!der_algorithm(&d, &si->sig_oid, &si->sig_params) ||
	    !der_take(&d, DER_OCTETS, &params))
		return (false);
	si->sig = params.in;
	return (true);
}

/* The value of a signed attribute that has exactly one (RFC 5652 11); false
 * if it is missing, doubled or odd. */
static bool
attr_get(const struct signer_info *si, struct str want, struct der_item *value)
{
	struct der d = der_of(si->attrs), list, attr, set;
	struct str oid;
	bool found = false;

	if (!der_enter(&d, DER_CTX0_CONS, &list))
		return (false);
	while (der_enter(&list, DER_SEQUENCE, &attr)) {
		if (!der_oid(&attr, &oid) || !der_enter(&attr, DER_SET, &set))
			return (false);
		if (!str_eq(oid, want))
			continue;
		if (found || !der_any(&set, value) || !der_end(&set))
			return (false);
		found = true;
	}
	return (found);
}

/* --- certificates --- */

static int
load_certs(const struct signed_data *sd, struct cert_cache *cache,
    struct cms_signed *out, struct err *err)
{
	struct der d = der_of(sd->certs);
	struct der_item it;
	struct cert *c;
	size_t n = 0;
	int rc;

	out->certs = calloc(LIMIT_CMS_CERTS, sizeof(out->certs[0]));
	if (out->certs == NULL) {
		err_set(err, ERR_MEMORY, "no memory for certificates");
		return (-1);
	}
	while ((rc = der_next(&d, &it)) == 1) {
		/* Trying those that nobody can read takes time, too. */
		if (n++ == LIMIT_CMS_CERTS) {
			err_set(err, ERR_LIMIT, "more than %d certificates",
			    LIMIT_CMS_CERTS);
			return (-1);
		}
		/* Others are attribute certificates; and one that nobody can
		 * read does no harm as long as nobody needs it. */
		if (it.tag == DER_SEQUENCE &&
		    (c = cert_get(cache, it.all, NULL)) != NULL)
			out->certs[out->ncerts++] = c;
	}
	return (rc == 0 ? 0 : bad(err, "certificates"));
}

static struct cert *
cert_named(const struct cms_signed *s, const struct rid *rid)
{
	size_t i;

	for (i = 0; i < s->ncerts; i++)
		if (cert_is(s->certs[i], rid))
			return (s->certs[i]);
	return (NULL);
}

/* SMIMEEncryptionKeyPreference (RFC 8551 2.5.3), or Microsoft's. */
static struct cert *
preferred_cert(const struct signer_info *si, const struct cms_signed *s)
{
	struct der_item value, it;
	struct rid rid;
	struct der d;

	memset(&rid, 0, sizeof(rid));
	if (!attr_get(si, OID_ENCRYPT_PREF, &value) &&
	    !attr_get(si, OID_MS_ENCRYPT_PREF, &value))
		return (NULL);
	if (value.tag == DER_CTX0 + 2)
		rid.ski = value.in;
	else {
		d = der_of(value.in);
		if ((value.tag != DER_CTX0_CONS && value.tag != DER_SEQUENCE) ||
		    !der_take(&d, DER_SEQUENCE, &it))
			return (NULL);
		rid.issuer = it.all;
		if (!der_take(&d, DER_INTEGER, &it))
			return (NULL);
		rid.serial = it.in;
	}
	return (cert_named(s, &rid));
}

/* --- algorithms --- */

static bool
pss_read(const struct der_item *params, struct sig_alg *a)
{
	struct der d = der_of(params->in), in;
	uint64_t v;

	a->kind = SIG_PSS;
	a->salt = 20; /* the default of RFC 4055 3.1 */
	if (params->tag != DER_SEQUENCE ||
	    !algo_hash_param(&d, false, &a->digest) ||
	    !algo_hash_param(&d, true, &a->mgf))
		return (false);
	if (der_enter(&d, DER_CTX0_CONS + 2, &in)) {
		if (!der_uint(&in, 512, &v))
			return (false);
		a->salt = (int)v;
	}
	return (!der_enter(&d, DER_CTX0_CONS + 3, &in) ||
	        (der_uint(&in, 1, &v) && v == 1));
}

static bool
sig_alg(const struct signer_info *si, struct sig_alg *a)
{
	size_t i;

	memset(a, 0, sizeof(*a));
	if (str_eq(si->sig_oid, OID_PSS))
		return (pss_read(&si->sig_params, a));
	a->digest = si->digest;
	if (str_eq(si->sig_oid, OID_RSA))
		return (true);
	if (str_eq(si->sig_oid, OID_EC_KEY)) { /* as some write it */
		a->kind = SIG_EC;
		return (true);
	}
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (str_eq(str_c(methods[i].oid), si->sig_oid)) {
			a->digest = algo_digest_nid(methods[i].digest);
			a->kind = methods[i].ec ? SIG_EC : SIG_RSA;
			return (true);
		}
	return (false);
}

static const char *
sig_name(enum sig_kind kind)
{
	switch (kind) {
	case SIG_RSA:
		return ("RSA");
	case SIG_PSS:
		return ("RSA-PSS");
	case SIG_EC:
		return ("ECDSA");
	}
	return (NULL);
}

/* --- digests --- */

static bool
feed_digest(void *arg, struct str s)
{
	return (EVP_DigestUpdate(arg, s.p, s.len) == 1);
}

static bool
digest_text(const struct algo_digest *d, struct str head, struct str text,
    const struct der_item *pieces, unsigned char *out)
{
	EVP_MD *md = EVP_MD_fetch(NULL, d->ossl, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = md != NULL && ctx != NULL &&
	     EVP_DigestInit_ex2(ctx, md, NULL) == 1 && feed_digest(ctx, head) &&
	     (pieces != NULL ? der_pieces(pieces, feed_digest, ctx)
	                     : feed_digest(ctx, text)) &&
	     EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return (ok);
}

static bool
digest_content(const struct signed_data *sd, const struct algo_digest *d,
    unsigned char *out)
{
	if (sd->detached != NULL)
		return (digest_text(d, STR(""), *sd->detached, NULL, out));
	return (digest_text(d, STR(""), STR(""), &sd->content, out));
}

/* --- one signature --- */

static bool
verify_digest(EVP_PKEY *pkey, const struct sig_alg *a, struct str sig,
    const unsigned char *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	const EVP_MD *md = EVP_get_digestbyname(a->digest->ossl);
	bool ok;

	ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1;
	if (ok && a->kind != SIG_EC)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx,
		         a->kind == SIG_PSS ? RSA_PKCS1_PSS_PADDING
		                            : RSA_PKCS1_PADDING) == 1;
	ok = ok && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
	if (ok && a->kind == SIG_PSS)
		ok = EVP_PKEY_CTX_set_rsa_mgf1_md(ctx,
		         EVP_get_digestbyname(a->mgf->ossl)) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, a->salt) == 1;
	ok = ok && EVP_PKEY_verify(ctx, (const unsigned char *)sig.p, sig.len,
	               digest, a->digest->len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return (ok);
}

/* SigningCertificateV2 (RFC 5035 5), if it is there and uses SHA-256, must
 * name the certificate that we took. */
static bool
names_cert(const struct signer_info *si, const struct cert_facts *f)
{
	struct der_item value, it;
	struct der d, certs, id;

	if (!attr_get(si, OID_SIGNING_CERT_V2, &value))
		return (true);
	d = der_of(value.in);
	if (value.tag != DER_SEQUENCE || !der_enter(&d, DER_SEQUENCE, &certs) ||
	    !der_enter(&certs, DER_SEQUENCE, &id))
		return (false);
	if (!der_take(&id, DER_OCTETS, &it))
		return (true); /* another digest */
	return (
	    str_eq(it.in, str_of((const char *)f->sha256, sizeof(f->sha256))));
}

/*
 * Content that is itself the DER of a SET could be somebody's signed
 * attributes, whose signature would then also hold for it as plain content.
 */
static bool
like_attrs(const struct signed_data *sd)
{
	struct der d = der_of(sd->whole);
	struct der_item it;

	return (der_take(&d, DER_SET, &it) && der_end(&d));
}

/* Does the content match what was signed, and what has to be verified? */
static bool
signed_digest(const struct signed_data *sd, const struct signer_info *si,
    const struct sig_alg *a, unsigned char *digest)
{
	unsigned char content[EVP_MAX_MD_SIZE];
	struct der_item value;

	if (si->attrs.len == 0)
		return (
		    !like_attrs(sd) && digest_content(sd, a->digest, digest));
	if (!attr_get(si, OID_CONTENT_TYPE, &value) || value.tag != DER_OID ||
	    !str_eq(value.in, sd->content_type) ||
	    !attr_get(si, OID_MESSAGE_DIGEST, &value) ||
	    value.tag != DER_OCTETS || value.in.len != si->digest->len ||
	    !digest_content(sd, si->digest, content) ||
	    CRYPTO_memcmp(content, value.in.p, value.in.len) != 0)
		return (false);
	/* Signed as the SET OF that it is (RFC 5652 5.4). */
	return (digest_text(a->digest, STR("\x31"),
	    str_of(si->attrs.p + 1, si->attrs.len - 1), NULL, digest));
}

static bool
is_weak(const struct sig_alg *a, const struct signer_info *si,
    const struct cert_facts *f)
{
	return (((a->digest->flags | si->digest->flags) & ALGO_BROKEN) != 0 ||
	        (f->key == CERT_KEY_RSA && f->bits < RSA_WEAK_BITS));
}

static enum signer_state
verify_one(const struct signed_data *sd, const struct signer_info *si,
    struct cms_signer *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	const struct cert_facts *f;
	struct sig_alg a;

	if (si->digest == NULL || !sig_alg(si, &a) || a.digest == NULL)
		return (SIGNER_UNKNOWN);
	out->signature = sig_name(a.kind);
	if (out->cert == NULL)
		return (SIGNER_NO_CERT);
	f = cert_facts(out->cert);
	if (f->key != (a.kind == SIG_EC ? CERT_KEY_EC : CERT_KEY_RSA))
		return (SIGNER_BAD);
	/* A curve of the certificate's own making proves nothing. */
	if (f->key == CERT_KEY_EC && f->curve == NID_undef)
		return (SIGNER_UNKNOWN);
	if (!signed_digest(sd, si, &a, digest) || !names_cert(si, f) ||
	    !verify_digest(cert_pkey(out->cert), &a, si->sig, digest))
		return (SIGNER_BAD);
	return (is_weak(&a, si, f) ? SIGNER_WEAK : SIGNER_OK);
}

static int64_t
time_value(const struct der_item *value)
{
	ASN1_TIME *t = NULL, *zero = NULL;
	char text[32];
	int days, secs;
	int64_t at = -1;

	if ((value->tag != DER_UTCTIME && value->tag != DER_GENTIME) ||
	    value->in.len >= sizeof(text))
		return (-1);
	memcpy(text, value->in.p, value->in.len);
	text[value->in.len] = '\0';
	if ((t = ASN1_TIME_new()) != NULL &&
	    (zero = ASN1_TIME_set(NULL, 0)) != NULL &&
	    ASN1_TIME_set_string(t, text) == 1 &&
	    ASN1_STRING_type(t) == (int)value->tag &&
	    ASN1_TIME_diff(&days, &secs, zero, t) == 1)
		at = (int64_t)days * 86400 + secs;
	ASN1_TIME_free(zero);
	ASN1_TIME_free(t);
	return (at < 0 ? -1 : at);
}

static void
signer_fill(const struct signed_data *sd, const struct signer_info *si,
    const struct cms_signed *s, struct cms_signer *out)
{
	struct der_item value;
	struct cert *c;

	out->digest = si->digest;
	out->signing_time = -1;
	if ((c = cert_named(s, &si->rid)) != NULL)
		out->cert = cert_ref(c);
	out->state = verify_one(sd, si, out);
	if (attr_get(si, OID_SIGNING_TIME, &value))
		out->signing_time = time_value(&value);
	if (attr_get(si, OID_CAPABILITIES, &value))
		out->caps = algo_caps_parse(value.all);
	if ((c = preferred_cert(si, s)) != NULL)
		out->encrypt_cert = cert_ref(c);
	ossl_forget();
}

/* --- all of them --- */

static int
verify_all(const struct signed_data *sd, struct cms_signed *out,
    struct err *err)
{
	struct der d = der_of(sd->infos);
	struct signer_info si;
	struct der_item it;
	bool ok;
	int rc;

	out->signers = calloc(LIMIT_CMS_SIGNERS, sizeof(out->signers[0]));
	if (out->signers == NULL) {
		err_set(err, ERR_MEMORY, "no memory for signers");
		return (-1);
	}
	while ((rc = der_next(&d, &it)) == 1) {
		if (out->nsigners == LIMIT_CMS_SIGNERS) {
			err_set(err, ERR_LIMIT, "more than %d signatures",
			    LIMIT_CMS_SIGNERS);
			return (-1);
		}
		if ((ok = info_read(it, &si)))
			signer_fill(sd, &si, out,
			    &out->signers[out->nsigners++]);
		buf_clear(&si.held);
		if (!ok)
			return (bad(err, "signerInfo (RFC 5652 5.3)"));
	}
	return (rc == 0 ? 0 : bad(err, "signerInfos"));
}

static bool
hold_piece(void *arg, struct str s)
{
	struct buf *held = arg;

	buf_str(held, s);
	return (!held->failed);
}

/* The opaque content as one stretch of bytes. */
static int
take_content(const struct signed_data *sd, size_t max, struct cms_signed *out,
    struct err *err)
{
	if (sd->content.tag != DER_OCTETS_CONS) {
		out->inside = sd->content.in;
		return (0);
	}
	buf_init(&out->held, max);
	if (!der_pieces(&sd->content, hold_piece, &out->held))
		return (bad(err, "content"));
	out->inside = buf_text(&out->held);
	return (0);
}

int
cms_verify(struct str der, const struct str *content, struct cert_cache *cache,
    struct cms_signed *out, struct err *err)
{
	struct signed_data sd;
	bool certs_only;

	memset(out, 0, sizeof(*out));
	if (signed_read(der, &sd, err) == -1)
		return (-1);
	sd.detached = content;
	out->detached = sd.content.tag == 0;
	certs_only = sd.infos.len == 0 && out->detached && content == NULL;
	if (!certs_only) {
		if (!str_eq(sd.content_type, OID_DATA)) {
			err_set(err, ERR_UNSUPPORTED, "signed, but not mail");
			return (-1);
		}
		if (out->detached != (content != NULL))
			return (
			    bad(err, content != NULL
			                 ? "content inside a detached signature"
			                 : "no content"));
	}
	if (load_certs(&sd, cache, out, err) == -1 ||
	    (!out->detached && take_content(&sd, der.len, out, err) == -1))
		goto bad;
	sd.whole = content != NULL ? *content : out->inside;
	if (verify_all(&sd, out, err) == 0)
		return (0);
bad:
	cms_signed_clear(out);
	return (-1);
}

void
cms_signed_clear(struct cms_signed *s)
{
	size_t i;

	for (i = 0; i < s->nsigners; i++) {
		cert_unref(s->signers[i].cert);
		cert_unref(s->signers[i].encrypt_cert);
	}
	free(s->signers);
	certs_free(s->certs, s->ncerts);
	buf_wipe(&s->held);
	memset(s, 0, sizeof(*s));
}
