#include "config.h"

#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "smime/cms.h"
#include "smime/der.h"
#include "smime/oid.h"
#include "smime/ossl.h"

/* A signature is no longer than an RSA-16384 one. */
#define SIG_MAX 2048

/* Certificates sent along: the signer's, the preference, their chain. */
#define SEND_MAX 16

/* What kind of signature a key makes. */
struct method {
	const struct algo_digest *digest;
	const char *ec_oid; /* ecdsa-with-...; NULL: RSA */
};

static bool
method_for(const struct key *k, struct method *m)
{
	const struct cert_facts *f = cert_facts(k->cert);

	m->ec_oid = NULL;
	m->digest = algo_digest_nid(NID_sha256);
	if (f->key == CERT_KEY_RSA)
		return (EVP_PKEY_is_a(k->pkey, "RSA") == 1);
	if (f->key != CERT_KEY_EC)
		return (false);
	/* RFC 8551 2.2 and RFC 5754 3.3: digest and curve go together. */
	switch (f->curve) {
	case NID_X9_62_prime256v1:
		m->ec_oid = P_X962 "\x04\x03\x02";
		return (true);
	case NID_secp384r1:
		m->ec_oid = P_X962 "\x04\x03\x03";
		m->digest = algo_digest_nid(NID_sha384);
		return (true);
	case NID_secp521r1:
		m->ec_oid = P_X962 "\x04\x03\x04";
		m->digest = algo_digest_nid(NID_sha512);
		return (true);
	default:
		return (false);
	}
}

const char *
cms_sign_micalg(const struct key *k)
{
	struct method m;

	return (method_for(k, &m) ? m.digest->micalg : "sha-256");
}

/* --- signed attributes --- */

#define ATTRS 6

struct attrs {
	struct buf text; /* one after the other */
	struct span at[ATTRS];
	size_t n;
	/* marks of the attribute being written */
	size_t start, seq, set;
};

static void
attr_begin(struct attrs *a, struct str oid)
{
	a->start = a->text.len;
	a->seq = der_begin(&a->text, DER_SEQUENCE);
	der_put(&a->text, DER_OID, oid);
	a->set = der_begin(&a->text, DER_SET);
}

static void
attr_end(struct attrs *a)
{
	der_finish(&a->text, a->set);
	der_finish(&a->text, a->seq);
	a->at[a->n++] = span_of(a->start, a->text.len - a->start);
}

/* Time (RFC 5652 11.3): UTCTime up to 2049. */
static void
put_time(struct buf *out, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;
	char text[40];
	size_t n;

	if (gmtime_r(&t, &tm) == NULL) {
		out->failed = true;
		return;
	}
	n = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	if (tm.tm_year >= 50 && tm.tm_year < 150)
		der_put(out, DER_UTCTIME, str_of(text + 2, n - 2));
	else
		der_put(out, DER_GENTIME, str_of(text, n));
}

/* SigningCertificateV2 (RFC 5035 3): nobody can put another certificate with
 * the same key under the signature. */
static void
put_signing_cert(struct buf *out, const struct cert_facts *f)
{
	size_t all, certs, id, is, names, name;

	all = der_begin(out, DER_SEQUENCE);
	certs = der_begin(out, DER_SEQUENCE);
	id = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_OCTETS,
	    str_of((const char *)f->sha256, sizeof(f->sha256)));
	is = der_begin(out, DER_SEQUENCE);
	names = der_begin(out, DER_SEQUENCE);
	name = der_begin(out, DER_CTX0_CONS + 4); /* directoryName */
	buf_str(out, f->issuer);
	der_finish(out, name);
	der_finish(out, names);
	der_put(out, DER_INTEGER, f->serial);
	der_finish(out, is);
	der_finish(out, id);
	der_finish(out, certs);
	der_finish(out, all);
}

/* SMIMEEncryptionKeyPreference (RFC 8551 2.5.3). */
static void
put_preference(struct buf *out, const struct cert_facts *f)
{
	size_t mark = der_begin(out, DER_CTX0_CONS);

	buf_str(out, f->issuer);
	der_put(out, DER_INTEGER, f->serial);
	der_finish(out, mark);
}

static int
attr_cmp(const void *a, const void *b, const char *text)
{
	const struct span *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int c = memcmp(text + x->off, text + y->off, n);

	return (c != 0 ? c : (x->len > y->len) - (x->len < y->len));
}

