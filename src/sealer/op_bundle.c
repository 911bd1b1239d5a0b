/*
 * OP_BUNDLE_TAKE: encryption keys, or only news of the release log, from the
 * key service.
 */
#include "config.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "acme/object.h"
#include "base/clock.h"
#include "sealer/pins.h"
#include "sealer/take.h"
#include "sealer/taken.h"
#include "smime/cms.h"
#include "smime/pkey.h"
#include "sys/fault.h"
#include "sys/memfd.h"

/* Who signed it?  One signature by a pinned key is asked for. */
static int
check_signed(const struct take *t, const struct cms_signed *s, struct err *err)
{
	size_t i;

	for (i = 0; i < s->nsigners; i++)
		if (s->signers[i].state == SIGNER_OK &&
		    pins_kms(t->sealer->pins, s->signers[i].cert))
			return (0);
	if (s->nsigners == 0)
		err_set(err, ERR_UNTRUSTED, "it is not signed");
	else if (!pins_have_kms(t->sealer->pins))
		err_set(err, ERR_UNTRUSTED, "there is no [cloud] kms_key");
	else
		err_set(err, ERR_UNTRUSTED,
		    "it is not signed by [cloud] kms_key");
	return (-1);
}

/* Is it the answer to what we asked? */
static int
check_answer(const struct take *t, const struct kms_bundle *b,
    const struct device *d, const struct device_asked *asked, struct err *err)
{
	const struct key *opener = d->opener;

	if (!str_ieq(b->mailbox, t->whose.of.address)) {
		err_set(err, ERR_UNTRUSTED, "it is for another mailbox");
		return (-1);
	}
	if (b->transport.len > 0 &&
	    (b->transport.len != FINGERPRINT ||
	        memcmp(b->transport.p, cert_facts(opener->cert)->sha256,
	            FINGERPRINT) != 0)) {
		err_set(err, ERR_UNTRUSTED, "it is for another transport key");
		return (-1);
	}
	if (asked->is && b->nonce.len == DEVICE_NONCE &&
	    crypt_equal(b->nonce.p, asked->nonce, DEVICE_NONCE))
		return (0);
	err_set(err, ERR_UNTRUSTED, "its nonce is not the one that was sent");
	return (-1);
}

static int
rolled_back(struct err *err)
{
	err_set(err, ERR_UNTRUSTED,
	    "the release log was rolled back or rewritten");
	return (-1);
}

/*
 * Do the entries lead from what we knew when we asked to what it tells, past
 * what we have seen since?  A page that ends before that leaves the question
 * to the next one, which begins where it ended; the last page has to answer.
 */
static int
check_log(const struct kms_bundle *b, const struct device_asked *asked,
    const struct kms_head *seen, struct err *err)
{
	struct kms_head h = asked->from;
	size_t i;

	if (kms_log_extends(&asked->from, b->log, b->nlog, &b->head, err) == -1)
		return (-1);
	if (b->more && b->nlog == 0) {
		err_set(err, ERR_UNTRUSTED,
		    "a page of the release log is "
		    "empty and not the last");
		return (-1);
	}
	if (b->head.size < seen->size)
		return (b->more ? 0 : rolled_back(err));
	for (i = 0; h.size < seen->size && i < b->nlog; i++)
		if (kms_log_step(&h, b->log[i]) == -1)
			return (rolled_back(err));
	if (h.size != seen->size || memcmp(h.hash, seen->hash, KMS_HASH) != 0)
		return (rolled_back(err));
	return (0);
}

/* Open the PKCS#8 of one key. */
static EVP_PKEY *
open_key(const struct kms_key *k, const struct keydb *opener, struct err *err)
{
	struct cms_opened how;
	EVP_PKEY *pkey = NULL;
	struct buf plain;

	if (cms_kind(k->key) != CMS_IS_AUTH_ENVELOPED) {
		err_set(err, ERR_SYNTAX, "a key is not AuthEnvelopedData");
		return (NULL);
	}
	buf_init(&plain, SECRET_MAX);
	if (buf_room(&plain, k->key.len < SECRET_MAX ? k->key.len : 1) == NULL)
		err_set(err, ERR_LIMIT, "a key is too large");
	else if (cms_open(k->key, opener, &plain, &how, err) == 0)
		pkey = pkey_get(buf_text(&plain), err);
	buf_wipe(&plain);
	return (pkey);
}

