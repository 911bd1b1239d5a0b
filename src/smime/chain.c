#include "config.h"

#include "smime/chain.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "smime/ossl.h"

/* Real chains have one or two certificates between leaf and anchor. */
#define DEPTH_MAX 8

/* Revocation lists that are looked at: one of each issuer in use. */
#define CRLS_MAX 16

struct anchors {
	X509_STORE *store; /* owned */
};

struct anchors *
anchors_new(void)
{
	struct anchors *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	if ((a->store = X509_STORE_new()) == NULL) {
		free(a);
		return (NULL);
	}
	return (a);
}

void
anchors_free(struct anchors *a)
{
	if (a == NULL)
		return;
	X509_STORE_free(a->store);
	free(a);
}

int
anchors_add(struct anchors *a, struct cert *c)
{
	return (X509_STORE_add_cert(a->store, cert_x509(c)) == 1 ? 0 : -1);
}

int
anchors_add_pem(struct anchors *a, struct cert_cache *cache, struct str text,
    struct err *err)
{
	struct err why = {.code = ERR_OK};
	struct cert *c;
	int n = 0;

	while ((c = cert_get_pem(cache, &text, &why)) != NULL) {
		if (anchors_add(a, c) == -1) {
			cert_unref(c);
			err_openssl(err, ERR_MEMORY, "cannot add an anchor");
			return (-1);
		}
		cert_unref(c);
		n++;
	}
	if (why.code == ERR_NOTFOUND)
		return (n);
	err_set(err, why.code, "%s", why.text);
	return (-1);
}

static STACK_OF(X509) * untrusted(const struct chain_ask *ask)
{
	STACK_OF(X509) * sk;
	size_t i;

	if ((sk = sk_X509_new_null()) == NULL)
		return (NULL);
	for (i = 0; i < ask->nextra; i++)
		if (sk_X509_push(sk, cert_x509(ask->extra[i])) == 0) {
			sk_X509_free(sk);
			return (NULL);
		}
	return (sk);
}

/*
 * A CA with an extended key usage must allow mail.  OpenSSL's purposes are
 * not used, because its S/MIME encryption purpose knows RSA keys only.
 */
static bool
issuers_allow_mail(X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int i;

	/* Neither the leaf, which is checked apart, nor the anchor. */
	for (i = 1; i + 1 < sk_X509_num(chain); i++)
		if ((X509_get_extended_key_usage(sk_X509_value(chain, i)) &
		        (XKU_SMIME | XKU_ANYEKU)) == 0)
			return (false);
	return (true);
}

/* Those that can be read; a broken one is as good as none. */
static STACK_OF(X509_CRL) * read_crls(struct str crls)
{
	const unsigned char *p = (const unsigned char *)crls.p;
	const unsigned char *end = p + crls.len;
	STACK_OF(X509_CRL) * sk;
	X509_CRL *crl;

	if ((sk = sk_X509_CRL_new_null()) == NULL)
		return (NULL);
	while (p < end && sk_X509_CRL_num(sk) < CRLS_MAX &&
	       (crl = d2i_X509_CRL(NULL, &p, (long)(end - p))) != NULL)
		if (sk_X509_CRL_push(sk, crl) == 0) {
			X509_CRL_free(crl);
			break;
		}
	return (sk);
}

/* Is it only the list that is missing, or only an issuer? */
static enum err_code
what_failed(int why, bool revocation)
{
	if (!revocation)
		return (ERR_UNTRUSTED);
	if (why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	    why == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE)
		return (ERR_NOTFOUND);
	if (why == X509_V_ERR_UNABLE_TO_GET_CRL ||
	    why == X509_V_ERR_CRL_HAS_EXPIRED ||
	    why == X509_V_ERR_CRL_NOT_YET_VALID ||
	    why == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER ||
	    why == X509_V_ERR_CRL_SIGNATURE_FAILURE)
		return (ERR_UNAVAILABLE);
	return (ERR_UNTRUSTED);
}

static int
verify(X509_STORE_CTX *ctx, const struct chain_ask *ask, struct err *err)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	int why;

	X509_VERIFY_PARAM_set_time(param, (time_t)ask->at);
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	/* 80 bits: no MD5, no SHA-1, no RSA below 1024 on the way up. */
	X509_VERIFY_PARAM_set_auth_level(param, 1);
	/* An anchor is whatever the administrator says it is. */
	X509_VERIFY_PARAM_set_flags(param,
	    X509_V_FLAG_PARTIAL_CHAIN |
	        (ask->revocation ? X509_V_FLAG_CRL_CHECK : 0));
	if (X509_verify_cert(ctx) != 1) {
		why = X509_STORE_CTX_get_error(ctx);
		err_set(err, what_failed(why, ask->revocation), "%s",
		    X509_verify_cert_error_string(why));
		return (-1);
	}
	if (!issuers_allow_mail(ctx)) {
		err_set(err, ERR_UNTRUSTED,
		    "an issuer's certificate is not for mail");
		return (-1);
	}
	return (0);
}

