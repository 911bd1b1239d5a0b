#include "config.h"

#include "mail/match.h"

#include <string.h>

#include "mail/casemap.h"
#include "mail/charset.h"
#include "mail/match_priv.h"

struct text {
	uint32_t flags;
	uint32_t nfields;
	uint32_t nparts;
	const char *fields;
	const char *parts;
	struct str bytes;
};

static bool
text_open(struct str s, struct text *t)
{
	size_t head;

	if (s.len < MATCH_HEAD || match_get32(s.p) != MATCH_MAGIC)
		return (false);
	t->flags = match_get32(s.p + 4);
	t->nfields = match_get32(s.p + 8);
	t->nparts = match_get32(s.p + 12);
	if (t->nfields > s.len / MATCH_FIELD || t->nparts > s.len / MATCH_PART)
		return (false);
	head = MATCH_HEAD + (size_t)t->nfields * MATCH_FIELD +
	       (size_t)t->nparts * MATCH_PART;
	if (head > s.len)
		return (false);
	t->fields = s.p + MATCH_HEAD;
	t->parts = t->fields + (size_t)t->nfields * MATCH_FIELD;
	t->bytes = str_of(s.p + head, s.len - head);
	return (true);
}

/* The bytes that an offset and a length name; none if they lie outside. */
static struct str
text_piece(const struct text *t, uint32_t off, uint32_t len)
{
	if (off > t->bytes.len || len > t->bytes.len - off)
		return (str_of("", 0));
	return (str_of(t->bytes.p + off, len));
}

static bool
contains(struct str s, struct str needle)
{
	return (needle.len == 0 ||
	        (s.len >= needle.len &&
	            memmem(s.p, s.len, needle.p, needle.len) != NULL));
}

static enum match
find(struct str s, struct str needle, bool body)
{
	struct text t;
	const char *row;
	uint32_t off, len, head, i;

	if (needle.len == 0)
		return (MATCH_YES);
	if (!text_open(s, &t))
		return (MATCH_UNSURE);
	for (i = 0; i < t.nparts; i++) {
		row = t.parts + (size_t)i * MATCH_PART;
		off = match_get32(row);
		len = match_get32(row + 4);
		head = body ? match_get32(row + 8) : 0;
		if (head > len || off > UINT32_MAX - head)
			return (MATCH_UNSURE);
		if (contains(text_piece(&t, off + head, len - head), needle))
			return (MATCH_YES);
	}
	return (t.flags & MATCH_CUT ? MATCH_UNSURE : MATCH_NO);
}

enum match
match_text(struct str text, struct str needle)
{
	return (find(text, needle, false));
}

enum match
match_body(struct str text, struct str needle)
{
	return (find(text, needle, true));
}

enum match
match_field(struct str s, bool tidy, struct str field, struct str needle)
{
	struct text t;
	const char *row;
	struct str value;
	uint32_t i;

	if (!text_open(s, &t))
		return (MATCH_UNSURE);
	for (i = 0; i < t.nfields; i++) {
		row = t.fields + (size_t)i * MATCH_FIELD;
		if (!str_ieq(
		        text_piece(&t, match_get32(row), match_get32(row + 4)),
		        field))
			continue;
		value =
		    text_piece(&t, match_get32(row + 8), match_get32(row + 12));
		if (tidy && match_get32(row + 20) != NO_LEN)
			value = text_piece(&t, match_get32(row + 16),
			    match_get32(row + 20));
		if (contains(value, needle))
			return (MATCH_YES);
	}
	return (t.flags & MATCH_FIELDS_CUT ? MATCH_UNSURE : MATCH_NO);
}

bool
match_is_cut(struct str s)
{
	struct text t;

	return (!text_open(s, &t) ||
	        (t.flags & (MATCH_CUT | MATCH_FIELDS_CUT)) != 0);
}

int
match_needle(struct str charset, struct str raw, struct buf *out,
    struct err *err)
{
	enum charset_result result;
	struct buf utf8;

	if (charset.len == 0)
		charset = STR("UTF-8");
	buf_init(&utf8, raw.len * 8 + 64);
	result = charset_put(charset, raw, false, &utf8);
	if (result == CHARSET_OK)
		casemap_put(out, buf_text(&utf8));
	out->failed |= utf8.failed;
	buf_wipe(&utf8);
	if (result == CHARSET_UNKNOWN) {
		err_set(err, ERR_NOTFOUND, "unknown charset");
		return (-1);
	}
	if (result == CHARSET_INVALID) {
		err_set(err, ERR_SYNTAX, "invalid search key");
		return (-1);
	}
	if (out->failed) {
		err_set(err, ERR_LIMIT, "search key too long");
		return (-1);
	}
	return (0);
}
