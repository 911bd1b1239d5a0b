#include "config.h"

#include "imap/nstring.h"
#include "imap/render.h"
#include "mail/date.h"
#include "proto/open.h"
#include "proxy/facts.h"

/* Write one value; where it begins and how long it is, because what was
 * written may still move. */
static struct span
value(const struct view *v, int (*render)(const struct view *, struct buf *),
    struct buf *hold)
{
	size_t from = hold->len;

	if (render(v, hold) == -1)
		hold->failed = true;
	return (span_of(from, hold->len - from));
}

int64_t
facts_sent(const struct view *v)
{
	const struct part *root = view_root(v);
	struct str head = STR("");
	uint32_t utc;
	int zone;

	if (root != NULL)
		head = span_str(view_text(v).p, root->head);
	date_sent(head, &utc, &zone);
	return (date_day(utc, zone));
}

int
facts_of_view(const struct view *v, struct str preview,
    const struct open_ans *ans, struct facts_rec *rec, struct buf *hold)
{
	const struct part *root = view_root(v);
	struct str text = view_text(v);
	struct span envelope, body, structure;
	size_t from;

	buf_reset(hold);
	if (root == NULL)
		return (-1);
	envelope = value(v, render_envelope, hold);
	body = value(v, render_body, hold);
	structure = value(v, render_structure, hold);
	from = hold->len;
	if (preview.p != NULL)
		nstring_put(hold, preview);
	if (hold->failed)
		return (-1);
	*rec = (struct facts_rec){.size = text.len,
	    .sent = facts_sent(v),
	    .result = ans->result,
	    .cipher = ans->cipher,
	    .sign = ans->sign,
	    .header = STR("")};
	if (root->head.len <= FACTS_HEADER_MAX)
		rec->header = span_str(text.p, root->head);
	rec->envelope = span_str(hold->data, envelope);
	rec->body = span_str(hold->data, body);
	rec->structure = span_str(hold->data, structure);
	rec->preview = str_of(hold->data + from, hold->len - from);
	return (0);
}
