#include "config.h"

#include "cloud/acme_auth.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acme/object.h"
#include "base/codec.h"
#include "base/limits.h"
#include "cloud/acme.h"
#include "sys/crypt.h"
#include "sys/log.h"

#define PROBLEM "application/problem+json"
#define URN     "urn:ietf:params:acme:error:"

/* What one request may need for its strings. */
#define CALL_ARENA (1024UL * 1024)

#define URL_MAX 2048

int
cloud_id(char out[CLOUD_ID])
{
	uint8_t raw[16];

	if (crypt_random(raw, sizeof(raw)) != 0)
		return (-1);
	hex_encode(raw, sizeof(raw), out);
	return (0);
}

const char *
cloud_time(int64_t wall, char out[CLOUD_TIME])
{
	time_t t = (time_t)wall;
	struct tm tm = {0};

	(void)gmtime_r(&t, &tm);
	(void)strftime(out, CLOUD_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return (out);
}

struct str
acme_member(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_string(v))
		return (str_of("", 0));
	return (str_of(json_string_value(v), json_string_length(v)));
}

void
acme_url(const struct cloud *c, const char *path, struct str id,
    struct buf *out)
{
	buf_printf(out, "%s%s%.*s", c->url, path, (int)id.len, id.p);
}

json_t *
acme_url_json(const struct cloud *c, const char *path, const char *id)
{
	return (json_sprintf("%s%s%s", c->url, path, id));
}

void
acme_put_nonce(struct cloud *c, struct http_res *res)
{
	struct buf b;

	buf_init(&b, 128);
	if (nonce_make(c->nonces, &b) == 0)
		http_res_header(res, "Replay-Nonce", "%.*s", (int)b.len,
		    b.data);
	buf_clear(&b);
	http_res_header(res, "Cache-Control", "no-store");
}

static void
put_problem(struct http_res *res, unsigned status, json_t *o)
{
	res->status = status;
	res->type = PROBLEM;
	buf_reset(&res->body);
	if (o == NULL || acme_json_put(o, &res->body) != 0)
		res->body.failed = true;
	json_decref(o);
}

