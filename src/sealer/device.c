#include "config.h"

#include "sealer/device.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/limits.h"
#include "smime/issue.h"
#include "smime/pkey.h"
#include "sys/fault.h"

/* Two keys and a certificate have 1 KiB. */
#define RECORD_ROOM ((size_t)16 * 1024)

/* What the transport certificate calls itself; nobody looks at it. */
#define TRANSPORT_NAME "Waxwing transport key"

/* Clocks of two machines differ. */
#define SKEW_S 86400

/* 50 years: a device keeps its transport key. */
#define TRANSPORT_S (INT64_C(50) * 365 * 86400)

#define SERIAL 16

enum { RECORD_VERSION = 1, MAILBOX_VERSION = 2 };

static int
name_of(const struct device_of *of, enum device_kind kind,
    uint8_t out[CRYPT_DIGEST], struct err *err)
{
	struct buf b;
	int rc;

	buf_init(&b, LIMIT_RECORD);
	buf_str(&b, of->url);
	if (kind != DEVICE_KEYS) {
		buf_putc(&b, '\0');
		buf_str(&b, of->address);
	}
	if ((rc = crypt_sha256(buf_text(&b), out)) == -1)
		err_set(err, ERR_CRYPTO, "cannot make a digest");
	buf_clear(&b);
	return (rc);
}

/* Read a secret into b, which is made with room; as keystore_secret_get(). */
static int
fetch(const struct device_of *of, enum device_kind kind, struct buf *b,
    struct err *err)
{
	uint8_t name[CRYPT_DIGEST];

	buf_init(b, SECRET_MAX);
	if (buf_room(b, RECORD_ROOM) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a key");
		return (-1);
	}
	if (name_of(of, kind, name, err) == -1)
		return (-1);
	return (
	    keystore_secret_get(of->store, kind, of->account, name, b, err));
}

static int
store(const struct device_of *of, enum device_kind kind, struct str plain,
    struct err *err)
{
	uint8_t name[CRYPT_DIGEST];

	if (name_of(of, kind, name, err) == -1)
		return (-1);
	return (keystore_secret_put(of->store, kind, of->account, name, plain,
	    err));
}

/* --- the device's keys --- */

void
device_clear(struct device *d)
{
	EVP_PKEY_free(d->account);
	key_free(d->opener);
	memset(d, 0, sizeof(*d));
}

/* A key as a length-prefixed PKCS#8. */
static int
put_key(struct buf *out, EVP_PKEY *pkey, struct err *err)
{
	struct buf der;
	int rc = -1;

	buf_init(&der, SECRET_MAX);
	if (buf_room(&der, RECORD_ROOM) == NULL)
		err_set(err, ERR_MEMORY, "no memory for a key");
	else if ((rc = pkey_put(pkey, &der, err)) == 0)
		rec_put_str(out, buf_text(&der));
	buf_wipe(&der);
	return (rc);
}

static struct key *
opener_of(const struct device_of *of, EVP_PKEY *pkey, struct str der,
    struct err *err)
{
	struct cert *cert = cert_get(NULL, der, err);
	struct key *k = NULL;

	if (cert != NULL)
		k = key_new(of->account, CERT_ENCRYPT, cert, NULL, 0, pkey,
		    err);
	cert_unref(cert);
	return (k);
}

static int
read_device(const struct device_of *of, struct str record, struct device *d,
    struct err *err)
{
	struct str account, transport, cert;
	EVP_PKEY *pkey = NULL;
	struct rec r;

	rec_init(&r, record);
	(void)rec_get_enum(&r, RECORD_VERSION);
	account = rec_get_str(&r);
	transport = rec_get_str(&r);
	cert = rec_get_str(&r);
	if (rec_end(&r, err) == 0 &&
	    (d->account = pkey_get(account, err)) != NULL &&
	    (pkey = pkey_get(transport, err)) != NULL)
		d->opener = opener_of(of, pkey, cert, err);
	EVP_PKEY_free(pkey);
	if (d->opener != NULL)
		return (1);
	device_clear(d);
	err_prefix(err, "the device keys");
	return (-1);
}

/* A certificate that vouches for nothing but carries the transport key. */
static int
certify(EVP_PKEY *transport, int64_t now, struct buf *out, struct err *err)
{
	unsigned char serial[SERIAL];
	struct issue_terms terms = {.from = now - SKEW_S,
	    .until = now + TRANSPORT_S};

	if (crypt_random(serial, sizeof(serial)) == -1) {
		err_set(err, ERR_CRYPTO, "no random bytes");
		return (-1);
	}
	serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40);
	terms.serial = str_of((const char *)serial, sizeof(serial));
	return (issue_self(transport, STR(TRANSPORT_NAME), CERT_ENCRYPT, &terms,
	    out, err));
}

static int
write_device(EVP_PKEY *account, EVP_PKEY *transport, int64_t now,
    struct buf *out, struct err *err)
{
	struct buf cert;
	int rc = -1;

	buf_init(&cert, LIMIT_RECORD);
	rec_put_u8(out, RECORD_VERSION);
	if (put_key(out, account, err) == 0 &&
	    put_key(out, transport, err) == 0 &&
	    certify(transport, now, &cert, err) == 0) {
		rec_put_str(out, buf_text(&cert));
		rc = 0;
	}
	buf_clear(&cert);
	if (rc == 0 && out->failed) {
		err_set(err, ERR_MEMORY, "no memory for the device keys");
		rc = -1;
	}
	return (rc);
}

