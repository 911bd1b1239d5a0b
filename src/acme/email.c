#include "config.h"

#include "acme/email.h"

#include <openssl/evp.h>
#include <string.h>

#include "acme/b64url.h"
#include "acme/word.h"
#include "base/codec.h"
#include "mail/addr.h"
#include "mail/ctype.h"
#include "mail/header.h"
#include "mail/part.h"

#define BEGIN STR("-----BEGIN ACME RESPONSE-----")
#define END   STR("-----END ACME RESPONSE-----")

/* 128 bits in base64url (RFC 8823 3.1 point 1). */
#define TOKEN_MIN 22
#define TOKEN_MAX 200

/* A digest with its line ends; more is no digest. */
#define BLOCK_MAX 200

#define HASH_LEN 32

static int
denied(struct err *err, const char *why)
{
	err_set(err, ERR_DENIED, "%s", why);
	return (-1);
}

/* --- tokens --- */

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

/* s without white space; p is NULL when memory is out. */
static struct str
squeeze(struct str s, struct arena *arena)
{
	char *out = arena_alloc(arena, s.len + 1);
	size_t i, n = 0;

	for (i = 0; out != NULL && i < s.len; i++)
		if (!is_blank(s.p[i]))
			out[n++] = s.p[i];
	return (str_of(out, n));
}

/* RFC 8823's own examples are padded, so "=" may follow. */
static bool
is_token(struct str s)
{
	size_t i, pad = 0;

	while (s.len > 0 && pad < 2 && s.p[s.len - 1] == '=') {
		s.len--;
		pad++;
	}
	if (s.len < TOKEN_MIN || s.len > TOKEN_MAX)
		return (false);
	for (i = 0; i < s.len; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '-' &&
		    s.p[i] != '_' && (s.p[i] < 'A' || s.p[i] > 'Z') &&
		    (s.p[i] < 'a' || s.p[i] > 'z'))
			return (false);
	return (true);
}

int
acme_subject_token(struct str value, bool reply, struct arena *arena,
    struct str *token1)
{
	const struct str label = STR("ACME:");
	struct str s;
	size_t i = 0;

	s = header_unfold(value, arena);
	if (s.p == NULL || word_text(s, arena, &s) == -1)
		return (-1);
	s = str_trim(s);
	while (reply && i < s.len &&
	       !str_istarts(str_of(s.p + i, s.len - i), label))
		i++;
	s = str_of(s.p + i, s.len - i);
	/* the white space that follows is lost between encoded words */
	if (!str_istarts(s, label))
		return (-1);
	s = squeeze(str_of(s.p + label.len, s.len - label.len), arena);
	if (s.p == NULL || !is_token(s))
		return (-1);
	*token1 = s;
	return (0);
}

int
acme_email_digest(struct str token1, struct str token2, struct str thumbprint,
    struct buf *out)
{
	unsigned char hash[HASH_LEN];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -1;

	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, token1.p, token1.len) == 1 &&
	    EVP_DigestUpdate(ctx, token2.p, token2.len) == 1 &&
	    EVP_DigestUpdate(ctx, ".", 1) == 1 &&
	    EVP_DigestUpdate(ctx, thumbprint.p, thumbprint.len) == 1 &&
	    EVP_DigestFinal_ex(ctx, hash, NULL) == 1) {
		b64url_encode(str_of((const char *)hash, HASH_LEN), out);
		rc = out->failed ? -1 : 0;
	}
	EVP_MD_CTX_free(ctx);
	return (rc);
}

/* --- writing --- */

