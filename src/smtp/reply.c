#include "config.h"

#include "smtp/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"

void
reply_init(struct reply *r)
{
	*r = (struct reply){.code = 0};
	buf_init(&r->text, LIMIT_REPLY);
	buf_init(&r->line, LIMIT_REPLY);
}

void
reply_clear(struct reply *r)
{
	buf_clear(&r->text);
	buf_clear(&r->line);
}

void
reply_reset(struct reply *r)
{
	buf_reset(&r->text);
	buf_reset(&r->line);
	r->code = 0;
	r->begun = false;
	r->enhanced[0] = r->enhanced[1] = r->enhanced[2] = 0;
}

void
reply_copy(struct reply *to, const struct reply *from)
{
	reply_reset(to);
	to->code = from->code;
	memcpy(to->enhanced, from->enhanced, sizeof(to->enhanced));
	buf_str(&to->text, buf_text(&from->text));
	to->begun = true;
}

/* Read "5.7.10 " at the start of s; returns its length, 0 if not there. */
static size_t
read_enhanced(struct str s, unsigned out[3])
{
	uint64_t v[3];
	size_t i, n, at = 0;

	for (i = 0; i < 3; i++) {
		if (i > 0) {
			if (at >= s.len || s.p[at] != '.')
				return (0);
			at++;
		}
		n = num_lead(str_of(s.p + at, s.len - at), 999, &v[i]);
		if (n == 0 || n > 3)
			return (0);
		at += n;
	}
	if (v[0] != 2 && v[0] != 4 && v[0] != 5)
		return (0);
	if (at < s.len && s.p[at] != ' ')
		return (0);
	for (i = 0; i < 3; i++)
		out[i] = (unsigned)v[i];
	return (at < s.len ? at + 1 : at);
}

/* One whole line, without its end.  Returns as reply_feed(). */
static int
take_line(struct reply *r, struct str line)
{
	unsigned enhanced[3] = {0, 0, 0};
	uint64_t code;
	size_t n;

	if (line.len < 3 || !num_parse(str_of(line.p, 3), 599, &code) ||
	    code < 200)
		return (-1);
	if (line.len > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return (-1);
	/* RFC 5321 4.2.1: the code is the same in every line. */
	if (r->begun && r->code != (unsigned)code)
		return (-1);
	n = line.len > 4 ? 4 : line.len;
	n += read_enhanced(str_of(line.p + n, line.len - n), enhanced);
	if (!r->begun) {
		r->code = (unsigned)code;
		r->enhanced[0] = enhanced[0];
		r->enhanced[1] = enhanced[1];
		r->enhanced[2] = enhanced[2];
	} else {
		buf_putc(&r->text, '\n');
	}
	r->begun = true;
	buf_put(&r->text, line.p + n, line.len - n);
	if (r->text.failed)
		return (-1);
	return (line.len > 3 && line.p[3] == '-' ? 0 : 1);
}

int
reply_feed(struct reply *r, const char *data, size_t len, size_t *used)
{
	struct str line;
	size_t i;
	int rc;

	for (i = 0; i < len; i++) {
		if (data[i] != '\n') {
			buf_putc(&r->line, data[i]);
			if (r->line.failed)
				return (-1);
			continue;
		}
		line = buf_text(&r->line);
		/* A bare LF is taken too: nothing hangs on it here. */
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		rc = take_line(r, line);
		buf_reset(&r->line);
		if (rc != 0) {
			*used = i + 1;
			return (rc);
		}
	}
	*used = len;
	return (0);
}

static void
put_clean(struct buf *out, struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		buf_putc(out, s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?');
}

void
reply_print(struct buf *out, unsigned code, const char *enhanced,
    struct str text)
{
	struct str line;
	bool last;

	do {
		line = str_of(text.p, str_find(text, '\n'));
		last = line.len == text.len;
		buf_printf(out, "%03u%c%s%s", code, last ? ' ' : '-', enhanced,
		    enhanced[0] != '\0' && line.len > 0 ? " " : "");
		put_clean(out, line);
		buf_puts(out, "\r\n");
		if (!last)
			text = str_of(text.p + line.len + 1,
			    text.len - line.len - 1);
	} while (!last);
}

void
reply_relay(struct buf *out, const struct reply *r)
{
	char enhanced[16] = "";

	if (r->enhanced[0] != 0 && r->enhanced[0] == reply_class(r))
		snprintf(enhanced, sizeof(enhanced), "%u.%u.%u", r->enhanced[0],
		    r->enhanced[1], r->enhanced[2]);
	else if (reply_class(r) != 3)
		snprintf(enhanced, sizeof(enhanced), "%u.0.0", reply_class(r));
	reply_print(out, r->code, enhanced, buf_text(&r->text));
}