void
acme_refuse(struct http_res *res, unsigned status, const char *type,
    const char *fmt, ...)
{
	char detail[ERR_TEXT], shown[ERR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	put_problem(res, status,
	    json_pack("{s:s+, s:s, s:i}", "type", URN, type, "detail",
	        err_escape(shown, sizeof(shown), str_c(detail)), "status",
	        (int)status));
}

void
acme_fail(struct acme_call *call, const struct err *err)
{
	if (err->code == ERR_NOTFOUND) {
		acme_refuse(call->res, 404, "malformed", "%s", err->text);
		return;
	}
	log_error("acme-failed path=%s code=%s why=%s",
	    log_str(call->req->path), err_word(err->code),
	    log_str(str_c(err->text)));
	http_res_header(call->res, "Retry-After", "10");
	acme_refuse(call->res, err->code == ERR_UNAVAILABLE ? 503 : 500,
	    "serverInternal", "the server cannot do it now");
}

void
acme_limit(struct http_res *res, unsigned seconds, const char *what)
{
	http_res_header(res, "Retry-After", "%u", seconds);
	acme_refuse(res, 429, "rateLimited", "too many %s; again in %u seconds",
	    what, seconds);
}

void
acme_answer(struct acme_call *call, unsigned status, json_t *o)
{
	call->res->status = status;
	call->res->type = "application/json";
	if (o == NULL || acme_json_put(o, &call->res->body) != 0)
		call->res->body.failed = true;
	json_decref(o);
}

int
acme_validated_at(struct cloud *c, struct str account_id, struct str mailbox,
    int64_t *at, struct err *err)
{
	char id[CLOUD_ID + LIMIT_ADDRESS];
	json_t *v;

	if (account_id.len + 1 + mailbox.len >= sizeof(id))
		return (0);
	(void)snprintf(id, sizeof(id), "%.*s/%.*s", (int)account_id.len,
	    account_id.p, (int)mailbox.len, mailbox.p);
	if ((v = store_json(c->store, "valid", str_c(id), err)) == NULL)
		return (err->code == ERR_NOTFOUND ? 0 : -1);
	*at = json_integer_value(json_object_get(v, "time"));
	json_decref(v);
	return (1);
}

int
acme_validated(struct cloud *c, struct str account_id, struct str mailbox,
    int64_t now, struct err *err)
{
	int64_t at;
	int rc = acme_validated_at(c, account_id, mailbox, &at, err);

	if (rc != 1)
		return (rc);
	return (now < at + (int64_t)conf_num(c->conf, "acme", "validation")
	            ? 1
	            : 0);
}

/* The JWS itself, before anybody is asked about its signer. */
static int
read_jws(struct acme_call *call)
{
	char url[URL_MAX];
	struct err err;

	if (call->req->too_long) {
		acme_refuse(call->res, 413, "malformed",
		    "the request is larger than %lu bytes", HTTP_BODY_MAX);
		return (-1);
	}
	if (!str_ieq(call->req->type, STR("application/jose+json"))) {
		acme_refuse(call->res, 415, "malformed",
		    "Content-Type must be application/jose+json "
		    "(RFC 8555 6.2)");
		return (-1);
	}
	if (jws_parse(call->req->body, call->arena, &call->jws, &err) != 0) {
		if (err.code != ERR_UNSUPPORTED) {
			acme_refuse(call->res, 400, "malformed", "%s",
			    err.text);
			return (-1);
		}
		put_problem(call->res, 400,
		    json_pack("{s:s, s:s, s:i, s:[s, s]}", "type",
		        URN "badSignatureAlgorithm", "detail", err.text,
		        "status", 400, "algorithms", "ES256", "RS256"));
		return (-1);
	}
	if (!nonce_use(call->cloud->nonces, call->jws.head.nonce)) {
		acme_refuse(call->res, 400, "badNonce",
		    "the nonce is unknown, too old, or was used before");
		return (-1);
	}
	(void)snprintf(url, sizeof(url), "%s%.*s%s%.*s", call->cloud->url,
	    (int)call->req->path.len, call->req->path.p,
	    call->req->query.len > 0 ? "?" : "", (int)call->req->query.len,
	    call->req->query.p);
	if (str_eq(call->jws.head.url, str_c(url)))
		return (0);
	acme_refuse(call->res, 403, "unauthorized",
	    "the URL that was signed is not the one that was asked "
	    "(RFC 8555 6.4.1)");
	return (-1);
}

/* The account that a kid names. */
static int
read_account(struct acme_call *call)
{
	struct str kid = call->jws.head.kid, prefix, text;
	struct err err;
	struct buf b;
	char id[CLOUD_ID];

	buf_init(&b, URL_MAX);
	acme_url(call->cloud, ACME_ACCOUNT, STR(""), &b);
	prefix = buf_text(&b);
	if (kid.len == prefix.len + CLOUD_ID - 1 &&
	    memcmp(kid.p, prefix.p, prefix.len) == 0)
		call->account_id =
		    str_of(kid.p + prefix.len, kid.len - prefix.len);
	buf_clear(&b);
	(void)snprintf(id, sizeof(id), "%.*s", (int)call->account_id.len,
	    call->account_id.p != NULL ? call->account_id.p : "");
	err_set(&err, ERR_NOTFOUND, "no such account");
	if (id[0] == '\0' || (call->account = store_json(call->cloud->store,
	                          "account", call->account_id, &err)) == NULL) {
		if (err.code != ERR_NOTFOUND)
			acme_fail(call, &err);
		else
			acme_refuse(call->res, 400, "accountDoesNotExist",
			    "there is no such account");
		return (-1);
	}
	if (!str_eq(acme_member(call->account, "status"), STR("valid"))) {
		acme_refuse(call->res, 401, "unauthorized",
		    "the account is deactivated");
		return (-1);
	}
	text = acme_member(call->account, "jwk");
	if ((call->pkey = jwk_get(text, &err)) != NULL)
		return (0);
	acme_fail(call, &err);
	return (-1);
}

static int
read_signer(struct acme_call *call, unsigned takes)
{
	bool jwk = call->jws.jwk != NULL;
	struct err err;

	if ((takes & (jwk ? ACME_TAKES_JWK : ACME_TAKES_KID)) == 0) {
		acme_refuse(call->res, 400, "malformed",
		    "this is signed with a \"%s\" (RFC 8555 6.2)",
		    jwk ? "kid" : "jwk");
		return (-1);
	}
	if (jwk) {
		call->pkey = call->jws.jwk;
		if (EVP_PKEY_up_ref(call->pkey) != 1) {
			call->pkey = NULL;
			call->res->body.failed = true;
			return (-1);
		}
	} else if (read_account(call) != 0)
		return (-1);
	if (jws_verify(&call->jws, call->pkey, &err) == 0)
		return (0);
	acme_refuse(call->res, 400, "malformed", "%s", err.text);
	return (-1);
}

static int
read_payload(struct acme_call *call, unsigned takes)
{
	struct err err;

	if (call->jws.payload.len == 0) {
		if ((takes & ACME_TAKES_GET) != 0)
			return (0);
		acme_refuse(call->res, 400, "malformed",
		    "the payload is missing");
		return (-1);
	}
	if ((takes & ACME_TAKES_OBJECT) == 0) {
		acme_refuse(call->res, 400, "malformed",
		    "this is asked with POST-as-GET (RFC 8555 6.3)");
		return (-1);
	}
	call->payload = acme_json(call->jws.payload, ACME_JSON_MAX, &err);
	if (json_is_object(call->payload))
		return (0);
	acme_refuse(call->res, 400, "malformed", "the payload: %s",
	    call->payload != NULL ? "is no object" : err.text);
	return (-1);
}

void
acme_serve(struct cloud *c, unsigned takes, struct str id, acme_fn *fn,
    const struct http_req *req, struct http_res *res)
{
	struct acme_call call = {.cloud = c, .req = req, .res = res, .id = id};
	struct arena arena;

	arena_init(&arena, CALL_ARENA);
	call.arena = &arena;
	call.now = clock_now();
	if (req->method != HTTP_POST) {
		http_res_header(res, "Allow", "POST");
		acme_refuse(res, 405, "malformed",
		    "this is asked with POST (RFC 8555 6.3)");
	} else if (read_jws(&call) == 0 && read_signer(&call, takes) == 0 &&
	           read_payload(&call, takes) == 0) {
		fn(&call);
		store_abort(c->store);
	}
	acme_put_nonce(c, res);
	http_res_header(res, "Link", "<%s%s>;rel=\"index\"", c->url,
	    ACME_DIRECTORY);
	if (res->status >= 400)
		log_debug("acme-refused path=%s status=%u peer=%s why=%s",
		    log_str(req->path), res->status, req->peer,
		    log_str(buf_text(&res->body)));
	jws_clear(&call.jws);
	EVP_PKEY_free(call.pkey);
	json_decref(call.payload);
	json_decref(call.account);
	arena_clear(&arena);
}
