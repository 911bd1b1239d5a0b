#include "config.h"

#include "cloud/authz.h"

#include <string.h>

#include "acme/email.h"
#include "base/limits.h"
#include "cloud/acme.h"
#include "cloud/challenge.h"
#include "mail/addr.h"
#include "sys/fault.h"
#include "sys/log.h"

/* How soon to look again for a reply that is on its way. */
#define POLL_S 2

static int64_t
number(const json_t *o, const char *name)
{
	return (json_integer_value(json_object_get(o, name)));
}

static bool
is_true(const json_t *o, const char *name)
{
	return (json_is_true(json_object_get(o, name)));
}

enum acme_status
authz_status(const json_t *authz, int64_t now)
{
	enum acme_status status;

	if (acme_status_parse(acme_member(authz, "status"), &status) != 0)
		return (ACME_INVALID);
	if (now < number(authz, "expires"))
		return (status);
	if (status == ACME_PENDING)
		return (ACME_INVALID);
	return (status == ACME_VALID ? ACME_EXPIRED : status);
}

bool
authz_is_wanted(struct cloud *c, const json_t *authz)
{
	struct err err;
	json_t *account;
	bool yes;

	account = store_json(c->store, "account", acme_member(authz, "account"),
	    &err);
	yes = account != NULL
	          ? str_eq(acme_member(account, "status"), STR("valid"))
	          : err.code != ERR_NOTFOUND;
	json_decref(account);
	return (yes);
}

/* "ACCOUNT/MAILBOX", the name of a validation. */
static int
valid_id(struct str account, struct str mailbox, struct buf *out)
{
	buf_str(out, account);
	buf_putc(out, '/');
	buf_str(out, mailbox);
	return (out->failed ? -1 : 0);
}

int
authz_reusable(struct cloud *c, struct str account, struct str mailbox,
    int64_t now, char id[CLOUD_ID], struct err *err)
{
	json_t *v = NULL, *authz = NULL;
	struct str name;
	struct buf b;
	int rc = 0;

	buf_init(&b, CLOUD_ID + LIMIT_ADDRESS);
	if (valid_id(account, mailbox, &b) == 0)
		v = store_json(c->store, "valid", buf_text(&b), err);
	if (v != NULL) {
		name = acme_member(v, "authz");
		authz = store_json(c->store, "authz", name, err);
		if (authz != NULL && name.len == CLOUD_ID - 1 &&
		    authz_status(authz, now) == ACME_VALID) {
			memcpy(id, name.p, name.len);
			id[name.len] = '\0';
			rc = 1;
		}
	}
	if (rc == 0 && authz == NULL && err->code != ERR_NOTFOUND &&
	    !b.failed && err->code != ERR_OK)
		rc = -1;
	json_decref(authz);
	json_decref(v);
	buf_clear(&b);
	return (rc);
}

/* The address that this challenge comes from: "acme+ID@domain", so that a
 * client can tell it from somebody else's for the same mailbox. */
static json_t *
make_from(const struct cloud *c, const char *id)
{
	const char *from = conf_str(c->conf, "mail", "from");
	const char *at = strrchr(from, '@');

	return (json_sprintf("%.*s+%.16s%s", (int)(at - from), from, id, at));
}

bool
authz_is_sender(const struct cloud *c, struct str mailbox)
{
	const char *from = conf_str(c->conf, "mail", "from");
	size_t local = strcspn(from, "@"), at = str_find(mailbox, '@');

	return (at < mailbox.len && at >= local &&
	        str_ieq(str_of(mailbox.p + at, mailbox.len - at),
	            str_c(from + local)) &&
	        str_ieq(str_of(mailbox.p, local), str_of(from, local)) &&
	        (at == local || mailbox.p[local] == '+'));
}

int
authz_make(struct cloud *c, struct str account, struct str mailbox, int64_t now,
    char id[CLOUD_ID], struct err *err)
{
	uint64_t life = conf_num(c->conf, "acme", "order_lifetime");
	json_t *authz = NULL;
	struct buf token;
	int rc = -1;

	buf_init(&token, CHALLENGE_TOKEN);
	err_set(err, ERR_MEMORY, "no memory for an authorization");
	if (cloud_id(id) == 0 && challenge_token(&token) == 0)
		authz = json_pack("{s:s%, s:s%, s:s, s:I, s:s%, s:o}",
		    "account", account.p, account.len, "mailbox", mailbox.p,
		    mailbox.len, "status", "pending", "expires",
		    (json_int_t)(now + (int64_t)life), "token2", token.data,
		    token.len, "from", make_from(c, id));
	if (authz != NULL)
		rc = store_put_json(c->store, "authz", str_c(id), authz, err);
	json_decref(authz);
	buf_clear(&token);
	return (rc);
}

