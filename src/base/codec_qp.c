#include "config.h"

#include <string.h>

#include "base/codec.h"

#define LINE_MAX_QP 76 /* RFC 2045 6.7 rule 5, without the CRLF */

void
qpdec_init(struct qpdec *d)
{
	d->n = 0;
	d->overlong = false;
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

static void
qp_flush(struct qpdec *d, struct buf *out)
{
	buf_put(out, d->held, d->n);
	d->n = 0;
}

/*
 * What is held is the start of one of
 *	*blank CRLF		white space before a line end: dropped
 *	"=" *blank CRLF		a soft line break: all of it dropped
 *	"=" hex hex		a byte
 * with LF alone counting as a line end too, since mail stores keep such.
 * Returns true if c went into what is held or ended it; false if it is not
 * its continuation: then what was held is out and c is to be looked at anew.
 */
static bool
qp_continue(struct qpdec *d, char c, struct buf *out)
{
	bool escape = d->held[0] == '=', cr = d->held[d->n - 1] == '\r';
	bool room;
	int hi, lo;

	if (c == '\n') {
		if (!escape)
			buf_puts(out, cr ? "\r\n" : "\n");
		d->n = 0;
		return (true);
	}
	if (escape && d->n == 2 && (hi = hex_value(d->held[1])) != -1) {
		if ((lo = hex_value(c)) != -1) {
			buf_putc(out, (char)(hi << 4 | lo));
			d->n = 0;
			return (true);
		}
		qp_flush(d, out);
		return (false);
	}
	/* the last place is for a CR */
	room = is_blank(c) ? d->n < sizeof(d->held) - 1 : c == '\r';
	if (!cr && (room || (escape && d->n == 1 && hex_value(c) != -1))) {
		d->held[d->n++] = c;
		return (true);
	}
	/* Lines have 76 characters at most (RFC 2045 6.7 rule 5), so a
	 * longer run of blanks is no transport's padding: it stays. */
	if (is_blank(c) && d->n == sizeof(d->held) - 1)
		d->overlong = true;
	qp_flush(d, out);
	return (false);
}

/* The bytes at the start of s that stand for themselves. */
static size_t
qp_plain(const char *s, size_t len)
{
	size_t n;

	for (n = 0; n < len; n++)
		if (s[n] == '=' || s[n] == '\r' || s[n] == '\n')
			break;
	while (n > 0 && is_blank(s[n - 1]))
		n--;
	return (n);
}

void
qpdec_feed(struct qpdec *d, const char *s, size_t len, struct buf *out)
{
	size_t i = 0, n;

	while (i < len) {
		if (d->n > 0) {
			if (qp_continue(d, s[i], out))
				i++;
			continue;
		}
		if (d->overlong && is_blank(s[i])) {
			buf_putc(out, s[i++]);
			continue;
		}
		d->overlong = false;
		n = qp_plain(s + i, len - i);
		buf_put(out, s + i, n);
		i += n;
		if (n > 0)
			continue;
		if (s[i] == '\n')
			buf_putc(out, '\n');
		else
			d->held[d->n++] = s[i];
		i++;
	}
}

void
qpdec_end(struct qpdec *d, struct buf *out)
{
	size_t i = 0;

	/* The end of the text is the end of a line too: blanks go, and so
	 * does a last "=", which some clients write. */
	if (d->n > 0 && d->held[0] == '=')
		i = 1;
	while (i < d->n && is_blank(d->held[i]))
		i++;
	if (i < d->n)
		buf_put(out, d->held, d->n);
	qpdec_init(d);
}

/*
 * Does the byte at i have to be written as =HH?  Besides what 6.7 asks, a dot
 * alone and "From " at the start of a line are hidden from old transports
 * (RFC 2049 3, rules 7 and 8), which would break a signature.
 */
static bool
qp_must(struct str s, size_t i, bool line_start)
{
	unsigned char c = (unsigned char)s.p[i];
	bool line_end;

	line_end = i + 1 == s.len ||
	           (s.len - i > 2 && s.p[i + 1] == '\r' && s.p[i + 2] == '\n');
	if (is_blank(s.p[i]))
		return (line_end);
	if (line_start && c == '.')
		return (line_end);
	if (line_start && c == 'F')
		return (s.len - i >= 5 && memcmp(s.p + i, "From ", 5) == 0);
	return (c < 33 || c > 126 || c == '=');
}

void
qp_encode(struct str s, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i, col = 0, want;
	unsigned char c;
	char text[3] = "=";

	for (i = 0; i < s.len; i++) {
		if (s.len - i >= 2 && s.p[i] == '\r' && s.p[i + 1] == '\n') {
			buf_puts(out, "\r\n");
			col = 0;
			i++;
			continue;
		}
		want = qp_must(s, i, col == 0) ? 3 : 1;
		/* the last column is kept for the "=" of a soft break */
		if (col + want > LINE_MAX_QP - 1) {
			buf_puts(out, "=\r\n");
			col = 0;
			want = qp_must(s, i, true) ? 3 : 1;
		}
		c = (unsigned char)s.p[i];
		if (want == 3) {
			text[1] = digits[c >> 4];
			text[2] = digits[c & 15];
			buf_put(out, text, 3);
		} else
			buf_putc(out, s.p[i]);
		col += want;
	}
}
