#include "config.h"

#include "smime/entity.h"

#include <string.h>

#include "base/arena.h"
#include "base/codec.h"
#include "base/limits.h"
#include "mail/ctype.h"
#include "mail/header.h"
#include "smime/canon.h"
#include "smime/envelope.h"

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

/* A CR that no LF follows is no line end to most who read the content. */
static bool
has_lone_cr(struct str s)
{
	const char *p = s.p, *end = s.p + s.len;

	while (p < end && (p = memchr(p, '\r', (size_t)(end - p))) != NULL)
		if (++p == end || *p != '\n')
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
	canon_put(content, &text);
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
	if (!any_bad(out) || canon_is(content) || has_lone_cr(content))
		return (0);
	return (verify_again(content, buf_text(der), cache, out, err));
}