static int
read_chain(struct take *t, const struct kms_key *k, struct cert **chain,
    size_t *n, struct err *err)
{
	for (*n = 0; *n < k->nchain; (*n)++)
		if ((chain[*n] = cert_get(t->sealer->certs, k->chain[*n],
		         err)) == NULL)
			return (-1);
	return (0);
}

/* Old keys open old mail, so a certificate has to have held in its time. */
static int64_t
time_of(const struct cert *c)
{
	const struct cert_facts *f = cert_facts(c);
	int64_t now = clock_now().wall;

	if (now < f->from)
		return (f->from);
	/* in its last second OpenSSL takes it for expired */
	return (now >= f->until ? f->until - 1 : now);
}

static int
take_key(struct take *t, const struct kms_key *k, struct cert *c,
    struct cert *const *chain, size_t n, const struct keydb *opener,
    struct err *err)
{
	EVP_PKEY *pkey;
	struct key *key = NULL;

	if (take_check_name(t, c, err) == -1 ||
	    pins_chain(t->sealer->pins, c, chain, n, CERT_ENCRYPT,
	        t->whose.of.address, time_of(c), err) == -1 ||
	    (pkey = open_key(k, opener, err)) == NULL)
		return (-1);
	if (EVP_PKEY_eq(pkey, cert_pkey(c)) != 1)
		err_set(err, ERR_UNTRUSTED,
		    "a key is not that of its certificate");
	else
		key = key_new(t->whose.of.address, CERT_ENCRYPT, c, chain, n,
		    pkey, err);
	EVP_PKEY_free(pkey);
	if (key == NULL)
		return (-1);
	t->keys[t->nkeys++] = key;
	return (0);
}

static int
take_one(struct take *t, const struct kms_key *k, const struct keydb *opener,
    struct err *err)
{
	struct cert **chain, *c;
	size_t n = 0;
	int rc = -1;

	if ((chain = calloc(k->nchain + 1, sizeof(chain[0]))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a chain");
		return (-1);
	}
	if ((c = cert_get(t->sealer->certs, k->cert, err)) != NULL &&
	    read_chain(t, k, chain, &n, err) == 0)
		rc = take_key(t, k, c, chain, n, opener, err);
	cert_unref(c);
	certs_free(chain, n);
	return (rc);
}

static int
take_keys(struct take *t, const struct kms_bundle *b, struct device *d,
    struct err *err)
{
	struct keydb *opener = keydb_new();
	size_t i = 0;

	if (opener == NULL || keydb_add(opener, d->opener) == -1) {
		if (opener != NULL)
			d->opener = NULL; /* swallowed */
		keydb_free(opener);
		err_set(err, ERR_MEMORY, "no memory for a key");
		return (-1);
	}
	d->opener = NULL;
	if (take_room(t, b->nkeys, err) == 0)
		while (
		    i < b->nkeys && take_one(t, &b->keys[i], opener, err) == 0)
			i++;
	keydb_free(opener);
	return (t->keys != NULL && i == b->nkeys ? 0 : -1);
}

/* The entries of the log as objects, where they are. */
static struct blob *
log_list(const struct kms_bundle *b, struct err *err)
{
	json_t *list = json_array(), *e;
	struct blob *blob = NULL;
	char *text = NULL;
	size_t i;

	for (i = 0; i < b->nlog; i++) {
		e = acme_json(b->log[i], ACME_JSON_MAX, NULL);
		if (e == NULL)
			e = json_stringn(b->log[i].p, b->log[i].len);
		if (json_array_append_new(list, e) == -1)
			break;
	}
	if (list != NULL && i == b->nlog)
		text = json_dumps(list, JSON_COMPACT);
	if (text != NULL)
		blob = memfd_copy(text, strlen(text), err);
	else
		err_set(err, ERR_MEMORY, "no memory for the release log");
	free(text);
	json_decref(list);
	return (blob);
}

/* Which of the keys are new. */
static int
find_fresh(struct take *t, struct err *err)
{
	const struct keydb *keys = take_known(t, err);
	size_t i;

	if (keys == NULL)
		return (-1);
	for (i = 0; i < t->nkeys; i++)
		if (take_held(keys, cert_facts(t->keys[i]->cert)->sha256,
		        CERT_ENCRYPT) == NULL)
			t->fresh[t->nfresh++] = t->keys[i];
	return (0);
}

static int
put_bundle(struct take *t, const struct device_mailbox *m, struct err *err)
{
	const struct device_of *of = &t->whose.of;
	size_t i;

	for (i = 0; i < t->nfresh; i++)
		if (keystore_put(of->store, of->account, t->fresh[i], err) ==
		    -1)
			return (-1);
	return (device_mailbox_put(of, m, err));
}

static bool
same_head(const struct kms_head *a, const struct kms_head *b)
{
	return (a->size == b->size && memcmp(a->hash, b->hash, KMS_HASH) == 0);
}

static int
keep_bundle(struct take *t, const struct kms_bundle *b,
    struct device_mailbox *m, struct err *err)
{
	struct keystore *ks = t->whose.of.store;
	bool paged = b->transport.len == 0 && !same_head(&m->paged, &b->head);

