/*
 * OP_JWS and OP_DIGEST: what the device's account key signs or stands for.
 *
 * The agent says what it wants to do, never what is to be signed, and only the
 * configured cloud is told anything.
 */
#include "config.h"

#include <openssl/evp.h>
#include <string.h>

#include "acme/b64url.h"
#include "acme/email.h"
#include "acme/jws.h"
#include "acme/object.h"
#include "base/clock.h"
#include "base/limits.h"
#include "proto/enrol.h"
#include "sealer/whose.h"
#include "smime/csr.h"
#include "sys/fault.h"
#include "sys/log.h"

/* A record holds it and its err. */
#define JWS_MAX (LIMIT_RECORD - 1024)

static const char *const kinds[JWS_KIND_MAX + 1] = {
    [JWS_NEW_ACCOUNT] = "new-account",
    [JWS_NEW_ORDER] = "new-order",
    [JWS_GET] = "get",
    [JWS_CHALLENGE] = "challenge",
    [JWS_FINALIZE] = "finalize",
    [JWS_REVOKE] = "revoke",
    [JWS_KMS_KEYS] = "kms-keys",
    [JWS_KMS_LOG] = "kms-log",
    [JWS_DEACTIVATE] = "deactivate",
};

/* One question under way. */
struct ask {
	struct sealer *sealer;
	struct jws_req q;
	struct whose whose;
	struct device device; /* owned */
};

/* --- the payloads (RFC 8555 7) --- */

static int
put_json(json_t *o, struct buf *out, struct err *err)
{
	int rc = o != NULL ? acme_json_put(o, out) : -1;

	json_decref(o);
	if (rc == -1)
		err_set(err, ERR_MEMORY, "cannot write a request");
	return (rc);
}

/* {name: base64url of the bytes} */
static int
put_bytes(const char *name, struct str bytes, struct buf *out, struct err *err)
{
	struct buf text;
	int rc;

	buf_init(&text, ACME_JSON_MAX);
	b64url_encode(bytes, &text);
	rc = put_json(
	    text.failed ? NULL : json_pack("{s:s%}", name, text.data, text.len),
	    out, err);
	buf_clear(&text);
	return (rc);
}

/* RFC 8823 3 point 1 */
static int
put_order(struct ask *a, struct buf *out, struct err *err)
{
	return (put_json(json_pack("{s:[{s:s, s:s}]}", "identifiers", "type",
	                     "email", "value", a->whose.address),
	    out, err));
}

/* The key of the request is on disk before the request leaves. */
static int
put_csr(struct ask *a, struct buf *out, struct err *err)
{
	EVP_PKEY *pkey;
	struct buf der;
	int rc = -1;

	buf_init(&der, LIMIT_RECORD);
	if (device_pending(&a->whose.of, true, &pkey, err) == 1 &&
	    csr_make(pkey, a->whose.of.address, CERT_SIGN, &der, err) == 0)
		rc = put_bytes("csr", buf_text(&der), out, err);
	EVP_PKEY_free(pkey);
	buf_clear(&der);
	return (rc);
}

/* The DER of a certificate of this account, now or before. */
static int
find_cert(struct ask *a, struct buf *der, struct err *err)
{
	const struct keydb *keys;
	const struct cert_facts *f;
	size_t i, bad;
	int rc;

	keys = keyring_get(a->sealer->ring, a->whose.of.account, &bad, err);
	if (keys == NULL)
		return (-1);
	for (i = 0; i < keydb_count(keys); i++) {
		f = cert_facts(keydb_at(keys, i)->cert);
		if (memcmp(f->sha256, a->q.fingerprint, FINGERPRINT) == 0) {
			buf_str(der, f->der);
			return (0);
		}
	}
	if ((rc = device_retired(&a->whose.of, a->q.fingerprint, der, err)) ==
	    1)
		return (0);
	if (rc == 0)
		err_set(err, ERR_NOTFOUND,
		    "%s has no such certificate from the cloud",
		    a->whose.account);
	return (-1);
}

