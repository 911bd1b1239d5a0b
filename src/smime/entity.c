#include "config.h"

#include "smime/entity.h"

#include <openssl/rand.h>
#include <string.h>

#include "base/arena.h"
#include "base/codec.h"
#include "base/limits.h"
#include "mail/ctype.h"
#include "mail/header.h"
#include "smime/envelope.h"
#include "smime/ossl.h"

/* Sealing goes through the cache in pieces of this size. */
#define PIECE ((size_t)48 * 1024)

#define BOUNDARY_LEN 32

/* --- reading --- */

static bool
ends_with(struct str s, struct str tail)
{
	return (s.len >= tail.len &&
	        str_ieq(str_of(s.p + s.len - tail.len, tail.len), tail));
}

static int
content_type(struct str head, struct arena *a, struct ctype *ct)
{
	struct field f;

	memset(ct, 0, sizeof(*ct));
	if (!header_find(head, "Content-Type", &f))
		return (0);
	return (ctype_parse(f.value, a, ct));
}

static enum entity_coding
coding_of(struct str head, struct arena *a)
{
	struct field f;
	struct str token;

	if (!header_find(head, "Content-Transfer-Encoding", &f) ||
	    ctype_encoding(f.value, a, &token) == -1 || token.p == NULL)
		return (CODING_IDENTITY);
	if (str_ieq(token, STR("base64")))
		return (CODING_BASE64);
	if (str_ieq(token, STR("quoted-printable")))
		return (CODING_QP);
	return (CODING_IDENTITY);
}

/* application/octet-stream with a name that ends in .p7m: gateways rewrite
 * types that they do not know (RFC 8551 3.2.1). */
static bool
named_p7m(struct str head, const struct ctype *ct, struct arena *a)
{
	struct ctype disp;
	struct field f;

	if (!ctype_is(ct, "application/octet-stream"))
		return (false);
	if (ends_with(ctype_param(ct, "name"), STR(".p7m")))
		return (true);
	return (header_find(head, "Content-Disposition", &f) &&
	        ctype_disposition(f.value, a, &disp) == 0 &&
	        ends_with(ctype_param(&disp, "filename"), STR(".p7m")));
}

static bool
is_signature_type(struct str s)
{
	return (str_ieq(s, STR("application/pkcs7-signature")) ||
	        str_ieq(s, STR("application/x-pkcs7-signature")));
}

/*
 * Find the next delimiter line (RFC 2046 5.1.1) in body at or after *pos.
 * before gets where the line's leading line end begins; *pos moves behind the
 * line.  Returns 0 if there is none, 2 for the closing one.
 */
static int
delimiter(struct str body, struct str boundary, size_t *pos, size_t *before)
{
	size_t at = *pos, end, i;
	const char *nl;
	int kind;

	while (at < body.len) {
		nl = memchr(body.p + at, '\n', body.len - at);
		end = nl != NULL ? (size_t)(nl - body.p) + 1 : body.len;
		i = at + 2 + boundary.len;
		if (end < i || body.p[at] != '-' || body.p[at + 1] != '-' ||
		    memcmp(body.p + at + 2, boundary.p, boundary.len) != 0) {
			at = end;
			continue;
		}
		kind = 1;
		if (i + 2 <= end && body.p[i] == '-' && body.p[i + 1] == '-') {
			kind = 2;
			i += 2;
		}
		if (str_trim(str_of(body.p + i, end - i)).len > 0) {
			at = end; /* a longer boundary */
			continue;
		}
		*pos = end;
		*before = at;
		if (*before > 0 && body.p[*before - 1] == '\n')
			(*before)--;
		if (*before > 0 && body.p[*before - 1] == '\r')
			(*before)--;
		return (kind);
	}
	return (0);
}

/* Divide multipart/signed: exactly two parts, the second one the signature
 * (RFC 1847 2.1). */
static int
read_signed(struct str text, struct str boundary, struct arena *a,
    struct entity *e, struct err *err)
{
	struct str body = span_str(text.p, e->body), sig;
	struct ctype ct;
	size_t pos = 0, before, start, head;

