#include "config.h"

#include "acme/object.h"

#include <string.h>

#include "acme/member.h"
#include "base/limits.h"

/* Words like "email-reply-00", tokens, nonces. */
#define WORD_MAX 512
/* What a server has to tell a person. */
#define DETAIL_MAX 4096
/* An authorization may offer other kinds of challenges beside ours. */
#define CHALLENGES_MAX 20

/*
 * How deep are arrays and objects nested?  Strings are stepped over; whether
 * the rest is JSON is jansson's affair, which recurses.
 */
static size_t
depth_of(struct str s)
{
	size_t i, depth = 0, most = 0;
	bool quoted = false;

	for (i = 0; i < s.len; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (s.p[i] == '[' || s.p[i] == '{') {
			if (++depth > most)
				most = depth;
		} else if ((s.p[i] == ']' || s.p[i] == '}') && depth > 0)
			depth--;
	}
	return (most);
}

json_t *
acme_json(struct str text, size_t max, struct err *err)
{
	json_error_t why;
	json_t *v;

	if (text.len > max) {
		err_set(err, ERR_LIMIT, "JSON longer than %zu bytes", max);
		return (NULL);
	}
	if (depth_of(text) > ACME_JSON_DEPTH) {
		err_set(err, ERR_LIMIT, "JSON deeper than %d", ACME_JSON_DEPTH);
		return (NULL);
	}
	v = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, &why);
	if (v == NULL)
		err_set(err, ERR_SYNTAX,
		    "not JSON, or a member twice, near byte %d", why.position);
	else if (!json_is_object(v)) {
		err_set(err, ERR_SYNTAX, "not a JSON object");
		json_decref(v);
		v = NULL;
	}
	return (v);
}

static int
put_piece(const char *p, size_t n, void *arg)
{
	struct buf *out = arg;

	buf_put(out, p, n);
	return (out->failed ? -1 : 0);
}

int
acme_json_put(const json_t *v, struct buf *out)
{
	return (json_dump_callback(v, put_piece, out,
	    JSON_COMPACT | JSON_SORT_KEYS));
}

/* --- directory (RFC 8555 7.1.1) --- */

static int
read_directory(const json_t *o, struct arena *arena, struct acme_directory *d,
    struct err *err)
{
	const struct {
		const char *name;
		enum need need;
		struct str *out;
	} rows[] = {
	    {"newNonce", REQUIRED, &d->new_nonce},
	    {"newAccount", REQUIRED, &d->new_account},
	    {"newOrder", REQUIRED, &d->new_order},
	    {"revokeCert", OPTIONAL, &d->revoke_cert},
	    {"keyChange", OPTIONAL, &d->key_change},
	    {"waxwingKeys", OPTIONAL, &d->kms_keys},
	    {"waxwingReleaseLog", OPTIONAL, &d->kms_log},
	    {"waxwingSearch", OPTIONAL, &d->search},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (member_url(o, rows[i].name, rows[i].need, arena,
		        rows[i].out, err) == -1)
			return (-1);
	return (0);
}

int
acme_directory_get(struct str text, struct arena *arena,
    struct acme_directory *d, struct err *err)
{
	json_t *o;
	int rc;

	memset(d, 0, sizeof(*d));
	if ((o = acme_json(text, ACME_JSON_MAX, err)) == NULL)
		return (-1);
	rc = read_directory(o, arena, d, err);
	json_decref(o);
	return (rc);
}

/* --- status (RFC 8555 7.1.6) --- */

static const char *const status_words[] = {
    [ACME_PENDING] = "pending",
    [ACME_READY] = "ready",
    [ACME_PROCESSING] = "processing",
    [ACME_VALID] = "valid",
    [ACME_INVALID] = "invalid",
    [ACME_DEACTIVATED] = "deactivated",
    [ACME_EXPIRED] = "expired",
    [ACME_REVOKED] = "revoked",
};

const char *
acme_status_word(enum acme_status s)
{
	return (status_words[s]);
}

int
acme_status_parse(struct str s, enum acme_status *out)
{
	size_t i;

	for (i = 0; i < sizeof(status_words) / sizeof(status_words[0]); i++)
		if (str_eq(s, str_c(status_words[i]))) {
			*out = (enum acme_status)i;
			return (0);
		}
	return (-1);
}

static int
read_status(const json_t *o, struct arena *arena, enum acme_status *out,
    struct err *err)
{
	struct str s;

