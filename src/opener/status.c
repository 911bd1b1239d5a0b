#include "config.h"

#include "opener/status.h"

#include <string.h>

#include "mail/header.h"

struct sign_word {
	enum open_sign sign;
	const char *word;
	const char *result; /* RFC 7281 3.1 */
};

static const struct sign_word sign_words[] = {
    {SIGN_NONE, "none", "none"},
    {SIGN_GOOD, "good", "pass"},
    {SIGN_BAD, "bad", "fail"},
    {SIGN_UNTRUSTED, "untrusted", "policy"},
};

static const struct sign_word *
word_for(enum open_sign sign)
{
	size_t i;

	for (i = 0; i < sizeof(sign_words) / sizeof(sign_words[0]); i++)
		if (sign_words[i].sign == sign)
			return (&sign_words[i]);
	return (&sign_words[0]);
}

/* A quoted-string or comment holds neither quotes, parentheses nor
 * backslashes; err_escape() left only printable ASCII. */
static void
put_plain(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		buf_putc(out, strchr("\"\\()", *s) != NULL ? '\'' : *s);
}

static void
put_results(const struct status *st, struct str authserv, struct buf *out)
{
	buf_puts(out, "Authentication-Results: ");
	buf_str(out, authserv);
	buf_printf(out, "; smime=%s", word_for(st->sign)->result);
	if (st->why[0] != '\0') {
		buf_puts(out, "\r\n (");
		put_plain(out, st->why);
		buf_putc(out, ')');
	}
	if (st->signer[0] != '\0') {
		buf_puts(out, "\r\n body.smime-identifier=\"");
		put_plain(out, st->signer);
		buf_putc(out, '"');
	}
	buf_puts(out, "\r\n");
}

void
status_put(const struct status *st, struct str authserv, struct buf *out)
{
	put_results(st, authserv, out);
	buf_puts(out, "Waxwing-Status: ");
	if (st->result == OPEN_OPENED)
		buf_printf(out, "opened; encryption=%s; signature=%s",
		    st->encryption, word_for(st->sign)->word);
	else
		buf_puts(out, "unopened");
	if (st->reduced)
		buf_puts(out, "; content=reduced");
	if (st->from_outer)
		buf_puts(out, "; from=outer");
	if (st->kept)
		buf_puts(out, "; signature-part=kept");
	if (st->other_from)
		buf_puts(out, "; seen-under=another-From");
	if (st->problem[0] != '\0') {
		buf_puts(out, ";\r\n problem=\"");
		put_plain(out, st->problem);
		buf_putc(out, '"');
	}
	buf_puts(out, "\r\n");
}

static bool
has_word(struct str value, const char *word)
{
	struct str w = str_c(word);
	size_t i;

	for (i = 0; i + w.len <= value.len; i++)
		if (memcmp(value.p + i, w.p, w.len) == 0 &&
		    (i + w.len == value.len || value.p[i + w.len] == ';'))
			return (true);
	return (false);
}

void
status_get(struct str fields, struct status_fixed *fixed)
{
	struct field f;

	*fixed = (struct status_fixed){.sign = SIGN_NONE};
	if (!header_find(fields, "Waxwing-Status", &f))
		return;
	fixed->unopened = str_istarts(str_trim(f.value), STR("unopened"));
	fixed->from_outer = has_word(f.value, "; from=outer");
	fixed->kept = has_word(f.value, "; signature-part=kept");
	fixed->reduced = has_word(f.value, "; content=reduced");
	if (has_word(f.value, "; signature=good"))
		fixed->sign = SIGN_GOOD;
	else if (has_word(f.value, "; signature=untrusted"))
		fixed->sign = SIGN_UNTRUSTED;
	else if (has_word(f.value, "; signature=bad"))
		fixed->sign = SIGN_BAD;
}
