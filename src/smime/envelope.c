#include "config.h"

#include "smime/envelope.h"

#include <string.h>

#include "smime/oid.h"

int
cms_cannot_open(struct err *err)
{
	err_set(err, ERR_CRYPTO, "the message cannot be decrypted");
	return (-1);
}

int
content_info(struct str der, struct str *type, struct der *in)
{
	struct der d = der_of(der), ci;

	if (!der_enter(&d, DER_SEQUENCE, &ci) || !der_oid(&ci, type) ||
	    !der_enter(&ci, DER_CTX0_CONS, in))
		return (-1);
	return (0);
}

bool
plain_item(struct der_item *it, struct buf *held)
{
	struct der d;

	if (der_is_plain(it->all))
		return (true);
	buf_init(held, 2 * it->all.len + 64);
	if (!der_plain(it->all, held))
		return (false);
	d = der_of(buf_text(held));
	return (der_any(&d, it));
}

static int
bad(struct err *err, const char *what)
{
	err_set(err, ERR_SYNTAX, "broken CMS: %s", what);
	return (-1);
}

/* RC2CBCParameter (RFC 3370 5.2): the version stands for the effective key
 * bits in a way of its own (RFC 2268 6). */
static int
read_rc2(struct envelope *e, const struct der_item *params, struct err *err)
{
	struct der d = der_of(params->in);
	struct der_item iv;
	uint64_t version;

	if (params->tag != DER_SEQUENCE || !der_uint(&d, 1024, &version) ||
	    !der_take(&d, DER_OCTETS, &iv))
		return (bad(err, "RC2 parameters (RFC 3370 5.2)"));
	e->iv = iv.in;
	switch (version) {
	case 58:
		e->rc2_bits = 128;
		break;
	case 120:
		e->rc2_bits = 64;
		break;
	case 160:
		e->rc2_bits = 40;
		break;
	default:
		err_set(err, ERR_UNSUPPORTED, "unknown RC2 key length");
		return (-1);
	}
	e->key_len = e->rc2_bits / 8;
	return (0);
}

/* GCMParameters (RFC 5084 3.2).  A short tag is easier to forge and a nonce
 * of another length is hashed, so only the usual ones are taken. */
static int
read_gcm(struct envelope *e, const struct der_item *params, struct err *err)
{
	struct der d = der_of(params->in);
	struct der_item iv;
	uint64_t tag_len = 12;

	if (params->tag != DER_SEQUENCE || !der_take(&d, DER_OCTETS, &iv))
		return (bad(err, "GCM parameters (RFC 5084 3.2)"));
	if (!der_end(&d) && !der_uint(&d, GCM_TAG_LEN, &tag_len))
		return (bad(err, "GCM parameters (RFC 5084 3.2)"));
	if (iv.in.len != 12 || tag_len != GCM_TAG_LEN) {
		err_set(err, ERR_UNSUPPORTED,
		    "AES-GCM with an odd nonce or a short tag");
		return (-1);
	}
	e->iv = iv.in;
	return (0);
}

static int
read_cipher(struct envelope *e, struct der_item *alg, struct err *err)
{
	struct der d;
	struct der_item params;
	struct str oid;

	if (!plain_item(alg, &e->held[1]))
		return (bad(err, "contentEncryptionAlgorithm"));
	d = der_of(alg->all);
	if (!der_algorithm(&d, &oid, &params))
		return (bad(err, "contentEncryptionAlgorithm"));
	if ((e->cipher = algo_cipher_oid(oid)) == NULL) {
		err_set(err, ERR_UNSUPPORTED, "unknown content encryption");
		return (-1);
	}
	e->key_len = e->cipher->key_len;
	if ((e->cipher->flags & ALGO_AEAD) != 0)
		return (read_gcm(e, &params, err));
	if ((e->cipher->flags & ALGO_LEGACY) != 0) {
		if (read_rc2(e, &params, err) == -1)
			return (-1);
	} else if (params.tag == DER_OCTETS)
		e->iv = params.in;
	if (e->iv.len != e->cipher->iv_len)
		return (bad(err, "initialisation vector"));
	return (0);
}

static bool
add_length(void *arg, struct str piece)
{
	size_t *total = arg;

	*total += piece.len;
	return (true);
}

/* EncryptedContentInfo; [0] IMPLICIT OCTET STRING may be in pieces. */
static int
read_content(struct envelope *e, struct der *in, struct err *err)
{
	struct der_item alg;
	struct der eci;
	struct str type;

	if (!der_enter(in, DER_SEQUENCE, &eci) || !der_oid(&eci, &type) ||
	    !der_take(&eci, DER_SEQUENCE, &alg))
		return (bad(err, "encryptedContentInfo (RFC 5652 6.1)"));
	if (read_cipher(e, &alg, err) == -1)
		return (-1);
	if (!der_take(&eci, DER_CTX0, &e->content) &&
	    !der_take(&eci, DER_CTX0_CONS, &e->content))
		return (bad(err, "no encrypted content"));
	if (!der_pieces(&e->content, add_length, &e->content_len))
		return (bad(err, "encrypted content"));
	if (e->content_len % e->cipher->block != 0 ||
	    (e->cipher->block > 1 && e->content_len == 0))
		return (bad(err, "content is not a number of whole blocks"));
	return (0);
}

/* What AuthEnvelopedData has behind the content (RFC 5083 2.1). */
static int
read_auth(struct envelope *e, struct der *in, struct err *err)
{
	struct der_item attrs, mac;

	if (der_take(in, DER_CTX0_CONS + 1, &attrs)) {
		if (!plain_item(&attrs, &e->held[2]))
			return (bad(err, "authAttrs"));
		e->aad = attrs.all;
	}
	if (!der_any(in, &mac) || !plain_item(&mac, &e->held[3]) ||
	    mac.tag != DER_OCTETS || mac.in.len != GCM_TAG_LEN)
		return (bad(err, "mac (RFC 5083 2.1)"));
	e->mac = mac.in;
	return (0);
}

int
envelope_read(struct str der, struct envelope *e, struct err *err)
{
	struct der_item infos;
	struct der in, d;
	struct str type;
	uint64_t version;
	bool auth;

	memset(e, 0, sizeof(*e));
	if (content_info(der, &type, &in) == -1)
		return (bad(err, "no ContentInfo (RFC 5652 3)"));
	auth = str_eq(type, OID_AUTHENVELOPED);
	if (!auth && !str_eq(type, OID_ENVELOPED)) {
		err_set(err, ERR_UNSUPPORTED, "CMS, but not encrypted");
		return (-1);
	}
	if (!der_enter(&in, DER_SEQUENCE, &d) || !der_uint(&d, 4, &version))
		return (bad(err, "version (RFC 5652 6.1)"));
	der_skip(&d, DER_CTX0_CONS); /* originatorInfo */
	if (!der_take(&d, DER_SET, &infos) || !plain_item(&infos, &e->held[0]))
		return (bad(err, "recipientInfos (RFC 5652 6.1)"));
	e->recipients = infos.in;
	if (read_content(e, &d, err) == -1)
		return (-1);
	/* EFAIL again: AEAD ciphertext offered as CBC, or the reverse. */
	if (auth != ((e->cipher->flags & ALGO_AEAD) != 0)) {
		err_set(err, ERR_UNSUPPORTED,
		    "the cipher does not fit the content type");
		return (-1);
	}
	return (auth ? read_auth(e, &d, err) : 0);
}

void
envelope_clear(struct envelope *e)
{
	size_t i;

	for (i = 0; i < sizeof(e->held) / sizeof(e->held[0]); i++)
		buf_clear(&e->held[i]);
}