static int
make_device(const struct device_of *of, int64_t now, struct buf *record,
    struct err *err)
{
	EVP_PKEY *account = pkey_new(err), *transport = NULL;
	int rc = -1;

	if (account != NULL && (transport = pkey_new(err)) != NULL)
		rc = write_device(account, transport, now, record, err);
	EVP_PKEY_free(account);
	EVP_PKEY_free(transport);
	if (rc == 0 && FAULT("sealer.device.made")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.device.made");
		rc = -1;
	}
	if (rc == 0)
		rc = store(of, DEVICE_KEYS, buf_text(record), err);
	(void)FAULT("sealer.device.stored");
	return (rc);
}

int
device_get(const struct device_of *of, bool make, int64_t now, struct device *d,
    struct err *err)
{
	struct buf record;
	int rc;

	memset(d, 0, sizeof(*d));
	rc = fetch(of, DEVICE_KEYS, &record, err);
	if (rc == 0 && make)
		rc = make_device(of, now, &record, err) == 0 ? 1 : -1;
	if (rc == 1)
		rc = read_device(of, buf_text(&record), d, err);
	buf_wipe(&record);
	return (rc);
}

/* --- the pending signing key --- */

static int
make_pending(const struct device_of *of, struct buf *record, struct err *err)
{
	EVP_PKEY *pkey = pkey_new(err);
	int rc = -1;

	if (pkey != NULL)
		rc = pkey_put(pkey, record, err);
	EVP_PKEY_free(pkey);
	if (rc == 0 && FAULT("sealer.pending.made")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.pending.made");
		rc = -1;
	}
	if (rc == 0)
		rc = store(of, DEVICE_PENDING, buf_text(record), err);
	(void)FAULT("sealer.pending.stored");
	return (rc);
}

int
device_pending(const struct device_of *of, bool make, EVP_PKEY **pkey,
    struct err *err)
{
	struct buf record;
	int rc;

	*pkey = NULL;
	rc = fetch(of, DEVICE_PENDING, &record, err);
	if (rc == 0 && make)
		rc = make_pending(of, &record, err) == 0 ? 1 : -1;
	if (rc == 1 && (*pkey = pkey_get(buf_text(&record), err)) == NULL)
		rc = -1;
	buf_wipe(&record);
	return (rc);
}

int
device_pending_drop(const struct device_of *of, struct err *err)
{
	uint8_t name[CRYPT_DIGEST];

	if (name_of(of, DEVICE_PENDING, name, err) == -1)
		return (-1);
	return (keystore_secret_del(of->store, DEVICE_PENDING, of->account,
	    name, err));
}

/* --- the mailbox --- */

static void
put_head(struct buf *out, const struct kms_head *h)
{
	rec_put_u64(out, h->size);
	rec_put_bytes(out, h->hash, sizeof(h->hash));
}

static void
get_head(struct rec *r, struct kms_head *h)
{
	h->size = rec_get_u64(r);
	rec_get_bytes(r, h->hash, sizeof(h->hash));
}

static int
read_mailbox(struct str record, struct device_mailbox *m, struct err *err)
{
	struct device_asked *a;
	struct rec r;

	rec_init(&r, record);
	/* the first had no pages */
	if (rec_get_enum(&r, MAILBOX_VERSION) == MAILBOX_VERSION)
		get_head(&r, &m->paged);
	get_head(&r, &m->head);
	m->signs = rec_get_bool(&r);
	rec_get_bytes(&r, m->signing, sizeof(m->signing));
	for (a = m->asked; a < m->asked + ASK_KINDS; a++) {
		a->is = rec_get_bool(&r);
		get_head(&r, &a->from);
		rec_get_bytes(&r, a->nonce, sizeof(a->nonce));
	}
	return (rec_end(&r, err));
}

int
device_mailbox_get(const struct device_of *of, struct device_mailbox *m,
    struct err *err)
{
	struct buf record;
	int rc;

	memset(m, 0, sizeof(*m));
	rc = fetch(of, DEVICE_MAILBOX, &record, err);
	if (rc == 1)
		rc = read_mailbox(buf_text(&record), m, err);
	buf_clear(&record);
	return (rc);
}

int
device_mailbox_put(const struct device_of *of, const struct device_mailbox *m,
    struct err *err)
{
	const struct device_asked *a;
	struct buf record;
	int rc = -1;

	buf_init(&record, LIMIT_RECORD);
	rec_put_u8(&record, MAILBOX_VERSION);
	put_head(&record, &m->paged);
	put_head(&record, &m->head);
	rec_put_bool(&record, m->signs);
	rec_put_bytes(&record, m->signing, sizeof(m->signing));
	for (a = m->asked; a < m->asked + ASK_KINDS; a++) {
		rec_put_bool(&record, a->is);
		put_head(&record, &a->from);
		rec_put_bytes(&record, a->nonce, sizeof(a->nonce));
	}
	if (record.failed)
		err_set(err, ERR_MEMORY, "no memory for a mailbox");
	else
		rc = store(of, DEVICE_MAILBOX, buf_text(&record), err);
	buf_clear(&record);
	return (rc);
}

/* --- replaced certificates --- */

int
device_retire(const struct device_of *of, const struct cert *c, struct err *err)
{
	const struct cert_facts *f = cert_facts(c);

	return (keystore_secret_put(of->store, DEVICE_RETIRED, of->account,
	    f->sha256, f->der, err));
}

int
device_retired(const struct device_of *of,
    const uint8_t fingerprint[FINGERPRINT], struct buf *out, struct err *err)
{
	return (keystore_secret_get(of->store, DEVICE_RETIRED, of->account,
	    fingerprint, out, err));
}
