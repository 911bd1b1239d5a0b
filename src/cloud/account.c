/* The directory, nonces, and accounts (RFC 8555 7.1.1, 7.2, 7.3). */

#include "config.h"

#include <openssl/evp.h>
#include <string.h>

#include "acme/object.h"
#include "cloud/acme.h"
#include "cloud/kms_paths.h"
#include "sys/fault.h"
#include "sys/log.h"

/* Addresses for the operator to write to; nobody needs more. */
#define CONTACTS_MAX 10
#define CONTACT_LEN  320

/* Orders in one answer; a link leads to more (RFC 8555 7.1.2.1). */
#define ORDERS_MAX 100

static const char *
terms_of(const struct cloud *c)
{
	return (conf_str(c->conf, "acme", "terms"));
}

void
acme_directory_serve(struct cloud *c, const struct http_req *req,
    struct http_res *res)
{
	json_t *o, *meta;

	(void)req;
	meta = terms_of(c) != NULL
	           ? json_pack("{s:s}", "termsOfService", terms_of(c))
	           : json_object();
	o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "newNonce", acme_url_json(c, ACME_NEW_NONCE, ""), "newAccount",
	    acme_url_json(c, ACME_NEW_ACCOUNT, ""), "newOrder",
	    acme_url_json(c, ACME_NEW_ORDER, ""), "revokeCert",
	    acme_url_json(c, ACME_REVOKE, ""), "keyChange",
	    acme_url_json(c, ACME_KEY_CHANGE, ""), "waxwingKeys",
	    acme_url_json(c, KMS_KEYS, ""), "waxwingReleaseLog",
	    acme_url_json(c, KMS_RELEASE_LOG, ""), "waxwingSearch",
	    acme_url_json(c, DIRECTORY_SEARCH, ""), "meta", meta);
	res->type = "application/json";
	if (o == NULL || acme_json_put(o, &res->body) != 0)
		res->body.failed = true;
	json_decref(o);
}

void
acme_nonce_serve(struct cloud *c, const struct http_req *req,
    struct http_res *res)
{
	/* RFC 8555 7.2: 200 to HEAD, 204 to GET */
	res->status = req->method == HTTP_HEAD ? 200 : 204;
	acme_put_nonce(c, res);
	http_res_header(res, "Link", "<%s%s>;rel=\"index\"", c->url,
	    ACME_DIRECTORY);
}

/* The object as the client sees it (RFC 8555 7.1.2). */
static json_t *
account_object(const struct acme_call *call, const json_t *account,
    const char *id)
{
	json_t *contact = json_object_get(account, "contact");

	return (json_pack("{s:O, s:O, s:o}", "status",
	    json_object_get(account, "status"), "contact", contact, "orders",
	    acme_url_json(call->cloud, ACME_ORDERS, id)));
}

static void
answer_account(struct acme_call *call, unsigned status, const json_t *account,
    struct str id)
{
	char name[CLOUD_ID] = "";

	if (id.len < sizeof(name))
		memcpy(name, id.p, id.len);
	http_res_header(call->res, "Location", "%s%s%s", call->cloud->url,
	    ACME_ACCOUNT, name);
	acme_answer(call, status, account_object(call, account, name));
}

/* The "contact" of a payload: a new list, empty if there is none, or NULL
 * after an answer. */
static json_t *
contacts_of(struct acme_call *call)
{
	json_t *list = json_object_get(call->payload, "contact"), *v;
	struct str s;
	size_t i;

	if (list == NULL)
		return (json_array());
	if (!json_is_array(list) || json_array_size(list) > CONTACTS_MAX) {
		acme_refuse(call->res, 400, "malformed",
		    "contact must be a list of at most %d URLs", CONTACTS_MAX);
		return (NULL);
	}
	json_array_foreach(list, i, v)
	{
		s = json_is_string(v)
		        ? str_of(json_string_value(v), json_string_length(v))
		        : str_of("", 0);
		if (str_istarts(s, STR("mailto:")) && s.len < CONTACT_LEN &&
		    s.len > 7 && memchr(s.p, '?', s.len) == NULL &&
		    memchr(s.p, ',', s.len) == NULL)
			continue;
		/* RFC 8555 7.3: one address each, no header fields */
		acme_refuse(call->res, 400,
		    str_istarts(s, STR("mailto:")) || s.len == 0
		        ? "invalidContact"
		        : "unsupportedContact",
		    "a contact must be mailto: with one address");
		return (NULL);
	}
	return (json_incref(list));
}