/* A field; *bad is set for a value that would end it or is missing. */
static void
put_field(struct buf *out, const char *name, struct str value, bool *bad)
{
	size_t i;

	for (i = 0; i < value.len; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			*bad = true;
	if (value.len == 0)
		*bad = true;
	buf_printf(out, "%s: ", name);
	buf_str(out, value);
	buf_puts(out, "\r\n");
}

static void
put_mime(struct buf *out)
{
	buf_puts(out, "MIME-Version: 1.0\r\n"
	              "Content-Type: text/plain; charset=us-ascii\r\n"
	              "Content-Transfer-Encoding: 7bit\r\n"
	              "\r\n");
}

int
acme_challenge_put(const struct acme_challenge_mail *m, struct buf *out)
{
	bool bad = !is_token(m->token1);

	buf_puts(out, "Auto-Submitted: auto-generated; type=acme\r\n");
	put_field(out, "Date", m->date, &bad);
	put_field(out, "Message-ID", m->message_id, &bad);
	put_field(out, "From", m->from, &bad);
	put_field(out, "To", m->to, &bad);
	buf_puts(out, "Subject: ACME: ");
	buf_str(out, m->token1);
	buf_puts(out, "\r\n");
	put_mime(out);
	buf_puts(out,
	    "This is an automatic message of a certificate authority.  A\r\n"
	    "program that reads mail for this address has asked for an "
	    "S/MIME\r\n"
	    "certificate and will answer it by itself; there is nothing to "
	    "do.\r\n"
	    "If nobody who may read this mailbox has asked for one, do not\r\n"
	    "answer, and find out who has access to the mailbox.\r\n");
	return (bad || out->failed ? -1 : 0);
}

int
acme_reply_put(const struct acme_reply_mail *m, struct buf *out)
{
	bool bad = !is_token(m->token1) || !is_token(m->digest);

	put_field(out, "Date", m->date, &bad);
	put_field(out, "Message-ID", m->message_id, &bad);
	put_field(out, "In-Reply-To", m->in_reply_to, &bad);
	put_field(out, "From", m->from, &bad);
	put_field(out, "To", m->to, &bad);
	buf_puts(out, "Subject: Re: ACME: ");
	buf_str(out, m->token1);
	buf_puts(out, "\r\nAuto-Submitted: auto-replied\r\n");
	put_mime(out);
	buf_str(out, BEGIN);
	buf_puts(out, "\r\n");
	buf_str(out, m->digest);
	buf_puts(out, "\r\n");
	buf_str(out, END);
	buf_puts(out, "\r\n");
	return (bad || out->failed ? -1 : 0);
}

/* --- reading a challenge --- */

/* RFC 8823 3.2 point 6; for challenges it says that a list passed one on. */
static bool
from_list(struct str header)
{
	struct header h;
	struct field f;

	header_init(&h, header);
	while (header_next(&h, &f))
		if (str_istarts(f.name, STR("List-")))
			return (true);
	return (false);
}

/* The only address of the only field of that name; empty if it is not so. */
static struct str
only_address(struct str header, const char *name, struct arena *arena)
{
	struct str *specs;
	struct field f;
	size_t n;

	if (header_count(header, name) != 1 || !header_find(header, name, &f) ||
	    addr_specs(f.value, arena, &specs, &n) == -1 || n != 1)
		return (STR(""));
	return (specs[0]);
}

/* RFC 8823 3.1 point 5, RFC 3834 5: the keyword, before any parameter or
 * comment. */
static bool
auto_generated(struct str header)
{
	struct field f;
	struct str s;

	if (header_count(header, "Auto-Submitted") != 1 ||
	    !header_find(header, "Auto-Submitted", &f))
		return (false);
	s = str_trim(f.value);
	s = str_of(s.p, str_find(s, ';'));
	s = str_of(s.p, str_find(s, '('));
	return (str_ieq(str_trim(s), STR("auto-generated")));
}

/* Message-ID goes into our reply: one msg-id and nothing else. */
static bool
is_msg_id(struct str s)
{
	size_t i;

	if (s.len < 3 || s.len > 900 || s.p[0] != '<' || s.p[s.len - 1] != '>')
		return (false);
	for (i = 1; i + 1 < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '<' ||
		    s.p[i] == '>')
			return (false);
	return (true);
}

int
acme_challenge_get(struct str header, struct str from, struct str to,
    struct arena *arena, struct acme_challenge *c, struct err *err)
{
	struct field f;

	memset(c, 0, sizeof(*c));
	header = str_of(header.p, header_len(header));
	if (!addr_same(only_address(header, "From", arena), from))
		return (denied(err, "the challenge is from somebody else"));
	if (!addr_same(only_address(header, "To", arena), to))
		return (denied(err, "the challenge is to somebody else"));
	if (from_list(header) || !auto_generated(header))
		return (denied(err, "the challenge is no automatic mail"));
	if (header_count(header, "Subject") != 1 ||
	    !header_find(header, "Subject", &f) ||
	    acme_subject_token(f.value, false, arena, &c->token1) == -1)
		return (denied(err, "the Subject is no challenge's"));
	if (header_count(header, "Message-ID") != 1 ||
	    !header_find(header, "Message-ID", &f) ||
	    !is_msg_id(c->message_id = str_trim(f.value)))
		return (denied(err, "the challenge has no Message-ID"));
	c->reply_to = from;
	if (header_count(header, "Reply-To") == 0)
		return (0);
	c->reply_to = only_address(header, "Reply-To", arena);
	if (c->reply_to.len > 0)
		return (0);
	return (denied(err, "the challenge has an odd Reply-To"));
}

/* --- reading a reply --- */

/* The part that holds the block (RFC 8823 3.2 point 7), or NULL. */
static const struct part *
text_part(const struct part *root)
{
	const struct part *p, *found = NULL;

	if (part_is(root, "text/plain"))
		return (root->kind == PART_LEAF ? root : NULL);
	if (!part_is(root, "multipart/alternative"))
		return (NULL);
	for (p = root->child; p != NULL; p = p->next) {
		if (!part_is(p, "text/plain"))
			continue;
		if (found != NULL)
			return (NULL);
		found = p;
	}
	return (found);
}

static void
decode_base64(struct str body, struct buf *out)
{
	struct b64dec dec;
	char *room = buf_room(out, body.len / 4 * 3 + 3);

	b64dec_init(&dec);
	if (room != NULL)
		out->len += b64dec_feed(&dec, body.p, body.len, room);
}

static void
decode_qp(struct str body, struct buf *out)
{
	struct qpdec dec;

	qpdec_init(&dec);
	qpdec_feed(&dec, body.p, body.len, out);
	qpdec_end(&dec, out);
}

/* The text without its transfer encoding. */
static int
decode_part(struct str mail, const struct part *p, struct arena *arena,
    struct buf *out, struct err *err)
{
	struct str body = span_str(mail.p, p->body), coding = {NULL, 0};
	struct field f;

	if (header_find(span_str(mail.p, p->head), "Content-Transfer-Encoding",
	        &f) &&
	    ctype_encoding(f.value, arena, &coding) == -1) {
		err_set(err, ERR_MEMORY, "no memory to read a reply");
		return (-1);
	}
	if (coding.p == NULL || str_ieq(coding, STR("7bit")) ||
	    str_ieq(coding, STR("8bit")))
		buf_str(out, body);
	else if (str_ieq(coding, STR("quoted-printable")))
		decode_qp(body, out);
	else if (str_ieq(coding, STR("base64")))
		decode_base64(body, out);
	else {
		err_set(err, ERR_UNSUPPORTED,
		    "unknown transfer encoding of the reply");
		return (-1);
	}
	if (!out->failed)
		return (0);
	err_set(err, ERR_MEMORY, "no memory to read a reply");
	return (-1);
}

/* The next line without its end and trailing blanks; false at the end. */
static bool
next_line(struct str *text, struct str *line)
{
	size_t n = str_find(*text, '\n');

	if (text->len == 0)
		return (false);
	*line = str_of(text->p, n);
	while (line->len > 0 && is_blank(line->p[line->len - 1]))
		line->len--;
	n += n < text->len ? 1 : 0;
	*text = str_of(text->p + n, text->len - n);
	return (true);
}

/* The one block's contents, its lines joined. */
static int
read_block(struct str text, struct buf *digest, struct err *err)
{
	bool inside = false, done = false;
	struct str line;

	while (next_line(&text, &line)) {
		if (str_eq(line, BEGIN)) {
			if (inside || done)
				return (denied(err, "two blocks in the reply"));
			inside = true;
		} else if (inside && str_eq(line, END)) {
			inside = false;
			done = true;
		} else if (inside)
			buf_str(digest, str_trim(line));
	}
	if (!done)
		return (denied(err, "no complete block in the reply"));
	if (!digest->failed)
		return (0);
	return (denied(err, "the reply's block is no digest"));
}

static int
check_digest(struct str s, struct arena *arena, struct str *digest,
    struct err *err)
{
	struct buf hash;
	int rc = -1;

	while (s.len > 0 && s.p[s.len - 1] == '=')
		s.len--;
	buf_init(&hash, BLOCK_MAX);
	if (b64url_decode(s, &hash) == -1 || hash.len != HASH_LEN)
		denied(err, "the reply's block is no digest");
	else if ((*digest = arena_str(arena, s)).p == NULL)
		err_set(err, ERR_MEMORY, "no memory to read a reply");
	else
		rc = 0;
	buf_clear(&hash);
	return (rc);
}

int
acme_reply_digest(struct str mail, struct arena *arena, struct str *digest,
    struct err *err)
{
	const struct part *root, *p;
	struct buf text, block;
	int rc;

	if (from_list(mail))
		return (denied(err, "the reply went through a list"));
	if ((root = part_parse(mail, arena, &part_limits, err)) == NULL)
		return (-1);
	if ((p = text_part(root)) == NULL)
		return (denied(err, "the reply is no text (RFC 8823 3.2)"));
	buf_init(&text, mail.len + 3);
	buf_init(&block, BLOCK_MAX);
	rc = decode_part(mail, p, arena, &text, err);
	if (rc == 0)
		rc = read_block(buf_text(&text), &block, err);
	if (rc == 0)
		rc = check_digest(buf_text(&block), arena, digest, err);
	buf_clear(&block);
	buf_clear(&text);
	return (rc);
}
