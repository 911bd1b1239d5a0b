#include "config.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/limits.h"
#include "smime/cms.h"
#include "smime/envelope.h"
#include "smime/oid.h"
#include "smime/ossl.h"
#include "smime/transport.h"

struct cms_sealing {
	const struct algo_cipher *cipher;
	EVP_CIPHER *evp;     /* owned */
	EVP_CIPHER_CTX *ctx; /* owned */
	size_t left;         /* content still to come */
};

void
cms_seal_free(struct cms_sealing *s)
{
	if (s == NULL)
		return;
	EVP_CIPHER_CTX_free(s->ctx);
	EVP_CIPHER_free(s->evp);
	free(s);
}

static int
seal_check(const struct cms_seal *how, struct err *err)
{
	size_t i;

	if (how->nto == 0 || how->nto > LIMIT_CMS_RECIPIENTS) {
		err_set(err, ERR_LIMIT, "%zu recipients", how->nto);
		return (-1);
	}
	if (how->cipher == NULL ||
	    (how->cipher->flags & (ALGO_OPEN_ONLY | ALGO_LEGACY)) != 0) {
		err_set(err, ERR_DENIED, "this cipher is not for writing");
		return (-1);
	}
	for (i = 0; i < how->nto; i++)
		if (cert_facts(how->to[i].cert)->weak) {
			err_set(err, ERR_UNTRUSTED, "the key of %s is too weak",
			    cert_facts(how->to[i].cert)->subject);
			return (-1);
		}
	return (0);
}

/* contentEncryptionAlgorithm with fresh parameters. */
static void
put_cipher(struct buf *out, const struct algo_cipher *c, struct str iv)
{
	size_t alg = der_begin(out, DER_SEQUENCE), params;

	der_put(out, DER_OID, algo_cipher_id(c));
	if ((c->flags & ALGO_AEAD) != 0) {
		params = der_begin(out, DER_SEQUENCE);
		der_put(out, DER_OCTETS, iv);
		der_put_uint(out, GCM_TAG_LEN);
		der_finish(out, params);
	} else
		der_put(out, DER_OCTETS, iv);
	der_finish(out, alg);
}

/* Everything before the first octet of content: all lengths are known. */
static void
put_head(struct buf *out, const struct algo_cipher *c, unsigned version,
    struct str recipients, struct str alg, size_t total)
{
	bool auth = (c->flags & ALGO_AEAD) != 0;
	struct str type = auth ? OID_AUTHENVELOPED : OID_ENVELOPED;
	size_t content, eci, ed, info;

	content = auth ? total : (total / c->block + 1) * c->block;
	eci = 2 + OID_DATA.len + alg.len + der_head_len(content) + content;
	ed = 3 + der_head_len(recipients.len) + recipients.len +
	     der_head_len(eci) + eci + (auth ? 2 + GCM_TAG_LEN : 0);
	info = 2 + type.len + der_head_len(der_head_len(ed) + ed) +
	       der_head_len(ed) + ed;

	der_put_head(out, DER_SEQUENCE, info);
	der_put(out, DER_OID, type);
	der_put_head(out, DER_CTX0_CONS, der_head_len(ed) + ed);
	der_put_head(out, DER_SEQUENCE, ed);
	der_put_uint(out, version);
	der_put(out, DER_SET, recipients);
	der_put_head(out, DER_SEQUENCE, eci);
	der_put(out, DER_OID, OID_DATA);
	buf_str(out, alg);
	der_put_head(out, DER_CTX0, content);
}

/* Make the content key, give it to everybody, write the head. */
static int
seal_head(struct cms_sealing *s, const struct cms_seal *how, size_t total,
    struct buf *out, struct err *err)
{
	const struct algo_cipher *c = how->cipher;
	unsigned char cek[CEK_MAX], iv[EVP_MAX_IV_LENGTH];
	struct buf infos, alg;
	unsigned version = 0;
	size_t i;
	int rc = -1;

