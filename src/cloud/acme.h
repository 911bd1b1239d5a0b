/*
 * acme.h - the resources of the ACME server (RFC 8555 7.1, RFC 8823).
 *
 * An account has orders; an order has one mailbox and one authorization; that
 * has one challenge, email-reply-00.  They are JSON records in the store:
 *
 *	account/ID	{jwk, thumbprint, status, contact, created}
 *	thumb/PRINT	the account's ID
 *	order/ID	{account, mailbox, authz, expires, cert?, error?}
 *	orders/ACCOUNT/ID  an order of that account
 *	authz/ID	{account, mailbox, status, expires, token1, token2,
 *from, message_id, answered, validated?, error?}
 *	message/TOKEN1	the authz that this mail was sent for
 *	valid/ACCOUNT/MAILBOX  {authz, time}
 *	mail/AUTHZ	{tries, next}: a challenge mail that is to be sent
 *	cert/ID		{account, mailbox, chain (PEM), serial, until, sha256}
 *	serial/HEX	the cert's ID
 *	certof/SHA256	the cert's ID
 *	revoked/HEX	{time, reason, until}
 */
#ifndef WAXWING_CLOUD_ACME_H
#define WAXWING_CLOUD_ACME_H

#include "cloud/acme_auth.h"

#define ACME_DIRECTORY   "/acme/directory"
#define ACME_NEW_NONCE   "/acme/new-nonce"
#define ACME_NEW_ACCOUNT "/acme/new-account"
#define ACME_NEW_ORDER   "/acme/new-order"
#define ACME_REVOKE      "/acme/revoke-cert"
#define ACME_KEY_CHANGE  "/acme/key-change"
#define ACME_ACCOUNT     "/acme/account/"
#define ACME_ORDERS      "/acme/orders/"
#define ACME_ORDER       "/acme/order/"
#define ACME_FINALIZE    "/acme/finalize/"
#define ACME_AUTHZ       "/acme/authz/"
#define ACME_CHALLENGE   "/acme/challenge/"
#define ACME_CERT        "/acme/cert/"

void acme_directory_serve(struct cloud *, const struct http_req *,
    struct http_res *);
void acme_nonce_serve(struct cloud *, const struct http_req *,
    struct http_res *);

acme_fn acme_new_account;
acme_fn acme_account;
acme_fn acme_orders;
acme_fn acme_key_change;

acme_fn acme_new_order;
acme_fn acme_order;
acme_fn acme_finalize;

acme_fn acme_authz;
acme_fn acme_challenge;

acme_fn acme_cert;
acme_fn acme_revoke;

#endif
