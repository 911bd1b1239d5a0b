#include "config.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "smime/cms.h"
#include "smime/envelope.h"
#include "smime/ossl.h"
#include "smime/transport.h"

/* Content is decrypted in pieces that stay in the cache. */
#define PIECE ((size_t)32 * 1024)

/* Decryption of one content. */
struct opening {
	OSSL_LIB_CTX *legacy; /* owned; only for what needs the provider */
	OSSL_PROVIDER *provider;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx;
	unsigned char *to; /* room for the content and a block */
	size_t len;        /* written so far */
	bool inside;       /* to is the start of the message itself */
	unsigned char piece[PIECE];
};

static void
opening_clear(struct opening *o)
{
	EVP_CIPHER_CTX_free(o->ctx);
	EVP_CIPHER_free(o->cipher);
	if (o->provider != NULL)
		OSSL_PROVIDER_unload(o->provider);
	OSSL_LIB_CTX_free(o->legacy);
	if (o->inside)
		OPENSSL_cleanse(o->piece, sizeof(o->piece));
	free(o);
}

static int
opening_init(struct opening *o, const struct envelope *e, struct err *err)
{
	if ((e->cipher->flags & ALGO_LEGACY) != 0) {
		if ((o->legacy = OSSL_LIB_CTX_new()) != NULL)
			o->provider = OSSL_PROVIDER_load(o->legacy, "legacy");
		if (o->provider == NULL) {
			err_openssl(err, ERR_UNSUPPORTED,
			    "OpenSSL's legacy provider is not here");
			return (-1);
		}
	}
	o->cipher = EVP_CIPHER_fetch(o->legacy, e->cipher->ossl, NULL);
	o->ctx = EVP_CIPHER_CTX_new();
	if (o->cipher == NULL || o->ctx == NULL ||
	    EVP_DecryptInit_ex2(o->ctx, o->cipher, NULL, NULL, NULL) != 1) {
		err_openssl(err, ERR_UNSUPPORTED, "cannot use the cipher");
		return (-1);
	}
	return (0);
}

/* Key, IV and additional data.  aad is [1] IMPLICIT in the message, and is
 * authenticated as the SET OF that it is (RFC 5083 2.2). */
static bool
opening_key(struct opening *o, const struct envelope *e,
    const unsigned char *cek)
{
	static const unsigned char set = DER_SET;
	int n;

	if (e->rc2_bits != 0 &&
	    (EVP_CIPHER_CTX_set_key_length(o->ctx, (int)e->key_len) != 1 ||
	        EVP_CIPHER_CTX_ctrl(o->ctx, EVP_CTRL_SET_RC2_KEY_BITS,
	            (int)e->rc2_bits, NULL) != 1))
		return (false);
	if (EVP_DecryptInit_ex2(o->ctx, NULL, cek,
	        (const unsigned char *)e->iv.p, NULL) != 1)
		return (false);
	if (e->aad.len == 0)
		return (true);
	return (
	    EVP_DecryptUpdate(o->ctx, NULL, &n, &set, 1) == 1 &&
	    EVP_DecryptUpdate(o->ctx, NULL, &n,
	        (const unsigned char *)e->aad.p + 1, (int)e->aad.len - 1) == 1);
}

/*
 * A stretch of content.  Plaintext written over the message itself never
 * reaches what is still to be read: it is not longer than the content so far,
 * and there is a head before the content.  But EVP refuses buffers that
 * overlap, so a piece is copied aside first.
 */
static bool
opening_piece(void *arg, struct str in)
{
	struct opening *o = arg;
	const unsigned char *from;
	size_t n;
	int got;

	for (; in.len > 0; in.p += n, in.len -= n) {
		n = in.len < PIECE ? in.len : PIECE;
		from = (const unsigned char *)in.p;
		if (o->inside) {
			memcpy(o->piece, from, n);
			from = o->piece;
		}
		if (EVP_DecryptUpdate(o->ctx, o->to + o->len, &got, from,
		        (int)n) != 1)
			return (false);
		o->len += (size_t)got;
	}
	return (true);
}

/* Padding or tag: nothing is believed before this. */
static bool
opening_end(struct opening *o, const struct envelope *e)
{
	unsigned char tag[GCM_TAG_LEN];
	int got;

	if (e->mac.len == GCM_TAG_LEN) {
		memcpy(tag, e->mac.p, sizeof(tag));
		if (EVP_CIPHER_CTX_ctrl(o->ctx, EVP_CTRL_AEAD_SET_TAG,
		        sizeof(tag), tag) != 1)
			return (false);
	}
	if (EVP_DecryptFinal_ex(o->ctx, o->to + o->len, &got) != 1)
		return (false);
	o->len += (size_t)got;
	return (true);
}

/* The same number with fewer zeros in front is the same to RSA. */
static void
digest_wrapped(struct str s, struct cms_opened *opened)
{
	while (s.len > 0 && *s.p == '\0') {
		s.p++;
		s.len--;
	}
	SHA256((const unsigned char *)s.p, s.len, opened->wrapped);
}

