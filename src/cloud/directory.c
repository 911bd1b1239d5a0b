#include "config.h"

#include "cloud/directory.h"

#include <string.h>

#include "acme/b64url.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "cloud/acme_auth.h"
#include "smtp/verb.h"
#include "sys/crypt.h"
#include "sys/log.h"

/*
 * In the store:
 *	published/MAILBOX	{certs: [{key, cert (base64url DER), serial,
 *				from, until}, ...]}, newest first
 */
#define TABLE "published"

/* More keys of one mailbox are not valid at a time unless somebody plays. */
#define PUBLISHED_MAX 16

/* How long nobody needs to ask again for what is not there, in seconds. */
#define ABSENT_S 10

#define ANSWER_MAX (1024UL * 1024)
#define QUERY_MAX  (16UL * 1024)

static int64_t
member_time(const json_t *o, const char *name)
{
	return (json_integer_value(json_object_get(o, name)));
}

/* --- publishing --- */

/* A new record: first, then what there was, without the same key and what is
 * over.  NULL when memory is out. */
static json_t *
put_first(json_t *first, const json_t *old, int64_t now)
{
	json_t *list = json_array(), *o;
	struct str key = acme_member(first, "key");
	size_t i;

	if (list == NULL || json_array_append(list, first) != 0) {
		json_decref(list);
		return (NULL);
	}
	json_array_foreach(json_object_get(old, "certs"), i, o)
	{
		if (json_array_size(list) == PUBLISHED_MAX)
			break;
		if (str_eq(acme_member(o, "key"), key) ||
		    member_time(o, "until") <= now)
			continue;
		if (json_array_append(list, o) != 0) {
			json_decref(list);
			return (NULL);
		}
	}
	return (json_pack("{s:o}", "certs", list));
}

static json_t *
entry_of(struct str key, const struct ca_cert *cert, int64_t from)
{
	struct buf der;
	json_t *o = NULL;

	buf_init(&der, ANSWER_MAX);
	b64url_encode(buf_text(&cert->der), &der);
	if (!der.failed)
		o = json_pack("{s:s%, s:s%, s:s, s:I, s:I}", "key", key.p,
		    key.len, "cert", der.data, der.len, "serial", cert->serial,
		    "from", (json_int_t)from, "until", (json_int_t)cert->until);
	buf_clear(&der);
	return (o);
}

int
directory_publish(struct cloud *c, struct str mailbox, struct str key,
    const struct ca_cert *cert, int64_t now, struct err *err)
{
	json_t *first, *old, *record = NULL;
	struct err why;
	int rc = -1;

	old = store_json(c->store, TABLE, mailbox, &why);
	if (old == NULL && why.code != ERR_NOTFOUND) {
		*err = why;
		return (-1);
	}
	if ((first = entry_of(key, cert, now)) != NULL)
		record = put_first(first, old, now);
	if (record != NULL)
		rc = store_put_json(c->store, TABLE, mailbox, record, err);
	else
		err_set(err, ERR_MEMORY, "no memory for the directory");
	json_decref(first);
	json_decref(old);
	json_decref(record);
	return (rc);
}

/* --- searching --- */

/* The certificates that are to be found now: how many, or -1. */
struct found {
	struct buf der[PUBLISHED_MAX];
	size_t n;
};

static void
found_clear(struct found *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		buf_clear(&f->der[i]);
	f->n = 0;
}

static int
find_valid(struct cloud *c, const json_t *record, int64_t now, struct found *f,
    struct err *err)
{
	struct buf *der;
	json_t *o;
	size_t i;
	int rc;

	json_array_foreach(json_object_get(record, "certs"), i, o)
	{
		if (f->n == PUBLISHED_MAX)
			break;
		if (now >= member_time(o, "until"))
			continue;
		rc = ca_is_revoked(c, acme_member(o, "serial"), err);
		if (rc < 0)
			return (-1);
		if (rc == 1)
			continue;
		der = &f->der[f->n++];
		buf_init(der, ANSWER_MAX);
		if (b64url_decode(acme_member(o, "cert"), der) != 0) {
			err_set(err, ERR_SYNTAX,
			    "a published certificate is damaged");
			return (-1);
		}
	}
	return (0);
}

static int
find(struct cloud *c, struct str mailbox, int64_t now, struct found *f,
    struct err *err)
{
	json_t *record;
	int rc;

	if ((record = store_json(c->store, TABLE, mailbox, err)) == NULL)
		return (err->code == ERR_NOTFOUND ? 0 : -1);
	rc = find_valid(c, record, now, f, err);
	json_decref(record);
	return (rc);
}

/* Something that stands for these certificates in this order, as hex. */
static int
tag_of(const struct found *f, char tag[2 * CRYPT_DIGEST + 1])
{
	uint8_t digest[CRYPT_DIGEST];
	struct buf all;
	size_t i;
	int rc;

	buf_init(&all, PUBLISHED_MAX * ANSWER_MAX);
	for (i = 0; i < f->n; i++)
		buf_str(&all, buf_text(&f->der[i]));
	rc = all.failed ? -1 : crypt_sha256(buf_text(&all), digest);
	buf_clear(&all);
	if (rc == 0)
		hex_encode(digest, sizeof(digest), tag);
	tag[32] = '\0'; /* half of it is enough */
	return (rc);
}

