#include "config.h"

#include "smime/ossl.h"

#include <openssl/err.h>

void
err_openssl(struct err *err, enum err_code code, const char *text)
{
	unsigned long e = ERR_peek_error();
	const char *why = e != 0 ? ERR_reason_error_string(e) : NULL;

	if (why != NULL)
		err_set(err, code, "%s: %s", text, why);
	else
		err_set(err, code, "%s", text);
	ERR_clear_error();
}

void
ossl_forget(void)
{
	ERR_clear_error();
}
