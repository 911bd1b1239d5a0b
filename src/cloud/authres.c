#include "config.h"

#include "cloud/authres.h"

#include <string.h>

#include "base/buf.h"
#include "mail/header.h"

/* Results of a few methods; a longer field is none that we know. */
#define FIELD_MAX 4096

/*
 * Without comments (RFC 5322 3.2.2) and line ends; false if one is not closed.
 * What is in quotes may be the sender's words, as the local part of an
 * address is: there nothing ends a word or a result.
 */
static bool
strip(struct str value, struct buf *out)
{
	unsigned depth = 0;
	bool quoted = false;
	size_t i;
	char c;

	for (i = 0; i < value.len; i++) {
		c = value.p[i];
		if (c == '\\' && (quoted || depth > 0)) {
			i++;
			if (quoted)
				buf_putc(out, '_');
			continue;
		}
		if (c == '"' && depth == 0)
			quoted = !quoted;
		else if (quoted)
			buf_putc(out,
			    c == ';' || c == '=' || (unsigned char)c <= ' '
			        ? '_'
			        : c);
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0)
			buf_putc(out,
			    c == '\r' || c == '\n' || c == '\t' ? ' ' : c);
	}
	return (depth == 0 && !quoted && !out->failed);
}

/* Take the next word, at blanks. */
static bool
next_word(struct str *s, struct str *word)
{
	size_t len;

	*s = str_trim(*s);
	len = str_find(*s, ' ');
	*word = str_of(s->p, len);
	*s = str_of(s->p + len, s->len - len);
	return (len > 0);
}

/* "dkim=pass ... header.d=DOMAIN", and no other domain beside it: one of them
 * would be the sender's invention. */
static bool
is_pass(struct str result, struct str domain)
{
	struct str word, d = STR("header.d=");
	size_t n = 0, right = 0;

	if (!next_word(&result, &word) || !str_ieq(word, STR("dkim=pass")))
		return (false);
	while (next_word(&result, &word)) {
		if (!str_istarts(word, d))
			continue;
		n++;
		if (str_ieq(str_of(word.p + d.len, word.len - d.len), domain))
			right++;
	}
	return (n == 1 && right == 1);
}

static bool
passes(struct str text, struct str domain)
{
	size_t len;

	for (;;) {
		len = str_find(text, ';');
		if (is_pass(str_of(text.p, len), domain))
			return (true);
		if (len == text.len)
			return (false);
		text = str_of(text.p + len + 1, text.len - len - 1);
	}
}

bool
authres_passes(struct str mail, struct str authserv_id, struct str domain)
{
	struct header h;
	struct field f;
	struct str text, rest, id;
	struct buf b;
	size_t len;
	bool mine, yes = false;

	header_init(&h, mail);
	while (header_next(&h, &f)) {
		if (!field_is(&f, "Authentication-Results"))
			continue;
		buf_init(&b, FIELD_MAX);
		if (!strip(f.value, &b)) {
			/* ours perhaps, and what stands below is anybody's */
			buf_clear(&b);
			break;
		}
		text = buf_text(&b);
		len = str_find(text, ';');
		/* a version may stand behind the name */
		rest = str_of(text.p, len);
		mine = next_word(&rest, &id) && str_ieq(id, authserv_id);
		yes = mine && len < text.len &&
		      passes(str_of(text.p + len + 1, text.len - len - 1),
		          domain);
		buf_clear(&b);
		if (mine)
			break;
	}
	return (yes);
}