/*
 * One certificate is the body; several are parts (RFC 4387 2).  The boundary
 * is made of the digest of what stands between, which cannot hold it.
 */
static void
put_body(const struct found *f, const char *tag, struct http_res *res)
{
	size_t i;

	if (f->n == 1) {
		res->type = "application/pkix-cert";
		buf_str(&res->body, buf_text(&f->der[0]));
		return;
	}
	http_res_header(res, "Content-Type",
	    "multipart/mixed; boundary=\"=_%s\"", tag);
	for (i = 0; i < f->n; i++) {
		buf_printf(&res->body,
		    "--=_%s\r\n"
		    "Content-Type: application/pkix-cert\r\n"
		    "Content-Transfer-Encoding: binary\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    tag, f->der[i].len);
		buf_str(&res->body, buf_text(&f->der[i]));
		buf_puts(&res->body, "\r\n");
	}
	buf_printf(&res->body, "--=_%s--\r\n", tag);
}

/* Is the tag one of If-None-Match (RFC 9110 13.1.2)?  The comparison is the
 * weak one, and our tags hold no commas. */
static bool
is_known(const struct http_req *req, const char *tag)
{
	struct str list = http_req_header(req, "If-None-Match"), one;
	size_t len;

	if (str_eq(list, STR("*")))
		return (true);
	while (list.len > 0) {
		len = str_find(list, ',');
		one = str_trim(str_of(list.p, len));
		list = len < list.len
		           ? str_of(list.p + len + 1, list.len - len - 1)
		           : str_of(list.p + len, 0);
		if (one.len > 2 && memcmp(one.p, "W/", 2) == 0)
			one = str_of(one.p + 2, one.len - 2);
		if (one.len == strlen(tag) + 2 && one.p[0] == '"' &&
		    one.p[one.len - 1] == '"' &&
		    memcmp(one.p + 1, tag, strlen(tag)) == 0)
			return (true);
	}
	return (false);
}

static void
answer(struct cloud *c, const struct http_req *req, const struct found *f,
    struct http_res *res)
{
	char tag[2 * CRYPT_DIGEST + 1];

	if (f->n == 0) {
		http_res_header(res, "Cache-Control", "max-age=%d", ABSENT_S);
		acme_refuse(res, 404, "malformed",
		    "there is no certificate for this address");
		return;
	}
	if (tag_of(f, tag) != 0) {
		res->body.failed = true;
		return;
	}
	http_res_header(res, "ETag", "\"%s\"", tag);
	http_res_header(res, "Cache-Control", "max-age=%llu",
	    (unsigned long long)conf_num(c->conf, "directory", "max_age"));
	if (is_known(req, tag)) {
		res->status = 304;
		return;
	}
	put_body(f, tag, res);
}

/* The address of a query, canonical; -1 after an answer. */
static int
read_address(const struct http_req *req, struct http_res *res,
    struct buf *mailbox)
{
	struct arena arena;
	struct str value;
	int rc;

	arena_init(&arena, QUERY_MAX);
	if ((rc = http_query(req->query, "email", &arena, &value)) == 0)
		rc = http_query(req->query, "uri", &arena, &value);
	if (rc == 1 && (value.len == 0 || value.len > LIMIT_ADDRESS ||
	                   verb_canonical(value, mailbox) != 0))
		rc = -1;
	arena_clear(&arena);
	if (rc == 1)
		return (0);
	acme_refuse(res, 400, "malformed",
	    rc == 0 ? "ask with ?email= and an address (RFC 4387 2.2)"
	            : "this is not one address");
	return (-1);
}

void
directory_search(struct cloud *c, const struct http_req *req,
    struct http_res *res)
{
	struct found found = {.n = 0};
	struct clock now = clock_now();
	char peer[RATE_PEER];
	struct buf mailbox;
	struct err err;
	unsigned wait;

	wait =
	    rate_take(c->rate_searches, rate_peer(req->peer, peer), now.mono);
	if (wait != 0) {
		acme_limit(res, wait, "look-ups from this network address");
		return;
	}
	buf_init(&mailbox, LIMIT_ADDRESS);
	if (read_address(req, res, &mailbox) == 0) {
		if (find(c, buf_text(&mailbox), now.wall, &found, &err) == 0)
			answer(c, req, &found, res);
		else {
			log_error("search-failed code=%s why=%s",
			    err_word(err.code), log_str(str_c(err.text)));
			http_res_header(res, "Retry-After", "10");
			acme_refuse(res, 503, "serverInternal",
			    "the directory cannot answer now");
		}
	}
	found_clear(&found);
	buf_clear(&mailbox);
}