/* RFC 8555 7.6 */
static int
put_revoke(struct ask *a, struct buf *out, struct err *err)
{
	struct buf der;
	int rc = -1;

	buf_init(&der, LIMIT_RECORD);
	if (find_cert(a, &der, err) == 0)
		rc = put_bytes("certificate", buf_text(&der), out, err);
	buf_clear(&der);
	return (rc);
}

/* The head behind which the log is asked for. */
static int
log_from(const struct ask *a, const struct device_mailbox *m,
    struct kms_head *from, struct err *err)
{
	memset(from, 0, sizeof(*from));
	if (a->q.kind == JWS_KMS_KEYS || a->q.from == JWS_LOG_NEWS)
		*from = m->head;
	else if (a->q.from == m->paged.size)
		*from = m->paged;
	else if (a->q.from != 0) {
		err_set(err, ERR_NOTFOUND,
		    "the release log was asked for again meanwhile");
		return (-1);
	}
	return (0);
}

/* A question to the key service; its nonce is on disk before it leaves, so
 * that the answer counts even if we die meanwhile. */
static int
put_kms(struct ask *a, enum device_ask what, struct buf *out, struct err *err)
{
	struct device_mailbox m;
	struct device_asked *asked = &m.asked[what];
	struct kms_ask ask = {.mailbox = a->whose.of.address};

	if (device_mailbox_get(&a->whose.of, &m, err) == -1 ||
	    log_from(a, &m, &asked->from, err) == -1)
		return (-1);
	asked->is = true;
	if (crypt_random(asked->nonce, sizeof(asked->nonce)) == -1) {
		err_set(err, ERR_CRYPTO, "no random bytes");
		return (-1);
	}
	if (FAULT("sealer.nonce.made")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.nonce.made");
		return (-1);
	}
	if (device_mailbox_put(&a->whose.of, &m, err) == -1)
		return (-1);
	(void)FAULT("sealer.nonce.stored");
	ask.nonce = str_of((const char *)asked->nonce, sizeof(asked->nonce));
	ask.from = asked->from.size;
	if (what == ASK_KEYS) {
		ask.transport = cert_facts(a->device.opener->cert)->der;
		ask.create = a->q.create;
		ask.rotate = a->q.rotate;
	}
	if (kms_ask_put(&ask, out) == 0)
		return (0);
	err_set(err, ERR_MEMORY, "cannot write a request");
	return (-1);
}

static int
put_payload(struct ask *a, struct buf *out, struct err *err)
{
	switch ((enum jws_kind)a->q.kind) {
	case JWS_NEW_ACCOUNT:
		buf_puts(out, "{\"termsOfServiceAgreed\":true}");
		break;
	case JWS_NEW_ORDER:
		return (put_order(a, out, err));
	case JWS_GET: /* POST-as-GET, 6.3 */
		break;
	case JWS_CHALLENGE:
		buf_puts(out, "{}");
		break;
	case JWS_FINALIZE:
		return (put_csr(a, out, err));
	case JWS_REVOKE:
		return (put_revoke(a, out, err));
	case JWS_KMS_KEYS:
		return (put_kms(a, ASK_KEYS, out, err));
	case JWS_KMS_LOG:
		return (put_kms(a, ASK_LOG, out, err));
	case JWS_DEACTIVATE:
		buf_puts(out, "{\"status\":\"deactivated\"}");
		break;
	}
	return (0);
}

/* --- checks --- */

static bool
has_address(uint8_t kind)
{
	return (kind == JWS_NEW_ORDER || kind == JWS_FINALIZE ||
	        kind == JWS_KMS_KEYS || kind == JWS_KMS_LOG);
}

/* The agent speaks with a network; what it was told there must not make us
 * sign for somebody else. */
static int
check_origin(const struct ask *a, struct err *err)
{
	if (!acme_same_origin(a->q.url, a->whose.of.url)) {
		err_set(err, ERR_DENIED,
		    "the request is for another host than [cloud] url");
		return (-1);
	}
	if ((a->q.kid.len == 0) != (a->q.kind == JWS_NEW_ACCOUNT)) {
		err_set(err, ERR_PEER, "a request with a wrong kid");
		return (-1);
	}
	if (a->q.kid.len > 0 && !acme_same_origin(a->q.kid, a->whose.of.url)) {
		err_set(err, ERR_DENIED,
		    "the account is one of another host than [cloud] url");
		return (-1);
	}
	return (0);
}

