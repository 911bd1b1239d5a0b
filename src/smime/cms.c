#include "config.h"

#include "smime/cms.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "smime/der.h"
#include "smime/envelope.h"
#include "smime/oid.h"

/* A file of certificates is not larger than this. */
#define FILE_MAX ((size_t)4 * 1024 * 1024)

/* SignedData without signers and content holds only certificates. */
static enum cms_kind
signed_kind(struct der in)
{
	struct der d, encap;
	struct der_item it;
	struct str type;
	uint64_t version;

	if (!der_enter(&in, DER_SEQUENCE, &d) || !der_uint(&d, 5, &version) ||
	    !der_take(&d, DER_SET, &it) ||
	    !der_enter(&d, DER_SEQUENCE, &encap) || !der_oid(&encap, &type))
		return (CMS_IS_NONE);
	if (!der_end(&encap))
		return (CMS_IS_SIGNED);
	der_skip(&d, DER_CTX0_CONS);
	der_skip(&d, DER_CTX0_CONS + 1);
	if (!der_take(&d, DER_SET, &it))
		return (CMS_IS_NONE);
	return (it.in.len == 0 ? CMS_IS_CERTS_ONLY : CMS_IS_SIGNED);
}

enum cms_kind
cms_kind(struct str der)
{
	struct str type;
	struct der in;

	if (content_info(der, &type, &in) == -1)
		return (CMS_IS_NONE);
	if (str_eq(type, OID_SIGNED))
		return (signed_kind(in));
	if (str_eq(type, OID_ENVELOPED))
		return (CMS_IS_ENVELOPED);
	if (str_eq(type, OID_AUTHENVELOPED))
		return (CMS_IS_AUTH_ENVELOPED);
	if (str_eq(type, OID_COMPRESSED))
		return (CMS_IS_COMPRESSED);
	return (CMS_IS_OTHER);
}

/* --- files of certificates --- */

void
certs_free(struct cert **certs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		cert_unref(certs[i]);
	free(certs);
}

static int
read_pem(struct str file, struct cert_cache *cache, struct cert **certs,
    size_t *n, struct err *err)
{
	struct err why = {.code = ERR_OK};
	struct cert *c;

	while ((c = cert_get_pem(cache, &file, &why)) != NULL) {
		if (*n == LIMIT_CMS_CERTS) {
			cert_unref(c);
			err_set(err, ERR_LIMIT, "more than %d certificates",
			    LIMIT_CMS_CERTS);
			return (-1);
		}
		certs[(*n)++] = c;
	}
	if (why.code == ERR_NOTFOUND)
		return (0);
	err_set(err, why.code, "%s", why.text);
	return (-1);
}

static int
read_cms(struct str der, struct cert_cache *cache, struct cert **certs,
    size_t *n, struct err *err)
{
	struct cms_signed s;

	if (cms_verify(der, NULL, cache, &s, err) == -1)
		return (-1);
	*n = s.ncerts;
	if (s.ncerts > 0)
		memcpy(certs, s.certs, s.ncerts * sizeof(certs[0]));
	s.ncerts = 0;
	cms_signed_clear(&s);
	return (0);
}

/* The base64 between the first BEGIN line and its END line. */
static bool
pem_body(struct str file, struct str *body)
{
	const char *p, *end = file.p + file.len;

	if ((p = memmem(file.p, file.len, "-----BEGIN ", 11)) == NULL ||
	    (p = memchr(p, '\n', (size_t)(end - p))) == NULL)
		return (false);
	body->p = p;
	if ((p = memmem(p, (size_t)(end - p), "-----END ", 9)) == NULL)
		return (false);
	body->len = (size_t)(p - body->p);
	return (true);
}

static int
read_pem_cms(struct str body, struct cert_cache *cache, struct cert **certs,
    size_t *n, struct err *err)
{
	struct b64dec dec;
	struct buf der;
	char *room;
	int rc = -1;

	buf_init(&der, FILE_MAX);
	if ((room = buf_room(&der, body.len / 4 * 3 + 3)) != NULL) {
		b64dec_init(&dec);
		der.len = b64dec_feed(&dec, body.p, body.len, room);
		rc = read_cms(buf_text(&der), cache, certs, n, err);
	} else
		err_set(err, ERR_MEMORY, "no memory for certificates");
	buf_clear(&der);
	return (rc);
}

int
certs_read(struct str file, struct cert_cache *cache, struct cert ***out,
    size_t *n, struct err *err)
{
	struct cert **certs;
	struct str body;
	int rc;

	*n = 0;
	if (file.len > FILE_MAX) {
		err_set(err, ERR_LIMIT, "too large for certificates");
		return (-1);
	}
	if ((certs = calloc(LIMIT_CMS_CERTS, sizeof(certs[0]))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for certificates");
		return (-1);
	}
	if (pem_body(file, &body)) {
		rc = read_pem(file, cache, certs, n, err);
		if (rc == 0 && *n == 0)
			rc = read_pem_cms(body, cache, certs, n, err);
	} else if (cms_kind(file) != CMS_IS_NONE)
		rc = read_cms(file, cache, certs, n, err);
	else if ((certs[0] = cert_get(cache, file, err)) != NULL) {
		*n = 1;
		rc = 0;
	} else
		rc = -1;
	if (rc == 0 && *n == 0) {
		err_set(err, ERR_NOTFOUND, "no certificate in the file");
		rc = -1;
	}
	if (rc == -1) {
		certs_free(certs, *n);
		*n = 0;
		return (-1);
	}
	*out = certs;
	return (0);
}