/* The account that has this key: its record, or NULL with ERR_NOTFOUND. */
static json_t *
account_by_key(struct cloud *c, struct str thumbprint, struct buf *id,
    struct err *err)
{
	int rc = store_get(c->store, "thumb", thumbprint, id, err);

	if (rc == 1)
		return (store_json(c->store, "account", buf_text(id), err));
	if (rc == 0)
		err_set(err, ERR_NOTFOUND, "no account has this key");
	return (NULL);
}

static int
store_account(struct acme_call *call, const char *id, const json_t *account,
    struct err *err)
{
	struct store *s = call->cloud->store;

	if (store_begin(s, err) != 0 ||
	    store_put_json(s, "account", str_c(id), account, err) != 0 ||
	    store_put(s, "thumb", acme_member(account, "thumbprint"), str_c(id),
	        err) != 0)
		return (-1);
	(void)FAULT("cloud.account.store");
	return (store_commit(s, err));
}

static void
make_account(struct acme_call *call, struct str print)
{
	const char *terms = terms_of(call->cloud);
	json_t *account = NULL, *contact;
	char id[CLOUD_ID], peer[RATE_PEER];
	struct buf jwk;
	struct err err;
	unsigned wait;

	if (terms != NULL && !json_is_true(json_object_get(call->payload,
	                         "termsOfServiceAgreed"))) {
		http_res_header(call->res, "Link",
		    "<%s>;rel=\"terms-of-service\"", terms);
		acme_refuse(call->res, 403, "userActionRequired",
		    "the terms of service have to be agreed to");
		return;
	}
	if ((contact = contacts_of(call)) == NULL)
		return;
	if ((wait = rate_take(call->cloud->rate_accounts,
	         rate_peer(call->req->peer, peer), call->now.mono)) != 0) {
		json_decref(contact);
		acme_limit(call->res, wait, "new accounts from this network");
		return;
	}
	buf_init(&jwk, 16384);
	err_set(&err, ERR_MEMORY, "no memory for an account");
	if (cloud_id(id) == 0 && jwk_put(call->pkey, &jwk, &err) == 0)
		account = json_pack("{s:s%, s:s%, s:s, s:O, s:I}", "jwk",
		    jwk.data, jwk.len, "thumbprint", print.p, print.len,
		    "status", "valid", "contact", contact, "created",
		    (json_int_t)call->now.wall);
	buf_clear(&jwk);
	json_decref(contact);
	if (account == NULL || store_account(call, id, account, &err) != 0) {
		json_decref(account);
		acme_fail(call, &err);
		return;
	}
	(void)FAULT("cloud.account.stored");
	log_info("account-new id=%s peer=%s", id, call->req->peer);
	answer_account(call, 201, account, str_c(id));
	json_decref(account);
}

/* newAccount (RFC 8555 7.3), which also finds an existing one (7.3.1). */
void
acme_new_account(struct acme_call *call)
{
	struct buf print, id;
	json_t *account;
	struct err err;

	buf_init(&print, 128);
	buf_init(&id, CLOUD_ID);
	if (json_object_get(call->payload, "externalAccountBinding") != NULL)
		acme_refuse(call->res, 400, "malformed",
		    "there is nothing that an account could be bound to");
	else if (jwk_thumbprint(call->pkey, &print, &err) != 0)
		acme_refuse(call->res, 400, "badPublicKey", "%s", err.text);
	else if ((account = account_by_key(call->cloud, buf_text(&print), &id,
	              &err)) != NULL) {
		if (str_eq(acme_member(account, "status"), STR("valid")))
			answer_account(call, 200, account, buf_text(&id));
		else
			acme_refuse(call->res, 401, "unauthorized",
			    "the account of this key is deactivated");
		json_decref(account);
	} else if (err.code != ERR_NOTFOUND)
		acme_fail(call, &err);
	else if (json_is_true(
	             json_object_get(call->payload, "onlyReturnExisting")))
		acme_refuse(call->res, 400, "accountDoesNotExist",
		    "no account has this key");
	else
		make_account(call, buf_text(&print));
	buf_clear(&print);
	buf_clear(&id);
}

