#include "config.h"

#include "smime/pkey.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "smime/ossl.h"

EVP_PKEY *
pkey_new(struct err *err)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");

	if (pkey == NULL)
		err_openssl(err, ERR_CRYPTO, "cannot make a key");
	return (pkey);
}

int
pkey_put(EVP_PKEY *pkey, struct buf *out, struct err *err)
{
	PKCS8_PRIV_KEY_INFO *p8;
	unsigned char *der = NULL;
	int n = -1;

	if ((p8 = EVP_PKEY2PKCS8(pkey)) != NULL)
		n = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
	PKCS8_PRIV_KEY_INFO_free(p8);
	if (n > 0 && !out->failed)
		return (0);
	err_openssl(err, ERR_CRYPTO, "cannot write a key");
	return (-1);
}

EVP_PKEY *
pkey_get(struct str der, struct err *err)
{
	const unsigned char *p = (const unsigned char *)der.p;
	PKCS8_PRIV_KEY_INFO *p8;
	EVP_PKEY *pkey = NULL;

	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.len);
	if (p8 != NULL && p == (const unsigned char *)der.p + der.len)
		pkey = EVP_PKCS82PKEY(p8);
	PKCS8_PRIV_KEY_INFO_free(p8);
	if (pkey == NULL)
		err_openssl(err, ERR_SYNTAX, "not a private key (RFC 5958)");
	return (pkey);
}
