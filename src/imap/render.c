#include "config.h"

#include "imap/render.h"

#include <string.h>

#include "base/limits.h"
#include "imap/nstring.h"
#include "mail/addr.h"
#include "mail/ctype.h"
#include "mail/header.h"

/* What Dovecot keeps of the header of a message for ENVELOPE. */
struct envelope {
	struct str date;
	struct str subject;
	struct addr *from;
	struct addr *sender;
	struct addr *reply_to;
	struct addr *to;
	struct addr *cc;
	struct addr *bcc;
	struct str in_reply_to;
	struct str message_id;
	size_t naddrs;
};

/* The same of the Content-* fields of a part. */
struct entity {
	bool typed;
	struct ctype type;
	bool disposed;
	struct ctype disposition;
	struct str encoding;
	struct str id;
	struct str description;
	struct str md5;
	struct str location;
	struct str *languages;
	size_t nlanguages;
};

/* One BODY or BODYSTRUCTURE being written. */
struct structure {
	struct str text;
	struct arena *arena; /* for the fields of all parts */
	struct buf *out;
	bool extended;
};

static struct header
head_of(struct str text, const struct part *part)
{
	struct header h;

	header_init(&h, span_str(text.p, part->head));
	return (h);
}

/* Several fields of one name make one list: no address is hidden, while they
 * are not more than one field may have. */
static int
add_addrs(struct addr ***tail, struct str value, struct arena *arena, size_t *n)
{
	int rc;

	if (*n >= ADDR_MAX)
		return (0);
	rc = addr_parse(value, arena, *tail);
	for (; rc == 0 && **tail != NULL; ++*n)
		*tail = &(**tail)->next;
	return (rc);
}

static int
envelope_read(struct str text, const struct part *part, struct arena *arena,
    struct envelope *e)
{
	struct header h = head_of(text, part);
	struct field f;
	size_t i;
	int rc = 0;
	struct {
		const char *name;
		struct addr **tail;
		struct str *value;
	} rows[] = {
	    {"Date", NULL, &e->date},
	    {"Subject", NULL, &e->subject},
	    {"From", &e->from, NULL},
	    {"Sender", &e->sender, NULL},
	    {"Reply-To", &e->reply_to, NULL},
	    {"To", &e->to, NULL},
	    {"Cc", &e->cc, NULL},
	    {"Bcc", &e->bcc, NULL},
	    {"In-Reply-To", NULL, &e->in_reply_to},
	    {"Message-ID", NULL, &e->message_id},
	};

	memset(e, 0, sizeof(*e));
	while (rc == 0 && header_next(&h, &f)) {
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (!field_is(&f, rows[i].name))
				continue;
			if (rows[i].value != NULL)
				*rows[i].value = f.value;
			else
				rc = add_addrs(&rows[i].tail, f.value, arena,
				    &e->naddrs);
			break;
		}
	}
	return (rc);
}

static void
put_addrs(struct buf *out, const struct addr *a)
{
	buf_putc(out, ' ');
	if (a == NULL) {
		buf_puts(out, "NIL");
		return;
	}
	buf_putc(out, '(');
	for (; a != NULL; a = a->next) {
		buf_putc(out, '(');
		if (a->name.p == NULL)
			buf_puts(out, "NIL");
		else
			nstring_put_text(out, a->name);
		buf_putc(out, ' ');
		nstring_put(out, a->route);
		buf_putc(out, ' ');
		nstring_put(out, a->mailbox);
		buf_putc(out, ' ');
		nstring_put(out, a->domain);
		buf_putc(out, ')');
	}
	buf_putc(out, ')');
}

static void
put_envelope(struct buf *out, const struct envelope *e)
{
	buf_putc(out, '(');
	nstring_put_unfolded(out, e->date);
	buf_putc(out, ' ');
	if (e->subject.p == NULL)
		buf_puts(out, "NIL");
	else
		nstring_put_text(out, e->subject);
	put_addrs(out, e->from);
	put_addrs(out, e->sender != NULL ? e->sender : e->from);
	put_addrs(out, e->reply_to != NULL ? e->reply_to : e->from);
	put_addrs(out, e->to);
	put_addrs(out, e->cc);
	put_addrs(out, e->bcc);
	buf_putc(out, ' ');
	nstring_put_unfolded(out, e->in_reply_to);
	buf_putc(out, ' ');
	nstring_put_unfolded(out, e->message_id);
	buf_putc(out, ')');
}

static int
write_envelope(const struct structure *s, const struct part *part)
{
	struct envelope e;

	if (envelope_read(s->text, part, s->arena, &e) == -1)
		return (-1);
	put_envelope(s->out, &e);
	return (0);
}

