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
	if (t->nfields > MATCH_ROWS || t->nparts > MATCH_PARTS)
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

/* A part, without its header if only bodies count.  Parts follow each other:
 * so a text that is none of ours costs no more than its length. */
static bool
text_part(const struct text *t, uint32_t i, bool body, struct str *out)
{
	const char *row = t->parts + (size_t)i * MATCH_PART;
	uint32_t off = match_get32(row), len = match_get32(row + 4);
	uint32_t head = body ? match_get32(row + 8) : 0;

	if (i > 0) {
		row -= MATCH_PART;
		if (off < match_get32(row) ||
		    off - match_get32(row) < match_get32(row + 4))
			return (false);
	}
	if (head > len || off > UINT32_MAX - head)
		return (false);
	*out = text_piece(t, off + head, len - head);
	return (true);
}

bool
match_some(struct str s, struct str needle, bool body, size_t bytes,
    struct match_at *at, enum match *found)
{
	struct str part, piece;
	struct text t;

	*found = MATCH_YES;
	if (needle.len == 0)
		return (true);
	*found = MATCH_UNSURE;
	if (!text_open(s, &t))
		return (true);
	for (; at->part < t.nparts; at->part++, at->off = 0) {
		if (!text_part(&t, at->part, body, &part) || at->off > part.len)
			return (true);
		piece = str_of(part.p + at->off, part.len - at->off);
		/* It may begin in this piece and end in the next. */
		if (piece.len > bytes && piece.len - bytes >= needle.len)
			piece.len = bytes + needle.len - 1;
		if (contains(piece, needle)) {
			*found = MATCH_YES;
			return (true);
		}
		if (at->off + piece.len < part.len) {
			at->off += bytes;
			return (false);
		}
		bytes -= piece.len < bytes ? piece.len : bytes;
	}
	*found = t.flags & MATCH_CUT ? MATCH_UNSURE : MATCH_NO;
	return (true);
}

static enum match
find(struct str s, struct str needle, bool body)
{
	struct match_at at = {0, 0};
	enum match found;

	(void)match_some(s, needle, body, SIZE_MAX, &at, &found);
	return (found);
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
	size_t left;
	uint32_t i;

	if (!text_open(s, &t))
		return (MATCH_UNSURE);
	left = t.bytes.len;
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
		/* No two values lie at the same place. */
		if (value.len > left)
			return (MATCH_UNSURE);
		left -= value.len;
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
