#include "config.h"

#include "smime/ownmail.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

#include "base/codec.h"
#include "mail/header.h"
#include "smime/entity.h"
#include "smime/ossl.h"

#define MARKER_LEN 32

/* The header of the entity. */
#define HEAD_MAX 256

/* The largest RSA key that is taken has 16384 bits. */
#define SECRET_MAX 2048

/* What the key is derived for (RFC 5869 3.2). */
static const char label[] = "waxwing mail sealed to self 1";

/* Each byte of it counts: what differs is somebody else's. */
static const char head_begin[] = "Content-Type: message/rfc822\r\n"
                                 "Content-Transfer-Encoding: binary\r\n"
                                 "Waxwing-Marker: 1 ";
static const char head_end[] = "\r\n\r\n";

/* The private number of a key, at its full length: the same whatever file
 * the key came from.  Its length, or 0. */
static size_t
secret_of(const struct key *key, unsigned char out[SECRET_MAX])
{
	const char *name = EVP_PKEY_is_a(key->pkey, "RSA")
	                       ? OSSL_PKEY_PARAM_RSA_D
	                       : OSSL_PKEY_PARAM_PRIV_KEY;
	int len = (EVP_PKEY_get_bits(key->pkey) + 7) / 8;
	BIGNUM *n = NULL;

	if (len <= 0 || len > SECRET_MAX ||
	    EVP_PKEY_get_bn_param(key->pkey, name, &n) != 1)
		return (0);
	if (BN_bn2binpad(n, out, len) != len)
		len = 0;
	BN_clear_free(n);
	return ((size_t)len);
}

static bool
derive(unsigned char *secret, size_t len, unsigned char out[MARKER_LEN])
{
	char digest[] = "SHA256", info[sizeof(label)];
	OSSL_PARAM params[4];
	EVP_KDF *kdf;
	EVP_KDF_CTX *ctx;
	bool ok;

	memcpy(info, label, sizeof(label));
	params[0] =
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	params[1] =
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, len);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info,
	    sizeof(label) - 1);
	params[3] = OSSL_PARAM_construct_end();
	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	ctx = EVP_KDF_CTX_new(kdf);
	ok = ctx != NULL && EVP_KDF_derive(ctx, out, MARKER_LEN, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return (ok);
}

/* The first Message-ID, printable characters only: a server may fold it
 * anew. */
static void
put_id(struct buf *out, struct str text)
{
	struct field f;
	size_t i;

	if (!header_find(text, "Message-ID", &f))
		return;
	for (i = 0; i < f.value.len; i++)
		if (f.value.p[i] > ' ' && f.value.p[i] <= '~')
			buf_putc(out, f.value.p[i]);
}

static bool
mac(const unsigned char key[MARKER_LEN], struct str id, struct str message,
    unsigned char out[MARKER_LEN])
{
	char digest[] = "SHA256";
	OSSL_PARAM params[2];
	EVP_MAC *hmac;
	EVP_MAC_CTX *ctx;
	size_t n;
	bool ok;

	params[0] =
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ctx = EVP_MAC_CTX_new(hmac);
	/* an id holds no LF */
	ok = ctx != NULL && EVP_MAC_init(ctx, key, MARKER_LEN, params) == 1 &&
	     EVP_MAC_update(ctx, (const unsigned char *)id.p, id.len) == 1 &&
	     EVP_MAC_update(ctx, (const unsigned char *)"\n", 1) == 1 &&
	     EVP_MAC_update(ctx, (const unsigned char *)message.p,
	         message.len) == 1 &&
	     EVP_MAC_final(ctx, out, &n, MARKER_LEN) == 1 && n == MARKER_LEN;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(hmac);
	return (ok);
}

/* The marker of message under the Message-ID of outer. */
static bool
marker(const struct key *key, struct str outer, struct str message,
    unsigned char out[MARKER_LEN])
{
	unsigned char secret[SECRET_MAX], derived[MARKER_LEN];
	struct buf id;
	size_t len;
	bool ok;

	buf_init(&id, outer.len);
	put_id(&id, outer);
	len = secret_of(key, secret);
	ok = len > 0 && !id.failed && derive(secret, len, derived) &&
	     mac(derived, buf_text(&id), message, out);
	if (!ok)
		ossl_forget();
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(derived, sizeof(derived));
	buf_clear(&id);
	return (ok);
}

static int
put_head(const struct key *key, struct str message, struct buf *out,
    struct err *err)
{
	unsigned char m[MARKER_LEN];

	if (!marker(key, message, message, m)) {
		err_set(err, ERR_CRYPTO, "cannot make the marker");
		return (-1);
	}
	buf_puts(out, head_begin);
	b64_encode(str_of((char *)m, sizeof(m)), out);
	buf_puts(out, head_end);
	if (!out->failed)
		return (0);
	err_set(err, ERR_MEMORY, "no memory for the marker");
	return (-1);
}

/* A field as the server may have it: whole lines of printable bytes. */
static void
put_field(struct buf *out, struct str message, const char *name)
{
	struct field f;
	size_t i;
	char c;

	if (!header_find(message, name, &f))
		return;
	buf_puts(out, name);
	buf_puts(out, ": ");
	for (i = 0; i < f.value.len; i++) {
		c = f.value.p[i];
		if (c == '\n')
			buf_puts(out, "\r\n");
		else if (c == '\t' || (unsigned char)c >= ' ')
			buf_putc(out, c);
	}
	buf_puts(out, "\r\n");
}

int
ownmail_seal(const struct key *key, struct str message,
    const struct algo_cipher *cipher, struct buf *out, struct err *err)
{
	const struct cms_recipient to = {key->cert,
	    (cipher->flags & ALGO_AEAD) != 0 &&
	            cert_facts(key->cert)->key == CERT_KEY_RSA
	        ? TRANSPORT_OAEP
	        : TRANSPORT_AUTO};
	const struct cms_seal how = {&to, 1, cipher};
	struct str pieces[2];
	struct buf head;
	int rc = -1;

	put_field(out, message, "From");
	put_field(out, message, "Date");
	put_field(out, message, "Message-ID");
	buf_puts(out, "Subject: [...]\r\nMIME-Version: 1.0\r\n");
	buf_init(&head, HEAD_MAX);
	if (put_head(key, message, &head, err) == 0) {
		pieces[0] = buf_text(&head);
		pieces[1] = message;
		rc = entity_seal_pieces(pieces, 2, &how, out, err);
	}
	buf_clear(&head);
	return (rc);
}

bool
ownmail_get(const struct key *key, struct str wire, struct str entity,
    struct str *message)
{
	const size_t begin = sizeof(head_begin) - 1, end = sizeof(head_end) - 1;
	const size_t text = (MARKER_LEN + 2) / 3 * 4;
	unsigned char m[MARKER_LEN];
	struct str inside;
	struct field f;
	struct buf said;
	bool same;

	if (entity.len < begin + text + end ||
	    memcmp(entity.p, head_begin, begin) != 0 ||
	    memcmp(entity.p + begin + text, head_end, end) != 0)
		return (false);
	inside = str_of(entity.p + begin + text + end,
	    entity.len - begin - text - end);
	/* To a message without an id some servers give one. */
	if (!marker(key, header_find(inside, "Message-ID", &f) ? wire : inside,
	        inside, m))
		return (false);
	buf_init(&said, text);
	b64_encode(str_of((char *)m, sizeof(m)), &said);
	same = !said.failed && said.len == text &&
	       CRYPTO_memcmp(said.data, entity.p + begin, text) == 0;
	buf_clear(&said);
	if (same)
		*message = inside;
	return (same);
}
