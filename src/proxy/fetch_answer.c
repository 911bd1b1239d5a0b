/*
 * One answer: UID first, then the items in the order and with the names that
 * the client used, some as the server gave them, the others out of the view.
 */
#include "config.h"

#include <stdlib.h>

#include "base/limits.h"
#include "imap/nstring.h"
#include "proxy/job_fetch.h"

/* Spans up to this are copied, larger ones sent from the view itself. */
#define COPY_MAX 8192

/* All that is copied: longer answers are none that a client needs. */
#define ANSWER_MAX (64UL * 1024 * 1024)

/* A span that is sent from the view, behind so much of the text. */
struct away {
	size_t at;
	struct span span;
};

/* An answer in the making. */
struct answer {
	const struct view *view; /* for a known one, that of its header: ... */
	const struct known *known; /* NULL: there is the whole view, ... */
	struct str preview;        /* ... and its first words */
	struct view *header;       /* owned; ... this */
	struct buf text;
	struct away *away; /* owned; room for one an item */
	size_t naway;
};

/* Sets \Seen as the client's own BODY[] would, and nothing under EXAMINE. */
#define SEEN_ITEM "BODY[]<0.1>"

void
answer_items(const struct fetch_job *f, struct buf *b)
{
	size_t i;

	buf_puts(b, "(UID");
	for (i = 0; i < f->cmd.nitems; i++)
		if (f->cmd.items[i].source == FROM_SERVER &&
		    !str_ieq(f->cmd.items[i].name, STR("UID"))) {
			buf_putc(b, ' ');
			buf_str(b, f->cmd.items[i].name);
		}
	if (f->cmd.seen)
		buf_puts(b, " " SEEN_ITEM);
	buf_putc(b, ')');
}

/* Does it hold what answer_items() asked for? */
static bool
answer_complete(const struct fetch_job *f, struct gather *g)
{
	struct resp_item item;
	size_t i;

	for (i = 0; i < f->cmd.nitems; i++)
		if (f->cmd.items[i].source == FROM_SERVER &&
		    !gather_words(g, f->cmd.items[i].name, &item))
			return (false);
	return (!f->cmd.seen || gather_find(g, STR("BODY[]<0>"), false, &item));
}

/* Write a span of a view, or where it has to be sent from. */
static void
put_span(struct answer *a, struct span span)
{
	buf_printf(&a->text, "{%zu}\r\n", span.len);
	/* A header's view goes with this answer. */
	if (span.len <= COPY_MAX || a->known != NULL)
		buf_str(&a->text, span_str(view_text(a->view).p, span));
	else
		a->away[a->naway++] =
		    (struct away){.at = a->text.len, .span = span};
}

void
known_free(struct known *k)
{
	if (k == NULL)
		return;
	buf_wipe(&k->hold);
	free(k);
}

/* A section of the header, the only kind that a known one is asked for. */
static int
header_view(struct answer *a)
{
	struct str text = a->known->rec.header;
	struct blob *blob;
	struct err err;

	if (a->view != NULL)
		return (0);
	if ((blob = blob_copy(text.p, text.len)) == NULL)
		return (-1);
	a->view = a->header = view_new(blob, &err);
	blob_unref(blob);
	return (a->view != NULL ? 0 : -1);
}

/* An item that is no section. */
static int
put_known(struct answer *a, const struct item_kind *kind)
{
	const struct facts_rec *rec = &a->known->rec;

	if (kind->render == render_size)
		buf_printf(&a->text, "%ju", (uintmax_t)rec->size);
	else if (kind->render == render_envelope)
		buf_str(&a->text, rec->envelope);
	else if (kind->render == render_body)
		buf_str(&a->text, rec->body);
	else if (kind->render == render_structure)
		buf_str(&a->text, rec->structure);
	else if (item_is_preview(kind) && rec->preview.len > 0)
		buf_str(&a->text, rec->preview);
	else if (item_is_preview(kind))
		buf_puts(&a->text, "NIL"); /* it is a lazy one */
	else
		return (-1);
	return (0);
}

