#include "config.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return;
	err->code = code;
	va_start(ap, fmt);
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
		err->text[0] = '\0';
	va_end(ap);
}

void
err_prefix(struct err *err, const char *fmt, ...)
{
	char old[ERR_TEXT];
	va_list ap;
	size_t used;

	if (err == NULL)
		return;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
		err->text[0] = '\0';
	va_end(ap);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", old);
}

const char *
err_word(enum err_code code)
{
	switch (code) {
	case ERR_OK:
		return ("ok");
	case ERR_MEMORY:
		return ("memory");
	case ERR_LIMIT:
		return ("limit");
	case ERR_SYNTAX:
		return ("syntax");
	case ERR_UNSUPPORTED:
		return ("unsupported");
	case ERR_NOKEY:
		return ("no-key");
	case ERR_CRYPTO:
		return ("crypto");
	case ERR_UNTRUSTED:
		return ("untrusted");
	case ERR_NOTFOUND:
		return ("not-found");
	case ERR_DENIED:
		return ("denied");
	case ERR_IO:
		return ("io");
	case ERR_PEER:
		return ("peer");
	case ERR_TIMEOUT:
		return ("timeout");
	case ERR_UNAVAILABLE:
		return ("unavailable");
	}
	return ("unknown");
}

const char *
err_escape(char *out, size_t size, struct str s)
{
	static const char digits[] = "0123456789abcdef";
	size_t i, n = 0, fits = 0, want;
	unsigned char c;

	/* "fits" trails n: the last place where "..." still had room */
	for (i = 0; i < s.len; i++) {
		c = (unsigned char)s.p[i];
		want = c < 0x20 || c > 0x7e || c == '\\' ? 4 : 1;
		if (n + want >= size)
			break;
		if (want == 1) {
			out[n++] = (char)c;
		} else {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		}
		if (n + 3 < size)
			fits = n;
	}
	if (i < s.len) {
		n = fits;
		for (i = 0; i < 3 && n + 1 < size; i++)
			out[n++] = '.';
	}
	out[n] = '\0';
	return (out);
}