/* The first of several fields counts, unless it says nothing. */
static int
entity_field(struct entity *e, const struct field *f, struct arena *arena)
{
	struct {
		const char *name;
		struct str *value;
	} texts[] = {
	    {"Content-ID", &e->id},
	    {"Content-Description", &e->description},
	    {"Content-MD5", &e->md5},
	    {"Content-Location", &e->location},
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!field_is(f, texts[i].name))
			continue;
		if (texts[i].value->p == NULL)
			*texts[i].value = f->value;
		return (0);
	}
	if (field_is(f, "Content-Type") && !e->typed) {
		e->typed = true;
		return (ctype_parse(f->value, arena, &e->type));
	}
	if (field_is(f, "Content-Transfer-Encoding") && e->encoding.p == NULL)
		return (ctype_encoding(f->value, arena, &e->encoding));
	if (field_is(f, "Content-Language") && e->nlanguages == 0)
		return (ctype_languages(f->value, arena, &e->languages,
		    &e->nlanguages));
	if (field_is(f, "Content-Disposition") && e->disposition.nparams == 0) {
		struct ctype d;

		if (ctype_disposition(f->value, arena, &d) < 0)
			return (-1);
		if (d.valid) {
			e->disposed = true;
			e->disposition = d;
		}
	}
	return (0);
}

static int
entity_read(struct str text, const struct part *part, struct arena *arena,
    struct entity *e)
{
	struct header h = head_of(text, part);
	struct field f;
	int rc = 0;

	memset(e, 0, sizeof(*e));
	while (part->mime && rc == 0 && header_next(&h, &f))
		if (str_istarts(f.name, STR("Content-")))
			rc = entity_field(e, &f, arena);
	return (rc);
}

static void
put_params(struct buf *out, const struct ctype *c, bool charset)
{
	size_t i;

	if (!charset && c->nparams == 0) {
		buf_puts(out, " NIL");
		return;
	}
	buf_puts(out, " (");
	for (i = 0; i < c->nparams; i++) {
		if (i > 0)
			buf_putc(out, ' ');
		if (str_ieq(c->params[i].name, STR("charset")))
			charset = false;
		nstring_put(out, c->params[i].name);
		buf_putc(out, ' ');
		nstring_put(out, c->params[i].value);
	}
	if (charset) {
		if (i > 0)
			buf_putc(out, ' ');
		buf_puts(out, "\"charset\" \"us-ascii\"");
	}
	buf_putc(out, ')');
}

/* Disposition, languages, location: the end of all extended forms. */
static void
put_extension(struct buf *out, const struct entity *e)
{
	size_t i;

	if (e->disposed) {
		buf_puts(out, " (");
		nstring_put(out, e->disposition.type);
		put_params(out, &e->disposition, false);
		buf_putc(out, ')');
	} else {
		buf_puts(out, " NIL");
	}
	if (e->nlanguages > 0) {
		for (i = 0; i < e->nlanguages; i++) {
			buf_puts(out, i == 0 ? " (" : " ");
			nstring_put(out, e->languages[i]);
		}
		buf_putc(out, ')');
	} else {
		buf_puts(out, " NIL");
	}
	buf_putc(out, ' ');
	nstring_put_unfolded(out, e->location);
}

/* Was it a leaf only because a limit was met, or its type is half a type? */
static bool
is_opaque(const struct part *part, const struct entity *e)
{
	if (!e->typed)
		return (part->parent != NULL && part->parent->digest);
	return (ctype_is(&e->type, "message/rfc822") ||
	        str_ieq(e->type.type, STR("multipart")));
}

/* Returns whether it is text, which has a line count. */
static bool
put_type(struct buf *out, const struct part *part, const struct entity *e)
{
	if (part->kind == PART_MESSAGE) {
		buf_puts(out, "\"message\" \"rfc822\"");
		return (false);
	}
	if (is_opaque(part, e)) {
		buf_puts(out, "\"application\" \"octet-stream\"");
		return (false);
	}
	if (!e->typed) {
		buf_puts(out, "\"text\" \"plain\"");
		return (true);
	}
	nstring_put(out, e->type.type);
	buf_putc(out, ' ');
	nstring_put(out, e->type.subtype);
	return (str_ieq(e->type.type, STR("text")));
}

/*
 * Dovecot keeps of the simplest messages only that they are so, and writes
 * them in its own letters.
 */
