#include "config.h"

#include "acme/member.h"

#include "acme/b64url.h"

/* Longer URLs are cut by proxies and servers on the way. */
#define URL_MAX 2048

static int
wrong(struct err *err, const char *what, const char *how)
{
	err_set(err, ERR_SYNTAX, "member \"%s\": %s", what, how);
	return (-1);
}

static int
no_memory(struct err *err)
{
	err_set(err, ERR_MEMORY, "no memory to read JSON");
	return (-1);
}

/* The member; *out is NULL if it is optional and missing. */
static int
find(const json_t *o, const char *name, enum need need, const json_t **out,
    struct err *err)
{
	*out = json_object_get(o, name);
	if (*out == NULL && need == REQUIRED)
		return (wrong(err, name, "missing"));
	return (0);
}

static int
value_text(const json_t *v, const char *what, size_t max, struct str *out,
    struct err *err)
{
	if (!json_is_string(v))
		return (wrong(err, what, "not a string"));
	*out = str_of(json_string_value(v), json_string_length(v));
	if (out->len <= max)
		return (0);
	err_set(err, ERR_LIMIT, "member \"%s\": too long", what);
	return (-1);
}

int
member_value_str(const json_t *v, const char *what, size_t max,
    struct arena *arena, struct str *out, struct err *err)
{
	struct str s;

	if (value_text(v, what, max, &s, err) == -1)
		return (-1);
	*out = arena_str(arena, s);
	return (out->p != NULL ? 0 : no_memory(err));
}

int
member_value_b64url(const json_t *v, const char *what, size_t max,
    struct arena *arena, struct str *out, struct err *err)
{
	struct buf b;
	struct str s;
	int rc = -1;

	if (value_text(v, what, max / 3 * 4 + 4, &s, err) == -1)
		return (-1);
	buf_init(&b, s.len + 4);
	if (b64url_decode(s, &b) == -1)
		wrong(err, what, "not base64url (RFC 7515 2)");
	else if (b.len > max)
		err_set(err, ERR_LIMIT, "member \"%s\": too long", what);
	else if ((*out = arena_str(arena, buf_text(&b))).p == NULL)
		no_memory(err);
	else
		rc = 0;
	buf_clear(&b);
	return (rc);
}

int
member_str(const json_t *o, const char *name, enum need need, size_t max,
    struct arena *arena, struct str *out, struct err *err)
{
	const json_t *v;

	*out = STR("");
	if (find(o, name, need, &v, err) == -1)
		return (-1);
	if (v == NULL)
		return (0);
	return (member_value_str(v, name, max, arena, out, err));
}

int
member_b64url(const json_t *o, const char *name, enum need need, size_t max,
    struct arena *arena, struct str *out, struct err *err)
{
	const json_t *v;

	*out = STR("");
	if (find(o, name, need, &v, err) == -1)
		return (-1);
	if (v == NULL)
		return (0);
	return (member_value_b64url(v, name, max, arena, out, err));
}

int
member_uint(const json_t *o, const char *name, enum need need, uint64_t *out,
    struct err *err)
{
	const json_t *v;

	*out = 0;
	if (find(o, name, need, &v, err) == -1)
		return (-1);
	if (v == NULL)
		return (0);
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return (wrong(err, name, "not a whole number"));
	*out = (uint64_t)json_integer_value(v);
	return (0);
}

int
member_flag(const json_t *o, const char *name, bool *out, struct err *err)
{
	const json_t *v = json_object_get(o, name);

	*out = json_is_true(v);
	if (v == NULL || json_is_boolean(v))
		return (0);
	return (wrong(err, name, "not true or false"));
}

int
member_list(const json_t *o, const char *name, enum need need, size_t max,
    const json_t **out, struct err *err)
{
	if (find(o, name, need, out, err) == -1)
		return (-1);
	if (*out == NULL)
		return (0);
	if (!json_is_array(*out))
		return (wrong(err, name, "not an array"));
	if (json_array_size(*out) <= max)
		return (0);
	err_set(err, ERR_LIMIT, "member \"%s\": too many elements", name);
	return (-1);
}

int
member_value_url(const json_t *v, const char *what, struct arena *arena,
    struct str *out, struct err *err)
{
	size_t i;

	if (member_value_str(v, what, URL_MAX, arena, out, err) == -1)
		return (-1);
	for (i = 0; i < out->len; i++)
		if (out->p[i] <= ' ' || out->p[i] >= 0x7f)
			break;
	if (i == out->len && i > 0)
		return (0);
	return (wrong(err, what, "not a URL"));
}

int
member_url(const json_t *o, const char *name, enum need need,
    struct arena *arena, struct str *out, struct err *err)
{
	const json_t *v;

	*out = STR("");
	if (find(o, name, need, &v, err) == -1)
		return (-1);
	if (v == NULL)
		return (0);
	return (member_value_url(v, name, arena, out, err));
}

void
member_set_str(json_t *o, const char *name, struct str s, bool *bad)
{
	if (json_object_set_new(o, name, json_stringn(s.p, s.len)) == -1)
		*bad = true;
}

static json_t *
b64url_value(struct str s)
{
	struct buf b;
	json_t *v = NULL;

	buf_init(&b, s.len / 3 * 4 + 4);
	b64url_encode(s, &b);
	if (!b.failed)
		v = json_stringn(buf_text(&b).p, b.len);
	buf_clear(&b);
	return (v);
}

void
member_set_b64url(json_t *o, const char *name, struct str s, bool *bad)
{
	if (json_object_set_new(o, name, b64url_value(s)) == -1)
		*bad = true;
}

void
member_add_b64url(json_t *array, struct str s, bool *bad)
{
	if (json_array_append_new(array, b64url_value(s)) == -1)
		*bad = true;
}

void
member_set_uint(json_t *o, const char *name, uint64_t n, bool *bad)
{
	if (n > INT64_MAX ||
	    json_object_set_new(o, name, json_integer((json_int_t)n)) == -1)
		*bad = true;
}