	if (member_str(o, "status", REQUIRED, WORD_MAX, arena, &s, err) == -1)
		return (-1);
	if (acme_status_parse(s, out) == 0)
		return (0);
	err_set(err, ERR_SYNTAX, "unknown status (RFC 8555 7.1.6)");
	return (-1);
}

/* --- problems (RFC 7807) --- */

static int
read_problem(const json_t *o, struct arena *arena, struct acme_problem *p,
    struct err *err)
{
	const struct str prefix = STR("urn:ietf:params:acme:error:");

	if (member_str(o, "type", OPTIONAL, WORD_MAX, arena, &p->type, err) ==
	        -1 ||
	    member_str(o, "detail", OPTIONAL, DETAIL_MAX, arena, &p->detail,
	        err) == -1)
		return (-1);
	if (p->type.len == 0)
		p->type = STR("about:blank");
	else if (str_istarts(p->type, prefix))
		p->type =
		    str_of(p->type.p + prefix.len, p->type.len - prefix.len);
	return (0);
}

int
acme_problem_get(struct str text, struct arena *arena, struct acme_problem *p,
    struct err *err)
{
	json_t *o;
	int rc;

	memset(p, 0, sizeof(*p));
	if ((o = acme_json(text, ACME_JSON_MAX, err)) == NULL)
		return (-1);
	rc = read_problem(o, arena, p, err);
	json_decref(o);
	return (rc);
}

/* The member "error" of an order or a challenge as one line. */
static int
read_error(const json_t *o, struct arena *arena, struct str *out,
    struct err *err)
{
	const json_t *e = json_object_get(o, "error");
	char type[64], detail[ERR_TEXT], line[ERR_TEXT + 80];
	struct acme_problem p;
	size_t n;

	*out = STR("");
	if (e == NULL)
		return (0);
	if (!json_is_object(e)) {
		err_set(err, ERR_SYNTAX, "member \"error\": not an object");
		return (-1);
	}
	if (read_problem(e, arena, &p, err) == -1)
		return (-1);
	err_escape(type, sizeof(type), p.type);
	err_escape(detail, sizeof(detail), p.detail);
	n = strlen(strcpy(line, type));
	if (p.detail.len > 0) {
		memcpy(line + n, ": ", 2);
		strcpy(line + n + 2, detail);
	}
	*out = arena_str(arena, str_c(line));
	if (out->p != NULL)
		return (0);
	err_set(err, ERR_MEMORY, "no memory to read JSON");
	return (-1);
}

/* --- orders and authorizations (RFC 8555 7.1.3, 7.1.4) --- */

static int
read_identifier(const json_t *id, struct arena *arena, struct str *out,
    struct err *err)
{
	struct str type;

	if (member_str(id, "type", REQUIRED, WORD_MAX, arena, &type, err) ==
	        -1 ||
	    member_str(id, "value", REQUIRED, LIMIT_ADDRESS, arena, out, err) ==
	        -1)
		return (-1);
	if (str_eq(type, STR("email")))
		return (0);
	err_set(err, ERR_UNSUPPORTED, "the identifier is no email address");
	return (-1);
}

static int
read_order(const json_t *o, struct arena *arena, struct acme_order *d,
    struct err *err)
{
	const json_t *ids, *authzs;

	if (read_status(o, arena, &d->status, err) == -1 ||
	    member_list(o, "identifiers", REQUIRED, 1, &ids, err) == -1 ||
	    member_list(o, "authorizations", REQUIRED, 1, &authzs, err) == -1)
		return (-1);
	if (json_array_size(ids) != 1 || json_array_size(authzs) != 1) {
		err_set(err, ERR_SYNTAX,
		    "the order has not exactly one address");
		return (-1);
	}
	if (read_identifier(json_array_get(ids, 0), arena, &d->identifier,
	        err) == -1 ||
	    member_value_url(json_array_get(authzs, 0), "authorizations", arena,
	        &d->authorization, err) == -1 ||
	    member_url(o, "finalize", REQUIRED, arena, &d->finalize, err) ==
	        -1 ||
	    member_url(o, "certificate", OPTIONAL, arena, &d->certificate,
	        err) == -1)
		return (-1);
	return (read_error(o, arena, &d->problem, err));
}

int
acme_order_get(struct str text, struct arena *arena, struct acme_order *d,
    struct err *err)
{
	json_t *o;
	int rc;