/* DER wants a SET OF sorted (X.690 11.6). */
static void
attrs_sort(struct attrs *a)
{
	struct span tmp;
	size_t i, j;

	for (i = 1; i < a->n; i++)
		for (j = i; j > 0 && attr_cmp(&a->at[j - 1], &a->at[j],
		                         a->text.data) > 0;
		     j--) {
			tmp = a->at[j];
			a->at[j] = a->at[j - 1];
			a->at[j - 1] = tmp;
		}
}

/* The contents of signedAttrs, appended to out. */
static int
put_attrs(struct buf *out, const struct cms_sign *how, struct str digest)
{
	struct attrs a;
	size_t i;

	memset(&a, 0, sizeof(a));
	buf_init(&a.text, LIMIT_RECORD);
	attr_begin(&a, OID_CONTENT_TYPE);
	der_put(&a.text, DER_OID, OID_DATA);
	attr_end(&a);
	attr_begin(&a, OID_SIGNING_TIME);
	put_time(&a.text, how->time);
	attr_end(&a);
	attr_begin(&a, OID_MESSAGE_DIGEST);
	der_put(&a.text, DER_OCTETS, digest);
	attr_end(&a);
	attr_begin(&a, OID_CAPABILITIES);
	algo_caps_build(&a.text);
	attr_end(&a);
	attr_begin(&a, OID_SIGNING_CERT_V2);
	put_signing_cert(&a.text, cert_facts(how->key->cert));
	attr_end(&a);
	if (how->encrypt != NULL) {
		attr_begin(&a, OID_ENCRYPT_PREF);
		put_preference(&a.text, cert_facts(how->encrypt));
		attr_end(&a);
	}
	if (!a.text.failed) {
		attrs_sort(&a);
		for (i = 0; i < a.n; i++)
			buf_str(out, span_str(a.text.data, a.at[i]));
	} else
		out->failed = true;
	buf_clear(&a.text);
	return (out->failed ? -1 : 0);
}

/* --- signature --- */

static int
digest_of(const struct algo_digest *d, struct str s, unsigned char *out)
{
	EVP_MD *md = EVP_MD_fetch(NULL, d->ossl, NULL);
	int rc;

	rc = md != NULL && EVP_Digest(s.p, s.len, out, NULL, md, NULL) == 1
	         ? 0
	         : -1;
	EVP_MD_free(md);
	return (rc);
}

/* Sign the attributes, which stand in buf as DER with the tag of a SET. */
static int
sign_bytes(const struct key *k, const struct method *m, struct str text,
    unsigned char *sig, size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -1;

	*len = SIG_MAX;
	if (ctx != NULL &&
	    EVP_DigestSignInit_ex(ctx, NULL, m->digest->ossl, NULL, NULL,
	        k->pkey, NULL) == 1 &&
	    EVP_DigestSign(ctx, sig, len, (const unsigned char *)text.p,
	        text.len) == 1)
		rc = 0;
	EVP_MD_CTX_free(ctx);
	return (rc);
}

/* SignerInfo (RFC 5652 5.3). */
static int
put_signer(struct buf *out, const struct cms_sign *how, const struct method *m,
    struct str attrs, struct str sig)
{
	const struct cert_facts *f = cert_facts(how->key->cert);
	size_t si, sid;

	si = der_begin(out, DER_SEQUENCE);
	der_put_uint(out, 1);
	sid = der_begin(out, DER_SEQUENCE);
	buf_str(out, f->issuer);
	der_put(out, DER_INTEGER, f->serial);
	der_finish(out, sid);
	der_put_algorithm(out, algo_digest_id(m->digest), false);
	der_put(out, DER_CTX0_CONS, attrs);
	/* rsaEncryption: every reader knows it (RFC 3370 3.2). */
	if (m->ec_oid != NULL)
		der_put_algorithm(out, str_c(m->ec_oid), false);
	else
		der_put_algorithm(out, OID_RSA, true);
	der_put(out, DER_OCTETS, sig);
	der_finish(out, si);
	return (out->failed ? -1 : 0);
}