/* --- the operations --- */

static int
make_jws(struct ask *a, struct buf *jws, struct err *err)
{
	struct jws_head head = {a->q.nonce, a->q.url, a->q.kid};
	struct buf payload;
	int rc = -1;

	if (has_address(a->q.kind) && a->whose.of.address.len == 0) {
		err_set(err, ERR_PEER, "a request without its address");
		return (-1);
	}
	if (check_origin(a, err) == -1 ||
	    device_get(&a->whose.of, true, clock_now().wall, &a->device, err) ==
	        -1)
		return (-1);
	buf_init(&payload, ACME_JSON_MAX);
	if (put_payload(a, &payload, err) == 0)
		rc = jws_sign(a->device.account, &head, buf_text(&payload), jws,
		    err);
	buf_clear(&payload);
	device_clear(&a->device);
	return (rc);
}

static void
answer(struct ipc *l, struct ipc_msg *msg, struct jws_ans *ans)
{
	struct buf body;

	if (ans->err.code != ERR_OK)
		ans->jws = STR("");
	buf_init(&body, LIMIT_RECORD);
	jws_ans_put(&body, ans);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), NULL, 0);
	buf_clear(&body);
}

void
op_jws(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	struct ask a = {.sealer = s};
	struct jws_ans ans = {.err = {.code = ERR_OK}};
	struct buf jws;

	buf_init(&jws, JWS_MAX);
	if (jws_req_get(msg->body, &a.q, &ans.err) == 0 &&
	    whose_find(s, a.q.account, a.q.address, &a.whose, &ans.err) == 0 &&
	    make_jws(&a, &jws, &ans.err) == 0)
		ans.err.code = ERR_OK;
	if (ans.err.code != ERR_OK)
		log_warn("jws account=%s kind=%s code=%s reason=%s",
		    log_addr(a.q.account),
		    a.q.kind <= JWS_KIND_MAX ? kinds[a.q.kind] : "?",
		    err_word(ans.err.code), log_str(str_c(ans.err.text)));
	else
		log_debug("jws account=%s kind=%s", log_addr(a.q.account),
		    kinds[a.q.kind]);
	ans.jws = buf_text(&jws);
	answer(l, msg, &ans);
	buf_clear(&jws);
}

/* RFC 8823 3 point 6 */
static int
make_digest(struct ask *a, const struct digest_req *q, struct buf *out,
    struct err *err)
{
	struct buf thumb;
	int rc;

	rc = device_get(&a->whose.of, false, clock_now().wall, &a->device, err);
	if (rc == 0)
		err_set(err, ERR_NOTFOUND, "%s has no account key",
		    a->whose.account);
	if (rc != 1)
		return (-1);
	buf_init(&thumb, LIMIT_RECORD);
	if ((rc = jwk_thumbprint(a->device.account, &thumb, err)) == 0 &&
	    (rc = acme_email_digest(q->token1, q->token2, buf_text(&thumb),
	         out)) == -1)
		err_set(err, ERR_CRYPTO, "cannot make a digest");
	buf_clear(&thumb);
	device_clear(&a->device);
	return (rc);
}

void
op_digest(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	struct ask a = {.sealer = s};
	struct jws_ans ans = {.err = {.code = ERR_OK}};
	struct digest_req q = {.account = {NULL, 0}};
	struct buf digest;

	buf_init(&digest, LIMIT_RECORD);
	if (digest_req_get(msg->body, &q, &ans.err) == 0 &&
	    whose_find(s, q.account, STR(""), &a.whose, &ans.err) == 0 &&
	    make_digest(&a, &q, &digest, &ans.err) == 0)
		ans.err.code = ERR_OK;
	if (ans.err.code != ERR_OK)
		log_warn("digest account=%s code=%s reason=%s",
		    log_addr(q.account), err_word(ans.err.code),
		    log_str(str_c(ans.err.text)));
	ans.jws = buf_text(&digest);
	answer(l, msg, &ans);
	buf_clear(&digest);
}
