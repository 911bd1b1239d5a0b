/* Orders (RFC 8555 7.4) of one mailbox each (RFC 8823 3). */

#include "config.h"

#include <string.h>

#include "acme/b64url.h"
#include "acme/object.h"
#include "base/codec.h"
#include "base/limits.h"
#include "cloud/acme.h"
#include "cloud/authz.h"
#include "cloud/ca.h"
#include "smime/cert.h"
#include "smime/csr.h"
#include "smime/exts.h"
#include "smtp/verb.h"
#include "sys/fault.h"
#include "sys/log.h"

/* How soon to ask again for an order that waits. */
#define POLL_S 2

/* Load a record of one's own, or answer; a new reference. */
static json_t *
load_own(struct acme_call *call, const char *table, struct str id)
{
	struct err err;
	json_t *o;

	if ((o = store_json(call->cloud->store, table, id, &err)) == NULL) {
		acme_fail(call, &err);
		return (NULL);
	}
	if (str_eq(acme_member(o, "account"), call->account_id))
		return (o);
	json_decref(o);
	acme_refuse(call->res, 403, "unauthorized",
	    "this belongs to another account");
	return (NULL);
}

/* What an order is now: that follows from its authorization and
 * certificate. */
static enum acme_status
order_status(struct cloud *c, const json_t *order, int64_t now)
{
	enum acme_status status;
	struct err err;
	json_t *authz;

	if (acme_member(order, "cert").len > 0)
		return (ACME_VALID);
	if (json_object_get(order, "error") != NULL ||
	    now >= json_integer_value(json_object_get(order, "expires")) ||
	    (authz = store_json(c->store, "authz", acme_member(order, "authz"),
	         &err)) == NULL)
		return (ACME_INVALID);
	status = authz_status(authz, now);
	json_decref(authz);
	if (status == ACME_VALID)
		return (ACME_READY);
	return (status == ACME_PENDING ? ACME_PENDING : ACME_INVALID);
}

static json_t *
order_object(struct acme_call *call, const json_t *order, const char *id)
{
	enum acme_status status =
	    order_status(call->cloud, order, call->now.wall);
	json_t *error = json_object_get(order, "error"), *o;
	struct str cert = acme_member(order, "cert");
	char when[CLOUD_TIME];

	o = json_pack("{s:s, s:s, s:[{s:s, s:O}], s:[o], s:o}", "status",
	    acme_status_word(status), "expires",
	    cloud_time(json_integer_value(json_object_get(order, "expires")),
	        when),
	    "identifiers", "type", "email", "value",
	    json_object_get(order, "mailbox"), "authorizations",
	    acme_url_json(call->cloud, ACME_AUTHZ,
	        acme_member(order, "authz").p),
	    "finalize", acme_url_json(call->cloud, ACME_FINALIZE, id));
	if (o != NULL && cert.len > 0)
		(void)json_object_set_new(o, "certificate",
		    acme_url_json(call->cloud, ACME_CERT, cert.p));
	if (o != NULL && error != NULL)
		(void)json_object_set(o, "error", error);
	if (status == ACME_PENDING)
		http_res_header(call->res, "Retry-After", "%d", POLL_S);
	return (o);
}

static void
answer_order(struct acme_call *call, unsigned status, const json_t *order,
    struct str id)
{
	char name[CLOUD_ID] = "";

	if (id.len < sizeof(name))
		memcpy(name, id.p, id.len);
	http_res_header(call->res, "Location", "%s%s%s", call->cloud->url,
	    ACME_ORDER, name);
	acme_answer(call, status, order_object(call, order, name));
}

/* The one identifier of a newOrder, canonical; -1 after an answer. */
static int
read_identifier(struct acme_call *call, struct buf *mailbox)
{
	const json_t *list = json_object_get(call->payload, "identifiers");
	const json_t *one = json_array_get(list, 0);
	struct str type, value;

	if (!json_is_object(one)) {
		acme_refuse(call->res, 400, "malformed",
		    "\"identifiers\" is missing");
		return (-1);
	}
	type = acme_member(one, "type");
	value = acme_member(one, "value");
	if (json_array_size(list) != 1 || !str_eq(type, STR("email"))) {
		acme_refuse(call->res, 400, "unsupportedIdentifier",
		    "an order has one identifier of type \"email\" "
		    "(RFC 8823 3)");
		return (-1);
	}
	if (value.len == 0 || value.len > LIMIT_ADDRESS ||
	    memchr(value.p, '*', value.len) != NULL ||
	    verb_canonical(value, mailbox) != 0 ||
	    memchr(mailbox->data, '[', mailbox->len) != NULL ||
	    exts_check_address(buf_text(mailbox), NULL) != 0 ||
	    authz_is_sender(call->cloud, buf_text(mailbox))) {
		acme_refuse(call->res, 400, "rejectedIdentifier",
		    "no certificate can be had for this address");
		return (-1);
	}
	if (json_object_get(call->payload, "notBefore") == NULL &&
	    json_object_get(call->payload, "notAfter") == NULL)
		return (0);
	acme_refuse(call->res, 400, "malformed",
	    "notBefore and notAfter cannot be chosen here");
	return (-1);
}

