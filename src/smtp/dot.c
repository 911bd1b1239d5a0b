#include "config.h"

#include "smtp/dot.h"

#include <string.h>

enum dotdec_state {
	DEC_BOL,    /* at the beginning of a line */
	DEC_DOT,    /* a dot began the line and is held back */
	DEC_DOT_CR, /* then came a CR */
	DEC_TEXT,   /* within a line */
	DEC_CR,     /* a CR is held back */
	DEC_END,
};

void
dotdec_init(struct dotdec *d)
{
	/* DATA's own CRLF is the first half of CRLF.CRLF. */
	*d = (struct dotdec){.state = DEC_BOL, .strict = true};
}

/* A line end of either kind. */
static void
dec_line(struct dotdec *d, bool strict, struct buf *out)
{
	buf_puts(out, "\r\n");
	d->state = DEC_BOL;
	d->strict = strict;
}

/* A byte within a line. */
static void
dec_text(struct dotdec *d, char c, struct buf *out)
{
	if (c == '\n') {
		dec_line(d, false, out);
	} else if (c == '\r') {
		d->state = DEC_CR;
	} else {
		buf_putc(out, c);
		d->state = DEC_TEXT;
	}
}

/* A byte after a CR that was held back. */
static void
dec_cr(struct dotdec *d, char c, struct buf *out)
{
	if (c == '\n') {
		dec_line(d, true, out);
		return;
	}
	buf_putc(out, ' ');
	dec_text(d, c, out);
}

/* One byte in any state. */
static void
dec_byte(struct dotdec *d, char c, struct buf *out)
{
	switch ((enum dotdec_state)d->state) {
	case DEC_BOL:
		if (c == '.')
			d->state = DEC_DOT;
		else
			dec_text(d, c, out);
		return;
	case DEC_DOT:
		if (c == '\r') {
			d->state = DEC_DOT_CR;
			return;
		}
		/* A dot alone that does not end the text is text. */
		if (c == '\n')
			buf_putc(out, '.');
		dec_text(d, c, out);
		return;
	case DEC_DOT_CR:
		if (c == '\n' && d->strict) {
			d->state = DEC_END;
			return;
		}
		if (c == '\n')
			buf_putc(out, '.');
		dec_cr(d, c, out);
		return;
	case DEC_CR:
		dec_cr(d, c, out);
		return;
	case DEC_TEXT:
		dec_text(d, c, out);
		return;
	case DEC_END:
		return;
	}
}

/* How far plain_run() looks for one kind of line end before it looks for the
 * other: lines are shorter. */
#define WINDOW 128

/* How many bytes from data on are nothing but the inside of a line. */
static size_t
plain_run(const char *data, size_t len)
{
	const char *lf, *cr;
	size_t at = 0, n;

	while (at < len) {
		n = len - at < WINDOW ? len - at : WINDOW;
		if ((lf = memchr(data + at, '\n', n)) != NULL)
			n = (size_t)(lf - (data + at));
		if ((cr = memchr(data + at, '\r', n)) != NULL)
			return ((size_t)(cr - data));
		at += n;
		if (lf != NULL)
			break;
	}
	return (at);
}

int
dotdec_feed(struct dotdec *d, const char *data, size_t len, struct buf *out,
    size_t *used)
{
	size_t i = 0, n;

	while (i < len && d->state != DEC_END) {
		if (d->state == DEC_TEXT &&
		    (n = plain_run(data + i, len - i)) > 0) {
			buf_put(out, data + i, n);
			i += n;
			continue;
		}
		dec_byte(d, data[i++], out);
	}
	*used = i;
	return (d->state == DEC_END);
}

void
dotenc_init(struct dotenc *e)
{
	*e = (struct dotenc){.bol = true, .cr = false};
}

void
dotenc_feed(struct dotenc *e, const char *data, size_t len, struct buf *out)
{
	size_t i = 0, n;

	while (i < len) {
		if (e->cr && data[i] != '\n') {
			buf_putc(out, ' ');
			e->bol = false;
		}
		e->cr = data[i] == '\r';
		if (data[i] == '\n') {
			buf_puts(out, "\r\n");
			e->bol = true;
		}
		if (data[i] == '\n' || data[i] == '\r') {
			i++;
			continue;
		}
		if (e->bol && data[i] == '.')
			buf_putc(out, '.');
		n = plain_run(data + i, len - i);
		buf_put(out, data + i, n);
		e->bol = false;
		i += n;
	}
}

void
dotenc_end(struct dotenc *e, struct buf *out)
{
	if (e->cr || !e->bol)
		buf_puts(out, "\r\n");
	buf_puts(out, ".\r\n");
	dotenc_init(e);
}
