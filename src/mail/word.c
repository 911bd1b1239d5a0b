#include "config.h"

#include "mail/word.h"

#include <string.h>

#include "base/codec.h"
#include "mail/casemap.h"
#include "mail/charset.h"
#include "mail/cte.h"

/* Where c is in s from pos on; s.len if it is not there. */
static size_t
find_from(struct str s, size_t pos, char c)
{
	return (pos + str_find(str_of(s.p + pos, s.len - pos), c));
}

static bool
is_space(struct str s)
{
	return (str_trim(s).len == 0);
}

/* The "Q" encoding (RFC 2047 4.2); behind a "=" that is cut off nothing is
 * decoded any more. */
static void
decode_q(struct str s, struct buf *out)
{
	size_t i;
	int hi, lo;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '=' && i + 2 >= s.len) {
			buf_str(out, str_of(s.p + i, s.len - i));
			return;
		}
		if (s.p[i] == '=' && (hi = hex_value(s.p[i + 1])) >= 0 &&
		    (lo = hex_value(s.p[i + 2])) >= 0) {
			buf_putc(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			buf_putc(out, s.p[i] == '_' ? ' ' : s.p[i]);
		}
	}
}

struct word {
	struct str charset;
	struct str text;
	char encoding;
	size_t len; /* of all of it */
};

/* At "=?": an encoded word? */
static bool
word_find(struct str s, struct word *w)
{
	size_t charset, encoding, end;

	charset = find_from(s, 2, '?');
	if (charset >= s.len)
		return (false);
	encoding = find_from(s, charset + 1, '?');
	if (encoding >= s.len)
		return (false);
	end = find_from(s, encoding + 1, '?');
	if (end + 1 >= s.len || s.p[end + 1] != '=')
		return (false);
	w->charset = str_of(s.p + 2, charset - 2);
	w->encoding = ascii_lower(s.p[charset + 1]);
	w->text = str_of(s.p + encoding + 1, end - encoding - 1);
	w->len = end + 2;
	return (w->encoding == 'q' || w->encoding == 'b');
}

static void
put_plain(struct str s, bool fold, struct buf *out)
{
	if (fold)
		casemap_put(out, s);
	else
		casemap_copy(out, s);
}

static void
put_word(const struct word *w, bool fold, struct buf *tmp, struct buf *out)
{
	struct str text;

	buf_reset(tmp);
	if (w->encoding == 'q')
		decode_q(w->text, tmp);
	else
		cte_base64(w->text, tmp);
	text = buf_text(tmp);
	if (charset_is_utf8(w->charset))
		put_plain(text, fold, out);
	else if (charset_put(w->charset, text, fold, out) == CHARSET_UNKNOWN)
		casemap_copy(out, text);
	if (tmp->failed)
		out->failed = true;
}

void
word_decode(struct str value, bool fold, struct buf *out)
{
	struct word w;
	struct buf tmp;
	size_t start = 0, pos = 0;

	buf_init(&tmp, value.len + 8);
	while (pos + 1 < value.len) {
		if (value.p[pos] != '=' || value.p[pos + 1] != '?') {
			pos++;
			continue;
		}
		if (!is_space(str_of(value.p + start, pos - start)))
			put_plain(str_of(value.p + start, pos - start), fold,
			    out);
		start = pos;
		if (!word_find(str_of(value.p + pos, value.len - pos), &w)) {
			pos += 2;
			continue;
		}
		put_word(&w, fold, &tmp, out);
		pos += w.len;
		start = pos;
	}
	put_plain(str_of(value.p + start, value.len - start), fold, out);
	buf_clear(&tmp);
}
