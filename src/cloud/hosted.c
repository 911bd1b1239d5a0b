#include "config.h"

#include "cloud/hosted.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "acme/b64url.h"
#include "base/limits.h"
#include "cloud/acme_auth.h"
#include "cloud/ca.h"
#include "cloud/directory.h"
#include "cloud/keypool.h"
#include "smime/pkey.h"
#include "sys/fault.h"

/*
 * In the store:
 *	hosted/MAILBOX	{certs: [{key, cert (base64url DER), serial, from,
 *			until}, ...]}, newest first
 *	hostkey/ID	PKCS#8, sealed
 */
#define KEY_TABLE "hostkey"

#define PKCS8_MAX (16UL * 1024)

static int
no_memory(struct err *err)
{
	err_set(err, ERR_MEMORY, "no memory for hosted keys");
	return (-1);
}

/* --- the list --- */

static int
read_cert(const json_t *o, struct arena *arena, struct hosted_cert *cert)
{
	struct buf der;
	int rc = -1;

	buf_init(&der, LIMIT_CERT);
	if (b64url_decode(acme_member(o, "cert"), &der) == 0) {
		cert->der = arena_str(arena, buf_text(&der));
		cert->key = arena_str(arena, acme_member(o, "key"));
		cert->serial = arena_str(arena, acme_member(o, "serial"));
		cert->from = json_integer_value(json_object_get(o, "from"));
		cert->until = json_integer_value(json_object_get(o, "until"));
		rc = cert->der.p != NULL && cert->key.p != NULL &&
		             cert->serial.p != NULL
		         ? 0
		         : -1;
	}
	buf_clear(&der);
	return (rc);
}

int
hosted_load(struct cloud *c, struct str mailbox, struct arena *arena,
    struct hosted *h, struct err *err)
{
	json_t *record, *o;
	size_t i;
	int rc = 0;

	h->mailbox = mailbox;
	h->n = 0;
	/* with room for one more */
	h->certs = arena_array(arena, KMS_KEYS_MAX, sizeof(h->certs[0]));
	if (h->certs == NULL)
		return (no_memory(err));
	if ((record = store_json(c->store, HOSTED_TABLE, mailbox, err)) == NULL)
		return (err->code == ERR_NOTFOUND ? 0 : -1);
	json_array_foreach(json_object_get(record, "certs"), i, o)
	{
		if (h->n == KMS_KEYS_MAX ||
		    read_cert(o, arena, &h->certs[h->n]) != 0) {
			err_set(err, ERR_SYNTAX,
			    "a list of hosted keys is damaged");
			rc = -1;
			break;
		}
		h->n++;
	}
	json_decref(record);
	return (rc);
}

static json_t *
cert_object(const struct hosted_cert *cert)
{
	struct buf der;
	json_t *o = NULL;

	buf_init(&der, 2 * LIMIT_CERT);
	b64url_encode(cert->der, &der);
	if (!der.failed)
		o = json_pack("{s:s%, s:s%, s:s%, s:I, s:I}", "key",
		    cert->key.p, cert->key.len, "cert", der.data, der.len,
		    "serial", cert->serial.p, cert->serial.len, "from",
		    (json_int_t)cert->from, "until", (json_int_t)cert->until);
	buf_clear(&der);
	return (o);
}

static int
store_list(struct cloud *c, const struct hosted *h, struct err *err)
{
	json_t *list = json_array(), *record;
	bool ok = list != NULL;
	size_t i;
	int rc = -1;

	for (i = 0; ok && i < h->n; i++)
		ok =
		    json_array_append_new(list, cert_object(&h->certs[i])) == 0;
	record = json_pack("{s:o}", "certs", list);
	if (!ok || record == NULL)
		(void)no_memory(err);
	else
		rc = store_put_json(c->store, HOSTED_TABLE, h->mailbox, record,
		    err);
	json_decref(record);
	return (rc);
}

int
hosted_state(struct cloud *c, const struct hosted *h, int64_t now,
    enum hosted_state *state, struct err *err)
{
	const struct hosted_cert *cert = &h->certs[0];
	int rc;

	*state = HOSTED_NONE;
	if (h->n == 0)
		return (0);
	if ((rc = ca_is_revoked(c, cert->serial, err)) < 0)
		return (-1);
	if (rc == 1)
		*state = HOSTED_REVOKED;
	else if (now >= cert->from + (cert->until - cert->from) / 3 * 2)
		*state = HOSTED_DUE;
	else
		*state = HOSTED_GOOD;
	return (0);
}

/* --- keys at rest --- */

/* What a sealed key is bound to: its mailbox and its id. */
static int
put_place(struct str mailbox, struct str key, struct buf *out, struct err *err)
{
	buf_puts(out, "waxwing hosted key");
	buf_putc(out, '\0');
	buf_str(out, mailbox);
	buf_putc(out, '\0');
	buf_str(out, key);
	return (out->failed ? no_memory(err) : 0);
}

static int
store_key(struct cloud *c, const struct crypt_key *kek, struct str mailbox,
    struct str key, struct str pkcs8, struct err *err)
{
	struct buf place, sealed;
	int rc = -1;

	buf_init(&place, 2 * LIMIT_ADDRESS);
	buf_init(&sealed, PKCS8_MAX + 64);
	if (put_place(mailbox, key, &place, err) == 0 &&
	    crypt_seal(kek, buf_text(&place), pkcs8, &sealed, err) == 0)
		rc =
		    store_put(c->store, KEY_TABLE, key, buf_text(&sealed), err);
	buf_clear(&place);
	buf_clear(&sealed);
	return (rc);
}