/* The authorization of an order: a valid one again, or a new one that goes
 * into the open transaction. */
static int
find_authz(struct acme_call *call, struct str mailbox, char id[CLOUD_ID],
    struct err *err)
{
	int rc;

	rc = authz_reusable(call->cloud, call->account_id, mailbox,
	    call->now.wall, id, err);
	if (rc != 0)
		return (rc > 0 ? 0 : -1);
	return (authz_make(call->cloud, call->account_id, mailbox,
	    call->now.wall, id, err));
}

static json_t *
make_order(struct acme_call *call, struct str mailbox, char id[CLOUD_ID],
    struct err *err)
{
	uint64_t life = conf_num(call->cloud->conf, "acme", "order_lifetime");
	struct store *s = call->cloud->store;
	char authz[CLOUD_ID], link[2 * CLOUD_ID];
	json_t *order;

	err_set(err, ERR_MEMORY, "no memory for an order");
	if (cloud_id(id) != 0 || store_begin(s, err) != 0 ||
	    find_authz(call, mailbox, authz, err) != 0)
		return (NULL);
	order = json_pack("{s:s%, s:s%, s:s, s:I}", "account",
	    call->account_id.p, call->account_id.len, "mailbox", mailbox.p,
	    mailbox.len, "authz", authz, "expires",
	    (json_int_t)(call->now.wall + (int64_t)life));
	(void)snprintf(link, sizeof(link), "%.*s/%s", (int)call->account_id.len,
	    call->account_id.p, id);
	(void)FAULT("cloud.order.store");
	if (order != NULL &&
	    store_put_json(s, "order", str_c(id), order, err) == 0 &&
	    store_put(s, "orders", str_c(link), STR("1"), err) == 0 &&
	    store_commit(s, err) == 0)
		return (order);
	json_decref(order);
	return (NULL);
}

void
acme_new_order(struct acme_call *call)
{
	char id[CLOUD_ID];
	struct buf mailbox;
	json_t *order;
	struct err err;
	unsigned wait;

	buf_init(&mailbox, LIMIT_ADDRESS);
	if (read_identifier(call, &mailbox) != 0)
		goto out;
	if ((wait = rate_take(call->cloud->rate_orders, call->account_id,
	         call->now.mono)) != 0) {
		acme_limit(call->res, wait, "orders of this account");
		goto out;
	}
	if ((order = make_order(call, buf_text(&mailbox), id, &err)) == NULL) {
		acme_fail(call, &err);
		goto out;
	}
	(void)FAULT("cloud.order.stored");
	log_info("order-new id=%s mailbox=%s", id,
	    log_addr(buf_text(&mailbox)));
	answer_order(call, 201, order, str_c(id));
	json_decref(order);
out:
	buf_clear(&mailbox);
}

void
acme_order(struct acme_call *call)
{
	json_t *order = load_own(call, "order", call->id);

	if (order != NULL)
		answer_order(call, 200, order, call->id);
	json_decref(order);
}

void
acme_authz(struct acme_call *call)
{
	json_t *authz = load_own(call, "authz", call->id);

	if (authz != NULL)
		authz_serve(call, authz);
	json_decref(authz);
}

void
acme_challenge(struct acme_call *call)
{
	json_t *authz = load_own(call, "authz", call->id);

	if (authz != NULL)
		authz_respond(call, authz);
	json_decref(authz);
}

/* The CSR of a finalize, checked against the order; -1 after an answer. */
static int
read_csr(struct acme_call *call, const json_t *order, struct buf *der,
    struct csr *csr)
{
	struct str mailbox = acme_member(order, "mailbox");
	struct buf print, id;
	struct err err;
	int rc;

