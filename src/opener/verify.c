#include "opener/verify.h"

#include <string.h>

#include "base/limits.h"
#include "smime/algo.h"
#include "smime/cms.h"

/* Is it good for what was asked?  Dates are asked of everybody. */
static void
judge_one(struct cert *cert, struct cert *const *all, size_t n,
    const struct verify_with *w, struct err *verdict)
{
	const struct verify_req *q = w->q;
	struct chain_ask ask = {w->anchors, all, n, q->time,
	    q->usage == USAGE_SIGN ? CERT_SIGN : CERT_ENCRYPT, q->address,
	    q->revocation, w->crls};
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
	struct cert **certs;
	size_t i, n;

	if (certs_read(found, w->cache, &certs, &n, err) == -1)
		return (-1);
	for (i = 0; i < n; i++) {
		/* Issuers come along in files; they are not anybody's. */
		if ((cert_facts(certs[i])->use & CERT_CA) != 0)
			continue;
		memset(&verdict, 0, sizeof(verdict));
		judge_one(certs[i], certs, n, w, &verdict);
		if (verdict.code == ERR_UNAVAILABLE && crl->len == 0 &&
		    chain_crl_url(certs[i], crl) == -1)
			err_set(&verdict, ERR_UNTRUSTED,
			    "the certificate names no list of revocations");
		put_one(certs[i], &verdict, out);
	}
	certs_free(certs, n);
	if (!out->failed)
		return (0);
	err_set(err, ERR_LIMIT, "more certificates than can be taken at once");
	return (-1);
}
