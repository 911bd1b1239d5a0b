#include "config.h"

#include "cloud/ca.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/b64url.h"
#include "acme/object.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/num.h"
#include "cloud/acme_auth.h"
#include "cloud/kms_paths.h"
#include "cloud/plain.h"
#include "smime/issue.h"
#include "smime/ossl.h"
#include "sys/log.h"

/* A certificate of the largest key that is certified. */
#define DER_MAX (16UL * 1024)

/* The clocks of those who look at a new one may be behind. */
#define BACKDATE 3600

/* A million revocations. */
#define CRL_MAX (64UL * 1024 * 1024)

/* Caches may keep a CRL so long, whatever it says itself. */
#define CRL_AGE_S 3600

struct revoked {
	struct buf der; /* owned: the newest CRL; empty: none yet */
	uint64_t number;
	int64_t refresh; /* when to make the next one */
	bool dirty;      /* something was revoked since */
};

void
ca_cert_init(struct ca_cert *c)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->der, DER_MAX);
}

void
ca_cert_clear(struct ca_cert *c)
{
	buf_clear(&c->der);
}

/* Where the CRL is, as certificates say it. */
static void
put_url(const struct cloud *c, const char *key, const char *path,
    struct buf *out)
{
	const char *said = conf_str(c->conf, "ca", key);

	if (said != NULL)
		buf_puts(out, said);
	else if (conf_is_set(c->conf, "cloud", "listen_http"))
		plain_url(c, path, out);
	else
		acme_url(c, path, STR(""), out);
}

static int
digest_of(struct ca_cert *c, struct err *err)
{
	uint8_t digest[CRYPT_DIGEST];

	if (crypt_sha256(buf_text(&c->der), digest) != 0) {
		err_set(err, ERR_CRYPTO, "cannot compute a digest");
		return (-1);
	}
	hex_encode(digest, sizeof(digest), c->sha256);
	return (0);
}

int
ca_serial(uint8_t out[CA_SERIAL], struct err *err)
{
	if (crypt_random(out, CA_SERIAL) != 0) {
		err_set(err, ERR_CRYPTO, "no random bytes");
		return (-1);
	}
	out[0] = (uint8_t)((out[0] & 0x3f) | 0x40);
	return (0);
}

int
ca_issue(struct cloud *c, EVP_PKEY *pkey, struct str mailbox, unsigned use,
    int64_t now, int64_t lifetime, struct ca_cert *out, struct err *err)
{
	struct issuer issuer = {c->keys.issuing, c->keys.issuing_key};
	int64_t end = cert_facts(c->keys.issuing)->until;
	struct issue_terms terms = {.from = now - BACKDATE};
	uint8_t serial[CA_SERIAL];
	struct buf crl, ca;
	int rc = -1;

	if (ca_serial(serial, err) != 0)
		return (-1);
	/* neither beyond the authority's own end nor longer than mailboxes
	 * may have it, both ends and the hour before counted in */
	if (end > terms.from + ISSUE_MAIL_MAX - 1)
		end = terms.from + ISSUE_MAIL_MAX - 1;
	hex_encode(serial, sizeof(serial), out->serial);
	out->until = now + lifetime < end ? now + lifetime : end;
	terms.until = out->until;
	terms.serial = str_of((const char *)serial, sizeof(serial));
	buf_init(&crl, 1024);
	buf_init(&ca, 1024);
	put_url(c, "crl_url", CRL_PATH, &crl);
	put_url(c, "ca_url", CA_PATH, &ca);
	terms.crl_url = buf_text(&crl);
	terms.ca_url = buf_text(&ca);
	if (issue_mail(&issuer, pkey, mailbox, use, &terms, &out->der, err) ==
	    0)
		rc = digest_of(out, err);
	buf_clear(&crl);
	buf_clear(&ca);
	return (rc);
}

int
ca_record(struct cloud *c, const struct ca_cert *cert, struct str account_id,
    struct str mailbox, char id[CLOUD_ID], struct err *err)
{
	struct buf der;
	json_t *o = NULL;
	int rc = -1;

