/* OP_CERT_TAKE: the pending signing key gets its certificate. */
#include "config.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "sealer/pins.h"
#include "sealer/take.h"
#include "sealer/taken.h"
#include "smime/cms.h"
#include "sys/fault.h"

/* Clocks of two machines differ, and a new certificate is from just now. */
#define SKEW_S 3600

/* The pending key with what was issued for it. */
static int
make_signing(struct take *t, struct cert *const *certs, size_t n,
    struct err *err)
{
	int64_t at = clock_now().wall, from = cert_facts(certs[0])->from;
	EVP_PKEY *pkey;
	int rc;

	if (at < from && from - at <= SKEW_S)
		at = from;
	rc = device_pending(&t->whose.of, false, &pkey, err);
	if (rc == 0)
		err_set(err, ERR_NOTFOUND,
		    "no signing key of %s waits for a certificate",
		    t->whose.address);
	if (rc != 1)
		return (-1);
	if (EVP_PKEY_eq(pkey, cert_pkey(certs[0])) != 1)
		err_set(err, ERR_UNTRUSTED,
		    "the certificate is for another key than ours");
	else if (take_check_name(t, certs[0], err) == 0 &&
	         pins_chain(t->sealer->pins, certs[0], certs + 1, n - 1,
	             CERT_SIGN, t->whose.of.address, at, err) == 0)
		t->keys[0] = key_new(t->whose.of.address, CERT_SIGN, certs[0],
		    certs + 1, n - 1, pkey, err);
	EVP_PKEY_free(pkey);
	if (t->keys[0] == NULL)
		return (-1);
	t->nkeys = t->nfresh = 1;
	t->fresh[0] = t->keys[0];
	return (0);
}

/* The new key, and the one it follows, whose certificate may yet have to be
 * revoked, in one change. */
static int
put_signing(struct take *t, struct device_mailbox *m, const struct key *old,
    struct err *err)
{
	const struct device_of *of = &t->whose.of;

	if (keystore_put(of->store, of->account, t->keys[0], err) == -1)
		return (-1);
	if (old != NULL && (device_retire(of, old->cert, err) == -1 ||
	                       keystore_drop_signing(of->store, of->account,
	                           m->signing, err) == -1))
		return (-1);
	m->signs = true;
	memcpy(m->signing, cert_facts(t->keys[0]->cert)->sha256, FINGERPRINT);
	if (device_mailbox_put(of, m, err) == -1)
		return (-1);
	return (device_pending_drop(of, err));
}

static int
keep_signing(struct take *t, const struct keydb *keys, struct err *err)
{
	struct keystore *ks = t->whose.of.store;
	const struct key *old = NULL;
	struct device_mailbox m;

	if (device_mailbox_get(&t->whose.of, &m, err) == -1)
		return (-1);
	if (m.signs)
		old = take_held(keys, m.signing, CERT_SIGN);
	if (FAULT("sealer.cert.take")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.cert.take");
		return (-1);
	}
	if (keystore_begin(ks, err) == -1)
		return (-1);
	if (put_signing(t, &m, old, err) == -1) {
		keystore_abort(ks);
		return (-1);
	}
	if (keystore_commit(ks, err) == -1)
		return (-1);
	(void)FAULT("sealer.cert.stored");
	return (0);
}

static int
take_certs(struct take *t, struct cert *const *certs, size_t n, struct err *err)
{
	const struct keydb *keys = take_known(t, err);
	const struct key *k;

	if (keys == NULL || take_room(t, 1, err) == -1)
		return (-1);
	k = take_held(keys, cert_facts(certs[0])->sha256, CERT_SIGN);
	if (k != NULL) { /* again */
		t->list = taken_one(k, err);
		return (t->list != NULL ? 0 : -1);
	}
	if (make_signing(t, certs, n, err) == -1 ||
	    (t->list = taken_list(t->keys, t->nkeys, err)) == NULL)
		return (-1);
	return (keep_signing(t, keys, err));
}

static int
take_signing(struct take *t, struct err *err)
{
	struct cert **certs;
	size_t n;
	int rc;

	/* RFC 8555 9.1: the certificate first, then its issuers */
	if (certs_read(blob_str(t->text), t->sealer->certs, &certs, &n, err) ==
	    -1)
		return (-1);
	rc = take_certs(t, certs, n, err);
	certs_free(certs, n);
	return (rc);
}

void
op_cert_take(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	take_run(s, l, msg, LIMIT_CERT_CHAIN, take_signing);
}