/* The challenge as the client sees it. */
static json_t *
challenge_object(struct acme_call *call, const json_t *authz)
{
	enum acme_status status = authz_status(authz, call->now.wall);
	json_t *o, *error = json_object_get(authz, "error");
	char id[CLOUD_ID] = "", when[CLOUD_TIME];

	if (status == ACME_PENDING && is_true(authz, "responded"))
		status = ACME_PROCESSING;
	else if (status == ACME_EXPIRED)
		status = ACME_VALID;
	else if (status == ACME_DEACTIVATED)
		status = ACME_INVALID;
	if (call->id.len < sizeof(id))
		memcpy(id, call->id.p, call->id.len);
	o = json_pack("{s:s, s:s, s:o, s:O, s:O}", "type", "email-reply-00",
	    "status", acme_status_word(status), "url",
	    acme_url_json(call->cloud, ACME_CHALLENGE, id), "token",
	    json_object_get(authz, "token2"), "from",
	    json_object_get(authz, "from"));
	if (o != NULL && error != NULL)
		(void)json_object_set(o, "error", error);
	if (o != NULL && number(authz, "validated") != 0)
		(void)json_object_set_new(o, "validated",
		    json_string(cloud_time(number(authz, "validated"), when)));
	return (o);
}

static int
deactivate(struct acme_call *call, json_t *authz, struct err *err)
{
	struct store *s = call->cloud->store;
	struct buf b;
	int rc = -1;

	buf_init(&b, CLOUD_ID + LIMIT_ADDRESS);
	err_set(err, ERR_MEMORY, "no memory for an authorization");
	if (json_object_set_new(authz, "status", json_string("deactivated")) ==
	        0 &&
	    valid_id(call->account_id, acme_member(authz, "mailbox"), &b) ==
	        0 &&
	    store_begin(s, err) == 0 &&
	    store_put_json(s, "authz", call->id, authz, err) == 0 &&
	    store_del(s, "valid", buf_text(&b), err) >= 0)
		rc = store_commit(s, err);
	buf_clear(&b);
	return (rc);
}

void
authz_serve(struct acme_call *call, json_t *authz)
{
	enum acme_status status = authz_status(authz, call->now.wall);
	char when[CLOUD_TIME];
	struct err err;

	if (call->payload != NULL) {
		if (!str_eq(acme_member(call->payload, "status"),
		        STR("deactivated"))) {
			acme_refuse(call->res, 400, "malformed",
			    "an authorization can only be deactivated");
			return;
		}
		if (deactivate(call, authz, &err) != 0) {
			acme_fail(call, &err);
			return;
		}
		status = ACME_DEACTIVATED;
	} else if (status == ACME_PENDING &&
	           json_object_get(authz, "token1") == NULL &&
	           challenge_send(call, authz) != 0)
		return;
	if (status == ACME_PENDING)
		http_res_header(call->res, "Retry-After", "%d", POLL_S);
	acme_answer(call, 200,
	    json_pack("{s:s, s:s, s:{s:s, s:O}, s:[o]}", "status",
	        acme_status_word(status), "expires",
	        cloud_time(number(authz, "expires"), when), "identifier",
	        "type", "email", "value", json_object_get(authz, "mailbox"),
	        "challenges", challenge_object(call, authz)));
}

/* Put what has changed into the store; a challenge that is settled waits for
 * no mail any more. */
static int
save(struct cloud *c, struct str id, json_t *authz, int64_t now,
    struct err *err)
{
	uint64_t life = conf_num(c->conf, "acme", "validation");
	struct store *s = c->store;
	json_t *valid = NULL;
	struct buf b;
	int rc = -1;

	buf_init(&b, CLOUD_ID + LIMIT_ADDRESS);
	if (store_begin(s, err) != 0)
		goto out;
	if (is_true(authz, "responded") && is_true(authz, "replied") &&
	    authz_status(authz, now) == ACME_PENDING) {
		err_set(err, ERR_MEMORY, "no memory for an authorization");
		if (json_object_set_new(authz, "status",
		        json_string("valid")) != 0 ||
		    json_object_set_new(authz, "validated",
		        json_integer(now)) != 0 ||
		    json_object_set_new(authz, "expires",
		        json_integer(now + (int64_t)life)) != 0 ||
		    valid_id(acme_member(authz, "account"),
		        acme_member(authz, "mailbox"), &b) != 0 ||
		    (valid = json_pack("{s:O, s:s%}", "time",
		         json_object_get(authz, "validated"), "authz", id.p,
		         id.len)) == NULL ||
		    store_put_json(s, "valid", buf_text(&b), valid, err) != 0)
			goto out;
	}
	if (store_put_json(s, "authz", id, authz, err) == 0)
		rc = store_commit(s, err);
out:
	store_abort(s);
	json_decref(valid);
	buf_clear(&b);
	return (rc);
}

