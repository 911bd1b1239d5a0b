#include "config.h"

#include "mail/ctype.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "mail/token.h"

/* One parameter as written. */
struct raw {
	struct str key; /* without the section of RFC 2231 3 */
	struct str value;
	uint32_t index;
	bool extended; /* its value is percent-encoded (RFC 2231 4) */
	bool pieced;   /* has a section or an encoding */
	size_t order;
};

struct raws {
	struct raw *v; /* owned */
	size_t n;
	size_t cap;
};

static int
raws_add(struct raws *r, const struct raw *raw)
{
	struct raw *v;
	size_t cap;

	if (r->n == r->cap) {
		cap = r->cap == 0 ? 8 : r->cap * 2;
		if (cap > SIZE_MAX / sizeof(*v) ||
		    (v = realloc(r->v, cap * sizeof(*v))) == NULL)
			return (-1);
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n] = *raw;
	r->v[r->n].order = r->n;
	r->n++;
	return (0);
}

static int
save(struct arena *arena, const struct buf *b, struct str *out)
{
	*out = arena_str(arena, buf_text(b));
	return (out->p == NULL || b->failed ? -1 : 0);
}

/*
 * Divide "name*1*" (RFC 2231 4.1).  *index keeps its old value where none is
 * written, whatever parameter that was of: Dovecot's BODYSTRUCTURE shows it.
 */
static void
divide_key(struct str key, uint32_t *index, struct raw *raw)
{
	size_t star = str_find(key, '*'), i = star;

	raw->key = key;
	raw->pieced = false;
	if (star == key.len)
		return;
	if (i + 1 < key.len) {
		*index = 0;
		for (i++; i < key.len && key.p[i] >= '0' && key.p[i] <= '9';
		     i++)
			*index = *index * 10 + (uint32_t)(key.p[i] - '0');
	}
	raw->extended = i < key.len && key.p[i] == '*';
	if (raw->extended)
		i++;
	if (i < key.len)
		return;
	raw->index = *index;
	raw->key.len = star;
	raw->pieced = true;
}

/* A value that begins with "=" is somebody's bare encoded-word. */
static void
bare_word(struct token *t, struct buf *out)
{
	const char *from = t->p;

	while (t->p < t->end && *t->p != 0 && strchr("; \t\r\n", *t->p) == NULL)
		t->p++;
	buf_put(out, from, (size_t)(t->p - from));
}

/* *(";" attribute "=" value): -1 broken, 0 no more, 1 one was read. */
static int
param(struct token *t, struct buf *key, struct buf *value)
{
	int rc;

	buf_reset(key);
	buf_reset(value);
	if (t->p >= t->end)
		return (0);
	if (*t->p != ';')
		return (-1);
	t->p++;
	if (token_cfws(t) <= 0 || token_mime(t, key) <= 0 || *t->p != '=')
		return (-1);
	t->p++;
	if ((rc = token_cfws(t)) > 0) {
		if (*t->p == '"')
			rc = token_quoted(t, value);
		else if (*t->p == '=')
			bare_word(t, value);
		else
			rc = token_mime(t, value);
	}
	return (rc < 0 ? -1 : 1);
}

static int
read_raws(struct token *t, struct arena *arena, struct raws *out)
{
	struct buf key, value;
	struct raw raw;
	struct str name;
	uint32_t index = 0;
	size_t left = (size_t)(t->end - t->p);
	int rc, ret = 0;

	buf_init(&key, left + 1);
	buf_init(&value, left + 1);
	while (ret == 0 && (rc = param(t, &key, &value)) != 0) {
		if (rc < 0) {
			if (t->p >= t->end)
				break;
			t->p++;
			continue;
		}
		memset(&raw, 0, sizeof(raw));
		if (save(arena, &key, &name) < 0 ||
		    save(arena, &value, &raw.value) < 0) {
			ret = -1;
			break;
		}
		divide_key(name, &index, &raw);
		ret = raws_add(out, &raw);
	}
	buf_clear(&key);
	buf_clear(&value);
	return (ret);
}

/* Whole parameters first as they came, then the pieces by name and index. */
static int
raw_cmp(const void *pa, const void *pb)
{
	const struct raw *a = pa, *b = pb;
	int rc;

	if (a->pieced != b->pieced)
		return (a->pieced ? 1 : -1);
	if (a->pieced) {
		if ((rc = str_cmp(a->key, b->key)) != 0)
			return (rc);
		if (a->index != b->index)
			return (a->index < b->index ? -1 : 1);
	}
	return (a->order < b->order ? -1 : 1);
}

