#include "config.h"

#include "acme/word.h"

#include <string.h>

#include "base/buf.h"
#include "base/codec.h"

/* An encoded word may be 75 bytes long, a Subject a few of them. */
#define VALUE_MAX 4096

/* Cut s at the next "?"; false if there is none. */
static bool
cut(struct str *s, struct str *piece)
{
	size_t n = str_find(*s, '?');

	if (n == s->len)
		return (false);
	*piece = str_of(s->p, n);
	*s = str_of(s->p + n + 1, s->len - n - 1);
	return (true);
}

static bool
charset_known(struct str charset)
{
	charset.len = str_find(charset, '*');
	return (str_ieq(charset, STR("utf-8")) ||
	        str_ieq(charset, STR("us-ascii")));
}

/* RFC 2047 4.2 */
static int
put_q(struct str text, struct buf *out)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.p[i] == '_')
			buf_putc(out, ' ');
		else if (text.p[i] != '=')
			buf_putc(out, text.p[i]);
		else {
			if (text.len - i < 3 ||
			    hex_decode(str_of(text.p + i + 1, 2), &c, 1) == -1)
				return (-1);
			buf_putc(out, (char)c);
			i += 2;
		}
	}
	return (0);
}

/* At "=?": the word's text to out; *s is moved behind it. */
static int
put_word(struct str *s, struct buf *out)
{
	struct str rest = str_of(s->p + 2, s->len - 2), charset, how, text;
	int rc;

	if (!cut(&rest, &charset) || !cut(&rest, &how) || !cut(&rest, &text) ||
	    rest.len == 0 || rest.p[0] != '=' || !charset_known(charset))
		return (-1);
	if (str_ieq(how, STR("B")))
		rc = b64_decode(text, out);
	else
		rc = str_ieq(how, STR("Q")) ? put_q(text, out) : -1;
	*s = str_of(rest.p + 1, rest.len - 1);
	return (rc);
}

static bool
at_word(struct str s)
{
	return (s.len > 2 && s.p[0] == '=' && s.p[1] == '?');
}

/* Blanks between two words do not count (RFC 2047 6.2). */
static void
skip_between(struct str *s)
{
	struct str rest = *s;

	while (rest.len > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t'))
		rest = str_of(rest.p + 1, rest.len - 1);
	if (at_word(rest))
		*s = rest;
}

int
word_text(struct str s, struct arena *arena, struct str *out)
{
	struct buf b;
	int rc = 0;

	buf_init(&b, VALUE_MAX);
	while (rc == 0 && s.len > 0 && !b.failed) {
		if (at_word(s)) {
			rc = put_word(&s, &b);
			skip_between(&s);
		} else {
			buf_putc(&b, s.p[0]);
			s = str_of(s.p + 1, s.len - 1);
		}
	}
	if (rc == 0 &&
	    (b.failed || (*out = arena_str(arena, buf_text(&b))).p == NULL))
		rc = -1;
	buf_clear(&b);
	return (rc);
}