static bool
is_simplest(const struct part *part, const struct entity *e)
{
	if (part->parent != NULL || part->kind != PART_LEAF ||
	    (e->typed && !ctype_is(&e->type, "text/plain")))
		return (false);
	if (e->type.nparams > 1 ||
	    (e->type.nparams == 1 &&
	        !str_ieq(ctype_param(&e->type, "charset"), STR("us-ascii"))))
		return (false);
	if (e->encoding.p != NULL && !str_ieq(e->encoding, STR("7bit")))
		return (false);
	return (e->id.p == NULL && e->description.p == NULL &&
	        e->md5.p == NULL && !e->disposed && e->nlanguages == 0 &&
	        e->location.p == NULL);
}

static int write_part(const struct structure *, const struct part *);

static int
write_children(const struct structure *s, const struct part *part)
{
	const struct part *p;

	for (p = part->child; p != NULL; p = p->next)
		if (write_part(s, p) < 0)
			return (-1);
	return (0);
}

static int
write_multi(const struct structure *s, const struct part *part,
    const struct entity *e)
{
	/* RFC 3501 has no multipart without parts. */
	if (part->child == NULL) {
		buf_puts(s->out, "(\"text\" \"plain\" "
		                 "(\"charset\" \"us-ascii\") NIL NIL "
		                 "\"7bit\" 0 0");
		buf_puts(s->out, s->extended ? " NIL NIL NIL NIL)" : ")");
	} else if (write_children(s, part) < 0) {
		return (-1);
	}
	buf_putc(s->out, ' ');
	nstring_put(s->out, e->type.subtype);
	if (!s->extended)
		return (0);
	put_params(s->out, &e->type, false);
	put_extension(s->out, e);
	return (0);
}

static int
write_single(const struct structure *s, const struct part *part,
    const struct entity *e)
{
	bool text;

	if (is_simplest(part, e)) {
		buf_printf(s->out,
		    "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" %zu %zu",
		    part->body.len, part->lines);
		buf_puts(s->out, s->extended ? " NIL NIL NIL NIL" : "");
		return (0);
	}
	text = put_type(s->out, part, e);
	put_params(s->out, &e->type, text);
	buf_putc(s->out, ' ');
	nstring_put_unfolded(s->out, e->id);
	buf_putc(s->out, ' ');
	nstring_put_unfolded(s->out, e->description);
	buf_putc(s->out, ' ');
	nstring_put(s->out, e->encoding.p != NULL ? e->encoding : STR("7bit"));
	buf_printf(s->out, " %zu", part->body.len);
	if (text)
		buf_printf(s->out, " %zu", part->lines);
	if (part->kind == PART_MESSAGE) {
		buf_putc(s->out, ' ');
		if (write_envelope(s, part->child) < 0)
			return (-1);
		buf_putc(s->out, ' ');
		if (write_children(s, part) < 0)
			return (-1);
		buf_printf(s->out, " %zu", part->lines);
	}
	if (!s->extended)
		return (0);
	buf_putc(s->out, ' ');
	nstring_put_unfolded(s->out, e->md5);
	put_extension(s->out, e);
	return (0);
}

/* Calls itself through the children, LIMIT_MIME_DEPTH deep at most. */
static int
write_part(const struct structure *s, const struct part *part)
{
	struct entity e;
	int rc;

	if (entity_read(s->text, part, s->arena, &e) == -1)
		return (-1);
	buf_putc(s->out, '(');
	if (part->kind == PART_MULTI)
		rc = write_multi(s, part, &e);
	else
		rc = write_single(s, part, &e);
	buf_putc(s->out, ')');
	return (rc);
}

static int
done(int rc, const struct buf *out)
{
	return (rc < 0 || out->failed ? -1 : 0);
}

/* Write something of the root part. */
static int
write_root(const struct view *v, struct buf *out, bool extended,
    int (*put)(const struct structure *, const struct part *))
{
	struct arena arena;
	struct structure s = {view_text(v), &arena, out, extended};
	const struct part *root = view_root(v);
	int rc;

	if (root == NULL)
		return (-1);
	arena_init(&arena, LIMIT_PARSE);
	rc = done(put(&s, root), out);
	arena_clear(&arena);
	return (rc);
}

int
render_size(const struct view *v, struct buf *out)
{
	buf_printf(out, "%zu", view_text(v).len);
	return (done(0, out));
}

int
render_envelope(const struct view *v, struct buf *out)
{
	return (write_root(v, out, false, write_envelope));
}

int
render_body(const struct view *v, struct buf *out)
{
	return (write_root(v, out, false, write_part));
}

int
render_structure(const struct view *v, struct buf *out)
{
	return (write_root(v, out, true, write_part));
}

/*
 * A subset of the header that begins at head.  It is read to its empty line,
 * even behind a boundary that ended it for the tree: so does Dovecot.
 */