/* Pieces that do not fit together stay single, under their full names. */
static int
keep_pieces(const struct raw *r, size_t n, struct arena *arena,
    struct ctype_param *out)
{
	struct buf name;
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		buf_init(&name, r[i].key.len + 16);
		buf_str(&name, r[i].key);
		buf_printf(&name, r[i].extended ? "*%u*" : "*%u", r[i].index);
		rc = save(arena, &name, &out[i].name);
		out[i].value = r[i].value;
		buf_clear(&name);
	}
	return (rc);
}

/*
 * Join the pieces of one parameter.  As soon as one is percent-encoded the
 * whole becomes so, and its name ends with a star.
 */
static int
join_pieces(const struct raw *r, size_t n, bool extended, struct arena *arena,
    struct ctype_param *out)
{
	struct buf name, value;
	size_t i, j, max = 2;
	int rc;

	for (i = 0; i < n; i++)
		max += r[i].value.len * 3;
	buf_init(&value, max);
	if (extended && !r[0].extended)
		buf_puts(&value, "''");
	for (i = 0; i < n; i++) {
		if (!extended || r[i].extended) {
			buf_str(&value, r[i].value);
			continue;
		}
		for (j = 0; j < r[i].value.len; j++) {
			if (r[i].value.p[j] == '%')
				buf_puts(&value, "%25");
			else
				buf_putc(&value, r[i].value.p[j]);
		}
	}
	buf_init(&name, r[0].key.len + 2);
	buf_str(&name, r[0].key);
	if (extended)
		buf_putc(&name, '*');
	rc = save(arena, &name, &out->name);
	if (rc == 0)
		rc = save(arena, &value, &out->value);
	buf_clear(&name);
	buf_clear(&value);
	return (rc);
}

static int
join(const struct raws *r, struct arena *arena, struct ctype *out)
{
	struct ctype_param *params;
	size_t i, j, n = 0;
	bool whole, extended;
	int rc = 0;

	if ((params = arena_array(arena, r->n + 1, sizeof(*params))) == NULL)
		return (-1);
	for (i = 0; i < r->n && !r->v[i].pieced; i++)
		params[n++] = (struct ctype_param){r->v[i].key, r->v[i].value};
	for (; i < r->n && rc == 0; i = j) {
		whole = true;
		extended = false;
		for (j = i; j < r->n && str_ieq(r->v[i].key, r->v[j].key);
		     j++) {
			if (r->v[j].index != j - i)
				whole = false;
			if (r->v[j].extended)
				extended = true;
		}
		if (whole) {
			rc = join_pieces(r->v + i, j - i, extended, arena,
			    params + n);
			n++;
		} else {
			rc = keep_pieces(r->v + i, j - i, arena, params + n);
			n += j - i;
		}
	}
	out->params = params;
	out->nparams = n;
	return (rc);
}

static int
params_parse(struct token *t, struct arena *arena, struct ctype *out)
{
	struct raws r = {NULL, 0, 0};
	int rc;

	rc = read_raws(t, arena, &r);
	if (r.n > 0)
		qsort(r.v, r.n, sizeof(*r.v), raw_cmp);
	if (rc == 0)
		rc = join(&r, arena, out);
	free(r.v);
	return (rc);
}

/*
 * type "/" subtype, and then the end or ";".  A type with nothing at all
 * behind it is kept, without a subtype; of other broken ones nothing is.
 */
static bool
media_type(struct token *t, struct buf *type, struct buf *subtype)
{
	if (token_cfws(t) <= 0)
		return (false);
	if (token_mime(t, type) <= 0 || type->len == 0)
		return (false);
	if (*t->p == '/') {
		t->p++;
		if (token_cfws(t) > 0 && token_mime(t, subtype) >= 0 &&
		    subtype->len > 0 && (t->p == t->end || *t->p == ';'))
			return (true);
	}
	buf_reset(type);
	buf_reset(subtype);
	return (false);
}

int
ctype_parse(struct str value, struct arena *arena, struct ctype *out)
{
	struct buf type, subtype;
	struct token t;
	int rc;

	memset(out, 0, sizeof(*out));
	buf_init(&type, value.len + 1);
	buf_init(&subtype, value.len + 1);
	token_init(&t, value, NULL);
	out->valid = media_type(&t, &type, &subtype);
	rc = save(arena, &type, &out->type);
	if (rc == 0)
		rc = save(arena, &subtype, &out->subtype);
	buf_clear(&type);
	buf_clear(&subtype);
	if (rc == 0 && out->valid)
		rc = params_parse(&t, arena, out);
	return (rc);
}

