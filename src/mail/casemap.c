#include "config.h"

#include "mail/casemap.h"

#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#define REPLACEMENT     "\xef\xbf\xbd" /* U+FFFD */
#define REPLACEMENT_LEN 3

static void
put_char(struct buf *out, ucs4_t c)
{
	uint8_t tmp[6];
	int n;

	if ((n = u8_uctomb(tmp, c, sizeof(tmp))) > 0)
		buf_put(out, tmp, (size_t)n);
}

/* The titlecase of dz and its kin stays whole. */
static bool
is_digraph(ucs4_t c)
{
	return (c == 0x01c5 || c == 0x01c8 || c == 0x01cb || c == 0x01f2);
}

static bool
is_hangul(ucs4_t c)
{
	return (c >= 0xac00 && c <= 0xd7a3);
}

static void
put_mapped(struct buf *out, ucs4_t c)
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	int tag, n, i;

	c = uc_totitle(c);
	n = is_digraph(c) ? 0 : uc_decomposition(c, &tag, parts);
	/* outside of the BMP Dovecot knows single characters only */
	if (n <= 0 || (n > 1 && c > 0xffff)) {
		put_char(out, c);
		return;
	}
	/* a Hangul syllable of three letters is one of two and a letter */
	if (n == 2 && is_hangul(c) && is_hangul(parts[0])) {
		parts[2] = parts[1];
		n = 1 + uc_decomposition(parts[0], &tag, parts);
	}
	for (i = 0; i < n; i++)
		put_char(out, parts[i]);
}

static void
put_replacement(struct buf *out)
{
	if (out->len >= REPLACEMENT_LEN &&
	    memcmp(out->data + out->len - REPLACEMENT_LEN, REPLACEMENT,
	        REPLACEMENT_LEN) == 0)
		return;
	buf_put(out, REPLACEMENT, REPLACEMENT_LEN);
}

/* How many bytes of ASCII s begins with. */
static size_t
ascii_run(struct str s)
{
	uint64_t eight;
	size_t n = 0;

	while (s.len - n >= sizeof(eight)) {
		memcpy(&eight, s.p + n, sizeof(eight));
		if ((eight & 0x8080808080808080U) != 0)
			break;
		n += sizeof(eight);
	}
	while (n < s.len && (unsigned char)s.p[n] < 0x80)
		n++;
	return (n);
}

static void
put_ascii(struct buf *out, struct str s, bool fold)
{
	char *to;
	size_t i;

	if (!fold) {
		buf_str(out, s);
		return;
	}
	if ((to = buf_room(out, s.len)) == NULL)
		return;
	for (i = 0; i < s.len; i++)
		to[i] = s.p[i] >= 'a' && s.p[i] <= 'z'
		            ? (char)(s.p[i] - 'a' + 'A')
		            : s.p[i];
	out->len += s.len;
}

static bool
put(struct buf *out, struct str s, bool fold)
{
	bool clean = true;
	ucs4_t c;
	size_t run;
	int n;

	while (s.len > 0 && !out->failed) {
		if ((run = ascii_run(s)) > 0) {
			put_ascii(out, str_of(s.p, run), fold);
			s = str_of(s.p + run, s.len - run);
			continue;
		}
		n = u8_mbtoucr(&c, (const uint8_t *)s.p, s.len);
		if (n <= 0) {
			clean = false;
			put_replacement(out);
			n = 1;
		} else if (fold) {
			put_mapped(out, c);
		} else {
			put_char(out, c);
		}
		s = str_of(s.p + n, s.len - (size_t)n);
	}
	return (clean);
}

bool
casemap_put(struct buf *out, struct str text)
{
	return (put(out, text, true));
}

bool
casemap_copy(struct buf *out, struct str text)
{
	return (put(out, text, false));
}
