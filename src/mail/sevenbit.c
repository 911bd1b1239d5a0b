#include "config.h"

#include "mail/sevenbit.h"

#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "mail/cte.h"
#include "mail/ctype.h"
#include "mail/header.h"
#include "mail/part.h"

#define LINE_MAX_BYTES 998

#define ENCODING "Content-Transfer-Encoding"

struct encoder {
	const char *text;
	struct arena arena;
};

bool
sevenbit_is(struct str s)
{
	size_t i, line = 0;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '\n')
			line = 0;
		else if (s.p[i] == '\0' || (s.p[i] & 0x80) != 0 ||
		         (++line > LINE_MAX_BYTES && s.p[i] != '\r'))
			return (false);
	}
	return (true);
}

static enum cte
encoding_of(struct encoder *e, struct str head)
{
	struct field f;
	struct str word;

	if (!header_find(head, ENCODING, &f))
		return (CTE_NONE);
	if (ctype_encoding(f.value, &e->arena, &word) == -1 || word.p == NULL)
		return (CTE_UNKNOWN);
	return (cte_of(word));
}

/* The header with another encoding (NULL: none), and its empty line. */
static void
put_head(struct str head, const char *encoding, struct buf *out)
{
	struct header h;
	struct field f;

	header_init(&h, head);
	while (header_next(&h, &f))
		if (!field_is(&f, ENCODING))
			buf_str(out, f.all);
	if (encoding != NULL) {
		buf_puts(out, ENCODING ": ");
		buf_puts(out, encoding);
		buf_puts(out, "\r\n");
	}
	buf_puts(out, "\r\n");
}

/* What a body with stray 8-bit bytes in it means. */
static int
decode(struct str body, enum cte cte, struct buf *out)
{
	struct qpdec qp;
	struct b64dec b64;
	char *to;

	switch (cte) {
	case CTE_BASE64:
		b64dec_init(&b64);
		if ((to = buf_room(out, body.len + 3)) != NULL)
			out->len += b64dec_feed(&b64, body.p, body.len, to);
		break;
	case CTE_QP:
		qpdec_init(&qp);
		qpdec_feed(&qp, body.p, body.len, out);
		qpdec_end(&qp, out);
		break;
	case CTE_NONE:
	case CTE_UNKNOWN:
		buf_str(out, body);
		break;
	}
	return (out->failed ? -1 : 0);
}

static void
put_base64(struct str s, struct buf *out)
{
	struct b64enc b64;

	b64enc_init(&b64);
	b64enc_feed(&b64, s.p, s.len, out);
	b64enc_end(&b64, out);
	/* the line end before a boundary is the boundary's */
	if (s.len > 0 && !out->failed)
		out->len -= 2;
}

static int
put_leaf(struct encoder *e, const struct part *p, struct buf *out)
{
	struct str head = span_str(e->text, p->head);
	struct str body = span_str(e->text, p->body);
	enum cte cte = encoding_of(e, head);
	struct buf plain;
	int rc = -1;

	/* RFC 2046 5.2: a part of type message has no encoding */
	if (sevenbit_is(body) || cte == CTE_UNKNOWN || p->truncated ||
	    part_is(p, "message/") || part_is(p, "multipart/")) {
		buf_str(out, head);
		buf_str(out, body);
		return (0);
	}
	buf_init(&plain, body.len + 3);
	if (decode(body, cte, &plain) == 0) {
		if (part_is(p, "text/")) {
			put_head(head, "quoted-printable", out);
			qp_encode(buf_text(&plain), out);
		} else {
			put_head(head, "base64", out);
			put_base64(buf_text(&plain), out);
		}
		rc = 0;
	}
	buf_wipe(&plain);
	return (rc);
}

static int put_part(struct encoder *, const struct part *, struct buf *);

/* The children, and what is between them as it stands. */
static int
put_children(struct encoder *e, const struct part *p, struct buf *out)
{
	size_t pos = p->body.off, end = p->body.off + p->body.len;
	const struct part *c;
	struct span whole;

	for (c = p->child; c != NULL; c = c->next) {
		whole = part_whole(c);
		if (whole.off < pos || whole.off + whole.len > end)
			return (-1);
		buf_put(out, e->text + pos, whole.off - pos);
		if (put_part(e, c, out) == -1)
			return (-1);
		pos = whole.off + whole.len;
	}
	buf_put(out, e->text + pos, end - pos);
	return (0);
}

/* A multipart or message: its own encoding becomes 7bit if all in it did. */
static int
put_inner(struct encoder *e, const struct part *p, struct buf *out)
{
	struct str head = span_str(e->text, p->head);
	struct buf body;
	int rc;

	buf_init(&body, out->max);
	if ((rc = put_children(e, p, &body)) == 0) {
		if (sevenbit_is(buf_text(&body)) &&
		    header_count(head, ENCODING) > 0)
			put_head(head, NULL, out);
		else
			buf_str(out, head);
		buf_str(out, buf_text(&body));
		if (body.failed)
			rc = -1;
	}
	buf_wipe(&body);
	return (rc);
}

/* It and put_children() follow the tree, whose depth has a limit. */
static int
put_part(struct encoder *e, const struct part *p, struct buf *out)
{
	struct str whole = span_str(e->text, part_whole(p));

	if (sevenbit_is(whole) || part_is(p, "multipart/signed")) {
		buf_str(out, whole);
		return (0);
	}
	if (p->kind == PART_LEAF)
		return (put_leaf(e, p, out));
	if (encoding_of(e, span_str(e->text, p->head)) != CTE_NONE) {
		buf_str(out, whole);
		return (0);
	}
	return (put_inner(e, p, out));
}

int
sevenbit_encode(struct str entity, struct buf *out, struct err *err)
{
	struct encoder e = {.text = entity.p};
	struct part *root;
	int rc = 0;

	if (sevenbit_is(entity)) {
		buf_str(out, entity);
	} else {
		arena_init(&e.arena, LIMIT_PARSE);
		root = part_parse(entity, &e.arena, &part_limits, err);
		if (root == NULL || put_part(&e, root, out) == -1)
			rc = -1;
		arena_clear(&e.arena);
	}
	if (rc == -1 || out->failed) {
		err_set(err, ERR_LIMIT,
		    "the mail is too large to be made 7-bit");
		return (-1);
	}
	return (0);
}