/* Only the account itself may look at or change what is its own. */
static bool
is_own(struct acme_call *call, struct str account_id)
{
	if (str_eq(call->account_id, account_id))
		return (true);
	acme_refuse(call->res, 403, "unauthorized",
	    "this belongs to another account");
	return (false);
}

/* An account's URL: read, update, deactivate (RFC 8555 7.3.2, 7.3.6). */
void
acme_account(struct acme_call *call)
{
	struct str status = acme_member(call->payload, "status");
	json_t *contact;
	struct err err;

	if (!is_own(call, call->id))
		return;
	if (status.len > 0) {
		if (!str_eq(status, STR("deactivated"))) {
			acme_refuse(call->res, 400, "malformed",
			    "status can only become \"deactivated\"");
			return;
		}
		(void)json_object_set_new(call->account, "status",
		    json_string("deactivated"));
		log_info("account-deactivated id=%s", log_str(call->id));
	} else if (json_object_get(call->payload, "contact") != NULL) {
		if ((contact = contacts_of(call)) == NULL)
			return;
		(void)json_object_set_new(call->account, "contact", contact);
	}
	if (call->payload != NULL &&
	    store_put_json(call->cloud->store, "account", call->id,
	        call->account, &err) != 0)
		acme_fail(call, &err);
	else
		answer_account(call, 200, call->account, call->id);
}

/* A page of an account's orders. */
struct order_list {
	const struct cloud *cloud;
	struct str after; /* the last order of the page before, or empty */
	json_t *urls;
	char last[CLOUD_ID];
	bool more;
};

static int
on_order(struct str id, struct str value, void *arg)
{
	struct order_list *l = arg;
	struct str order;

	(void)value;
	if (id.len < CLOUD_ID)
		return (0);
	order = str_of(id.p + id.len - (CLOUD_ID - 1), CLOUD_ID - 1);
	if (l->after.len == order.len &&
	    memcmp(order.p, l->after.p, order.len) <= 0)
		return (0);
	l->more = json_array_size(l->urls) >= ORDERS_MAX;
	if (l->more)
		return (1);
	memcpy(l->last, order.p, order.len);
	(void)json_array_append_new(l->urls,
	    acme_url_json(l->cloud, ACME_ORDER, l->last));
	return (0);
}

/* The list of orders (RFC 8555 7.1.2.1), which come in the order of their
 * ids. */
void
acme_orders(struct acme_call *call)
{
	struct order_list l = {.cloud = call->cloud, .urls = json_array()};
	char prefix[CLOUD_ID + 1];
	struct err err;

	if (!is_own(call, call->id)) {
		json_decref(l.urls);
		return;
	}
	(void)http_query(call->req->query, "after", call->arena, &l.after);
	memcpy(prefix, call->id.p, CLOUD_ID - 1);
	prefix[CLOUD_ID - 1] = '/';
	if (store_walk(call->cloud->store, "orders", str_of(prefix, CLOUD_ID),
	        on_order, &l, &err) != 0) {
		json_decref(l.urls);
		acme_fail(call, &err);
		return;
	}
	if (l.more)
		http_res_header(call->res, "Link",
		    "<%s%s%.*s?after=%s>;rel=\"next\"", call->cloud->url,
		    ACME_ORDERS, (int)call->id.len, call->id.p, l.last);
	acme_answer(call, 200, json_pack("{s:o}", "orders", l.urls));
}