	buf_init(&der, 2 * DER_MAX);
	b64url_encode(buf_text(&cert->der), &der);
	err_set(err, ERR_MEMORY, "no memory for a certificate");
	if (cloud_id(id) == 0 && !der.failed)
		o = json_pack("{s:s%, s:s%, s:s%, s:s, s:s, s:I}", "account",
		    account_id.p, account_id.len, "mailbox", mailbox.p,
		    mailbox.len, "der", der.data, der.len, "serial",
		    cert->serial, "sha256", cert->sha256, "until",
		    (json_int_t)cert->until);
	if (o != NULL &&
	    store_put_json(c->store, "cert", str_c(id), o, err) == 0 &&
	    store_put(c->store, "serial", str_c(cert->serial), str_c(id),
	        err) == 0 &&
	    store_put(c->store, "certof", str_c(cert->sha256), str_c(id),
	        err) == 0)
		rc = 0;
	json_decref(o);
	buf_clear(&der);
	return (rc);
}

int
ca_put_pem(struct str der, BIO *out)
{
	return (PEM_write_bio(out, PEM_STRING_X509, "",
	            (const unsigned char *)der.p, (long)der.len) > 0
	            ? 0
	            : -1);
}

int
ca_chain_pem(const struct cloud *c, struct str der, struct buf *out,
    struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;
	int rc = -1;

	if (bio == NULL || ca_put_pem(der, bio) != 0 ||
	    ca_put_pem(cert_facts(c->keys.issuing)->der, bio) != 0) {
		err_openssl(err, ERR_CRYPTO, "cannot write a certificate");
	} else {
		len = BIO_get_mem_data(bio, &data);
		buf_put(out, data, (size_t)len);
		rc = out->failed ? -1 : 0;
	}
	BIO_free(bio);
	return (rc);
}

int
ca_is_revoked(struct cloud *c, struct str serial_hex, struct err *err)
{
	struct buf b;
	int rc;

	buf_init(&b, 1024);
	rc = store_get(c->store, "revoked", serial_hex, &b, err);
	buf_clear(&b);
	return (rc);
}

int
ca_revoke(struct cloud *c, struct str serial_hex, int64_t until, int reason,
    int64_t now, struct err *err)
{
	json_t *o;
	int rc;

	if ((rc = ca_is_revoked(c, serial_hex, err)) != 0) {
		if (rc > 0)
			err_set(err, ERR_DENIED, "it is revoked already");
		return (-1);
	}
	o = json_pack("{s:I, s:I, s:i}", "time", (json_int_t)now, "until",
	    (json_int_t)until, "reason", reason);
	err_set(err, ERR_MEMORY, "no memory for a revocation");
	rc = o != NULL ? store_put_json(c->store, "revoked", serial_hex, o, err)
	               : -1;
	json_decref(o);
	if (rc == 0) {
		c->revoked->dirty = true;
		log_info("cert-revoked serial=%s reason=%d",
		    log_str(serial_hex), reason);
	}
	return (rc);
}

/* The rows of a CRL in the making. */
struct rows {
	struct crl_row *rows; /* owned */
	uint8_t *serials;     /* owned: CA_SERIAL bytes for each */
	size_t n, cap;
	int64_t now;
	bool failed;
};

static int
on_revoked(struct str id, struct str value, void *arg)
{
	struct rows *r = arg;
	struct crl_row *rows;
	uint8_t *serials;
	json_t *o;

	if ((o = acme_json(value, ACME_JSON_MAX, NULL)) == NULL)
		return (0);
	/* RFC 5280 3.3: gone once the certificate is over */
	if (json_integer_value(json_object_get(o, "until")) < r->now)
		goto out;
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 64 : 2 * r->cap;
		rows = realloc(r->rows, r->cap * sizeof(rows[0]));
		if (rows != NULL)
			r->rows = rows;
		serials = realloc(r->serials, r->cap * CA_SERIAL);
		if (serials != NULL)
			r->serials = serials;
		r->failed = rows == NULL || serials == NULL;
	}
	if (r->failed ||
	    hex_decode(id, r->serials + r->n * CA_SERIAL, CA_SERIAL) != 0)
		goto out;
	r->rows[r->n].at = json_integer_value(json_object_get(o, "time"));
	r->rows[r->n].reason =
	    (enum crl_reason)json_integer_value(json_object_get(o, "reason"));
	r->n++;
out:
	json_decref(o);
	return (r->failed ? 1 : 0);
}