/* The first recipient that is ours, and its key. */
static const struct key *
find_recipient(const struct envelope *e, const struct keydb *db,
    struct recipient *r, struct cms_opened *opened, struct err *err)
{
	struct recipient_walk walk;
	const struct key *key;
	size_t n = 0;
	int rc;

	recipient_walk(&walk, e->recipients);
	while ((rc = recipient_next(&walk, r)) == 1) {
		if (++n > LIMIT_CMS_RECIPIENTS) {
			err_set(err, ERR_LIMIT, "more than %d recipients",
			    LIMIT_CMS_RECIPIENTS);
			return (NULL);
		}
		if ((key = keydb_for(db, &r->rid)) != NULL) {
			digest_wrapped(r->encrypted_key, opened);
			return (key);
		}
	}
	digest_wrapped(e->recipients, opened);
	if (rc == -1)
		err_set(err, ERR_SYNTAX,
		    "broken CMS: recipientInfos (RFC 5652 6.2)");
	else
		err_set(err, ERR_NOKEY, "not encrypted to any key held here");
	return (NULL);
}

/* Decrypt to where there is room for the content and a block; the length of
 * the plaintext, or -1. */
static int
open_with(const struct envelope *e, const struct key *key,
    const struct recipient *r, unsigned char *to, bool inside, size_t *len,
    struct err *err)
{
	unsigned char cek[CEK_MAX];
	struct opening *o;
	int rc = -1;

	if ((o = calloc(1, sizeof(*o))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory to decrypt");
		return (-1);
	}
	o->to = to;
	o->inside = inside;
	if (opening_init(o, e, err) == 0 &&
	    transport_unwrap(r, key->pkey, cek, e->key_len, err) == 0) {
		if (opening_key(o, e, cek) &&
		    der_pieces(&e->content, opening_piece, o) &&
		    opening_end(o, e)) {
			*len = o->len;
			rc = 0;
		} else
			(void)cms_cannot_open(err);
	}
	ossl_forget();
	opening_clear(o);
	OPENSSL_cleanse(cek, sizeof(cek));
	return (rc);
}

int
cms_open(struct str der, const struct keydb *db, struct buf *out,
    struct cms_opened *opened, struct err *err)
{
	struct envelope e;
	struct recipient r;
	unsigned char *to;
	size_t len;
	int rc = -1;

	buf_reset(out);
	if (envelope_read(der, &e, err) == 0 &&
	    (opened->key = find_recipient(&e, db, &r, opened, err)) != NULL) {
		opened->cipher = e.cipher;
		to = (unsigned char *)buf_room(out,
		    e.content_len + EVP_MAX_BLOCK_LENGTH);
		if (to == NULL)
			err_set(err, ERR_LIMIT, "too large to open");
		else if ((rc = open_with(&e, opened->key, &r, to, false, &len,
		              err)) == 0)
			out->len = len;
	}
	if (rc == -1)
		buf_wipe(out);
	envelope_clear(&e);
	return (rc);
}

int
cms_open_inside(struct buf *text, const struct keydb *db,
    struct cms_opened *opened, struct err *err)
{
	struct envelope e;
	struct recipient r;
	size_t len;
	int rc = -1;

	/* What is written last may be a block past the content. */
	if (buf_room(text, EVP_MAX_BLOCK_LENGTH) == NULL) {
		err_set(err, ERR_LIMIT, "too large to open");
		buf_wipe(text);
		return (-1);
	}
	if (envelope_read(buf_text(text), &e, err) == 0 &&
	    (opened->key = find_recipient(&e, db, &r, opened, err)) != NULL) {
		opened->cipher = e.cipher;
		rc = open_with(&e, opened->key, &r, (unsigned char *)text->data,
		    true, &len, err);
	}
	if (rc == -1)
		buf_wipe(text);
	else
		text->len = len;
	envelope_clear(&e);
	return (rc);
}

int
cms_recipients(struct str der, void (*f)(void *, const struct rid *), void *arg,
    struct err *err)
{
	struct recipient_walk walk;
	struct recipient r;
	struct envelope e;
	int n = 0, rc = -1;

	if (envelope_read(der, &e, err) == -1)
		goto out;
	recipient_walk(&walk, e.recipients);
	while ((rc = recipient_next(&walk, &r)) == 1) {
		if (++n > LIMIT_CMS_RECIPIENTS)
			break;
		f(arg, &r.rid);
	}
	if (rc == 1)
		err_set(err, ERR_LIMIT, "more than %d recipients",
		    LIMIT_CMS_RECIPIENTS);
	else if (rc == -1)
		err_set(err, ERR_SYNTAX,
		    "broken CMS: recipientInfos (RFC 5652 6.2)");
out:
	envelope_clear(&e);
	return (rc == 0 ? n : -1);
}
