/*
 * One answer: UID first, then the items in the order and with the names that
 * the client used, some as the server gave them, the others out of the view.
 */
#include "config.h"

#include "base/limits.h"
#include "proxy/job_fetch.h"
#include "sys/log.h"

/* Spans up to this are copied, larger ones sent from the view itself. */
#define COPY_MAX 8192

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
		    !gather_find(g, f->cmd.items[i].name, false, &item))
			return (false);
	return (!f->cmd.seen || gather_find(g, STR("BODY[]<0>"), false, &item));
}

/* Send what was written so far, then a span of a text. */
static void
put_span(struct fetch_job *f, struct buf *b, const struct view *v,
    struct span span)
{
	buf_printf(b, "{%zu}\r\n", span.len);
	if (span.len <= COPY_MAX) {
		buf_str(b, span_str(view_text(v).p, span));
		return;
	}
	stream_str(f->j.s->client, buf_text(b));
	buf_reset(b);
	stream_blob(f->j.s->client, v->text, span);
}

static int
put_section(struct fetch_job *f, struct buf *b, const struct view *v,
    const struct section *sec)
{
	struct buf made;
	struct span span;
	int rc;

	buf_init(&made, LIMIT_MESSAGE);
	if ((rc = section_bytes(v, sec, &span, &made)) == 0)
		put_span(f, b, v, span);
	else if (rc == 1) {
		buf_printf(b, "{%zu}\r\n", span.len);
		buf_str(b, span_str(buf_text(&made).p, span));
	}
	buf_clear(&made);
	return (rc == -1 ? -1 : 0);
}

static int
put_item(struct fetch_job *f, struct buf *b, const struct fetch_item *it,
    struct gather *g, const struct view *v)
{
	struct resp_item item;

	buf_str(b, it->name);
	buf_putc(b, ' ');
	if (it->source == FROM_SERVER) {
		if (!gather_find(g, it->name, false, &item))
			return (-1);
		buf_str(b, item.value);
		return (0);
	}
	if (it->section != NULL)
		return (put_section(f, b, v, it->section));
	return (it->kind->render(v, b));
}

bool
answer_give(struct fetch_job *f, struct want *w, struct gather *g)
{
	const struct view *v = viewref_view(w->view);
	struct imap *s = f->j.s;
	struct resp_item item;
	struct buf b;
	const char *gap = "";
	size_t i;
	int rc = 0;

	if (!answer_complete(f, g))
		return (false);
	buf_init(&b, 2 * LIMIT_MESSAGE);
	buf_printf(&b, "* %u FETCH (", (unsigned)g->seq);
	if (f->uid || f->cmd.uid) {
		buf_printf(&b, "UID %u", (unsigned)w->uid);
		gap = " ";
	}
	/* \Seen was set: the server says so unasked, and so do we. */
	if (f->cmd.seen && !f->cmd.flags &&
	    gather_find(g, STR("FLAGS"), false, &item)) {
		buf_printf(&b, "%sFLAGS ", gap);
		buf_str(&b, item.value);
		gap = " ";
	}
	for (i = 0; i < f->cmd.nitems && rc == 0; i++) {
		if (str_ieq(f->cmd.items[i].name, STR("UID")))
			continue;
		buf_puts(&b, gap);
		gap = " ";
		rc = put_item(f, &b, &f->cmd.items[i], g, v);
	}
	buf_puts(&b, ")\r\n");
	if (rc == -1 || b.failed) {
		imap_die(s, "out of memory", "cannot render an answer");
		buf_clear(&b);
		return (true);
	}
	stream_str(s->client, buf_text(&b));
	buf_clear(&b);
	w->state = WANT_ANSWERED;
	return (true);
}
