#include "config.h"

#include "base64bio.h"

#include <openssl/evp.h>
#include <stdlib.h>

void
base64_write(BIO *out, const unsigned char *der, size_t len)
{
	unsigned char *text = malloc(len / 48 * 65 + 70);
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	int n, rest;

	EVP_EncodeInit(ctx);
	EVP_EncodeUpdate(ctx, text, &n, der, (int)len);
	EVP_EncodeFinal(ctx, text + n, &rest);
	BIO_write(out, text, n + rest);
	EVP_ENCODE_CTX_free(ctx);
	free(text);
}