	if (find_fresh(t, err) == -1)
		return (-1);
	if (t->nfresh == 0 && m->head.size >= b->head.size && !paged)
		return (0); /* again */
	if (paged)
		m->paged = b->head;
	if (m->head.size < b->head.size)
		m->head = b->head;
	if (FAULT("sealer.bundle.take")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.bundle.take");
		return (-1);
	}
	if (keystore_begin(ks, err) == -1)
		return (-1);
	if (put_bundle(t, m, err) == -1) {
		keystore_abort(ks);
		return (-1);
	}
	if (keystore_commit(ks, err) == -1)
		return (-1);
	(void)FAULT("sealer.bundle.stored");
	taken_tell(t->sealer->self, t->whose.of.account, t->fresh, t->nfresh);
	return (0);
}

static int
take_answer(struct take *t, const struct kms_bundle *b, struct device *d,
    struct err *err)
{
	const struct device_asked *asked;
	struct device_mailbox m;

	if (device_mailbox_get(&t->whose.of, &m, err) == -1)
		return (-1);
	asked = &m.asked[b->transport.len > 0 ? ASK_KEYS : ASK_LOG];
	if (check_answer(t, b, d, asked, err) == -1 ||
	    check_log(b, asked, &m.head, err) == -1 ||
	    take_keys(t, b, d, err) == -1 ||
	    (t->list = taken_list(t->keys, t->nkeys, err)) == NULL ||
	    (t->log = log_list(b, err)) == NULL)
		return (-1);
	t->page = b->more ? b->head.size : 0;
	return (keep_bundle(t, b, &m, err));
}

static int
take_content(struct take *t, struct str json, struct err *err)
{
	struct kms_bundle b;
	struct arena arena;
	struct device d;
	int rc;

	rc = device_get(&t->whose.of, false, clock_now().wall, &d, err);
	if (rc == 0)
		err_set(err, ERR_NOTFOUND, "%s never asked for keys",
		    t->whose.account);
	if (rc != 1)
		return (-1);
	arena_init(&arena, 4 * KMS_BUNDLE_MAX);
	if ((rc = kms_bundle_get(json, &arena, &b, err)) == 0)
		rc = take_answer(t, &b, &d, err);
	arena_clear(&arena);
	device_clear(&d);
	return (rc);
}

static int
take_bundle(struct take *t, struct err *err)
{
	struct cms_signed s;
	int rc = -1;

	if (cms_verify(blob_str(t->text), NULL, t->sealer->certs, &s, err) ==
	    -1)
		goto out;
	if (check_signed(t, &s, err) == 0)
		rc = take_content(t, s.inside, err);
	cms_signed_clear(&s);
out:
	if (rc == -1)
		err_prefix(err, "the key service's answer");
	return (rc);
}

void
op_bundle_take(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	take_run(s, l, msg, KMS_BUNDLE_MAX, take_bundle);
}
