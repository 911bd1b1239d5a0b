#include "config.h"

#include "sealer/recipients.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "proto/keys.h"

int
recipients_init(struct recipients *r, size_t max, bool oaep, int64_t at,
    struct err *err)
{
	memset(r, 0, sizeof(*r));
	if (max > LIMIT_RCPTS + 1) {
		err_set(err, ERR_LIMIT, "too many recipients");
		return (-1);
	}
	r->list = calloc(max + 1, sizeof(r->list[0]));
	r->certs = calloc(max + 1, sizeof(r->certs[0]));
	if (r->list == NULL || r->certs == NULL) {
		recipients_clear(r);
		err_set(err, ERR_MEMORY, "no memory for the recipients");
		return (-1);
	}
	r->max = max;
	r->oaep = oaep;
	r->at = at;
	return (0);
}

void
recipients_clear(struct recipients *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		cert_unref(r->certs[i]);
	free(r->certs);
	free(r->list);
	memset(r, 0, sizeof(*r));
}

int
recipients_add(struct recipients *r, struct cert *c, struct err *err)
{
	size_t i;

	if (cert_usable_for_encryption(c, r->at, err) == -1)
		return (-1);
	for (i = 0; i < r->n; i++)
		if (memcmp(cert_facts(r->certs[i])->sha256,
		        cert_facts(c)->sha256, FINGERPRINT) == 0)
			return (0);
	if (r->n == r->max) {
		err_set(err, ERR_LIMIT, "too many recipients");
		return (-1);
	}
	r->certs[r->n] = cert_ref(c);
	r->list[r->n].cert = c;
	r->list[r->n].how = r->oaep && cert_facts(c)->key == CERT_KEY_RSA
	                        ? TRANSPORT_OAEP
	                        : TRANSPORT_AUTO;
	r->n++;
	return (0);
}

/* What pub/ says under a fingerprint; the verifier's verdict still counts. */
static struct cert *
believe(struct str value, struct cert_cache *certs,
    const uint8_t fp[FINGERPRINT], struct err *err)
{
	struct cert_rec c;
	struct cert *cert;
	struct rec in;

	rec_init(&in, value);
	if (cert_rec_get(&in, &c, err) != 1) {
		err_set(err, ERR_SYNTAX, "malformed record in pub/");
		return (NULL);
	}
	if (c.verdict.code != ERR_OK || (c.usage & USAGE_ENCRYPT) == 0) {
		err_set(err, ERR_UNTRUSTED,
		    "the certificate was not accepted for encryption");
		return (NULL);
	}
	if ((cert = cert_get(certs, c.der, err)) == NULL)
		return (NULL);
	if (memcmp(cert_facts(cert)->sha256, fp, FINGERPRINT) == 0)
		return (cert);
	cert_unref(cert);
	err_set(err, ERR_UNTRUSTED, "the certificate is not the one named");
	return (NULL);
}

static int
read_one(struct recipients *r, struct db *pub, struct cert_cache *certs,
    const uint8_t fp[FINGERPRINT], struct err *err)
{
	char id[sizeof(PUB_BY_FINGERPRINT) - 1 + FINGERPRINT];
	char hex[2 * FINGERPRINT + 1];
	struct cert *cert = NULL;
	struct buf value;
	int found, rc = -1;

	memcpy(id, PUB_BY_FINGERPRINT, sizeof(id) - FINGERPRINT);
	memcpy(id + sizeof(id) - FINGERPRINT, fp, FINGERPRINT);
	buf_init(&value, LIMIT_CERT_RECORD);
	found = db_get(pub, str_of(id, sizeof(id)), &value, err);
	if (found == 0)
		err_set(err, ERR_NOTFOUND, "no such certificate here");
	else if (found == 1)
		cert = believe(buf_text(&value), certs, fp, err);
	if (cert != NULL)
		rc = recipients_add(r, cert, err);
	if (rc == -1) {
		hex_encode(fp, FINGERPRINT, hex);
		err_prefix(err, "recipient %.16s", hex);
	}
	cert_unref(cert);
	buf_clear(&value);
	return (rc);
}

int
recipients_read(struct recipients *r, struct db *pub, struct cert_cache *certs,
    const uint8_t (*fingerprints)[FINGERPRINT], size_t n, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (read_one(r, pub, certs, fingerprints[i], err) == -1)
			return (-1);
	return (0);
}