	memset(d, 0, sizeof(*d));
	if ((o = acme_json(text, ACME_JSON_MAX, err)) == NULL)
		return (-1);
	rc = read_order(o, arena, d, err);
	json_decref(o);
	return (rc);
}

/* The one challenge that we know; NULL: there is none, or several. */
static const json_t *
find_challenge(const json_t *list)
{
	const json_t *c, *type, *found = NULL;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		c = json_array_get(list, i);
		type = json_object_get(c, "type");
		if (!json_is_string(type) ||
		    strcmp(json_string_value(type), "email-reply-00") != 0)
			continue;
		if (found != NULL)
			return (NULL);
		found = c;
	}
	return (found);
}

/* A token goes into what is hashed and mailed: base64url, nothing else. */
static bool
is_token(struct str s)
{
	size_t i;

	while (s.len > 0 && s.p[s.len - 1] == '=')
		s.len--;
	for (i = 0; i < s.len; i++)
		if (memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		           "abcdefghijklmnopqrstuvwxyz0123456789-_",
		        s.p[i], 64) == NULL)
			return (false);
	return (s.len > 0);
}

static int
read_challenge(const json_t *c, struct arena *arena, struct acme_authz *z,
    struct err *err)
{
	if (member_url(c, "url", REQUIRED, arena, &z->challenge, err) == -1 ||
	    member_str(c, "token", REQUIRED, WORD_MAX, arena, &z->token2,
	        err) == -1 ||
	    member_str(c, "from", REQUIRED, LIMIT_ADDRESS, arena, &z->from,
	        err) == -1 ||
	    read_status(c, arena, &z->challenge_status, err) == -1 ||
	    read_error(c, arena, &z->problem, err) == -1)
		return (-1);
	if (is_token(z->token2))
		return (0);
	err_set(err, ERR_SYNTAX, "the challenge's token is not base64url");
	return (-1);
}

static int
read_authz(const json_t *o, struct arena *arena, struct acme_authz *z,
    struct err *err)
{
	const json_t *list, *c;

	if (read_status(o, arena, &z->status, err) == -1 ||
	    read_identifier(json_object_get(o, "identifier"), arena,
	        &z->identifier, err) == -1 ||
	    member_list(o, "challenges", REQUIRED, CHALLENGES_MAX, &list,
	        err) == -1)
		return (-1);
	if ((c = find_challenge(list)) != NULL)
		return (read_challenge(c, arena, z, err));
	err_set(err, ERR_UNSUPPORTED,
	    "the authorization has no single email-reply-00 (RFC 8823 3)");
	return (-1);
}

int
acme_authz_get(struct str text, struct arena *arena, struct acme_authz *z,
    struct err *err)
{
	json_t *o;
	int rc;

	memset(z, 0, sizeof(*z));
	if ((o = acme_json(text, ACME_JSON_MAX, err)) == NULL)
		return (-1);
	rc = read_authz(o, arena, z, err);
	json_decref(o);
	return (rc);
}

/* --- origins (RFC 6454 4) --- */

struct origin {
	struct str host;
	struct str port;
};

/*
 * Stricter than RFC 3986: no user, nothing but letters, digits, ".-" and an
 * IPv6 literal, so that no two readers see different hosts in it.
 */
static bool
origin_read(struct str url, struct origin *o)
{
	const struct str scheme = STR("https://");
	struct str rest;
	size_t i, n, colon;

	if (!str_istarts(url, scheme))
		return (false);
	rest = str_of(url.p + scheme.len, url.len - scheme.len);
	for (n = 0; n < rest.len && strchr("/?#", rest.p[n]) == NULL; n++)
		continue;
	for (i = 0, colon = n; i < n; i++) {
		if (rest.p[i] == '[' && i == 0) {
			i = str_find(str_of(rest.p, n), ']');
			if (i == n)
				return (false);
		} else if (rest.p[i] == ':' && colon == n)
			colon = i;
		else if (colon < n ? rest.p[i] < '0' || rest.p[i] > '9'
		                   : !is_token(str_of(rest.p + i, 1)) &&
		                         rest.p[i] != '.')
			return (false);
	}
	o->host = str_of(rest.p, colon);
	o->port = colon + 1 < n ? str_of(rest.p + colon + 1, n - colon - 1)
	                        : STR("443");
	return (o->host.len > 0);
}

bool
acme_same_origin(struct str url, struct str base)
{
	struct origin a, b;

	return (origin_read(url, &a) && origin_read(base, &b) &&
	        str_ieq(a.host, b.host) && str_eq(a.port, b.port));
}
