#include "config.h"

#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "mail/casemap.h"

/* Names are shorter; what iconv makes of long ones is not our trouble. */
#define NAME_MAX_LEN 64

#define REPLACEMENT "\xef\xbf\xbd"

bool
charset_is_utf8(struct str name)
{
	return (str_ieq(name, STR("us-ascii")) || str_ieq(name, STR("ascii")) ||
	        str_ieq(name, STR("utf-8")) || str_ieq(name, STR("utf8")));
}

static bool
put(struct buf *out, struct str utf8, bool fold)
{
	return (fold ? casemap_put(out, utf8) : casemap_copy(out, utf8));
}

/* How many bytes a first byte promises, in the days of six (RFC 2279). */
static size_t
promised(unsigned char c)
{
	if (c < 0xc2 || c > 0xfd)
		return (1);
	return (c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : c < 0xfc ? 5 : 6);
}

/*
 * How much of UTF-8 text is whole characters, going by their first bytes: in
 * broken text a byte of the end may be taken for the first of more.
 */
static size_t
whole_chars(struct str s)
{
	size_t i, n;

	for (i = 0; i < s.len; i += n)
		if ((n = promised((unsigned char)s.p[i])) > s.len - i)
			break;
	return (i);
}

static enum charset_result
put_utf8(struct str text, bool fold, struct buf *out)
{
	size_t n = whole_chars(text);
	bool clean = put(out, str_of(text.p, n), fold);

	return (clean && n == text.len ? CHARSET_OK : CHARSET_INVALID);
}

/* Convert all of text in steps of a page. */
static enum charset_result
convert(iconv_t cd, struct str text, bool fold, struct buf *out)
{
	enum charset_result result = CHARSET_OK;
	char page[8192], *to, *from = NULL;
	size_t room, left = text.len, invalid = SIZE_MAX;
	int error;

	/* iconv() does not write to its input, but its type says so */
	memcpy(&from, &text.p, sizeof(from));
	while (!out->failed) {
		to = page;
		room = sizeof(page);
		error = iconv(cd, &from, &left, &to, &room) == (size_t)-1
		            ? errno
		            : 0;
		put(out, str_of(page, sizeof(page) - room), fold);
		if (error == E2BIG)
			continue;
		if (error != EILSEQ || left == 0)
			return (error == 0 ? result : CHARSET_INVALID);
		result = CHARSET_INVALID;
		if (invalid != out->len)
			buf_puts(out, REPLACEMENT);
		invalid = out->len;
		from++;
		left--;
	}
	return (result);
}

enum charset_result
charset_put(struct str name, struct str text, bool fold, struct buf *out)
{
	char id[NAME_MAX_LEN + 1];
	enum charset_result result = CHARSET_UNKNOWN;
	iconv_t cd;

	if (charset_is_utf8(name))
		return (put_utf8(text, fold, out));
	if (name.len > NAME_MAX_LEN || memchr(name.p, '\0', name.len) != NULL)
		return (result);
	memcpy(id, name.p, name.len);
	id[name.len] = '\0';
	cd = iconv_open("UTF-8", id);
	if (cd != (iconv_t)-1)
		result = convert(cd, text, fold, out);
	/* of -1 too: it does no harm, and gcc -fanalyzer takes -1 for open */
	iconv_close(cd);
	return (result);
}