int
ctype_disposition(struct str value, struct arena *arena, struct ctype *out)
{
	struct buf word;
	struct token t;
	int rc;

	memset(out, 0, sizeof(*out));
	out->subtype = STR("");
	buf_init(&word, value.len + 1);
	token_init(&t, value, NULL);
	(void)token_cfws(&t);
	out->valid = token_mime(&t, &word) >= 0;
	if (!out->valid)
		buf_reset(&word);
	rc = save(arena, &word, &out->type);
	buf_clear(&word);
	if (rc == 0 && out->valid)
		rc = params_parse(&t, arena, out);
	return (rc);
}

int
ctype_encoding(struct str value, struct arena *arena, struct str *out)
{
	struct buf word;
	struct token t;
	int rc = 0;

	*out = str_of(NULL, 0);
	buf_init(&word, value.len + 1);
	token_init(&t, value, NULL);
	(void)token_cfws(&t);
	if (token_mime(&t, &word) >= 0 && token_cfws(&t) == 0 && word.len > 0)
		rc = save(arena, &word, out);
	buf_clear(&word);
	return (rc);
}

int
ctype_languages(struct str value, struct arena *arena, struct str **out,
    size_t *n)
{
	struct buf word;
	struct token t;
	size_t i, max = 1;
	int rc = 0;

	*n = 0;
	for (i = 0; i < value.len; i++)
		if (value.p[i] == ',')
			max++;
	if ((*out = arena_array(arena, max, sizeof(**out))) == NULL)
		return (-1);
	buf_init(&word, value.len + 1);
	token_init(&t, value, NULL);
	(void)token_cfws(&t);
	while (rc == 0 && *n < max && token_atom(&t, &word) >= 0) {
		rc = save(arena, &word, &(*out)[(*n)++]);
		buf_reset(&word);
		if (token_peek(&t) != ',')
			break;
		t.p++;
		(void)token_cfws(&t);
	}
	buf_clear(&word);
	return (rc);
}

bool
ctype_is(const struct ctype *c, const char *name)
{
	struct str want = str_c(name);
	size_t slash = str_find(want, '/');

	if (!str_ieq(c->type, str_of(want.p, slash)) || slash == want.len)
		return (false);
	want = str_of(want.p + slash + 1, want.len - slash - 1);
	if (want.len == 0)
		return (c->subtype.len > 0);
	return (str_ieq(c->subtype, want));
}

static struct str
param_named(const struct ctype *c, struct str name)
{
	size_t i;

	for (i = 0; i < c->nparams; i++)
		if (str_ieq(c->params[i].name, name))
			return (c->params[i].value);
	return (str_of(NULL, 0));
}

struct str
ctype_param(const struct ctype *c, const char *name)
{
	return (param_named(c, str_c(name)));
}

/* charset'language'text with %HH (RFC 2231 4) */
static int
percent_decode(struct str s, struct arena *arena, struct str *out)
{
	size_t i, n = 0;
	int hi, lo, quotes = 0;
	char *p;

	if ((p = arena_alloc(arena, s.len + 1)) == NULL)
		return (-1);
	for (i = 0; i < s.len && quotes < 2; i++)
		if (s.p[i] == '\'')
			quotes++;
	if (quotes < 2)
		i = 0;
	for (; i < s.len; i++) {
		p[n] = s.p[i];
		if (s.p[i] == '%' && i + 2 < s.len &&
		    (hi = hex_value(s.p[i + 1])) >= 0 &&
		    (lo = hex_value(s.p[i + 2])) >= 0) {
			p[n] = (char)(hi * 16 + lo);
			i += 2;
		}
		n++;
	}
	*out = str_of(p, n);
	return (0);
}

int
ctype_param_decoded(const struct ctype *c, const char *name,
    struct arena *arena, struct str *out)
{
	struct str star, value;
	size_t len = strlen(name);
	char *p;

	*out = ctype_param(c, name);
	if (out->p != NULL)
		return (0);
	if ((p = arena_alloc(arena, len + 1)) == NULL)
		return (-1);
	memcpy(p, name, len);
	p[len] = '*';
	star = str_of(p, len + 1);
	value = param_named(c, star);
	if (value.p == NULL)
		return (0);
	return (percent_decode(value, arena, out));
}