static int
make_signer(struct buf *out, struct str content, const struct cms_sign *how,
    const struct method *m, struct err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE], sig[SIG_MAX];
	struct buf attrs, set;
	size_t len;
	int rc = -1;

	buf_init(&attrs, LIMIT_RECORD);
	buf_init(&set, LIMIT_RECORD);
	if (digest_of(m->digest, content, digest) == -1 ||
	    put_attrs(&attrs, how, str_of((char *)digest, m->digest->len)) ==
	        -1)
		goto out;
	der_put(&set, DER_SET, buf_text(&attrs));
	if (set.failed ||
	    sign_bytes(how->key, m, buf_text(&set), sig, &len) == -1)
		goto out;
	rc =
	    put_signer(out, how, m, buf_text(&attrs), str_of((char *)sig, len));
out:
	if (rc == -1)
		err_openssl(err, ERR_CRYPTO, "cannot sign");
	buf_clear(&attrs);
	buf_clear(&set);
	return (rc);
}

/* --- SignedData --- */

/* The signer's chain, and the certificate that mail to us shall use; once
 * each. */
static void
put_certs(struct buf *out, const struct cms_sign *how)
{
	const struct cert *send[SEND_MAX];
	size_t n = 0, i, j, mark;

	send[n++] = how->key->cert;
	for (i = 0; i < how->key->nchain && n < SEND_MAX - 1; i++)
		send[n++] = how->key->chain[i];
	if (how->encrypt != NULL)
		send[n++] = how->encrypt;
	mark = der_begin(out, DER_CTX0_CONS);
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++)
			if (str_eq(cert_facts(send[i])->der,
			        cert_facts(send[j])->der))
				break;
		if (j == i)
			buf_str(out, cert_facts(send[i])->der);
	}
	der_finish(out, mark);
}

/* Everything is small but the content, so its length is counted instead of
 * moving it when the head is known. */
static void
put_signed(struct buf *out, const struct method *m, const struct str *content,
    struct str certs, struct str signer)
{
	size_t octets = 0, explicit = 0, encap, sd, info, alg, digests;
	struct buf algs;

	buf_init(&algs, 64);
	der_put_algorithm(&algs, algo_digest_id(m->digest), false);
	alg = algs.len;
	digests = der_head_len(alg) + alg;
	encap = 2 + OID_DATA.len;
	if (content != NULL) {
		octets = content->len;
		explicit = der_head_len(octets) + octets;
		encap += der_head_len(explicit) + explicit;
	}
	sd = 3 + digests + der_head_len(encap) + encap + certs.len +
	     der_head_len(signer.len) + signer.len;
	info = 2 + OID_SIGNED.len + der_head_len(der_head_len(sd) + sd) +
	       der_head_len(sd) + sd;

	der_put_head(out, DER_SEQUENCE, info);
	der_put(out, DER_OID, OID_SIGNED);
	der_put_head(out, DER_CTX0_CONS, der_head_len(sd) + sd);
	der_put_head(out, DER_SEQUENCE, sd);
	der_put_uint(out, 1);
	der_put(out, DER_SET, buf_text(&algs));
	der_put_head(out, DER_SEQUENCE, encap);
	der_put(out, DER_OID, OID_DATA);
	if (content != NULL) {
		der_put_head(out, DER_CTX0_CONS, explicit);
		der_put(out, DER_OCTETS, *content);
	}
	buf_str(out, certs);
	der_put(out, DER_SET, signer);
	buf_clear(&algs);
}

static int
cms_sign(struct str content, bool inside, const struct cms_sign *how,
    struct buf *out, struct err *err)
{
	struct buf certs, signer;
	struct method m;
	int rc = -1;

	if ((how->key->use & CERT_SIGN) == 0 ||
	    cert_facts(how->key->cert)->weak || !method_for(how->key, &m)) {
		err_set(err, ERR_DENIED, "this key is not for signing mail");
		return (-1);
	}
	buf_init(&certs, LIMIT_MESSAGE);
	buf_init(&signer, LIMIT_MESSAGE);
	put_certs(&certs, how);
	if (make_signer(&signer, content, how, &m, err) == 0) {
		put_signed(out, &m, inside ? &content : NULL, buf_text(&certs),
		    buf_text(&signer));
		if (out->failed || certs.failed)
			err_set(err, ERR_LIMIT, "the signature does not fit");
		else
			rc = 0;
	}
	buf_clear(&certs);
	buf_clear(&signer);
	return (rc);
}

int
cms_sign_detached(struct str content, const struct cms_sign *how,
    struct buf *out, struct err *err)
{
	return (cms_sign(content, false, how, out, err));
}

int
cms_sign_opaque(struct str content, const struct cms_sign *how, struct buf *out,
    struct err *err)
{
	return (cms_sign(content, true, how, out, err));
}
