#include "config.h"

#include "smtp/sasl.h"

#include "base/codec.h"

/* Cut what stands before the next NUL off *s; false without a NUL. */
static bool
cut(struct str *s, struct str *out)
{
	size_t n = str_find(*s, '\0');

	if (n == s->len)
		return (false);
	*out = str_of(s->p, n);
	*s = str_of(s->p + n + 1, s->len - n - 1);
	return (true);
}

int
sasl_plain_get(struct str message, struct sasl_plain *out)
{
	if (!cut(&message, &out->authzid) || !cut(&message, &out->authcid))
		return (-1);
	out->passwd = message;
	if (out->authcid.len == 0 || message.len == 0 ||
	    str_find(message, '\0') < message.len)
		return (-1);
	return (0);
}

void
sasl_plain_put(struct buf *out, struct str authcid, struct str passwd)
{
	struct buf message;

	buf_init(&message, authcid.len + passwd.len + 2);
	buf_putc(&message, '\0');
	buf_str(&message, authcid);
	buf_putc(&message, '\0');
	buf_str(&message, passwd);
	b64_encode(buf_text(&message), out);
	out->failed |= message.failed;
	buf_wipe(&message);
}
