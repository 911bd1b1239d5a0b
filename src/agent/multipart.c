#include "config.h"

#include "agent/multipart.h"

#include <string.h>

#include "base/codec.h"

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

/* The value of the parameter "boundary", without quotes; empty if none. */
static struct str
boundary_of(struct str type)
{
	const struct str key = STR("boundary=");
	struct str rest = type, word;
	size_t n;

	while ((n = str_find(rest, ';')) < rest.len) {
		rest = str_of(rest.p + n + 1, rest.len - n - 1);
		word = str_trim(str_of(rest.p, str_find(rest, ';')));
		if (!str_istarts(word, key))
			continue;
		word = str_of(word.p + key.len, word.len - key.len);
		if (word.len >= 2 && word.p[0] == '"' &&
		    word.p[word.len - 1] == '"')
			word = str_of(word.p + 1, word.len - 2);
		return (word.len <= BOUNDARY_MAX ? word : str_of("", 0));
	}
	return (str_of("", 0));
}

/* Where the next delimiter line of the boundary begins ("--" of it), at a
 * line's start; NULL if there is none. */
static const char *
find_delimiter(struct str s, const char *start, struct str boundary)
{
	const char *p, *end = s.p + s.len;

	for (p = start; p < end; p++) {
		if ((p = memchr(p, '-', (size_t)(end - p))) == NULL)
			return (NULL);
		if ((size_t)(end - p) < boundary.len + 2)
			return (NULL);
		if (p[1] == '-' &&
		    memcmp(p + 2, boundary.p, boundary.len) == 0 &&
		    (p == s.p || p[-1] == '\n'))
			return (p);
	}
	return (NULL);
}

/* Take one line off, without its end. */
static struct str
take_line(struct str *s)
{
	size_t n = str_find(*s, '\n');
	struct str line = str_of(s->p, n);

	n += n < s->len;
	*s = str_of(s->p + n, s->len - n);
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return (line);
}

/* The value of a field of that name, or an empty str. */
static struct str
field(struct str line, const char *name)
{
	size_t n = str_find(line, ':');

	if (n == line.len || !str_ieq(str_of(line.p, n), str_c(name)))
		return (str_of("", 0));
	return (str_trim(str_of(line.p + n + 1, line.len - n - 1)));
}

/* One part; true if it is a certificate. */
static bool
take_part(struct str part, struct buf *out)
{
	bool is_cert = false, is_base64 = false;
	struct b64dec dec;
	struct buf der;
	struct str line, v;

	while ((line = take_line(&part)).len > 0) {
		v = field(line, "Content-Type");
		v.len = str_find(v, ';');
		if (str_ieq(str_trim(v), STR("application/pkix-cert")))
			is_cert = true;
		v = field(line, "Content-Transfer-Encoding");
		if (str_ieq(v, STR("base64")))
			is_base64 = true;
	}
	/* the line end before the delimiter is the delimiter's */
	if (part.len > 0 && part.p[part.len - 1] == '\n')
		part.len--;
	if (part.len > 0 && part.p[part.len - 1] == '\r')
		part.len--;
	if (!is_cert || part.len == 0)
		return (false);
	if (!is_base64) {
		pem_cert_put(part, out);
		return (true);
	}
	buf_init(&der, part.len + 4);
	b64dec_init(&dec);
	if (buf_room(&der, part.len + 3) != NULL) {
		der.len = b64dec_feed(&dec, part.p, part.len, der.data);
		pem_cert_put(buf_text(&der), out);
	}
	buf_clear(&der);
	return (true);
}

int
multipart_certs(struct str type, struct str body, struct buf *out,
    struct err *err)
{
	struct str boundary = boundary_of(type), rest;
	const char *p, *next, *end = body.p + body.len;
	size_t n = 0;

	p = boundary.len > 0 ? find_delimiter(body, body.p, boundary) : NULL;
	while (p != NULL) {
		p += 2 + boundary.len;
		if (end - p >= 2 && p[0] == '-' && p[1] == '-')
			break;
		rest = str_of(p, (size_t)(end - p));
		(void)take_line(&rest);
		if ((next = find_delimiter(body, rest.p, boundary)) == NULL)
			break;
		if (n < MULTIPART_MAX &&
		    take_part(str_of(rest.p, (size_t)(next - rest.p)), out))
			n++;
		p = next;
	}
	if (n > 0 && !out->failed)
		return (0);
	err_set(err, n > 0 ? ERR_LIMIT : ERR_SYNTAX,
	    n > 0 ? "the answer's certificates are too large"
	          : "no certificate in a multipart answer");
	return (-1);
}