void
authz_respond(struct acme_call *call, json_t *authz)
{
	struct err err;

	if (call->payload != NULL &&
	    authz_status(authz, call->now.wall) == ACME_PENDING) {
		(void)json_object_set_new(authz, "responded", json_true());
		(void)FAULT("cloud.respond.store");
		if (save(call->cloud, call->id, authz, call->now.wall, &err) !=
		    0) {
			acme_fail(call, &err);
			return;
		}
		(void)FAULT("cloud.respond.stored");
	}
	http_res_header(call->res, "Link", "<%s%s%.*s>;rel=\"up\"",
	    call->cloud->url, ACME_AUTHZ, (int)call->id.len, call->id.p);
	if (authz_status(authz, call->now.wall) == ACME_PENDING)
		http_res_header(call->res, "Retry-After", "%d", POLL_S);
	acme_answer(call, 200, challenge_object(call, authz));
}

/* The authorization that waits for a reply to this mail; a new reference. */
static json_t *
awaiting(struct cloud *c, struct str token1, struct buf *id, struct err *err)
{
	json_t *authz = NULL;
	int rc = 0;

	if (token1.len > 0 && token1.len <= CHALLENGE_TOKEN)
		rc = store_get(c->store, "message", token1, id, err);
	if (rc == 1)
		authz = store_json(c->store, "authz", buf_text(id), err);
	if (authz != NULL && !is_true(authz, "replied") &&
	    authz_status(authz, clock_now().wall) == ACME_PENDING &&
	    authz_is_wanted(c, authz))
		return (authz);
	if (rc >= 0)
		err_set(err, ERR_NOTFOUND, "no challenge waits for this reply");
	json_decref(authz);
	return (NULL);
}

int
authz_awaits(struct cloud *c, struct str token1, struct buf *mailbox,
    struct buf *from, struct err *err)
{
	struct buf id;
	json_t *authz;

	buf_init(&id, CLOUD_ID);
	authz = awaiting(c, token1, &id, err);
	buf_clear(&id);
	if (authz == NULL)
		return (-1);
	buf_str(mailbox, acme_member(authz, "mailbox"));
	buf_str(from, acme_member(authz, "from"));
	json_decref(authz);
	return (0);
}

/* The digest that the reply should hold (RFC 8823 3 point 6). */
static int
expected_digest(struct cloud *c, const json_t *authz, struct buf *out,
    struct err *err)
{
	json_t *account;
	int rc;

	if ((account = store_json(c->store, "account",
	         acme_member(authz, "account"), err)) == NULL)
		return (-1);
	rc = acme_email_digest(acme_member(authz, "token1"),
	    acme_member(authz, "token2"), acme_member(account, "thumbprint"),
	    out);
	json_decref(account);
	if (rc != 0)
		err_set(err, ERR_MEMORY, "no memory for a digest");
	return (rc);
}

/* It can be tried again only with a new order (RFC 8555 7.1.6). */
static void
set_invalid(json_t *authz, const char *type, const char *detail)
{
	(void)json_object_set_new(authz, "status", json_string("invalid"));
	(void)json_object_set_new(authz, "error",
	    json_pack("{s:s+, s:s}", "type",
	        "urn:ietf:params:acme:error:", type, "detail", detail));
}

int
authz_reply(struct cloud *c, struct str from, struct str token1,
    struct str digest, struct err *err)
{
	struct buf id, want;
	json_t *authz;
	bool right;
	int rc = -1;

	buf_init(&id, CLOUD_ID);
	buf_init(&want, 128);
	if ((authz = awaiting(c, token1, &id, err)) == NULL)
		goto out;
	if (!addr_same(from, acme_member(authz, "mailbox"))) {
		err_set(err, ERR_DENIED, "the reply is from another address");
		goto out;
	}
	if (expected_digest(c, authz, &want, err) != 0)
		goto out;
	while (digest.len > 0 && digest.p[digest.len - 1] == '=')
		digest.len--;
	right = digest.len == want.len &&
	        crypt_equal(digest.p, want.data, want.len);
	if (right)
		(void)json_object_set_new(authz, "replied", json_true());
	else
		set_invalid(authz, "incorrectResponse",
		    "the digest in the reply is not the expected one");
	(void)FAULT("cloud.reply.store");
	rc = save(c, buf_text(&id), authz, clock_now().wall, err);
	if (rc == 0) {
		(void)FAULT("cloud.reply.stored");
		log_info("reply-taken authz=%.*s right=%s", (int)id.len,
		    id.data, right ? "yes" : "no");
	}
out:
	json_decref(authz);
	buf_clear(&id);
	buf_clear(&want);
	return (rc);
}

int
authz_undeliverable(struct cloud *c, struct str id, const char *why,
    struct err *err)
{
	char shown[ERR_TEXT];
	json_t *authz;
	int rc = 0;

	if ((authz = store_json(c->store, "authz", id, err)) == NULL)
		return (-1);
	if (authz_status(authz, clock_now().wall) == ACME_PENDING) {
		set_invalid(authz, "connection",
		    err_escape(shown, sizeof(shown), str_c(why)));
		rc = save(c, id, authz, clock_now().wall, err);
	}
	json_decref(authz);
	return (rc);
}