/* Does the inner payload say this account and its present key? */
static bool
names_account(struct acme_call *call, const json_t *inner, struct err *err)
{
	struct str kid = acme_member(inner, "account");
	const json_t *old = json_object_get(inner, "oldKey");
	struct buf text;
	EVP_PKEY *pkey = NULL;
	bool ok;

	if (!str_eq(kid, call->jws.head.kid)) {
		err_set(err, ERR_SYNTAX, "\"account\" is another account");
		return (false);
	}
	buf_init(&text, 16384);
	if (json_is_object(old) && acme_json_put(old, &text) == 0)
		pkey = jwk_get(buf_text(&text), err);
	ok = pkey != NULL && EVP_PKEY_eq(pkey, call->pkey) == 1;
	if (!ok)
		err_set(err, ERR_SYNTAX, "\"oldKey\" is not the account's key");
	EVP_PKEY_free(pkey);
	buf_clear(&text);
	return (ok);
}

/* The inner JWS of keyChange: checked, with its key in inner->jwk. */
static int
read_inner(struct acme_call *call, struct jws *inner, struct err *err)
{
	json_t *payload;
	bool ok;

	if (jws_parse(call->jws.payload, call->arena, inner, err) != 0)
		return (-1);
	err_set(err, ERR_SYNTAX,
	    "the inner JWS has no jwk, or a nonce, or another url "
	    "(RFC 8555 7.3.5)");
	if (inner->jwk == NULL || inner->head.nonce.len > 0 ||
	    !str_eq(inner->head.url, call->jws.head.url) ||
	    jws_verify(inner, inner->jwk, err) != 0)
		return (-1);
	payload = acme_json(inner->payload, ACME_JSON_MAX, err);
	ok = payload != NULL && names_account(call, payload, err);
	json_decref(payload);
	return (ok ? 0 : -1);
}

static int
change_key(struct acme_call *call, EVP_PKEY *pkey, struct str print,
    struct err *err)
{
	struct store *s = call->cloud->store;
	struct str old = acme_member(call->account, "thumbprint");
	struct buf jwk;
	int rc = -1;

	buf_init(&jwk, 16384);
	if (jwk_put(pkey, &jwk, err) == 0 && store_begin(s, err) == 0 &&
	    store_del(s, "thumb", old, err) >= 0 &&
	    json_object_set_new(call->account, "jwk",
	        json_stringn(jwk.data, jwk.len)) == 0 &&
	    json_object_set_new(call->account, "thumbprint",
	        json_stringn(print.p, print.len)) == 0 &&
	    store_put_json(s, "account", call->account_id, call->account,
	        err) == 0 &&
	    store_put(s, "thumb", print, call->account_id, err) == 0)
		rc = store_commit(s, err);
	buf_clear(&jwk);
	return (rc);
}

/* keyChange (RFC 8555 7.3.5). */
void
acme_key_change(struct acme_call *call)
{
	struct jws inner = {.jwk = NULL};
	struct buf print, id;
	struct err err;
	int rc;

	buf_init(&print, 128);
	buf_init(&id, CLOUD_ID);
	if (read_inner(call, &inner, &err) != 0 ||
	    jwk_thumbprint(inner.jwk, &print, &err) != 0)
		acme_refuse(call->res, 400, "malformed", "%s", err.text);
	else if ((rc = store_get(call->cloud->store, "thumb", buf_text(&print),
	              &id, &err)) == 1) {
		http_res_header(call->res, "Location", "%s%s%.*s",
		    call->cloud->url, ACME_ACCOUNT, (int)id.len, id.data);
		acme_refuse(call->res, 409, "malformed",
		    "another account has this key");
	} else if (rc < 0 ||
	           change_key(call, inner.jwk, buf_text(&print), &err) != 0)
		acme_fail(call, &err);
	else
		answer_account(call, 200, call->account, call->account_id);
	jws_clear(&inner);
	buf_clear(&print);
	buf_clear(&id);
}
