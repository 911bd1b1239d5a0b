/* Certificates: download and revocation (RFC 8555 7.4.2, 7.6). */

#include "config.h"

#include <openssl/evp.h>
#include <string.h>

#include "acme/b64url.h"
#include "base/codec.h"
#include "cloud/acme.h"
#include "cloud/ca.h"
#include "smime/issue.h"
#include "sys/fault.h"

#define DER_MAX (32UL * 1024)

void
acme_cert(struct acme_call *call)
{
	struct buf der;
	struct err err;
	json_t *o;

	if ((o = store_json(call->cloud->store, "cert", call->id, &err)) ==
	    NULL) {
		acme_fail(call, &err);
		return;
	}
	buf_init(&der, DER_MAX);
	err_set(&err, ERR_SYNTAX, "a stored certificate is damaged");
	if (!str_eq(acme_member(o, "account"), call->account_id))
		acme_refuse(call->res, 403, "unauthorized",
		    "this belongs to another account");
	else if (b64url_decode(acme_member(o, "der"), &der) != 0 ||
	         ca_chain_pem(call->cloud, buf_text(&der), &call->res->body,
	             &err) != 0)
		acme_fail(call, &err);
	else
		call->res->type = "application/pem-certificate-chain";
	buf_clear(&der);
	json_decref(o);
}

/* The record of a certificate that was issued here; a new reference. */
static json_t *
find_cert(struct acme_call *call, const struct cert *cert, struct err *err)
{
	const struct cert_facts *f = cert_facts(cert);
	char hash[2 * sizeof(f->sha256) + 1];
	json_t *o = NULL;
	struct buf id;
	int rc;

	hex_encode(f->sha256, sizeof(f->sha256), hash);
	buf_init(&id, CLOUD_ID);
	rc = store_get(call->cloud->store, "certof", str_c(hash), &id, err);
	if (rc == 1)
		o = store_json(call->cloud->store, "cert", buf_text(&id), err);
	else if (rc == 0)
		err_set(err, ERR_NOTFOUND,
		    "this certificate was not issued here");
	buf_clear(&id);
	return (o);
}

/* RFC 8555 7.6: its own account, one that controls the mailbox, or its key. */
static int
may_revoke(struct acme_call *call, const struct cert *cert, const json_t *o,
    struct err *err)
{
	if (call->account_id.len == 0)
		return (EVP_PKEY_eq(cert_pkey(cert), call->pkey) == 1 ? 1 : 0);
	if (str_eq(acme_member(o, "account"), call->account_id))
		return (1);
	return (acme_validated(call->cloud, call->account_id,
	    acme_member(o, "mailbox"), call->now.wall, err));
}

static bool
read_reason(struct acme_call *call, int *reason)
{
	const json_t *v = json_object_get(call->payload, "reason");

	*reason = CRL_UNSPECIFIED;
	if (v == NULL)
		return (true);
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    !crl_reason_known((uint64_t)json_integer_value(v)))
		return (false);
	*reason = (int)json_integer_value(v);
	return (true);
}

static void
revoke(struct acme_call *call, const struct cert *cert)
{
	struct err err;
	json_t *o;
	int rc, reason;

	if ((o = find_cert(call, cert, &err)) == NULL) {
		acme_fail(call, &err);
		return;
	}
	if ((rc = may_revoke(call, cert, o, &err)) < 0)
		acme_fail(call, &err);
	else if (rc == 0)
		acme_refuse(call->res, 403, "unauthorized",
		    "neither the certificate's account nor its key");
	else if (!read_reason(call, &reason))
		acme_refuse(call->res, 400, "badRevocationReason",
		    "the reason is none that is allowed");
	else {
		(void)FAULT("cloud.revoke.store");
		rc = ca_revoke(call->cloud, acme_member(o, "serial"),
		    json_integer_value(json_object_get(o, "until")), reason,
		    call->now.wall, &err);
		(void)FAULT("cloud.revoke.stored");
		if (rc != 0 && err.code == ERR_DENIED)
			acme_refuse(call->res, 400, "alreadyRevoked", "%s",
			    err.text);
		else if (rc != 0)
			acme_fail(call, &err);
	}
	json_decref(o);
}

void
acme_revoke(struct acme_call *call)
{
	struct cert *cert = NULL;
	struct buf der;
	struct err err;

	buf_init(&der, DER_MAX);
	err_set(&err, ERR_SYNTAX, "\"certificate\" is missing or no base64url");
	if (b64url_decode(acme_member(call->payload, "certificate"), &der) ==
	        0 &&
	    der.len > 0)
		cert = cert_get(NULL, buf_text(&der), &err);
	if (cert == NULL)
		acme_refuse(call->res, 400, "malformed", "%s", err.text);
	else
		revoke(call, cert);
	cert_unref(cert);
	buf_clear(&der);
}