static void
put_fields(const struct section *sec, struct str head, struct buf *out)
{
	bool want = sec->what == SEC_FIELDS, eol = true;
	struct header h;
	struct field f;

	header_init(&h, head);
	while (header_next(&h, &f)) {
		if (section_has_field(sec, f.name) != want)
			continue;
		buf_str(out, f.all);
		eol = f.all.p[f.all.len - 1] == '\n';
	}
	if (h.pos < head.len) {
		buf_puts(out, "\r\n");
	} else if (want && sec->depth == 0) {
		/* A header without an end gets one, but only here. */
		buf_puts(out, eol ? "\r\n" : "\r\n\r\n");
	}
}

int
section_bytes(const struct view *v, const struct section *sec, struct span *out,
    struct buf *made)
{
	struct str text = view_text(v);
	size_t start = made->len, from, count;
	const struct part *root;
	bool found = true;
	int rc = 0;

	/* All of it: whatever it is. */
	*out = span_of(0, text.len);
	if (sec->depth > 0 || sec->what != SEC_ALL) {
		if ((root = view_root(v)) == NULL)
			return (-1);
		found = section_find(root, sec, out);
	}
	if (found && (sec->what == SEC_FIELDS || sec->what == SEC_FIELDS_NOT)) {
		put_fields(sec, str_of(text.p + out->off, text.len - out->off),
		    made);
		if (made->failed)
			return (-1);
		*out = span_of(start, made->len - start);
		rc = 1;
	}
	if (!found)
		*out = span_of(0, 0);
	if (sec->partial) {
		from = sec->from > SIZE_MAX ? SIZE_MAX : (size_t)sec->from;
		count = sec->count > SIZE_MAX ? SIZE_MAX : (size_t)sec->count;
		*out = span_clip(*out, from, count);
	}
	return (rc);
}

int
render_section(const struct view *v, const struct section *sec, struct buf *out)
{
	struct buf made;
	struct span span;
	const char *base;
	int rc;

	buf_init(&made, view_text(v).len + 4);
	if ((rc = section_bytes(v, sec, &span, &made)) >= 0) {
		base = rc == 1 ? buf_text(&made).p : view_text(v).p;
		buf_str(out, sec->name);
		buf_printf(out, " {%zu}\r\n", span.len);
		buf_str(out, span_str(base, span));
	}
	buf_clear(&made);
	return (done(rc, out));
}

static const struct section sec_all = {.what = SEC_ALL, .name = {"RFC822", 6}};
static const struct section sec_peek = {.what = SEC_ALL,
    .peek = true,
    .name = {"RFC822", 6}};
static const struct section sec_header = {.what = SEC_HEADER,
    .peek = true,
    .name = {"RFC822.HEADER", 13}};
static const struct section sec_text = {.what = SEC_TEXT,
    .name = {"RFC822.TEXT", 11}};

static const struct item_kind kinds[] = {
    {"UID", FROM_SERVER, NULL, NULL, 0},
    {"FLAGS", FROM_SERVER, NULL, NULL, 0},
    {"INTERNALDATE", FROM_SERVER, NULL, NULL, 0},
    {"MODSEQ", FROM_SERVER, NULL, NULL, EXT_CONDSTORE},
    {"EMAILID", FROM_SERVER, NULL, NULL, EXT_OBJECTID},
    {"THREADID", FROM_SERVER, NULL, NULL, EXT_OBJECTID},
    {"SAVEDATE", FROM_SERVER, NULL, NULL, EXT_SAVEDATE},
    {"X-GM-MSGID", FROM_SERVER, NULL, NULL, EXT_GMAIL},
    {"X-GM-THRID", FROM_SERVER, NULL, NULL, EXT_GMAIL},
    {"X-GM-LABELS", FROM_SERVER, NULL, NULL, EXT_GMAIL},
    {"RFC822.SIZE", FROM_VIEW, render_size, NULL, 0},
    {"ENVELOPE", FROM_VIEW, render_envelope, NULL, 0},
    {"BODY", FROM_VIEW, render_body, NULL, 0},
    {"BODYSTRUCTURE", FROM_VIEW, render_structure, NULL, 0},
    {"PREVIEW", FROM_VIEW, NULL, NULL, EXT_PREVIEW},
    {"RFC822", FROM_VIEW, NULL, &sec_all, 0},
    {"RFC822.PEEK", FROM_VIEW, NULL, &sec_peek, 0}, /* Outlook */
    {"RFC822.HEADER", FROM_VIEW, NULL, &sec_header, 0},
    {"RFC822.TEXT", FROM_VIEW, NULL, &sec_text, 0},
};

const struct item_kind *
item_find(struct str name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_ieq(name, str_c(kinds[i].name)))
			return (&kinds[i]);
	return (NULL);
}
