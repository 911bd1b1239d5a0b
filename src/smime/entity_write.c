#include "config.h"

#include <openssl/rand.h>

#include "base/codec.h"
#include "base/limits.h"
#include "mail/protect.h"
#include "smime/canon.h"
#include "smime/entity.h"
#include "smime/ossl.h"

/* Sealing goes through the cache in pieces of this size. */
#define PIECE ((size_t)48 * 1024)

#define BOUNDARY_LEN 32

/* A signed entity before it is one text. */
struct signing {
	struct buf head;
	struct str content; /* the entity, or canon's */
	struct buf canon;
	struct buf tail;
};

static void
signing_clear(struct signing *s)
{
	buf_wipe(&s->head);
	buf_wipe(&s->canon);
	buf_wipe(&s->tail);
}

static int
make_boundary(char *out)
{
	unsigned char bytes[BOUNDARY_LEN / 2];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return (-1);
	hex_encode(bytes, sizeof(bytes), out);
	return (0);
}

static void
put_base64(struct str s, struct buf *out)
{
	struct b64enc enc;

	b64enc_init(&enc);
	b64enc_feed(&enc, s.p, s.len, out);
	b64enc_end(&enc, out);
}

/* multipart/signed (RFC 8551 3.5.3).  "=_" cannot occur in base64 or
 * quoted-printable text (RFC 2045 6.7). */
static void
put_signing(struct signing *s, const char *boundary, const char *micalg,
    struct str der)
{
	buf_printf(&s->head,
	    "Content-Type: multipart/signed;\r\n"
	    " protocol=\"application/pkcs7-signature\"; micalg=%s;\r\n"
	    " boundary=\"=_%s\"\r\n"
	    "\r\n"
	    "--=_%s\r\n",
	    micalg, boundary, boundary);
	buf_printf(&s->tail,
	    "\r\n--=_%s\r\n"
	    "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n"
	    "\r\n",
	    boundary);
	put_base64(der, &s->tail);
	buf_printf(&s->tail, "\r\n--=_%s--\r\n", boundary);
}

static int
signing_make(struct signing *s, struct str entity, const struct cms_sign *how,
    struct err *err)
{
	char boundary[BOUNDARY_LEN + 1];
	struct buf der;
	int rc = -1;

	buf_init(&s->head, LIMIT_RECORD);
	buf_init(&s->canon, 2 * entity.len + 2);
	buf_init(&s->tail, LIMIT_MESSAGE);
	buf_init(&der, LIMIT_MESSAGE);
	s->content = entity;
	if (!canon_is(entity)) {
		canon_put(entity, &s->canon);
		s->content = buf_text(&s->canon);
	}
	if (s->canon.failed)
		err_set(err, ERR_MEMORY, "no memory to sign");
	else if (make_boundary(boundary) == -1)
		err_openssl(err, ERR_CRYPTO, "no random bytes");
	else if (cms_sign_detached(s->content, how, &der, err) == 0) {
		put_signing(s, boundary, cms_sign_micalg(how->key),
		    buf_text(&der));
		rc = 0;
	}
	if (rc == 0 && (s->head.failed || s->tail.failed)) {
		err_set(err, ERR_MEMORY, "no memory to sign");
		rc = -1;
	}
	buf_clear(&der);
	return (rc);
}

int
entity_sign(struct str entity, const struct cms_sign *how, struct buf *out,
    struct err *err)
{
	struct signing s;
	int rc;

	if ((rc = signing_make(&s, entity, how, err)) == 0) {
		buf_str(out, buf_text(&s.head));
		buf_str(out, s.content);
		buf_str(out, buf_text(&s.tail));
		if (out->failed) {
			err_set(err, ERR_LIMIT, "the signed mail is too big");
			rc = -1;
		}
	}
	signing_clear(&s);
	return (rc);
}

int
entity_sign_mail(struct str mail, const struct cms_sign *how, struct buf *out,
    struct err *err)
{
	struct buf payload;
	int rc = -1;

	buf_init(&payload, mail.len + 1024);
	if (protect_clear(mail, out, &payload) == -1)
		err_set(err, ERR_SYNTAX, "cannot protect the mail's header");
	else {
		buf_puts(out, "MIME-Version: 1.0\r\n");
		rc = entity_sign(buf_text(&payload), how, out, err);
	}
	buf_wipe(&payload);
	return (rc);
}