	if (b64url_decode(acme_member(call->payload, "csr"), der) != 0 ||
	    der->len == 0) {
		acme_refuse(call->res, 400, "malformed",
		    "\"csr\" is missing or no base64url");
		return (-1);
	}
	if (csr_get(buf_text(der), csr, &err) != 0 ||
	    csr_check(csr, mailbox, &err) != 0) {
		acme_refuse(call->res, 400, "badCSR", "%s", err.text);
		return (-1);
	}
	/* RFC 8555 11.1: an account's key is for nothing else */
	buf_init(&print, 128);
	buf_init(&id, CLOUD_ID);
	rc = jwk_thumbprint(csr->pkey, &print, &err) != 0
	         ? 0 /* no kind of key that an account can have */
	         : store_get(call->cloud->store, "thumb", buf_text(&print), &id,
	               &err);
	buf_clear(&print);
	buf_clear(&id);
	if (rc == 0)
		return (0);
	if (rc < 0)
		acme_fail(call, &err);
	else
		acme_refuse(call->res, 400, "badCSR",
		    "the key is that of an account");
	return (-1);
}

/* Issue, record, and finish the order, all in one commit. */
static int
finish_order(struct acme_call *call, json_t *order, const struct csr *csr,
    const char *csr_hash, struct err *err)
{
	struct cloud *c = call->cloud;
	struct str mailbox = acme_member(order, "mailbox");
	struct ca_cert cert;
	char id[CLOUD_ID];
	int rc = -1;

	ca_cert_init(&cert);
	if (ca_issue(c, csr->pkey, mailbox, csr->use, call->now.wall,
	        (int64_t)conf_num(c->conf, "ca", "lifetime"), &cert,
	        err) != 0 ||
	    store_begin(c->store, err) != 0 ||
	    ca_record(c, &cert, call->account_id, mailbox, id, err) != 0)
		goto out;
	(void)FAULT("cloud.cert.store");
	if (json_object_set_new(order, "cert", json_string(id)) != 0 ||
	    json_object_set_new(order, "csr", json_string(csr_hash)) != 0) {
		err_set(err, ERR_MEMORY, "no memory for an order");
		goto out;
	}
	if (store_put_json(c->store, "order", call->id, order, err) == 0)
		rc = store_commit(c->store, err);
	if (rc == 0) {
		(void)FAULT("cloud.cert.stored");
		log_info("cert-issued serial=%s mailbox=%s use=%s%s",
		    cert.serial, log_addr(mailbox),
		    (csr->use & CERT_SIGN) != 0 ? "s" : "",
		    (csr->use & CERT_ENCRYPT) != 0 ? "e" : "");
	}
out:
	ca_cert_clear(&cert);
	return (rc);
}

static void
finalize(struct acme_call *call, json_t *order)
{
	enum acme_status status;
	uint8_t digest[CRYPT_DIGEST];
	char hash[2 * CRYPT_DIGEST + 1];
	struct csr csr = {.pkey = NULL};
	struct buf der;
	struct err err;

	status = order_status(call->cloud, order, call->now.wall);
	buf_init(&der, CSR_MAX);
	if (status != ACME_READY && status != ACME_VALID) {
		acme_refuse(call->res, 403, "orderNotReady", "the order is %s",
		    acme_status_word(status));
		goto out;
	}
	if (read_csr(call, order, &der, &csr) != 0)
		goto out;
	err_set(&err, ERR_MEMORY, "no memory for a digest");
	if (crypt_sha256(buf_text(&der), digest) != 0) {
		acme_fail(call, &err);
		goto out;
	}
	hex_encode(digest, sizeof(digest), hash);
	/* The same again is what a client asks that missed the answer. */
	if (status == ACME_VALID &&
	    !str_eq(acme_member(order, "csr"), str_c(hash)))
		acme_refuse(call->res, 403, "orderNotReady",
		    "the order is finished, with another CSR");
	else if (status == ACME_READY &&
	         finish_order(call, order, &csr, hash, &err) != 0)
		acme_fail(call, &err);
	else
		answer_order(call, 200, order, call->id);
out:
	csr_clear(&csr);
	buf_clear(&der);
}

void
acme_finalize(struct acme_call *call)
{
	json_t *order = load_own(call, "order", call->id);

	if (order != NULL)
		finalize(call, order);
	json_decref(order);
}