int
hosted_open(struct cloud *c, const struct hosted *h,
    const struct hosted_cert *cert, struct buf *pkcs8, struct err *err)
{
	struct buf place, sealed;
	int rc = -1;

	buf_init(&place, 2 * LIMIT_ADDRESS);
	buf_init(&sealed, PKCS8_MAX + 64);
	if (put_place(h->mailbox, cert->key, &place, err) != 0)
		goto out;
	if ((rc = store_get(c->store, KEY_TABLE, cert->key, &sealed, err)) ==
	    0) {
		err_set(err, ERR_IO, "a hosted key is not in the store");
		rc = -1;
	}
	if (rc == 1 && (rc = crypt_open(&c->keys.kek, buf_text(&place),
	                    buf_text(&sealed), pkcs8, err)) != 0)
		err_prefix(err, "a hosted key under another "
		                "key-encryption key");
out:
	buf_clear(&place);
	buf_clear(&sealed);
	return (rc);
}

int
hosted_reseal(struct cloud *c, const struct hosted *h,
    const struct crypt_key *to, struct err *err)
{
	struct buf pkcs8;
	size_t i;
	int rc = 0;

	/* one that has several certificates is sealed several times, to the
	 * same end */
	for (i = 0; rc == 0 && i < h->n; i++) {
		buf_init(&pkcs8, PKCS8_MAX);
		if ((rc = hosted_open(c, h, &h->certs[i], &pkcs8, err)) == 0)
			rc = store_key(c, to, h->mailbox, h->certs[i].key,
			    buf_text(&pkcs8), err);
		buf_wipe(&pkcs8);
	}
	return (rc);
}

/* --- making --- */

/* A fresh private key of the kind that the conf wants. */
static int
fresh_key(struct cloud *c, struct buf *pkcs8, struct err *err)
{
	EVP_PKEY *pkey;
	int rc;

	if (c->keypool != NULL) {
		if (keypool_take(c->keypool, pkcs8))
			return (0);
		err_set(err, ERR_UNAVAILABLE, "keys are being made");
		return (-1);
	}
	if ((pkey = pkey_new(err)) == NULL)
		return (-1);
	rc = pkey_put(pkey, pkcs8, err);
	EVP_PKEY_free(pkey);
	return (rc);
}

/* The certificate becomes the first of the list. */
static int
put_first(struct hosted *h, struct arena *arena, const struct ca_cert *cert,
    struct str key, int64_t now, struct err *err)
{
	struct hosted_cert *first = &h->certs[0];

	memmove(h->certs + 1, h->certs, h->n * sizeof(h->certs[0]));
	h->n++;
	memset(first, 0, sizeof(*first));
	first->key = key;
	first->der = arena_str(arena, buf_text(&cert->der));
	first->serial = arena_str(arena, str_c(cert->serial));
	first->from = now;
	first->until = cert->until;
	return (first->der.p == NULL || first->serial.p == NULL ? no_memory(err)
	                                                        : 0);
}

/* Certify the key, and write down all that follows from it. */
static int
certify(struct cloud *c, struct hosted *h, struct arena *arena, struct str key,
    struct str pkcs8, int64_t now, struct err *err)
{
	EVP_PKEY *pkey = pkey_get(pkcs8, err);
	struct ca_cert cert;
	char id[CLOUD_ID];
	int rc = -1;

	if (pkey == NULL)
		return (-1);
	ca_cert_init(&cert);
	if (ca_issue(c, pkey, h->mailbox, CERT_ENCRYPT, now,
	        (int64_t)conf_num(c->conf, "ca", "lifetime"), &cert,
	        err) == 0 &&
	    ca_record(c, &cert, STR(""), h->mailbox, id, err) == 0 &&
	    put_first(h, arena, &cert, key, now, err) == 0 &&
	    store_list(c, h, err) == 0)
		rc = directory_publish(c, h->mailbox, key, &cert, now, err);
	ca_cert_clear(&cert);
	EVP_PKEY_free(pkey);
	return (rc);
}

static int
check_room(const struct hosted *h, struct err *err)
{
	if (h->n < KMS_KEYS_MAX)
		return (0);
	err_set(err, ERR_LIMIT, "the mailbox has %d certificates",
	    KMS_KEYS_MAX);
	return (-1);
}

int
hosted_make(struct cloud *c, struct hosted *h, struct arena *arena, int64_t now,
    struct err *err)
{
	char id[CLOUD_ID];
	struct str key = str_of(NULL, 0);
	struct buf pkcs8;
	int rc = -1;

	if (check_room(h, err) != 0)
		return (-1);
	buf_init(&pkcs8, PKCS8_MAX);
	if (cloud_id(id) == 0)
		key = arena_str(arena, str_c(id));
	if (key.p == NULL)
		(void)no_memory(err);
	else if (fresh_key(c, &pkcs8, err) == 0) {
		(void)FAULT("cloud.kms.made");
		if (store_key(c, &c->keys.kek, h->mailbox, key,
		        buf_text(&pkcs8), err) == 0)
			rc = certify(c, h, arena, key, buf_text(&pkcs8), now,
			    err);
	}
	buf_wipe(&pkcs8);
	return (rc);
}

int
hosted_renew(struct cloud *c, struct hosted *h, struct arena *arena,
    int64_t now, struct err *err)
{
	struct buf pkcs8;
	int rc = -1;

	if (check_room(h, err) != 0)
		return (-1);
	buf_init(&pkcs8, PKCS8_MAX);
	if (hosted_open(c, h, &h->certs[0], &pkcs8, err) == 0)
		rc = certify(c, h, arena, h->certs[0].key, buf_text(&pkcs8),
		    now, err);
	buf_wipe(&pkcs8);
	return (rc);
}