	buf_init(&infos, LIMIT_MESSAGE);
	buf_init(&alg, LIMIT_RECORD);
	if (RAND_priv_bytes(cek, (int)c->key_len) != 1 ||
	    RAND_bytes(iv, (int)c->iv_len) != 1 ||
	    EVP_EncryptInit_ex2(s->ctx, s->evp, cek, iv, NULL) != 1) {
		err_openssl(err, ERR_CRYPTO, "cannot start encryption");
		goto out;
	}
	for (i = 0; i < how->nto; i++) {
		if (transport_wrap(&how->to[i], cek, c->key_len, &infos, err) ==
		    -1)
			goto out;
		/* RFC 5652 6.1; AuthEnvelopedData is always 0. */
		if (transport_agrees(&how->to[i]) &&
		    (c->flags & ALGO_AEAD) == 0)
			version = 2;
	}
	put_cipher(&alg, c, str_of((char *)iv, c->iv_len));
	if (infos.failed || alg.failed) {
		err_set(err, ERR_MEMORY, "no memory to seal");
		goto out;
	}
	put_head(out, c, version, buf_text(&infos), buf_text(&alg), total);
	rc = 0;
out:
	OPENSSL_cleanse(cek, sizeof(cek));
	buf_clear(&infos);
	buf_clear(&alg);
	return (rc);
}

struct cms_sealing *
cms_seal_start(const struct cms_seal *how, size_t total, struct buf *out,
    struct err *err)
{
	struct cms_sealing *s;

	if (seal_check(how, err) == -1)
		return (NULL);
	if (total > LIMIT_MESSAGE) {
		err_set(err, ERR_LIMIT, "the message is too large to seal");
		return (NULL);
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory to seal");
		return (NULL);
	}
	s->cipher = how->cipher;
	s->left = total;
	s->evp = EVP_CIPHER_fetch(NULL, how->cipher->ossl, NULL);
	s->ctx = EVP_CIPHER_CTX_new();
	if (s->evp == NULL || s->ctx == NULL) {
		err_openssl(err, ERR_CRYPTO, "cannot start encryption");
		cms_seal_free(s);
		return (NULL);
	}
	if (seal_head(s, how, total, out, err) == -1) {
		cms_seal_free(s);
		return (NULL);
	}
	return (s);
}

int
cms_seal_feed(struct cms_sealing *s, struct str in, struct buf *out,
    struct err *err)
{
	const size_t most = (size_t)1 << 20; /* EVP counts in int */
	size_t n;
	int got;

	if (in.len > s->left) {
		err_set(err, ERR_SYNTAX, "more content than was announced");
		return (-1);
	}
	s->left -= in.len;
	for (; in.len > 0; in.p += n, in.len -= n) {
		n = in.len < most ? in.len : most;
		if (buf_room(out, n + EVP_MAX_BLOCK_LENGTH) == NULL) {
			err_set(err, ERR_LIMIT,
			    "the sealed message is too big");
			return (-1);
		}
		if (EVP_EncryptUpdate(s->ctx,
		        (unsigned char *)out->data + out->len, &got,
		        (const unsigned char *)in.p, (int)n) != 1) {
			err_openssl(err, ERR_CRYPTO, "cannot encrypt");
			return (-1);
		}
		out->len += (size_t)got;
	}
	return (0);
}

int
cms_seal_end(struct cms_sealing *s, struct buf *out, struct err *err)
{
	unsigned char tag[GCM_TAG_LEN];
	int got;

	if (s->left != 0) {
		err_set(err, ERR_SYNTAX, "less content than was announced");
		return (-1);
	}
	if (buf_room(out, EVP_MAX_BLOCK_LENGTH + GCM_TAG_LEN + 2) == NULL) {
		err_set(err, ERR_LIMIT, "the sealed message is too big");
		return (-1);
	}
	if (EVP_EncryptFinal_ex(s->ctx, (unsigned char *)out->data + out->len,
	        &got) != 1) {
		err_openssl(err, ERR_CRYPTO, "cannot encrypt");
		return (-1);
	}
	out->len += (size_t)got;
	if ((s->cipher->flags & ALGO_AEAD) == 0)
		return (0);
	if (EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, sizeof(tag),
	        tag) != 1) {
		err_openssl(err, ERR_CRYPTO, "cannot encrypt");
		return (-1);
	}
	der_put(out, DER_OCTETS, str_of((char *)tag, sizeof(tag)));
	return (0);
}

int
cms_seal(struct str content, const struct cms_seal *how, struct buf *out,
    struct err *err)
{
	struct cms_sealing *s;
	int rc = -1;

	if ((s = cms_seal_start(how, content.len, out, err)) != NULL &&
	    cms_seal_feed(s, content, out, err) == 0)
		rc = cms_seal_end(s, out, err);
	cms_seal_free(s);
	return (rc);
}