/* What needs no chain. */
static int
leaf_check(const struct cert *c, const struct chain_ask *ask, struct err *err)
{
	char text[400];

	if ((cert_facts(c)->use & ask->use) != ask->use) {
		err_set(err, ERR_UNTRUSTED, "the certificate is not for %s",
		    ask->use == CERT_SIGN ? "signing mail" : "encrypting mail");
		return (-1);
	}
	if (ask->address.len > 0 && !cert_has_address(c, ask->address)) {
		err_set(err, ERR_UNTRUSTED,
		    "the certificate does not belong to %s",
		    err_escape(text, sizeof(text), ask->address));
		return (-1);
	}
	return (0);
}

int
chain_verify(struct cert *c, const struct chain_ask *ask, struct err *err)
{
	X509_STORE_CTX *ctx = NULL;
	STACK_OF(X509_CRL) *crls = NULL;
	STACK_OF(X509) *extra = NULL;
	int rc = -1;

	if (leaf_check(c, ask, err) == -1)
		return (-1);
	if ((extra = untrusted(ask)) == NULL ||
	    (ask->revocation && (crls = read_crls(ask->crls)) == NULL) ||
	    (ctx = X509_STORE_CTX_new()) == NULL ||
	    X509_STORE_CTX_init(ctx, ask->anchors->store, cert_x509(c),
	        extra) != 1)
		err_openssl(err, ERR_MEMORY, "cannot verify a chain");
	else {
		if (crls != NULL)
			X509_STORE_CTX_set0_crls(ctx, crls);
		rc = verify(ctx, ask, err);
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	sk_X509_free(extra);
	ossl_forget();
	return (rc);
}

static bool
is_http(const ASN1_IA5STRING *uri, struct str *url)
{
	size_t i;

	*url = str_of((const char *)ASN1_STRING_get0_data(uri),
	    (size_t)ASN1_STRING_length(uri));
	for (i = 0; i < url->len; i++)
		if (url->p[i] <= ' ' || url->p[i] > '~')
			return (false);
	return (str_istarts(*url, STR("http://")) ||
	        str_istarts(*url, STR("https://")));
}

/* The first of a distribution point's names that is such a URL. */
static bool
point_url(const DIST_POINT *point, struct str *url)
{
	GENERAL_NAMES *names;
	GENERAL_NAME *name;
	int i;

	if (point->distpoint == NULL || point->distpoint->type != 0)
		return (false);
	names = point->distpoint->name.fullname;
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_URI &&
		    is_http(name->d.uniformResourceIdentifier, url))
			return (true);
	}
	return (false);
}

int
chain_crl_url(const struct cert *c, struct buf *out)
{
	CRL_DIST_POINTS *points;
	struct str url;
	int i, rc = -1;

	points = X509_get_ext_d2i(cert_x509(c), NID_crl_distribution_points,
	    NULL, NULL);
	for (i = 0; i < sk_DIST_POINT_num(points) && rc == -1; i++)
		if (point_url(sk_DIST_POINT_value(points, i), &url)) {
			buf_str(out, url);
			rc = out->failed ? -1 : 0;
		}
	CRL_DIST_POINTS_free(points);
	ossl_forget();
	return (rc);
}

int
chain_issuer_url(const struct cert *c, struct buf *out)
{
	AUTHORITY_INFO_ACCESS *all;
	ACCESS_DESCRIPTION *one;
	struct str url;
	int i, rc = -1;

	all = X509_get_ext_d2i(cert_x509(c), NID_info_access, NULL, NULL);
	for (i = 0; i < sk_ACCESS_DESCRIPTION_num(all) && rc == -1; i++) {
		one = sk_ACCESS_DESCRIPTION_value(all, i);
		if (OBJ_obj2nid(one->method) != NID_ad_ca_issuers ||
		    one->location->type != GEN_URI ||
		    !is_http(one->location->d.uniformResourceIdentifier, &url))
			continue;
		buf_str(out, url);
		rc = out->failed ? -1 : 0;
	}
	AUTHORITY_INFO_ACCESS_free(all);
	ossl_forget();
	return (rc);
}
