#include "config.h"

#include "mail/body.h"

#include <string.h>

#include "base/limits.h"
#include "mail/charset.h"
#include "mail/ctype.h"
#include "mail/token.h"

void
body_init(struct body *b)
{
	*b = (struct body){.is_text = true,
	    .charset = STR("UTF-8"),
	    .cte = CTE_NONE};
}

void
body_unfold(struct str value, struct buf *out)
{
	bool first = true;
	struct str line;
	size_t n;

	for (; value.len > 0; value = str_of(value.p + n, value.len - n)) {
		n = str_find(value, '\n');
		n += n < value.len;
		line = str_chomp(str_of(value.p, n));
		if (!first && line.len > 0 && line.p[0] == '\t') {
			buf_putc(out, ' ');
			line = str_of(line.p + 1, line.len - 1);
		}
		buf_str(out, line);
		first = false;
	}
}

static int
read_type(struct body *b, struct str value, struct arena *arena)
{
	struct arena scratch;
	struct ctype type;
	struct str charset;
	int rc;

	arena_init(&scratch, LIMIT_PARSE);
	if ((rc = ctype_parse(value, &scratch, &type)) == -1)
		goto out;
	b->is_text = type.valid && (str_ieq(type.type, STR("text")) ||
	                               str_ieq(type.type, STR("message")));
	if (b->typed)
		goto out;
	b->typed = true;
	b->is_html = type.valid && ctype_is(&type, "text/html");
	charset = type.valid ? ctype_param(&type, "charset") : (struct str){0};
	if (charset.p != NULL) {
		b->charset = arena_str(arena, charset);
		rc = b->charset.p == NULL ? -1 : 0;
	}
out:
	arena_clear(&scratch);
	return (rc);
}

/* What follows the token has to be behind a semicolon. */
static int
read_encoding(struct body *b, struct str value)
{
	struct buf word;
	struct token t;
	int rc;

	buf_init(&word, value.len + 1);
	token_init(&t, value, NULL);
	token_cfws(&t);
	if (token_mime(&t, &word) > 0 && token_peek(&t) != ';')
		b->cte = CTE_UNKNOWN;
	else
		b->cte = cte_of(buf_text(&word));
	rc = word.failed ? -1 : 0;
	buf_wipe(&word);
	return (rc);
}

int
body_field(struct body *b, struct str name, struct str value,
    struct arena *arena)
{
	if (str_ieq(name, STR("Content-Type")))
		return (read_type(b, value, arena));
	if (str_ieq(name, STR("Content-Transfer-Encoding")))
		return (read_encoding(b, value));
	return (0);
}

/*
 * Copy with LF for each CRLF: Dovecot keeps mail so, and what is not encoded
 * is searched as it is kept.
 */
static void
put_lines(struct buf *out, struct str s)
{
	const char *cr;
	size_t n;

	while (s.len > 0 && (cr = memchr(s.p, '\r', s.len)) != NULL) {
		n = (size_t)(cr - s.p);
		buf_str(out, str_of(s.p, n));
		if (n + 1 >= s.len || s.p[n + 1] != '\n')
			buf_putc(out, '\r');
		s = str_of(s.p + n + 1, s.len - n - 1);
	}
	buf_str(out, s);
}

void
body_text(const struct body *b, struct str bytes, bool fold, struct buf *raw,
    struct buf *out)
{
	buf_reset(raw);
	if (b->cte == CTE_NONE)
		put_lines(raw, bytes);
	else
		cte_decode(b->cte, bytes, raw);
	if (charset_put(b->charset, buf_text(raw), fold, out) ==
	    CHARSET_UNKNOWN)
		charset_put(STR("UTF-8"), buf_text(raw), fold, out);
}