static int
put_section(struct answer *a, const struct section *sec)
{
	struct buf made;
	struct span span;
	int rc;

	buf_init(&made, LIMIT_MESSAGE);
	if ((rc = section_bytes(a->view, sec, &span, &made)) == 0)
		put_span(a, span);
	else if (rc == 1) {
		buf_printf(&a->text, "{%zu}\r\n", span.len);
		buf_str(&a->text, span_str(buf_text(&made).p, span));
	}
	buf_clear(&made);
	return (rc == -1 ? -1 : 0);
}

static int
put_item(struct answer *a, const struct fetch_item *it, struct gather *g)
{
	struct resp_item item;

	buf_str(&a->text, it->name);
	buf_putc(&a->text, ' ');
	if (it->source == FROM_SERVER) {
		if (!gather_words(g, it->name, &item))
			return (-1);
		buf_str(&a->text, item.value);
		return (0);
	}
	if (a->known != NULL && it->section == NULL)
		return (put_known(a, it->kind));
	if (a->known != NULL && header_view(a) == -1)
		return (-1);
	if (it->section != NULL)
		return (put_section(a, it->section));
	if (!item_is_preview(it->kind))
		return (it->kind->render(a->view, &a->text));
	/* None could be made: that is "", and NIL only to a lazy one (RFC 8970
	 * section 3.2). */
	if (a->preview.p == NULL && !it->lazy)
		buf_puts(&a->text, "\"\"");
	else
		nstring_put(&a->text, a->preview);
	return (0);
}

/* All of it, or -1. */
static int
put_answer(struct answer *a, const struct want *w, struct gather *g)
{
	static const char *const unasked[] = {"FLAGS", "MODSEQ"};
	const struct fetch_job *f = w->f;
	struct resp_item item;
	const char *gap = "";
	size_t i;

	buf_printf(&a->text, "* %u FETCH (", (unsigned)g->seq);
	if (f->uid || f->cmd.uid) {
		buf_printf(&a->text, "UID %u", (unsigned)w->uid);
		gap = " ";
	}
	/* What the server says unasked (\Seen was set), we say. */
	for (i = 0; i < sizeof(unasked) / sizeof(unasked[0]); i++) {
		if (fetch_has(&f->cmd, unasked[i]) ||
		    !gather_words(g, str_c(unasked[i]), &item))
			continue;
		buf_printf(&a->text, "%s%s ", gap, unasked[i]);
		buf_str(&a->text, item.value);
		gap = " ";
	}
	for (i = 0; i < f->cmd.nitems; i++) {
		if (str_ieq(f->cmd.items[i].name, STR("UID")))
			continue;
		buf_puts(&a->text, gap);
		gap = " ";
		if (put_item(a, &f->cmd.items[i], g) == -1)
			return (-1);
	}
	buf_puts(&a->text, ")\r\n");
	return (a->text.failed ? -1 : 0);
}

static void
send_answer(const struct answer *a, struct stream *to)
{
	struct str text = buf_text(&a->text);
	size_t i, from = 0;

	for (i = 0; i < a->naway; i++) {
		stream_write(to, text.p + from, a->away[i].at - from);
		stream_blob(to, a->view->text, a->away[i].span);
		from = a->away[i].at;
	}
	stream_write(to, text.p + from, text.len - from);
}

bool
answer_give(struct fetch_job *f, struct want *w, struct gather *g)
{
	struct answer a = {.known = w->known};

	if (!answer_complete(f, g))
		return (false);
	if (w->known == NULL) {
		a.view = viewref_view(w->view);
		a.preview = viewref_preview(w->view);
	}
	buf_init(&a.text, ANSWER_MAX);
	a.away = calloc(f->cmd.nitems + 1, sizeof(*a.away));
	/* Nothing is sent before all is there: half an answer would be none,
	 * and would take the session with it. */
	if (a.away == NULL || put_answer(&a, w, g) == -1)
		want_lost(w, a.away == NULL ? ERR_MEMORY : ERR_LIMIT,
		    "an item cannot be made of it");
	else {
		send_answer(&a, f->j.s->client);
		w->state = WANT_ANSWERED;
	}
	view_free(a.header);
	free(a.away);
	buf_clear(&a.text);
	return (true);
}