	if (boundary.len == 0 || delimiter(body, boundary, &pos, &before) != 1)
		goto bad;
	start = pos;
	if (delimiter(body, boundary, &pos, &before) != 1 || before < start)
		goto bad;
	e->content = span_of(e->body.off + start, before - start);
	start = pos;
	/* A missing end is forgiven: list servers cut it off. */
	switch (delimiter(body, boundary, &pos, &before)) {
	case 0:
		before = body.len;
		break;
	case 1:
		goto bad;
	}
	if (before < start)
		goto bad;
	sig = str_of(body.p + start, before - start);
	head = header_len(sig);
	if (content_type(str_of(sig.p, head), a, &ct) == -1 ||
	    (!ctype_is(&ct, "application/pkcs7-signature") &&
	        !ctype_is(&ct, "application/x-pkcs7-signature")))
		goto bad;
	e->coding = coding_of(str_of(sig.p, head), a);
	e->cms = span_of(e->body.off + start + head, sig.len - head);
	return (0);
bad:
	err_set(err, ERR_SYNTAX,
	    "multipart/signed without content and signature (RFC 1847 2.1)");
	return (-1);
}

static int
read_with(struct str text, struct arena *a, struct entity *e, struct err *err)
{
	struct str head = span_str(text.p, e->head);
	struct ctype ct;

	if (content_type(head, a, &ct) == -1) {
		err_set(err, ERR_LIMIT, "the header is too large");
		return (-1);
	}
	if (ctype_is(&ct, "application/pkcs7-mime") ||
	    ctype_is(&ct, "application/x-pkcs7-mime") ||
	    named_p7m(head, &ct, a)) {
		e->kind = ENTITY_PKCS7;
		e->coding = coding_of(head, a);
		e->cms = e->body;
		return (0);
	}
	if (!ctype_is(&ct, "multipart/signed") ||
	    !is_signature_type(ctype_param(&ct, "protocol")))
		return (0);
	e->kind = ENTITY_SIGNED;
	return (read_signed(text, ctype_param(&ct, "boundary"), a, e, err));
}

int
entity_read(struct str text, struct entity *e, struct err *err)
{
	struct arena a;
	size_t head;
	int rc;

	memset(e, 0, sizeof(*e));
	head = header_len(text);
	e->head = span_of(0, head);
	e->body = span_of(head, text.len - head);
	if (head > LIMIT_HEADER)
		return (0); /* whatever it is, it is not opened */
	arena_init(&a, 4 * LIMIT_HEADER);
	rc = read_with(text, &a, e, err);
	arena_clear(&a);
	return (rc);
}

int
entity_cms(struct str text, const struct entity *e, struct buf *out,
    struct err *err)
{
	struct str body = span_str(text.p, e->cms);
	enum entity_coding coding = e->coding;
	struct b64dec b64;
	struct qpdec qp;
	char *room;

	/* CMS begins with 0x30.  Base64 that is not called so has been seen
	 * from gateways. */
	if (coding == CODING_IDENTITY && body.len > 0 && body.p[0] != 0x30)
		coding = CODING_BASE64;
	switch (coding) {
	case CODING_BASE64:
		if ((room = buf_room(out, body.len / 4 * 3 + 3)) == NULL)
			break;
		b64dec_init(&b64);
		out->len += b64dec_feed(&b64, body.p, body.len, room);
		break;
	case CODING_QP:
		qpdec_init(&qp);
		qpdec_feed(&qp, body.p, body.len, out);
		qpdec_end(&qp, out);
		break;
	case CODING_IDENTITY:
		buf_str(out, body);
		break;
	}
	if (!out->failed)
		return (0);
	err_set(err, ERR_LIMIT, "the message is too large to decode");
	return (-1);
}

