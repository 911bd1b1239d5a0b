#include "config.h"

#include "opener/harvest.h"

#include <string.h>

#include "base/codec.h"

static void
put_pem(struct buf *out, const struct cert *cert)
{
	struct str der = cert_facts(cert)->der;

	/* Those that come first matter most. */
	if (out->len + 2 * der.len + 100 <= HARVEST_MAX)
		pem_cert_put(der, out);
}

static bool
encrypts_to(const struct cert *cert, struct str address)
{
	return (cert != NULL && (cert_facts(cert)->use & CERT_ENCRYPT) != 0 &&
	        cert_has_address(cert, address));
}

void
harvest(const struct verdict *v, struct buf *certs, struct harvest *out)
{
	const struct cms_signer *by = v->by;
	const struct cert *best = NULL;
	struct str address = str_c(v->signer);
	bool any;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (v->sign != SIGN_GOOD || by == NULL)
		return;
	if (encrypts_to(by->encrypt_cert, address))
		best = by->encrypt_cert;
	else if (encrypts_to(by->cert, address))
		best = by->cert;
	any = best != NULL;
	if (best != NULL) {
		memcpy(out->fingerprint, cert_facts(best)->sha256, FINGERPRINT);
		put_pem(certs, best);
	}
	for (i = 0; i < v->sig->ncerts; i++) {
		any = any || encrypts_to(v->sig->certs[i], address);
		if (v->sig->certs[i] != best)
			put_pem(certs, v->sig->certs[i]);
	}
	if (!any || certs->failed)
		return;
	out->address = address;
	out->caps = (by->caps & CAP_KNOWN) != 0;
	out->gcm = (by->caps & CAP_AES256_GCM) != 0;
	out->oaep = (by->caps & CAP_OAEP) != 0;
	out->certs = buf_text(certs);
}