static void
put_pkcs7_head(struct buf *out, const char *smime_type)
{
	buf_printf(out,
	    "Content-Type: application/pkcs7-mime; smime-type=%s;\r\n"
	    " name=\"smime.p7m\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n"
	    "\r\n",
	    smime_type);
}

/* From plain pieces over ciphertext to base64, a cacheful at a time. */
struct pipe {
	struct cms_sealing *sealing;
	struct buf der;
	struct b64enc enc;
	struct buf *out;
};

static void
pipe_flush(struct pipe *p)
{
	b64enc_feed(&p->enc, p->der.data, p->der.len, p->out);
	buf_reset(&p->der);
}

static int
pipe_feed(struct pipe *p, struct str s, struct err *err)
{
	size_t n;

	for (; s.len > 0; s.p += n, s.len -= n) {
		n = s.len < PIECE ? s.len : PIECE;
		if (cms_seal_feed(p->sealing, str_of(s.p, n), &p->der, err) ==
		    -1)
			return (-1);
		pipe_flush(p);
	}
	return (0);
}

int
entity_seal_pieces(const struct str *pieces, size_t n,
    const struct cms_seal *how, struct buf *out, struct err *err)
{
	struct pipe p;
	size_t total = 0, i;
	int rc = -1;

	for (i = 0; i < n; i++)
		total += pieces[i].len;
	p.out = out;
	b64enc_init(&p.enc);
	buf_init(&p.der, LIMIT_MESSAGE);
	if ((p.sealing = cms_seal_start(how, total, &p.der, err)) == NULL)
		goto out;
	/* Base64 with its line ends is 78 for 57; the rest is certificates'
	 * names.  One reservation saves copying as out grows. */
	if (buf_room(out, (total + p.der.len) / 57 * 78 + 1024) == NULL) {
		err_set(err, ERR_LIMIT, "the sealed mail is too big");
		goto out;
	}
	put_pkcs7_head(out, how->cipher->smime);
	pipe_flush(&p);
	for (i = 0; i < n; i++)
		if (pipe_feed(&p, pieces[i], err) == -1)
			goto out;
	if (cms_seal_end(p.sealing, &p.der, err) == -1)
		goto out;
	pipe_flush(&p);
	b64enc_end(&p.enc, out);
	if (!out->failed)
		rc = 0;
	else
		err_set(err, ERR_LIMIT, "the sealed mail is too big");
out:
	cms_seal_free(p.sealing);
	buf_clear(&p.der);
	return (rc);
}

int
entity_seal(struct str entity, const struct cms_seal *how, struct buf *out,
    struct err *err)
{
	return (entity_seal_pieces(&entity, 1, how, out, err));
}

int
entity_sign_seal(struct str entity, const struct cms_sign *sign,
    const struct cms_seal *seal, struct buf *out, struct err *err)
{
	struct str pieces[3];
	struct signing s;
	int rc;

	if (sign == NULL)
		return (entity_seal(entity, seal, out, err));
	if ((rc = signing_make(&s, entity, sign, err)) == 0) {
		pieces[0] = buf_text(&s.head);
		pieces[1] = s.content;
		pieces[2] = buf_text(&s.tail);
		rc = entity_seal_pieces(pieces, 3, seal, out, err);
	}
	signing_clear(&s);
	return (rc);
}

int
entity_sign_opaque(struct str entity, const struct cms_sign *how,
    struct buf *out, struct err *err)
{
	struct buf der, canon;
	int rc = -1;

	buf_init(&der, LIMIT_MESSAGE);
	buf_init(&canon, 2 * entity.len + 2);
	if (!canon_is(entity)) {
		canon_put(entity, &canon);
		entity = buf_text(&canon);
	}
	if (canon.failed)
		err_set(err, ERR_MEMORY, "no memory to sign");
	else if (cms_sign_opaque(entity, how, &der, err) == 0) {
		put_pkcs7_head(out, "signed-data");
		put_base64(buf_text(&der), out);
		if (!out->failed)
			rc = 0;
		else
			err_set(err, ERR_LIMIT, "the signed mail is too big");
	}
	buf_wipe(&canon);
	buf_wipe(&der);
	return (rc);
}
