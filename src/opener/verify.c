#include "config.h"

#include "opener/verify.h"

#include <string.h>

#include "base/limits.h"
#include "smime/algo.h"
#include "smime/cms.h"

/* What helps to judge: certificates besides, and lists. */
struct helpers {
	struct cert *certs[LIMIT_CMS_CERTS]; /* references */
	size_t n;
	struct buf crls;
};

static void
add_certs(struct helpers *h, struct cert *const *certs, size_t n)
{
	size_t i;

	for (i = 0; i < n && h->n < LIMIT_CMS_CERTS; i++)
		h->certs[h->n++] = cert_ref(certs[i]);
}

/* Sort what was fetched; what is neither is left out. */
static void
add_fetched(struct helpers *h, const struct verify_with *w)
{
	struct cert **certs;
	struct str one;
	struct rec in;
	size_t n;

	rec_init(&in, w->fetched);
	while (!in.bad && in.pos < in.in.len) {
		one = rec_get_str(&in);
		if (certs_read(one, w->cache, &certs, &n, NULL) == 0) {
			add_certs(h, certs, n);
			certs_free(certs, n);
		} else
			buf_str(&h->crls, one);
	}
}

static void
helpers_clear(struct helpers *h)
{
	while (h->n > 0)
		cert_unref(h->certs[--h->n]);
	buf_clear(&h->crls);
}

/* Something is missing that can be fetched: where is it? */
static void
name_missing(const struct cert *cert, struct buf *url, struct err *verdict)
{
	bool is_issuer = verdict->code == ERR_NOTFOUND;
	int rc;

	if (!is_issuer && verdict->code != ERR_UNAVAILABLE)
		return;
	rc = url->len > 0 ? 0
	     : is_issuer  ? chain_issuer_url(cert, url)
	                  : chain_crl_url(cert, url);
	if (rc == 0)
		verdict->code = ERR_UNAVAILABLE;
	else if (is_issuer)
		verdict->code = ERR_UNTRUSTED;
	else
		err_set(verdict, ERR_UNSUPPORTED,
		    "the certificate names no list of revocations");
}

/* Is it good for what was asked?  Dates are asked of everybody. */
static void
judge_one(struct cert *cert, const struct helpers *h,
    const struct verify_with *w, struct err *verdict)
{
	const struct verify_req *q = w->q;
	struct chain_ask ask = {w->anchors, h->certs, h->n, q->time,
	    q->usage == USAGE_SIGN ? CERT_SIGN : CERT_ENCRYPT, q->address,
	    q->revocation, buf_text(&h->crls)};
	const struct cert_facts *f = cert_facts(cert);

	verdict->code = ERR_OK;
	if (q->address.len > 0 && !cert_has_address(cert, q->address))
		err_set(verdict, ERR_UNTRUSTED,
		    "the certificate is for another address");
	else if ((f->use & (CERT_SIGN | CERT_ENCRYPT)) == 0)
		err_set(verdict, ERR_UNTRUSTED,
		    "the certificate is not for mail");
	else if (f->naddresses == 0)
		err_set(verdict, ERR_UNTRUSTED,
		    "the certificate names no mail address");
	else if (f->weak)
		err_set(verdict, ERR_UNTRUSTED,
		    "the certificate's key or signature is too weak");
	else if (f->until < q->time)
		err_set(verdict, ERR_UNTRUSTED, "the certificate has expired");
	else if (!q->manual)
		chain_verify(cert, &ask, verdict);
}

static void
put_one(const struct cert *cert, const struct err *verdict, struct buf *out)
{
	const struct cert_facts *f = cert_facts(cert);
	struct cert_rec rec = {.verdict = *verdict, .der = f->der};
	struct buf addresses;
	size_t i;

	buf_init(&addresses, LIMIT_RECORD / 2);
	for (i = 0; i < f->naddresses; i++) {
		if (i > 0)
			buf_putc(&addresses, ' ');
		buf_puts(&addresses, f->addresses[i]);
	}
	rec.addresses = buf_text(&addresses);
	rec.subject = str_c(f->subject);
	memcpy(rec.fingerprint, f->sha256, sizeof(rec.fingerprint));
	rec.usage =
	    (uint8_t)(((f->use & CERT_ENCRYPT) != 0 ? USAGE_ENCRYPT : 0) |
	              ((f->use & CERT_SIGN) != 0 ? USAGE_SIGN : 0));
	rec.gcm = (f->caps & CAP_AES256_GCM) != 0;
	rec.oaep = (f->caps & CAP_OAEP) != 0;
	rec.not_before = f->from;
	rec.not_after = f->until;
	if (!addresses.failed)
		cert_rec_put(out, &rec);
	buf_clear(&addresses);
}

int
verify_certs(struct str found, const struct verify_with *w, struct buf *out,
    struct buf *crl, struct err *err)
{
	struct err verdict;
	struct helpers h;
	struct cert **certs;
	size_t i, n;

	if (certs_read(found, w->cache, &certs, &n, err) == -1)
		return (-1);
	memset(&h, 0, sizeof(h));
	buf_init(&h.crls, SIZE_MAX);
	add_certs(&h, certs, n);
	add_fetched(&h, w);
	for (i = 0; i < n; i++) {
		/* Issuers come along in files; they are not anybody's. */
		if ((cert_facts(certs[i])->use & CERT_CA) != 0)
			continue;
		memset(&verdict, 0, sizeof(verdict));
		judge_one(certs[i], &h, w, &verdict);
		name_missing(certs[i], crl, &verdict);
		put_one(certs[i], &verdict, out);
	}
	helpers_clear(&h);
	certs_free(certs, n);
	if (!out->failed)
		return (0);
	err_set(err, ERR_LIMIT, "more certificates than can be taken at once");
	return (-1);
}