/* Does text begin with a field or with the empty line of no fields? */
static bool
is_entity(struct str text)
{
	size_t i;
	char c;

	if (text.len == 0)
		return (false);
	if (text.p[0] == '\r' || text.p[0] == '\n')
		return (
		    text.p[0] == '\n' || (text.len > 1 && text.p[1] == '\n'));
	for (i = 0; i < text.len && i < 200; i++) {
		c = text.p[i];
		if (c == ':')
			return (i > 0);
		if (c <= ' ' || c > '~')
			return (false);
	}
	return (false);
}

int
entity_open(struct str text, const struct entity *e, const struct keydb *db,
    struct buf *out, struct cms_opened *opened, struct err *err)
{
	int rc;

	buf_reset(out);
	if (entity_cms(text, e, out, err) == -1) {
		buf_wipe(out);
		return (-1);
	}
	rc = cms_open_inside(out, db, opened, err);
	if (rc == 0 && !is_entity(buf_text(out))) {
		buf_wipe(out);
		rc = cms_cannot_open(err);
	}
	return (rc);
}

/* --- line ends --- */

static bool
is_canonical(struct str s)
{
	const char *p = s.p, *end = s.p + s.len, *q;

	while (p < end && (q = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (q == s.p || q[-1] != '\r')
			return (false);
		p = q + 1;
	}
	p = s.p;
	while (p < end && (q = memchr(p, '\r', (size_t)(end - p))) != NULL) {
		if (q + 1 == end || q[1] != '\n')
			return (false);
		p = q + 1;
	}
	return (true);
}

/* Every CR, LF and CRLF becomes CRLF. */
static void
canonical(struct str s, struct buf *out)
{
	size_t i, from = 0;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n')
			continue;
		buf_put(out, s.p + from, i - from);
		buf_put(out, "\r\n", 2);
		if (s.p[i] == '\r' && i + 1 < s.len && s.p[i + 1] == '\n')
			i++;
		from = i + 1;
	}
	buf_put(out, s.p + from, s.len - from);
}

/* --- verifying --- */

static bool
any_bad(const struct cms_signed *s)
{
	size_t i;

	for (i = 0; i < s->nsigners; i++)
		if (s->signers[i].state == SIGNER_BAD)
			return (true);
	return (false);
}

/* Signed text is signed with CRLF (RFC 8551 3.1.1), but what was decrypted
 * may have come with LF. */
static int
verify_again(struct str content, struct str der, struct cert_cache *cache,
    struct cms_signed *out, struct err *err)
{
	struct buf text;
	struct str crlf;
	int rc = -1;

	buf_init(&text, 2 * content.len + 2);
	canonical(content, &text);
	crlf = buf_text(&text);
	cms_signed_clear(out);
	if (text.failed)
		err_set(err, ERR_MEMORY, "no memory to verify");
	else
		rc = cms_verify(der, &crlf, cache, out, err);
	buf_wipe(&text);
	return (rc);
}

int
entity_verify(struct str text, const struct entity *e, struct cert_cache *cache,
    struct buf *der, struct cms_signed *out, struct err *err)
{
	struct str content = span_str(text.p, e->content);

	memset(out, 0, sizeof(*out));
	if (entity_cms(text, e, der, err) == -1)
		return (-1);
	if (e->kind != ENTITY_SIGNED)
		return (cms_verify(buf_text(der), NULL, cache, out, err));
	if (cms_verify(buf_text(der), &content, cache, out, err) == -1)
		return (-1);
	if (!any_bad(out) || is_canonical(content))
		return (0);
	return (verify_again(content, buf_text(der), cache, out, err));
}

/* --- writing --- */

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
	if (!is_canonical(entity)) {
		canonical(entity, &s->canon);
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

static int
seal_pieces(const struct str *pieces, size_t n, const struct cms_seal *how,
    struct buf *out, struct err *err)
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
	return (seal_pieces(&entity, 1, how, out, err));
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
		rc = seal_pieces(pieces, 3, seal, out, err);
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
	if (!is_canonical(entity)) {
		canonical(entity, &canon);
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