/* Each CRL's number is larger than that of the last (RFC 5280 5.2.3). */
static int
next_number(struct cloud *c, uint64_t *number, struct err *err)
{
	char text[24];
	struct buf b;
	int rc;

	buf_init(&b, 32);
	*number = 0;
	rc = store_get(c->store, "meta", STR("crl"), &b, err);
	if (rc == 1 && !num_parse(buf_text(&b), UINT64_MAX - 1, number))
		*number = 0;
	buf_clear(&b);
	if (rc < 0)
		return (-1);
	(void)snprintf(text, sizeof(text), "%llu",
	    (unsigned long long)++*number);
	return (store_put(c->store, "meta", STR("crl"), str_c(text), err));
}

static int
make_crl(struct cloud *c, int64_t now, struct err *err)
{
	int64_t life = (int64_t)conf_num(c->conf, "ca", "crl_lifetime");
	struct issuer issuer = {c->keys.issuing, c->keys.issuing_key};
	struct crl_ask ask = {.at = now, .next = now + life};
	struct revoked *v = c->revoked;
	struct rows r = {.now = now};
	size_t i;
	int rc = -1;

	if (store_walk(c->store, "revoked", STR(""), on_revoked, &r, err) !=
	        0 ||
	    next_number(c, &ask.number, err) != 0)
		goto out;
	err_set(err, ERR_MEMORY, "no memory for a CRL");
	if (r.failed)
		goto out;
	/* now that the array moves no more */
	for (i = 0; i < r.n; i++)
		r.rows[i].serial =
		    str_of((const char *)r.serials + i * CA_SERIAL, CA_SERIAL);
	ask.rows = r.rows;
	ask.nrows = r.n;
	buf_reset(&v->der);
	if ((rc = issue_crl(&issuer, &ask, &v->der, err)) == 0) {
		v->number = ask.number;
		v->refresh = now + life / 2;
		v->dirty = false;
		log_info("crl-made number=%llu revoked=%zu",
		    (unsigned long long)ask.number, r.n);
	}
out:
	free(r.rows);
	free(r.serials);
	return (rc);
}

int
ca_crl(struct cloud *c, int64_t now, struct str *der, struct err *err)
{
	struct revoked *v = c->revoked;

	if ((v->dirty || now >= v->refresh) && make_crl(c, now, err) != 0) {
		log_error("crl-failed why=%s", log_str(str_c(err->text)));
		return (-1);
	}
	*der = buf_text(&v->der);
	return (0);
}

void
ca_crl_serve(struct cloud *c, const struct http_req *req, struct http_res *res)
{
	struct revoked *v = c->revoked;
	char etag[32];
	struct str der;
	struct err err;

	if (ca_crl(c, clock_now().wall, &der, &err) != 0) {
		acme_refuse(res, 503, "serverInternal",
		    "there is no list of revoked certificates now");
		return;
	}
	(void)snprintf(etag, sizeof(etag), "\"%llu\"",
	    (unsigned long long)v->number);
	http_res_header(res, "ETag", "%s", etag);
	http_res_header(res, "Cache-Control", "public, max-age=%d", CRL_AGE_S);
	if (str_eq(http_req_header(req, "If-None-Match"), str_c(etag))) {
		res->status = 304;
		return;
	}
	res->type = "application/pkix-crl";
	buf_str(&res->body, der);
}

void
ca_cert_serve(struct cloud *c, const struct http_req *req, struct http_res *res)
{
	(void)req;
	http_res_header(res, "Cache-Control", "public, max-age=86400");
	res->type = "application/pkix-cert";
	buf_str(&res->body, cert_facts(c->keys.issuing)->der);
}

struct revoked *
revoked_new(struct cloud *c, struct err *err)
{
	struct revoked *v;

	if ((v = calloc(1, sizeof(*v))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a CRL");
		return (NULL);
	}
	buf_init(&v->der, CRL_MAX);
	c->revoked = v;
	if (make_crl(c, clock_now().wall, err) == 0)
		return (v);
	c->revoked = NULL;
	revoked_free(v);
	return (NULL);
}

void
revoked_free(struct revoked *v)
{
	if (v == NULL)
		return;
	buf_clear(&v->der);
	free(v);
}
